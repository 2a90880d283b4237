/** A transceiver of the modelled RTCPeerConnection, and the algebra of its directions. */
import type {
  CodecCapability,
  HeaderExtensionInit,
  MediaStreamTrackPort,
  SendParameters,
  TransceiverDirection,
  TransceiverPort,
} from "../../src/core/ports.ts";
import { type FakeStream, FakeTrack } from "./fake-media.ts";

export class FakeTransceiver implements TransceiverPort {
  mid: string | null = null;
  readonly byAddTrack: boolean;
  readonly receiver: { track: FakeTrack };
  currentDirection: TransceiverDirection | null = null;
  /** What was last told to the other side about the streams. */
  told = "";
  streams: string[] = [];
  remoteStreams: FakeStream[] = [];
  receiving = false;
  codecs: readonly CodecCapability[] | undefined;
  /** As Chromium has them: some are there and not offered by themselves. */
  extensions: HeaderExtensionInit[] = [
    { uri: "urn:ietf:params:rtp-hdrext:sdes:mid", direction: "sendrecv" },
    { uri: "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension", direction: "stopped" },
  ];
  everSent = false;
  readonly sender;
  readonly #changed: () => void;
  #direction: TransceiverDirection;
  constructor(
    kind: "audio" | "video",
    direction: TransceiverDirection,
    byAddTrack: boolean,
    pc: { checkNegotiation(): void; operation(): Promise<unknown> },
  ) {
    this.receiver = { track: new FakeTrack(kind) };
    this.#direction = direction;
    this.byAddTrack = byAddTrack;
    this.#changed = () => pc.checkNegotiation();
    const parameters: SendParameters = { encodings: [{}] };
    const sender = {
      track: null as MediaStreamTrackPort | null,
      replaceTrack: async (track: MediaStreamTrackPort | null) => {
        await pc.operation();
        sender.track = track;
      },
      getParameters: () => parameters,
      setParameters: async () => {},
    };
    this.sender = sender;
  }
  get direction(): TransceiverDirection {
    return this.#direction;
  }
  set direction(direction: TransceiverDirection) {
    this.#direction = direction;
    this.#changed();
  }
  getHeaderExtensionsToNegotiate(): HeaderExtensionInit[] {
    return this.extensions.map((each) => ({ ...each }));
  }
  setHeaderExtensionsToNegotiate(extensions: HeaderExtensionInit[]): void {
    this.extensions = extensions;
  }
  setCodecPreferences(codecs: CodecCapability[]): void {
    this.codecs = codecs;
  }
  stop(): void {
    this.direction = "stopped";
  }
}

export const sends = (direction: TransceiverDirection) => direction === "sendrecv" || direction === "sendonly";
export const takes = (direction: TransceiverDirection) => direction === "sendrecv" || direction === "recvonly";
export const compose = (send: boolean, receive: boolean): TransceiverDirection =>
  send ? (receive ? "sendrecv" : "sendonly") : receive ? "recvonly" : "inactive";
