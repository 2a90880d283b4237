/** Held by the compiler: the DOM's objects fit the core's ports. */
import type {
  DataChannelEventPort,
  DataChannelPort,
  MediaStreamPort,
  MediaStreamTrackPort,
  PeerConnectionPort,
  TrackEventPort,
  TransceiverPort,
} from "../core/ports.ts";

type Fits<Port, _Dom extends Port> = true;

export type Conformance = [
  Fits<MediaStreamTrackPort, MediaStreamTrack>,
  Fits<MediaStreamPort, MediaStream>,
  Fits<DataChannelPort, RTCDataChannel>,
  Fits<TransceiverPort, RTCRtpTransceiver>,
  Fits<PeerConnectionPort, RTCPeerConnection>,
  Fits<TrackEventPort, RTCTrackEvent>,
  Fits<DataChannelEventPort, RTCDataChannelEvent>,
];
