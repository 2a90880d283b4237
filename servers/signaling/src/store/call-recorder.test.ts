import { FakeClock } from "@tsunagi/testkit";
import { describe, expect, it } from "vitest";
import { CallRecorder } from "./call-recorder.ts";
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
