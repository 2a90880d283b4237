export { MEDIA_ERROR_CODES, type MediaErrorCode } from "./errors.ts";
export { createPlane } from "./node-datachannel/plane.ts";
export type {
  DataChannelPort,
  DataKind,
  LocalCandidate,
  LocalParameters,
  MediaPlane,
  MediaTransport,
  PlaneListener,
  PlaneOptions,
  PreparedTransport,
  RemoteParameters,
  TransportState,
} from "./port.ts";
