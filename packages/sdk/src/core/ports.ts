/**
 * What the core needs of a platform: sockets, peer connections, time, randomness, news of the network.
 *
 * The interfaces ending in `Port` are the used part of the W3C ones, under their names, so that a browser's objects fit as they are and
 * a test can write its own. The types without that ending are what the public API shows: the DOM's where a program has the DOM's types,
 * the ports elsewhere.
 */
import type { Clock, JsonValue, Log, RandomBytes } from "@tsunagi/base";
import type { ForeignModule } from "./foreign/index.ts";
import type { SfuModule } from "./room/room-media.ts";

/** An event target. Listeners are added through {@link listen}. */
export interface EventTargetPort {
  addEventListener(type: string, listener: (event: object) => void): void;
  removeEventListener(type: string, listener: (event: object) => void): void;
}

// ---- Media -------------------------------------------------------------------------------------------------------------------

export interface MediaStreamTrackPort extends EventTargetPort {
  readonly id: string;
  readonly kind: string;
  readonly muted: boolean;
  readonly readyState: "live" | "ended";
  enabled: boolean;
  contentHint: string;
  getSettings?(): { readonly width?: number; readonly height?: number; readonly frameRate?: number };
}

export interface MediaStreamPort {
  readonly id: string;
  getTracks(): MediaStreamTrackPort[];
  addTrack(track: MediaStreamTrackPort): void;
  removeTrack(track: MediaStreamTrackPort): void;
}

// ---- Peer connections (webrtc-pc) --------------------------------------------------------------------------------------------

export type SessionDescriptionPort = { readonly type: "offer" | "answer" | "pranswer" | "rollback"; readonly sdp?: string };
export type CandidateInit = {
  candidate?: string;
  sdpMid?: string | null;
  sdpMLineIndex?: number | null;
  usernameFragment?: string | null;
};
export type IceServerInit = { urls: string | string[]; username?: string; credential?: string };
export type PeerConnectionConfig = {
  iceServers?: IceServerInit[];
  iceTransportPolicy?: "all" | "relay";
  bundlePolicy?: "balanced" | "max-bundle" | "max-compat";
  /** Chromium's, for `createEncodedStreams()`. */
  encodedInsertableStreams?: boolean;
};

export type CodecCapability = { mimeType: string; clockRate: number; channels?: number; sdpFmtpLine?: string };
export type EncodingParameters = {
  active?: boolean;
  maxBitrate?: number;
  maxFramerate?: number;
  rid?: string;
  scaleResolutionDownBy?: number;
  /** webrtc-svc. */
  scalabilityMode?: string;
};
export type DegradationPreference = "balanced" | "maintain-framerate" | "maintain-resolution";
export type SendParameters = { encodings: EncodingParameters[]; degradationPreference?: DegradationPreference };
export type SendParameterOptions = { encodingOptions?: { keyFrame?: boolean }[] };
export type TransceiverDirection = "inactive" | "recvonly" | "sendonly" | "sendrecv" | "stopped";

export type HeaderExtensionInit = { uri: string; direction: TransceiverDirection };

export interface DtlsTransportPort extends EventTargetPort {
  readonly state: string;
}

export interface SenderPort {
  readonly transport?: DtlsTransportPort | null;
  readonly track: MediaStreamTrackPort | null;
  replaceTrack(track: MediaStreamTrackPort | null): Promise<void>;
  getParameters(): SendParameters;
  setParameters(parameters: SendParameters, options?: SendParameterOptions): Promise<void>;
}
export interface ReceiverPort {
  readonly track: MediaStreamTrackPort;
  /** The RTP timestamps of what was received last; cheap to read, see link-watch. */
  getSynchronizationSources?(): { readonly rtpTimestamp: number; readonly source: number }[];
}
export interface TransceiverPort {
  readonly mid: string | null;
  readonly sender: SenderPort;
  readonly receiver: ReceiverPort;
  direction: TransceiverDirection;
  readonly currentDirection: TransceiverDirection | null;
  setCodecPreferences?(codecs: CodecCapability[]): void;
  /** webrtc-extensions, "RTP header extension control": not everywhere yet. */
  getHeaderExtensionsToNegotiate?(): HeaderExtensionInit[];
  setHeaderExtensionsToNegotiate?(extensions: HeaderExtensionInit[]): void;
  stop(): void;
}

/** RTCStatsReport; entries are read field by field and checked. */
export interface StatsReportPort {
  forEach(visit: (entry: Readonly<Record<string, unknown>>, id: string) => void): void;
}

export type DataChannelInit = { ordered?: boolean; maxRetransmits?: number; maxPacketLifeTime?: number; protocol?: string };

export interface DataChannelPort extends EventTargetPort {
  readonly label: string;
  readonly protocol: string;
  readonly readyState: "connecting" | "open" | "closing" | "closed";
  readonly bufferedAmount: number;
  bufferedAmountLowThreshold: number;
  binaryType: "arraybuffer" | "blob";
  send(data: string): void;
  send(data: Uint8Array<ArrayBuffer>): void;
  close(): void;
}

export interface PeerConnectionPort extends EventTargetPort {
  readonly signalingState:
    | "closed"
    | "have-local-offer"
    | "have-local-pranswer"
    | "have-remote-offer"
    | "have-remote-pranswer"
    | "stable";
  readonly iceConnectionState: "checking" | "closed" | "completed" | "connected" | "disconnected" | "failed" | "new";
  readonly connectionState: "closed" | "connected" | "connecting" | "disconnected" | "failed" | "new";
  readonly iceGatheringState: "complete" | "gathering" | "new";
  readonly localDescription: SessionDescriptionPort | null;
  readonly remoteDescription: SessionDescriptionPort | null;
  readonly sctp?: { readonly maxMessageSize: number; readonly transport?: DtlsTransportPort } | null;
  createOffer(): Promise<SessionDescriptionPort>;
  setLocalDescription(description?: SessionDescriptionPort): Promise<void>;
  setRemoteDescription(description: SessionDescriptionPort): Promise<void>;
  addIceCandidate(candidate?: CandidateInit | null): Promise<void>;
  setConfiguration(config: PeerConnectionConfig): void;
  restartIce(): void;
  addTrack(track: MediaStreamTrackPort, ...streams: MediaStreamPort[]): SenderPort;
  removeTrack(sender: SenderPort): void;
  addTransceiver(
    trackOrKind: MediaStreamTrackPort | string,
    init?: { direction?: TransceiverDirection; streams?: MediaStreamPort[]; sendEncodings?: EncodingParameters[] },
  ): TransceiverPort;
  getTransceivers(): TransceiverPort[];
  getSenders(): SenderPort[];
  createDataChannel(label: string, init?: DataChannelInit): DataChannelPort;
  getStats(): Promise<StatsReportPort>;
  close(): void;
}

export type CandidateEventPort = {
  readonly candidate: {
    readonly candidate: string;
    readonly sdpMid: string | null;
    readonly sdpMLineIndex: number | null;
    readonly usernameFragment?: string | null;
  } | null;
};
export type TrackEventPort = {
  readonly track: MediaStreamTrack;
  readonly streams: readonly MediaStream[];
  readonly transceiver: TransceiverPort;
};
export type DataChannelEventPort = { readonly channel: DataChannelPort };

// ---- What the public API shows -----------------------------------------------------------------------------------------------

export type MediaStream = typeof globalThis extends { MediaStream: { prototype: infer T } } ? T : MediaStreamPort;
export type MediaStreamTrack = typeof globalThis extends { MediaStreamTrack: { prototype: infer T } } ? T : MediaStreamTrackPort;
export type RTCPeerConnection = typeof globalThis extends { RTCPeerConnection: { prototype: infer T } } ? T : PeerConnectionPort;
export type RTCDataChannel = typeof globalThis extends { RTCDataChannel: { prototype: infer T } } ? T : DataChannelPort;
/** The used part of HTMLVideoElement. */
export interface VideoElementPort {
  srcObject: unknown;
}
export type VideoElement = typeof globalThis extends { HTMLVideoElement: { prototype: infer T } } ? T : VideoElementPort;

// ---- The platform ------------------------------------------------------------------------------------------------------------

/** One WebSocket that carries text. Handlers are set by the core right after it was made. */
export interface SocketPort {
  send(text: string): void;
  /** Bytes handed over and not yet sent. */
  readonly bufferedAmount: number;
  close(code?: number, reason?: string): void;
  onopen: (() => void) | null;
  onmessage: ((text: string) => void) | null;
  /** Also after a failed attempt; once, and nothing comes after it. */
  onclose: ((code: number, reason: string) => void) | null;
}
export type SocketFactory = (url: string) => SocketPort;

export interface PeerConnectionFactory {
  create(config: PeerConnectionConfig): PeerConnectionPort;
  /** An empty stream, for tracks that come without one. */
  createStream(): MediaStreamPort;
  /** What this platform can send of a kind; undefined where it cannot be asked. */
  codecs(kind: "audio" | "video"): readonly CodecCapability[] | undefined;
}

/** News of the network. `changed`: another path may be in use now; `online`: there is one again; `visible`: the page was woken up. */
export interface NetworkWatch {
  listen(listener: (news: "online" | "changed" | "visible") => void): () => void;
}

/** Raw DEFLATE (RFC 1951) in base64. */
export type Compression = {
  readonly deflate: (text: string) => Promise<string>;
  readonly inflate: (base64: string) => Promise<string>;
};

/** Everything outside that the core uses. */
export type Platform = {
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly log: Log;
  readonly socket: SocketFactory;
  readonly peerConnections: PeerConnectionFactory;
  readonly network: NetworkWatch;
  /** Calls back with an element's size in device pixels, as rendered and 0 while it cannot be seen, at once and at each change. */
  readonly watchElement?: ((element: VideoElement, onSize: (width: number, height: number) => void) => () => void) | undefined;
  /** Loads the code of SFU rooms. Default: a dynamic import. */
  readonly loadSfu?: (() => Promise<SfuModule>) | undefined;
  /** Loads the code for peers of other client libraries. Default: a dynamic import. */
  readonly loadForeign?: (() => Promise<ForeignModule>) | undefined;
  /** Default: CompressionStream, where there is one. */
  readonly compression?: Compression | undefined;
  /** Where the signalling server is when the options name none: the page's origin. */
  readonly defaultServer: string | undefined;
};

/** Adds a listener and returns what takes it away. */
export function listen<Event>(target: EventTargetPort, type: string, listener: (event: Event) => void): () => void {
  const untyped = listener as (event: unknown) => void;
  target.addEventListener(type, untyped);
  return () => target.removeEventListener(type, untyped);
}

export type Metadata = JsonValue | undefined;
