/** A data connection whose other end is of another client library: over a modelled channel, with that library's model at its end. */
import { type CodedError, silentLog } from "@tsunagi/base";
import type { Framing, Serialization } from "@tsunagi/protocol";
import { FakeClock, seededRandom } from "@tsunagi/testkit";
import { describe, expect, it } from "vitest";
import { DataConnection } from "../src/core/data/index.ts";
import { adopt } from "../src/core/foreign/index.ts";
import type { DataChannelInit, PeerConnectionPort, Platform } from "../src/core/ports.ts";
import { FakeChannel, FakeLink, GOOD } from "./fake-channel.ts";
import { FakeTarget } from "./support/fake-media.ts";
import { MODELS } from "./support/library-models.ts";

class ForeignLink extends FakeLink {
  framing: Framing | undefined;
}

function made(serialization: Serialization = "binary") {
  const clock = new FakeClock();
  const link = new ForeignLink();
  const seen = { data: [] as unknown[], events: [] as string[], ended: [] as string[] };
  const connection = new DataConnection({
    id: "c1",
    remoteId: "old",
    outgoing: true,
    metadata: undefined,
    platform: { clock, log: silentLog } as unknown as Platform,
    link,
    end: (reason) => seen.ended.push(reason),
    label: "label",
    serialization,
    reliability: {},
  });
  connection.on("data", (value) => seen.data.push(value));
  connection.on("open", () => seen.events.push("open"));
  connection.on("close", (reason) => seen.events.push(`close ${reason}`));
  connection.on("error", ({ code }) => seen.events.push(code));
  const transport = Object.assign(new FakeTarget(), { state: "connected" });
  /** Of each RTCPeerConnection the near and the far end of its channel. */
  const channels: { near: FakeChannel; far: FakeChannel; init: DataChannelInit | undefined }[] = [];
  const received: Uint8Array<ArrayBuffer>[] = [];
  const begin = () => {
    link.peerConnection = {
      sctp: { maxMessageSize: GOOD.maxMessageBytes, transport },
      createDataChannel: (label: string, init?: DataChannelInit) => {
        const [near, far] = ["", ""].map(() => new FakeChannel(label, init?.protocol ?? "", clock, GOOD, seededRandom(1)));
        if (near === undefined || far === undefined) throw new Error("two were made");
        [near.remote, far.remote] = [far, near];
        far.addEventListener("message", (event) => received.push(new Uint8Array((event as MessageEvent<ArrayBuffer>).data)));
        channels.push({ near, far, init });
        return near;
      },
      getTransceivers: () => [],
      getSenders: () => [],
    } as unknown as PeerConnectionPort;
    link.emit("peerConnection", link.peerConnection, { epoch: 0, offering: true });
  };
  const open = () => {
    link.setState("connected");
    for (const { near, far } of channels.slice(-1)) {
      far.readyState = near.readyState = "open";
      near.dispatch("open");
    }
  };
  const learn = (framing: Framing) => {
    link.framing = framing;
    adopt(link, connection, (error: CodedError) => seen.events.push(error.code));
  };
  return { clock, transport, link, connection, channels, received, begin, open, learn, ...seen };
}

describe.each(["skyway", "peerjs"] as const)("data with a %s peer", (framing) => {
  it("sends in its manner what was given before that was known, and what comes after, in order", async () => {
    const { clock, connection, begin, learn, open, channels, received } = made();
    const values = [{ a: 1 }, "text", [1, "漢😀"], new Uint8Array([1, 2]), 7];
    const sent = values.slice(0, 3).map((value) => connection.send(value));
    begin();
    learn(framing);
    begin();
    sent.push(...values.slice(3).map((value) => connection.send(value)));
    expect(connection.bufferedAmount).toBeGreaterThan(0);
    open();
    await Promise.all(sent);
    clock.advance(1_000);
    expect(channels.map(({ init, near }) => [init?.protocol, near.sent.length > 0])).toEqual([
      ["tsunagi.data.1", false],
      ["", true],
    ]);
    const read = MODELS[framing].read(received);
    expect(read.map((value) => (value instanceof ArrayBuffer ? new Uint8Array(value) : value))).toEqual(values);
    expect(connection.bufferedAmount).toBe(0);
  });

  it("takes what comes, and refuses what is nothing with a code", async () => {
    const { clock, begin, learn, open, channels, data, events } = made();
    learn(framing);
    begin();
    open();
    const [pair] = channels;
    for (const frame of await MODELS[framing].frames({ text: "x".repeat(40_000) })) pair?.far.send(frame);
    pair?.far.send(new Uint8Array([0xc4]));
    clock.advance(1_000);
    expect(data).toEqual([{ text: "x".repeat(40_000) }]);
    expect(events).toEqual(["open", "data.frame.malformed"]);
  });

  it("ends with its channel, without waiting for another one", () => {
    const { connection, link, begin, learn, open, channels, events, ended, clock } = made();
    learn(framing);
    begin();
    open();
    channels[0]?.far.close();
    clock.advance(50);
    expect([connection.state, events, ended, link.renewals]).toEqual(["closed", ["open", "close hung-up"], ["hung-up"], []]);
  });

  it("ends with the alert of a DTLS transport that was closed, whichever comes first", () => {
    const { connection, link, transport, begin, learn, open, events } = made();
    learn(framing);
    begin();
    open();
    if (link.peerConnection !== null) link.emit("negotiated", link.peerConnection);
    transport.fire("statechange");
    expect(connection.state).toBe("connected");
    transport.state = "closed";
    transport.fire("statechange");
    expect([connection.state, events]).toEqual(["closed", ["open", "close hung-up"]]);
  });

  it("stays with raw text and bytes as they are", async () => {
    const { clock, connection, begin, learn, open, channels } = made("raw");
    const early = connection.send("early");
    learn(framing);
    begin();
    open();
    await Promise.all([early, connection.send(new Uint8Array([1]))]);
    clock.advance(100);
    expect(channels[0]?.near.sent).toEqual(["early", new Uint8Array([1])]);
  });

  it("rejects what still waits when it ends", async () => {
    const { connection, learn } = made();
    learn(framing);
    const late = connection.send("late");
    connection.close();
    await expect(late).rejects.toThrow(expect.objectContaining({ code: "data.connection.closed" }));
  });
});
