import { silentLog } from "@tsunagi/base";
import { FakeClock } from "@tsunagi/testkit";
import { describe, expect, it } from "vitest";
import type { FaceStateChange } from "../../store/store.ts";
import { type StoredSession, StoredSessions } from "./stored-sessions.ts";

function setUp() {
  const clock = new FakeClock();
  const rows = new Map<string, string>();
  const writes: (readonly FaceStateChange[])[] = [];
  const state = { fails: false, pruned: [] as number[], living: 0 };
  const store = {
    async changeFaceState(changes: readonly FaceStateChange[]) {
      if (state.fails) throw new Error("down");
      writes.push(changes);
      for (const { face, appId, name, body } of changes) {
        if (body === undefined) rows.delete(`${face} ${appId} ${name}`);
        else rows.set(`${face} ${appId} ${name}`, body);
      }
    },
    faceState: async ({ face, appId, name }: { face: string; appId: string; name: string }) =>
      rows.get(`${face} ${appId} ${name}`),
    async pruneFaceState(before: number) {
      state.pruned.push(before);
      return 0;
    },
  };
  const living = () => {
    state.living += 1;
  };
  const stored = new StoredSessions({ store, clock, log: silentLog, living });
  return { clock, rows, writes, state, stored };
}

const session: StoredSession = {
  session: "s",
  token: "hash",
  expiresAt: 9,
  rooms: [{ room: "hall", mode: "sfu", sfu: { epoch: 3 } }],
};

describe("StoredSessions", () => {
  it("writes what holds at the time of writing, together, and reads it back", async () => {
    const { clock, writes, stored } = setUp();
    let now: StoredSession = { ...session, rooms: [] };
    stored.sessionChanged("app", "alice", () => now);
    stored.sessionChanged("app", "bob", () => undefined);
    const member = { peerId: "alice", joinedAt: 1, receiveOnly: false, framing: "skyway" } as const;
    stored.roomChanged("app", "hall", () => ({ mode: "mesh", members: [member] }));
    now = session;
    await clock.advanceAsync(49);
    expect(writes).toHaveLength(0);
    await clock.advanceAsync(2);
    expect(writes.map((changes) => changes.length)).toEqual([3]);
    expect(await stored.session("app", "alice")).toEqual(session);
    expect(await stored.session("app", "bob")).toBeUndefined();
    expect(await stored.room("app", "hall")).toEqual({ mode: "mesh", members: [member] });
    stored.sessionChanged("app", "alice", () => undefined);
    await stored.close();
    expect(await stored.session("app", "alice")).toBeUndefined();
  });

  it("waits for a store that does not answer, and passes over rows that make no sense", async () => {
    const { clock, rows, writes, state, stored } = setUp();
    state.fails = true;
    stored.sessionChanged("app", "alice", () => session);
    await clock.advanceAsync(60);
    state.fails = false;
    await clock.advanceAsync(1_100);
    expect(writes).toHaveLength(1);
    for (const [name, body] of [
      ["x", "{"],
      ["y", "[]"],
      ["z", '{"session":"s","token":"t","rooms":[{"room":7},null]}'],
    ] as const) {
      rows.set(`skyway.session app ${name}`, body);
    }
    expect(await Promise.all(["x", "y", "z"].map((name) => stored.session("app", name)))).toEqual([
      undefined,
      undefined,
      { session: "s", token: "t", rooms: [] },
    ]);
    await stored.close();
  });

  it("refreshes what lives, and drops what is a day old", async () => {
    const { clock, state, stored } = setUp();
    await clock.advanceAsync(7 * 3_600_000);
    expect(state.living).toBe(1);
    expect(state.pruned.length).toBeGreaterThan(6);
    expect(state.pruned.at(-1)).toBeLessThan(clock.wallNow() - 23 * 3_600_000);
    await stored.close();
    expect(clock.pending).toBe(0);
  });
});
