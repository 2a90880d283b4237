import type { SfuEvent } from "@tsunagi/conference";
import type { MediaPlane } from "@tsunagi/media";
import { FakeClock } from "@tsunagi/testkit";
import { describe, expect, it } from "vitest";
import { Preparations } from "./preparations.ts";

function setUp() {
  const clock = new FakeClock();
  const events: SfuEvent[] = [];
  let next = 0;
  const prepare = () => {
    const index = next++;
    const fingerprint = { algorithm: "sha-256", value: "AA" };
    const local = { iceUfrag: `u${index}`, icePwd: "p", fingerprint, setup: "actpass", candidates: [] };
    return { local };
  };
  const preparations = new Preparations({
    clock,
    plane: () => ({ prepare }) as unknown as MediaPlane,
    tell: (event) => events.push(event),
  });
  const offer = async (peerId: string, epoch: number, room = "r") =>
    preparations.offer({
      type: "offer",
      appId: "app",
      room,
      peerId,
      epoch,
      sections: [{ mid: "0", kind: "audio", direction: "receive" }],
    });
  const ref = (peerId: string, room = "r") => ({ appId: "app", room, peerId });
  return { clock, events, preparations, offer, ref };
}

describe("offers that wait for their answers", () => {
  it("describe one transport again, with a new version, and another one for a higher epoch only", async () => {
    const { offer, preparations, ref } = setUp();
    const first = await offer("a", 1);
    const again = await offer("a", 1);
    expect([first.includes("a=ice-ufrag:u0"), again.includes("a=ice-ufrag:u0"), first === again]).toEqual([true, true, false]);
    expect(await offer("a", 2)).toContain("a=ice-ufrag:u1");
    expect(preparations.size).toBe(1);
    await expect(offer("a", 1)).rejects.toMatchObject({ code: "sfu.epoch.stale" });
    expect(preparations.take(ref("a"), 1)).toBeUndefined();
    expect(preparations.take(ref("a"), 2)?.transport.local.iceUfrag).toBe("u1");
    expect([preparations.take(ref("a"), 2), preparations.size]).toEqual([undefined, 0]);
  });

  it("end after half a minute, and that is told", async () => {
    const { offer, clock, events, preparations, ref } = setUp();
    await offer("a", 1);
    await offer("b", 3);
    preparations.take(ref("a"), 1);
    clock.advance(20_000);
    // Described again: from here on.
    await offer("b", 3);
    clock.advance(29_999);
    expect(preparations.size).toBe(1);
    clock.advance(1);
    expect(preparations.size).toBe(0);
    expect(events).toEqual([{ type: "transport-lost", ...ref("b"), epoch: 3, reason: "unanswered" }]);
  });

  it("end with their member and their room", async () => {
    const { offer, preparations, ref, clock, events } = setUp();
    await offer("a", 1);
    await offer("b", 1);
    await offer("a", 1, "other");
    preparations.leave(ref("a"));
    expect(preparations.size).toBe(2);
    preparations.close({ appId: "app", room: "r" });
    expect(preparations.size).toBe(1);
    preparations.closeAll();
    clock.advance(60_000);
    expect([preparations.size, events]).toEqual([0, []]);
  });

  it("are not endless", async () => {
    const { offer, preparations } = setUp();
    for (let at = 0; at < 1_000; at++) await offer(`m${at}`, 1);
    await expect(offer("one more", 1)).rejects.toMatchObject({ code: "sfu.capacity.reached" });
    preparations.leave({ appId: "app", room: "r", peerId: "m7" });
    await offer("one more", 1);
  });
});
