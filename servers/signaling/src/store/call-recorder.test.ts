import { FakeClock } from "@tsunagi/testkit";
import { describe, expect, it } from "vitest";
import { CallRecorder, callRecordOf } from "./call-recorder.ts";
import type { CallRecord } from "./store.ts";

const call = (n: number): CallRecord => ({
  appId: "app_1",
  kind: "media",
  name: String(n),
  peers: [],
  startedAt: n,
  endedAt: n,
  reason: "hang-up",
});

function setUp(maxWaiting = 10) {
  const clock = new FakeClock();
  const batches: string[][] = [];
  const state = { down: false, dropped: 0 };
  const store = {
    async recordCalls(records: readonly CallRecord[]) {
      if (state.down) throw new Error("down");
      batches.push(records.map((record) => record.name));
    },
  };
  const recorder = new CallRecorder(store, { clock, maxWaiting, onDropped: (n) => (state.dropped += n) });
  return { clock, batches, state, recorder };
}

describe("CallRecorder", () => {
  it("writes what came within the time as one batch, in order", async () => {
    const { clock, batches, recorder } = setUp();
    recorder.record(call(1));
    recorder.record(call(2));
    await clock.advanceAsync(499);
    expect(batches).toEqual([]);
    await clock.advanceAsync(1);
    expect(batches).toEqual([["1", "2"]]);
    expect(clock.pending).toBe(0);
  });

  it("keeps records while the store is down, the newest of them, and counts the rest", async () => {
    const { clock, batches, state, recorder } = setUp(3);
    state.down = true;
    for (let n = 1; n <= 4; n += 1) recorder.record(call(n));
    await clock.advanceAsync(500);
    expect(state.dropped).toBe(1);
    state.down = false;
    recorder.record(call(5));
    expect(state.dropped).toBe(2);
    await clock.advanceAsync(500);
    expect(batches).toEqual([["3", "4", "5"]]);
  });

  it("flushes at once when asked, as at shutdown", async () => {
    const { clock, batches, recorder } = setUp();
    recorder.record(call(1));
    await recorder.flush();
    expect(batches).toEqual([["1"]]);
    expect(clock.pending).toBe(0);
    await recorder.flush();
    expect(batches).toHaveLength(1);
  });
});

describe("callRecordOf", () => {
  it("keeps calls and rooms that ended, and nothing else", () => {
    const facts = { appId: "app_1", at: 9_000 };
    const call = { ...facts, connection: "mc_1", kind: "data", caller: "alice", callee: "bob" } as const;
    expect(
      callRecordOf({ ...call, type: "call.ended", reason: "hang-up", startedAt: 1_000, answered: true, durationMs: 7_000 }),
    ).toEqual({
      appId: "app_1",
      kind: "data",
      name: "mc_1",
      peers: ["alice", "bob"],
      startedAt: 1_000,
      endedAt: 9_000,
      reason: "hang-up",
    });
    expect(
      callRecordOf({
        ...facts,
        type: "room.closed",
        room: "r",
        reason: "empty",
        startedAt: 1_000,
        durationMs: 8_000,
        peers: ["a"],
      }),
    ).toEqual({ appId: "app_1", kind: "room", name: "r", peers: ["a"], startedAt: 1_000, endedAt: 9_000, reason: "empty" });
    expect(callRecordOf({ ...call, type: "call.answered" })).toBeUndefined();
    expect(callRecordOf({ ...facts, type: "peer.opened", peerId: "a" })).toBeUndefined();
  });
});
