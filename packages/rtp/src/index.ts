export * from "./bytes.ts";
export { CanonicalPacket } from "./canonical-packet.ts";
export { isRtcp } from "./demux.ts";
export { DependencyStructure, readDependencyDescriptor } from "./dependency-descriptor.ts";
export { EXTENSION_URI, type ExtensionIds, type ExtensionKind, extensionIds } from "./extension-ids.ts";
export * from "./ntp.ts";
export { readAv1 } from "./payload/av1.ts";
export { readH264 } from "./payload/h264.ts";
export { PayloadInfo } from "./payload/info.ts";
export { isOpusSilence, readOpus } from "./payload/opus.ts";
export { readVp8 } from "./payload/vp8.ts";
export { readVp9 } from "./payload/vp9.ts";
export { type RedPrimary, readRed } from "./red.ts";
export * from "./rtcp/feedback.ts";
export { PSFB, RTCP, RTPFB, RtcpReader } from "./rtcp/reader.ts";
export * from "./rtcp/reports.ts";
export {
  buildTransportFeedback,
  MAX_FEEDBACK_PACKETS,
  readTransportFeedback,
  TransportFeedback,
} from "./rtcp/transport-feedback.ts";
export { extensionText, RtpView } from "./rtp-view.ts";
export { NONE, SendList } from "./send-list.ts";
export * from "./sequence.ts";
