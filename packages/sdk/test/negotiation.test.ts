/** Perfect negotiation under random operations of both sides and random delays: whatever they do, both end up with what the other sends. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { MediaConnection } from "../src/core/media/media-connection.ts";
import type { MediaStream, MediaStreamTrack } from "../src/core/ports.ts";
import { stream, World } from "./support/world.ts";

type Operation = {
  readonly side: 0 | 1;
  readonly act: "add" | "remove" | "replace" | "restart" | "reply-stream" | "drop-signalling" | "kill-server";
  readonly kind: "audio" | "video";
  readonly afterMs: number;
};

const operation: fc.Arbitrary<Operation> = fc.record({
  side: fc.constantFrom(0, 1),
  act: fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom("add" as const, "remove" as const) },
    { weight: 2, arbitrary: fc.constantFrom("replace" as const, "reply-stream" as const, "restart" as const) },
    { weight: 1, arbitrary: fc.constantFrom("drop-signalling" as const, "kill-server" as const) },
  ),
  kind: fc.constantFrom("audio", "video"),
  afterMs: fc.oneof(fc.constant(0), fc.nat(80)),
});

/** What one side sends now, as the test understands it. */
class Side {
  readonly connection: MediaConnection;
  readonly extra = new Map<MediaStreamTrack, MediaStream>();
  readonly shown: string[] = [];
  main: MediaStream | null;

  constructor(connection: MediaConnection, main: MediaStream | null) {
    this.connection = connection;
    this.main = main;
    connection.on("stream", ({ id }) => this.shown.push(id));
    connection.on("streamremoved", ({ id }) => this.shown.splice(this.shown.indexOf(id), 1));
  }

  readonly #screen = stream();

  async perform(operation: Operation, world: World): Promise<void> {
    const { connection } = this;
    const last = [...this.extra].at(-1);
    switch (operation.act) {
      case "add": {
        // Now a stream of its own, now one that was used before.
        const own = stream(operation.kind);
        const [track] = own.getTracks() as MediaStreamTrack[];
        const added = operation.afterMs % 2 === 0 ? own : this.#screen;
        if (track === undefined || this.extra.size >= 4) return;
        this.extra.set(track, added);
        connection.addTrack(track, added);
        return;
      }
      case "remove":
        if (last === undefined) return;
        this.extra.delete(last[0]);
        connection.removeTrack(last[0]);
        return;
      case "replace": {
        if (last === undefined) return;
        const [next] = stream(last[0].kind as "audio" | "video").getTracks() as MediaStreamTrack[];
        if (next === undefined) return;
        this.extra.delete(last[0]);
        this.extra.set(next, last[1]);
        await connection.replaceTrack(last[0], next);
        return;
      }
      case "reply-stream":
        this.main = stream("audio", "video");
        connection.replaceStream(this.main);
        return;
      case "restart":
        connection.restartIce();
        return;
      case "drop-signalling":
        world.server.dropSockets();
        return;
      case "kill-server":
        world.server.kill();
        world.server.start();
        return;
    }
  }

  get sent(): number {
    return this.extra.size + (this.main?.getTracks().length ?? 0);
  }
}

/** @returns how often a connection with media was rolled back */
async function scenario(seed: number, operations: readonly Operation[]): Promise<number> {
  const world = new World(seed);
  const [alice, bob] = [world.peer("alice"), world.peer("bob")];
  await world.until(() => alice.open && bob.open);
  let incoming: MediaConnection | undefined;
  const streams = [stream("audio", "video"), stream("video")] as const;
  bob.on("call", (call) => {
    incoming = call;
    call.answer(streams[1]);
  });
  const outgoing = alice.call("bob", streams[0]);
  await world.until(() => incoming !== undefined);
  const sides = [new Side(outgoing, streams[0]), new Side(incoming as MediaConnection, streams[1])] as const;
  const errors: string[] = [];
  for (const { connection } of sides) {
    connection.on("error", ({ code }) => errors.push(code));
    connection.on("close", (reason) => errors.push(`closed: ${reason}`));
  }
  await world.until(() => sides.every(({ connection }) => connection.open));
  for (const each of operations) {
    const done = sides[each.side].perform(each, world);
    await world.run(each.afterMs);
    void done;
  }
  await world.run(8_000);
  expect(errors).toEqual([]);
  for (const [here, there] of [sides, sides.toReversed()] as [Side, Side][]) {
    const received = there.connection.remoteStreams.flatMap((each) => each.getTracks());
    expect(received).toHaveLength(here.sent);
    // Announced once each, the extra ones by their own streams.
    const ids = there.connection.remoteStreams.map(({ id }) => id);
    for (const { id } of here.extra.values()) expect(ids).toContain(id);
    expect(there.shown.toSorted()).toEqual(there.connection.remoteStreams.map(({ id }) => id).toSorted());
    expect(here.connection.getPeerConnection()?.signalingState).toBe("stable");
    expect(here.connection.state).toBe("connected");
  }
  expect(await world.end()).toEqual({ timers: [], connections: 0, listeners: 0 });
  return world.network.all.reduce((sum, { rollbacks }) => sum + rollbacks, 0);
}

describe("negotiation", () => {
  it("converges when both sides add a track at the same moment, without a rollback, which stops Chromium's pictures", async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const rollbacks = await scenario(seed, [
        { side: 0, act: "add", kind: "video", afterMs: 0 },
        { side: 1, act: "add", kind: "video", afterMs: seed },
        { side: 0, act: "remove", kind: "video", afterMs: 0 },
        { side: 1, act: "add", kind: "audio", afterMs: 0 },
      ]);
      expect(rollbacks).toBe(0);
    }
  });

  it("converges under random operations, delays, drops and deaths of the server", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.array(operation, { minLength: 1, maxLength: 14 }), async (seed, operations) => {
        await scenario(seed, operations);
      }),
      { numRuns: 60 },
    );
  }, 120_000);
});
