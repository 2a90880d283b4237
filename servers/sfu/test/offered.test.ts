/** Members whose clients only answer, on a real worker over loopback. */
import { silentLog } from "@tsunagi/base";
import { MemoryBus, type SfuCommand, type SfuEvent, type SfuReply } from "@tsunagi/conference";
import { PeerConnection, type Track, Video } from "node-datachannel";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type RunningSfu, startSfu } from "../src/index.ts";
import { CLIENT_SSRC, TestMember } from "./client.ts";

const SOON = { timeout: 10_000, interval: 10 };
const SECTIONS = [
  { mid: "0", kind: "video", direction: "receive" },
  { mid: "1", kind: "video", direction: "send", stream: "S1" },
] as const;

/** Only answers, as skyway-js does. */
class AnsweringMember {
  readonly received: Buffer[] = [];
  readonly peerId: string;
  readonly #bus: MemoryBus;
  readonly #connection = new PeerConnection("answering", {
    iceServers: [],
    bindAddress: "127.0.0.1",
    disableAutoNegotiation: true,
  });
  readonly #sender: Track;
  readonly #receiver: Track;
  #sequence = 0;
  connected = false;

  constructor(bus: MemoryBus, peerId: string) {
    this.#bus = bus;
    this.peerId = peerId;
    const sends = new Video("0", "SendOnly");
    sends.addVP8Codec(96);
    sends.addSSRC(CLIENT_SSRC + 1, "answering");
    this.#sender = this.#connection.addTrack(sends);
    const receives = new Video("1", "RecvOnly");
    receives.addVP8Codec(96);
    this.#receiver = this.#connection.addTrack(receives);
    this.#receiver.onMessage((packet) => this.received.push(packet));
    this.#connection.onStateChange((state) => {
      if (state === "connected") this.connected = true;
    });
  }

  async ask(command: Partial<SfuCommand> & Pick<SfuCommand, "type">): Promise<SfuReply> {
    const full = { appId: "app", room: "room", peerId: this.peerId, epoch: 1, ...command } as SfuCommand;
    return (await this.#bus.send("sfu", { type: "sfu", from: "core", command: full })) as SfuReply;
  }

  async round(shows: string | null, publishes: string): Promise<SfuReply> {
    const offered = await this.ask({ type: "offer", sections: SECTIONS });
    if (!offered.ok) return offered;
    this.#connection.setRemoteDescription(offered.sdp ?? "", "offer");
    this.#connection.setLocalDescription("answer");
    return this.ask({
      type: "negotiate",
      sdp: this.#connection.localDescription()?.sdp ?? "",
      send: [{ mid: "0", publication: publishes, kind: "video", source: "camera", stream: "main", muted: false }],
      receive: [{ mid: "1", kind: "video", publication: shows }],
      limits: { publicationBps: 8_000_000, publicationsPerMember: 4, memberBps: 50_000_000 },
      directions: { publish: true, subscribe: true, data: true },
    });
  }

  sendFrame(): void {
    const packet = Buffer.alloc(622, 7);
    this.#sequence++;
    packet.set([0x80, 0x80 | 96]);
    packet.writeUInt16BE(this.#sequence, 2);
    packet.writeUInt32BE(this.#sequence * 2_970, 4);
    packet.writeUInt32BE(CLIENT_SSRC + 1, 8);
    // RFC 7741 §4.2: a key frame of one packet.
    packet.set([0x90, 0x80, 0x80 | (this.#sequence >> 8), this.#sequence & 0xff], 12);
    packet.set([0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01], 16);
    this.#sender.sendMessageBinary(packet);
  }

  async close(): Promise<void> {
    const ends = Promise.all([
      new Promise<void>((resolve) => this.#connection.onStateChange((state) => state === "closed" && resolve())),
      new Promise<void>((resolve) => this.#sender.onClosed(resolve)),
      new Promise<void>((resolve) => this.#receiver.onClosed(resolve)),
    ]);
    this.#connection.close();
    await Promise.race([ends, new Promise((resolve) => setTimeout(resolve, 1_000))]);
  }
}

const isMedia = ({ 1: type = 0, length }: Buffer): boolean => (type < 192 || type > 223) && length > 300;

describe("a member that only answers", { timeout: 60_000 }, () => {
  const bus = new MemoryBus();
  const events: SfuEvent[] = [];
  let sfu: RunningSfu;
  beforeAll(async () => {
    await bus.attach("core", async (request) => {
      if (request.type === "sfu-event") events.push(request.event);
      return { ok: true };
    });
    sfu = await startSfu({ bus, node: "sfu", log: silentLog, workers: 1, port: 0, address: "127.0.0.1" });
  });
  afterAll(() => sfu.close());

  it("exchanges media with one that offers, over the connection that the SFU offered, and is described again", async () => {
    const alice = new TestMember(bus, "alice", { publishes: "a", shows: "b" });
    await alice.join();
    const bob = new AnsweringMember(bus, "bob");
    expect(await bob.round("a", "b")).toMatchObject({ ok: true });
    await expect.poll(() => bob.connected, SOON).toBe(true);
    await alice.connected;
    const flows = async () => {
      const before = [alice.received.filter(isMedia).length, bob.received.filter(isMedia).length];
      const end = performance.now() + 10_000;
      for (;;) {
        const now = [alice.received.filter(isMedia).length, bob.received.filter(isMedia).length];
        if (now.every((count, at) => count > (before[at] ?? 0) + 5)) return;
        if (performance.now() > end) throw new Error(`media does not flow: ${before} ${now}`);
        alice.sendFrame();
        bob.sendFrame();
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    };
    await flows();
    expect(events.map(({ type }) => type)).toEqual(["transport-connected", "transport-connected"]);
    expect(await bob.round("a", "b")).toMatchObject({ ok: true });
    await flows();
    await bob.ask({ type: "leave" });
    await alice.leave();
    expect(sfu.dump().rooms).toEqual([]);
    await Promise.all([alice.close(), bob.close()]);
  });

  it("leaves nothing behind when it never answers", async () => {
    const carol = new AnsweringMember(bus, "carol");
    expect(await carol.ask({ type: "offer", sections: SECTIONS })).toMatchObject({ ok: true });
    expect(sfu.dump().rooms).toMatchObject([{ members: 1 }]);
    await carol.ask({ type: "leave" });
    expect(sfu.dump().rooms).toEqual([]);
    await carol.close();
  });
});
