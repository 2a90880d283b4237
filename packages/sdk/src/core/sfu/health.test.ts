import { FakeClock } from "@tsunagi/testkit";
import { describe, expect, it } from "vitest";
import { FakeTarget } from "../../../test/support/fake-media.ts";
import type { PeerConnectionPort } from "../ports.ts";
import { Health } from "./health.ts";

function setUp() {
  const clock = new FakeClock();
  const lost: string[] = [];
  const state = { flows: true, expects: true, signal: true, bytes: 0, probes: 0 };
  const pc = Object.assign(new FakeTarget(), {
    connectionState: "new" as PeerConnectionPort["connectionState"],
    getTransceivers: () => [],
    getStats: async () => {
      if (state.flows) state.bytes += 1_000;
      const entries = [
        { id: "T", type: "transport", selectedCandidatePairId: "P" },
        { id: "P", type: "candidate-pair", bytesReceived: state.bytes },
      ];
      return new Map(entries.map((entry) => [entry.id, entry]));
    },
  });
  const health = new Health({
    clock,
    pc: pc as unknown as PeerConnectionPort,
    expectsFlow: () => state.expects,
    signalOpen: () => state.signal,
    probe: async () => {
      state.probes += 1;
      return state.signal;
    },
    connectMs: 4_000,
    onLost: (why) => lost.push(why),
  });
  const become = (next: PeerConnectionPort["connectionState"]) => {
    pc.connectionState = next;
    health.stateChanged();
  };
  return { clock, lost, state, health, become };
}

describe("a transport is lost", () => {
  it("when it does not connect in time after its first answer", async () => {
    const { clock, lost, health, become } = setUp();
    health.negotiated();
    become("connecting");
    await clock.advanceAsync(3_900);
    health.negotiated();
    expect(lost).toEqual([]);
    await clock.advanceAsync(200);
    expect(lost).toEqual(["it did not connect in time"]);
    const other = setUp();
    other.health.negotiated();
    other.become("connected");
    await other.clock.advanceAsync(10_000);
    expect(other.lost).toEqual([]);
    other.health.stop();
    health.stop();
  });

  it("at once when ICE fails, and after a second of being disconnected", async () => {
    const { clock, lost, health, become } = setUp();
    become("connected");
    become("disconnected");
    await clock.advanceAsync(900);
    become("connected");
    await clock.advanceAsync(2_000);
    expect(lost).toEqual([]);
    become("disconnected");
    await clock.advanceAsync(1_000);
    expect(lost).toEqual(["disconnected"]);
    become("failed");
    expect(lost).toEqual(["disconnected", "ICE failed"]);
    health.stop();
  });

  it("when video stands still that should come, but not when nothing is expected", async () => {
    for (const expects of [true, false]) {
      const { clock, lost, state, health, become } = setUp();
      state.expects = expects;
      become("connected");
      await clock.advanceAsync(5_000);
      state.flows = false;
      await clock.advanceAsync(4_000);
      expect(lost).toEqual(expects ? ["media stands still"] : []);
      // The new transport is offered over signalling, which may have lost its path as well.
      expect(state.probes).toBeGreaterThan(0);
      health.stop();
    }
  });

  it("when signalling has come back over another path and nothing comes over this one", async () => {
    const { clock, lost, state, health, become } = setUp();
    become("connected");
    await clock.advanceAsync(5_000);
    health.signalResumed(true);
    await clock.advanceAsync(1_000);
    expect(lost).toEqual([]);
    state.expects = false;
    state.flows = false;
    await clock.advanceAsync(3_000);
    health.signalResumed(true);
    await clock.advanceAsync(0);
    expect(lost).toEqual(["nothing comes over it"]);
    health.stop();
    become("failed");
    expect(lost).toHaveLength(1);
    expect(clock.pending).toBe(0);
  });
});
