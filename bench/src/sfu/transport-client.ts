/** One client's connection: a PeerConnection of node-datachannel with one track that carries everything, whatever the server's SDP says. */
import { type DataChannel, PeerConnection, type Track, Video } from "node-datachannel";

export type Side = {
  readonly ufrag: string;
  readonly pwd: string;
  /** `sha-256 AA:…`. */
  readonly fingerprint: string;
  readonly setup: "actpass" | "active" | "passive";
  /** Without `a=`. */
  readonly candidates: readonly string[];
};

export type ClientOptions = {
  /** Labels of data channels. */
  readonly channels?: readonly string[];
  /** Shared with other connections of this process (ICE UDP mux), as a server does; default: one of its own. */
  readonly port?: number;
  /** Of its own, to bind. */
  readonly address?: string;
};

const CONNECT_MS = 20_000;

export class ClientTransport {
  /** Set before it is connected. */
  onPacket: (packet: Buffer) => void = () => {};
  readonly connected: Promise<void>;
  readonly #connection: PeerConnection;
  readonly #track: Track;
  readonly #channels: DataChannel[];
  #isOpen = false;

  constructor(name: string, { channels = [], port, address = "127.0.0.1" }: ClientOptions = {}) {
    this.#connection = new PeerConnection(name, {
      iceServers: [],
      bindAddress: address,
      disableAutoNegotiation: true,
      ...(port === undefined ? {} : { enableIceUdpMux: true, portRangeBegin: port, portRangeEnd: port }),
    });
    const media = new Video("0", "SendRecv");
    media.addVideoCodec(96, "VP8");
    this.#track = this.#connection.addTrack(media);
    this.#channels = channels.map((label) => this.#connection.createDataChannel(label));
    this.#track.onMessage((packet) => this.onPacket(packet));
    this.connected = new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${name} did not connect in ${CONNECT_MS / 1000} s`)), CONNECT_MS);
      this.#track.onOpen(() => {
        this.#isOpen = true;
        clearTimeout(timer);
        resolve();
      });
    });
    // Whoever waits for it sees it.
    this.connected.catch(() => {});
  }

  /** As the side that offers. Without candidates: a server that checked before its answer is known here would end the connection. */
  async offer(): Promise<Side> {
    this.#connection.setLocalDescription("offer");
    return { ...(await this.#local()), candidates: [] };
  }

  accept(remote: Side): void {
    this.#connection.setRemoteDescription(description(remote, this.#channels.length > 0), "answer");
  }

  async answer(remote: Side): Promise<Side> {
    this.#connection.setRemoteDescription(description(remote, this.#channels.length > 0), "offer");
    this.#connection.setLocalDescription("answer");
    return await this.#local();
  }

  send(packet: Buffer): void {
    if (this.#isOpen) this.#track.sendMessageBinary(packet);
  }

  close(): void {
    this.#isOpen = false;
    this.#connection.close();
  }

  async #local(): Promise<Side> {
    await new Promise<void>((resolve) => {
      if (this.#connection.gatheringState() === "complete") resolve();
      else
        this.#connection.onGatheringStateChange((state) => {
          if (state === "complete") resolve();
        });
    });
    const sdp = this.#connection.localDescription()?.sdp;
    if (sdp === undefined) throw new Error("no local description");
    return sideOf(sdp);
  }
}

/** What counts of any description whose sections are bundled. */
export function sideOf(sdp: string): Side {
  const value = (name: string): string => {
    const [, found] = new RegExp(`^a=${name}:(.*?)\\r?$`, "m").exec(sdp) ?? [];
    if (found === undefined) throw new Error(`no a=${name} in the description`);
    return found;
  };
  const setup = value("setup");
  if (setup !== "actpass" && setup !== "active" && setup !== "passive") throw new Error(`a=setup:${setup}`);
  const candidates = [...sdp.matchAll(/^a=(candidate:.*?)\r?$/gm)].map(([, candidate]) => candidate ?? "");
  return {
    ufrag: value("ice-ufrag"),
    pwd: value("ice-pwd"),
    fingerprint: value("fingerprint"),
    setup,
    // Bundled sections repeat them.
    candidates: [...new Set(candidates)],
  };
}

/** The lines of an SDP that name a side, for each of its sections. */
export function sideLines({ ufrag, pwd, fingerprint, setup }: Side): readonly string[] {
  return [`a=ice-ufrag:${ufrag}`, `a=ice-pwd:${pwd}`, `a=fingerprint:${fingerprint}`, `a=setup:${setup}`];
}

function description(side: Side, data: boolean): string {
  return `${[
    "v=0",
    "o=- 1 1 IN IP4 127.0.0.1",
    "s=-",
    "t=0 0",
    `a=group:BUNDLE 0${data ? " 1" : ""}`,
    "m=video 9 UDP/TLS/RTP/SAVPF 96",
    "c=IN IP4 0.0.0.0",
    ...sideLines(side),
    ...side.candidates.map((candidate) => `a=${candidate}`),
    "a=mid:0",
    "a=sendrecv",
    "a=rtcp-mux",
    "a=rtpmap:96 VP8/90000",
    ...(data
      ? [
          "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
          "c=IN IP4 0.0.0.0",
          ...sideLines(side),
          "a=mid:1",
          "a=sctp-port:5000",
        ]
      : []),
  ].join("\r\n")}\r\n`;
}
