import type { SfuEvent } from "@tsunagi/conference";
import type { MediaPlane } from "@tsunagi/media";
import { FakeClock } from "@tsunagi/testkit";
import { describe, expect, it } from "vitest";
import { Preparations } from "./preparations.ts";

function setUp() {
  const clock = new FakeClock();
  const events: SfuEvent[] = [];
  const closed: number[] = [];
  let next = 0;
  const prepare = async () => {
    const index = next++;
    const fingerprint = { algorithm: "sha-256", value: "AA" };
    const local = { iceUfrag: `u${index}`, icePwd: "p", fingerprint, setup: "actpass", candidates: [] };
    return { index, local, close: () => closed.push(index) };
  };
  const preparations = new Preparations({
    clock,
    plane: () => ({ prepare }) as unknown as MediaPlane,
    tell: (event) => events.push(event),
  });
  const offer = (peerId: string, epoch: number, room = "r") =>
    preparations.offer({
      type: "offer",
      appId: "app",
      room,
      peerId,
      epoch,
      sections: [{ mid: "0", kind: "audio", direction: "receive" }],
    });
  const ref = (peerId: string, room = "r") => ({ appId: "app", room, peerId });
  return { clock, events, closed, preparations, offer, ref };
}

describe("offers that wait for their answers", () => {
  it("describe one transport again, with a new version, and another one for a higher epoch only", async () => {
    const { offer, closed, preparations, ref } = setUp();
    const first = await offer("a", 1);
    const again = await offer("a", 1);
    expect([first.includes("a=ice-ufrag:u0"), again.includes("a=ice-ufrag:u0"), first === again]).toEqual([true, true, false]);
    expect(await offer("a", 2)).toContain("a=ice-ufrag:u1");
    expect(closed).toEqual([0]);
    await expect(offer("a", 1)).rejects.toMatchObject({ code: "sfu.epoch.stale" });
    expect(preparations.take(ref("a"), 1)).toBeUndefined();
    expect(preparations.take(ref("a"), 2)?.transport.index).toBe(1);
    expect([preparations.take(ref("a"), 2), preparations.size, closed]).toEqual([undefined, 0, [0]]);
  });

  it("end after half a minute, and that is told", async () => {
    const { offer, clock, closed, events, preparations, ref } = setUp();
    await offer("a", 1);
    await offer("b", 3);
    preparations.take(ref("a"), 1);
    clock.advance(29_999);
    expect(closed).toEqual([]);
    clock.advance(1);
    expect([closed, preparations.size]).toEqual([[1], 0]);
    expect(events).toEqual([{ type: "transport-lost", ...ref("b"), epoch: 3, reason: "unanswered" }]);
  });

  it("end with their member and their room", async () => {
    const { offer, closed, preparations, ref, clock, events } = setUp();
    await offer("a", 1);
    await offer("b", 1);
    await offer("a", 1, "other");
    preparations.leave(ref("a"));
    expect(closed).toEqual([0]);
    preparations.close({ appId: "app", room: "r" });
    expect(closed).toEqual([0, 1]);
    preparations.closeAll();
    clock.advance(60_000);
    expect([closed, events]).toEqual([[0, 1, 2], []]);
  });

  it("are not endless", async () => {
    const { offer, preparations } = setUp();
    for (let at = 0; at < 500; at++) await offer(`m${at}`, 1);
    await expect(offer("one more", 1)).rejects.toMatchObject({ code: "sfu.capacity.reached" });
    preparations.leave({ appId: "app", room: "r", peerId: "m7" });
    await offer("one more", 1);
  });
});
