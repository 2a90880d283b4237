/** A member without a browser: libdatachannel's own connection, which offers, and is answered as a browser is. */
import type { Bus, SfuCommand, SfuReply } from "@tsunagi/conference";
import { type DataChannel, PeerConnection, type Track, Video } from "node-datachannel";

type Negotiate = Extract<SfuCommand, { type: "negotiate" }>;
export type MemberOptions = {
  readonly room?: string;
  readonly epoch?: number;
  /** Publication shown in the one slot. */
  readonly shows?: string | null;
  /** Publishes one video track under this ID. */
  readonly publishes?: string;
  readonly directions?: Negotiate["directions"];
};

const SEND_MID = "s";
const RECEIVE_MID = "r";
/** Of what this client sends. */
export const CLIENT_SSRC = 4_242;

export class TestMember {
  readonly peerId: string;
  readonly received: Buffer[] = [];
  readonly messages: string[] = [];
  readonly told: { readonly type: string; readonly [field: string]: unknown }[] = [];
  readonly #bus: Bus;
  readonly #options: MemberOptions;
  readonly #connection: PeerConnection;
  readonly #sender: Track;
  readonly #receiver: Track;
  readonly control: DataChannel;
  readonly data: DataChannel;
  readonly lossy: DataChannel;
  readonly connected: Promise<void>;
  readonly #ends: Promise<unknown>;
  #sequence = 0;

  constructor(bus: Bus, peerId: string, options: MemberOptions = {}) {
    this.peerId = peerId;
    this.#bus = bus;
    this.#options = options;
    const connection = new PeerConnection(peerId, { iceServers: [], bindAddress: "127.0.0.1" });
    this.#connection = connection;
    const sends = new Video(SEND_MID, options.publishes === undefined ? "Inactive" : "SendOnly");
    sends.addVP8Codec(96);
    sends.addSSRC(CLIENT_SSRC, "client");
    this.#sender = connection.addTrack(sends);
    const receives = new Video(RECEIVE_MID, "RecvOnly");
    receives.addVP8Codec(96);
    this.#receiver = connection.addTrack(receives);
    this.#receiver.onMessage((packet) => this.received.push(packet));
    this.control = connection.createDataChannel("tsunagi.control");
    this.control.onMessage((text) => this.told.push(JSON.parse(String(text))));
    this.data = connection.createDataChannel("tsunagi.data");
    this.data.onMessage((text) => this.messages.push(String(text)));
    this.lossy = connection.createDataChannel("tsunagi.lossy", { unordered: true, maxRetransmits: 0 });
    this.lossy.onMessage((text) => this.messages.push(String(text)));
    const ended = (register: (told: () => void) => void) => new Promise<void>((resolve) => register(resolve));
    const states: ((state: string) => void)[] = [];
    connection.onStateChange((state) => {
      for (const each of states) each(state);
    });
    const opened = [this.control, this.data, this.lossy].map(
      (channel) => new Promise<void>((resolve) => channel.onOpen(resolve)),
    );
    const connected = new Promise<void>((resolve) => states.push((state) => state === "connected" && resolve()));
    this.connected = Promise.all([connected, ...opened]).then(() => {});
    this.#ends = Promise.all([
      new Promise<void>((resolve) => states.push((state) => state === "closed" && resolve())),
      ended((told) => this.#sender.onClosed(told)),
      ended((told) => this.#receiver.onClosed(told)),
    ]);
    connection.setLocalDescription("offer");
  }

  get epoch(): number {
    return this.#options.epoch ?? 1;
  }

  /** Offers, and takes the answer. */
  async join(): Promise<SfuReply> {
    const reply = await this.offer();
    if (reply.ok && reply.sdp !== undefined) this.#connection.setRemoteDescription(reply.sdp, "answer");
    return reply;
  }

  async offer(change: Partial<Negotiate> = {}): Promise<SfuReply> {
    const { publishes, shows = null, room = "room" } = this.#options;
    const command: Negotiate = {
      type: "negotiate",
      appId: "app",
      room,
      peerId: this.peerId,
      epoch: this.epoch,
      sdp: this.#connection.localDescription()?.sdp ?? "",
      send:
        publishes === undefined
          ? []
          : [{ mid: SEND_MID, publication: publishes, kind: "video", source: "camera", stream: "main", muted: false }],
      receive: [{ mid: RECEIVE_MID, kind: "video", publication: shows }],
      limits: { publicationBps: 8_000_000, publicationsPerMember: 4, memberBps: 50_000_000 },
      directions: this.#options.directions ?? { publish: true, subscribe: true, data: true },
      ...change,
    };
    const reply = await this.#bus.send("sfu", { type: "sfu", from: "core", command });
    return reply ?? { ok: false, code: "none", message: "no reply" };
  }

  /** Sends one VP8 key frame of one packet, 33 ms after the one before. */
  sendFrame(): void {
    const packet = Buffer.alloc(12 + 10 + 600, 7);
    this.#sequence++;
    packet.set([0x80, 0x80 | 96]);
    packet.writeUInt16BE(this.#sequence & 0xffff, 2);
    packet.writeUInt32BE((this.#sequence * 2_970) >>> 0, 4);
    packet.writeUInt32BE(CLIENT_SSRC, 8);
    // VP8 payload descriptor (RFC 7741 §4.2): start of a partition, picture ID of 15 bits; then a key frame's header.
    packet.set([0x90, 0x80, 0x80 | ((this.#sequence >> 8) & 0x7f), this.#sequence & 0xff], 12);
    packet.set([0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01], 16);
    try {
      this.#sender.sendMessageBinary(packet);
    } catch {
      // Its connection is gone: that is what some tests do.
    }
  }

  /** Makes it the next packet of the track, so that it is looked at. */
  nextOfTrack(packet: Buffer): void {
    this.#sequence++;
    packet[1] = 96;
    packet.writeUInt16BE(this.#sequence & 0xffff, 2);
    packet.writeUInt32BE(CLIENT_SSRC, 8);
  }

  /** @returns false: not even this client's SRTP takes it */
  sendRaw(packet: Buffer): boolean {
    try {
      return this.#sender.sendMessageBinary(packet);
    } catch {
      return false;
    }
  }

  async leave(): Promise<void> {
    const { room = "room" } = this.#options;
    await this.#bus.send("sfu", {
      type: "sfu",
      from: "core",
      command: { type: "leave", appId: "app", room, peerId: this.peerId },
    });
  }

  async close(): Promise<void> {
    this.#connection.close();
    await Promise.race([this.#ends, new Promise((resolve) => setTimeout(resolve, 1_000))]);
  }
}
