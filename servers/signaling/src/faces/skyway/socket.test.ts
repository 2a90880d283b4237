import { EventEmitter } from "node:events";
import { FakeClock } from "@tsunagi/testkit";
import type { Socket as EngineSocket } from "engine.io";
import { describe, expect, it } from "vitest";
import type { Received } from "./packets.ts";
import { type LinkOwner, SkywayLink, unsent } from "./socket.ts";

/** What of engine.io's socket a link uses; it hands on nothing until it is told to. */
class FakeEngine extends EventEmitter {
  readyState = "open";
  readonly transport = { name: "polling" };
  writeBuffer: { type: string; data?: unknown }[] = [{ type: "noop" }];

  send(data: unknown): void {
    this.writeBuffer.push({ type: "message", data });
  }

  close(): void {
    this.readyState = "closed";
    this.emit("close");
  }
}

function setUp(rate = 10, packetBytes = 1_000_000) {
  const clock = new FakeClock();
  const engine = new FakeEngine();
  const got: { event: string; size: number; text: string | undefined }[] = [];
  const state = { reserved: 0, room: Number.POSITIVE_INFINITY, refused: [] as string[], closed: 0 };
  const owner: LinkOwner = {
    clock,
    packetBytes,
    received: (_link, packet: Received, size, text) =>
      got.push({ event: packet.type === "event" ? packet.event : packet.type, size, text }),
    refused: (_link, code) => state.refused.push(code),
    reserve(bytes) {
      state.reserved += bytes;
      return state.reserved <= state.room;
    },
    closed() {
      state.closed += 1;
    },
  };
  const link = new SkywayLink(engine as unknown as EngineSocket, owner);
  const say = (...data: (string | Buffer)[]) => {
    for (const each of data) engine.emit("data", each);
  };
  return { clock, engine, got, state, link, say, greet: () => link.greeted(rate) };
}

const events = (count: number) => Array.from({ length: count }, (_, n) => `2["E${n}",1]`);
const header = '52-["E",{"_placeholder":true,"num":1}]';

describe("a link", () => {
  it("keeps what comes before the session is there, in order", () => {
    const { got, state, say, greet } = setUp();
    say(...events(3), header, Buffer.alloc(5), Buffer.alloc(7));
    expect([got.length, state.reserved > 0]).toEqual([0, true]);
    greet();
    expect(got.map(({ event }) => event)).toEqual(["E0", "E1", "E2", "E"]);
    expect(got.at(-1)).toEqual({ event: "E", size: header.length + 12, text: undefined });
    expect(state.reserved).toBe(0);
  });

  it("reads no faster than the app allows, and loses nothing", async () => {
    const { clock, got, state, say, greet } = setUp(10);
    greet();
    say(...events(300));
    expect(got).toHaveLength(100);
    await clock.advanceAsync(5_000);
    expect(got).toHaveLength(150);
    await clock.advanceAsync(60_000);
    expect(got.map(({ event }) => event)).toEqual(Array.from({ length: 300 }, (_, n) => `E${n}`));
    expect([state.refused, state.reserved, clock.pending]).toEqual([[], 0, 0]);
  });

  it("gives up who does not slow down", () => {
    const { engine, state, say, greet } = setUp(1);
    greet();
    say(...events(3_000));
    expect([engine.readyState, state.closed, state.reserved]).toEqual(["closed", 1, 0]);
    expect(state.refused.at(-1)).toBe("protocol.rate.exceeded");
  });

  it("counts large messages as several", () => {
    const { got, say, greet } = setUp(10);
    greet();
    const large = `2["ROOM_SEND_DATA",{"data":"${"x".repeat(650_000)}"}]`;
    say(...Array.from({ length: 20 }, () => large));
    expect(got).toHaveLength(10);
  });

  it("gives up attachments that do not come, that are too large, or for which there is no room", () => {
    const { clock, got, link, state, say, greet } = setUp(100, 1_000);
    greet();
    say(header, Buffer.alloc(10));
    expect(state.reserved).toBe(header.length + 10);
    link.sweep(clock.now() + 29_000);
    expect(state.refused).toEqual([]);
    link.sweep(clock.now() + 31_000);
    expect([state.refused, state.reserved]).toEqual([["protocol.message.malformed"], 0]);
    say(Buffer.alloc(10), header, Buffer.alloc(2_000), header, header, 'x"');
    const bad = "protocol.message.malformed";
    expect(state.refused).toEqual([bad, bad, "protocol.message.too-large", bad, bad, bad]);
    state.room = 20;
    say(header);
    expect([state.refused.at(-1), state.reserved, got.length]).toEqual(["server.capacity.reached", 0, 0]);
    state.room = 1_000;
    say('2["E",1]');
    expect(got).toHaveLength(1);
  });

  it("ends the transport of a client that does not read, and a little after its last word", () => {
    const { engine, link, state } = setUp();
    expect(link.send("x".repeat(30_000_000))).toBe(true);
    expect(link.send("x".repeat(30_000_000))).toBe(false);
    expect([engine.readyState, state.closed, state.reserved]).toEqual(["closed", 1, 0]);
    const other = setUp();
    other.link.disconnect();
    other.say('2["E",1]');
    other.link.sweep(other.clock.now() + 1_000);
    expect([other.engine.readyState, other.got]).toEqual(["open", []]);
    other.link.sweep(other.clock.now() + 2_000);
    expect(other.engine.readyState).toBe("closed");
  });

  it("finds what never went out, whole packets only", () => {
    const { engine, link } = setUp();
    link.connect();
    link.send('2["OPEN",{}]');
    link.send('2["A",1]');
    link.send([header, Buffer.from("1"), Buffer.from("2")]);
    link.send([header, Buffer.from("1")]);
    link.disconnect();
    expect(unsent(engine as unknown as EngineSocket)).toEqual(['2["A",1]', [header, Buffer.from("1"), Buffer.from("2")]]);
  });
});
