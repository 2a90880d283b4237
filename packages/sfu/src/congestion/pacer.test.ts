import { CanonicalPacket, extensionIds, NONE, SendList } from "@tsunagi/rtp";
import { describe, expect, it } from "vitest";
import { Pacer } from "./pacer.ts";
import type { SendKind } from "./send-history.ts";

const ids = extensionIds({ "transport-sequence": 3 });
const without = extensionIds({});

function setUp(estimateBps: number) {
  let next = 100;
  const stamped: [bytes: number, kind: SendKind][] = [];
  const pacer = new Pacer({
    sent(_now, bytes, kind) {
      stamped.push([bytes, kind]);
      next += 1;
      return next - 1;
    },
  });
  pacer.setEstimate(estimateBps);
  const list = new SendList();
  let sequence = 0;
  const offer = (now: number, kind: SendKind, bytes = 1_000, packet = new CanonicalPacket(), extensions = ids) => {
    const at = list.add(7, packet, 1, sequence, 3, 4, extensions);
    list.marker[at] = 1;
    list.pictureId[at] = 5;
    list.tl0PicIdx[at] = 6;
    if (kind === "rtx") list.originalSequence[at] = 8;
    sequence += 1;
    return pacer.offer(now, list, bytes, kind);
  };
  return { pacer, list, offer, stamped };
}

const sequences = (list: SendList) => [...list.sequence.subarray(0, list.length)];

describe("the pacer", () => {
  it("lets bursts straight through where the estimate is ample", () => {
    const { pacer, list, offer } = setUp(5_000_000);
    for (let index = 0; index < 40; index += 1) expect(offer(0, "media")).toBe(true);
    expect(list.length).toBe(40);
    expect(pacer.deadline).toBeUndefined();
    expect([...list.transportSequence.subarray(0, 3)]).toEqual([100, 101, 102]);
  });

  it("holds what exceeds two and a half times the estimate, and lets it out in order, unchanged", () => {
    const { pacer, list, offer } = setUp(400_000);
    for (let index = 0; index < 20; index += 1) offer(0, "media");
    const first = list.length;
    expect(first).toBe(5);
    expect(pacer.length).toBe(15);
    let now = 0;
    while (pacer.deadline !== undefined) {
      now = Math.max(now + 1, pacer.deadline);
      pacer.release(now, list);
    }
    expect(sequences(list)).toEqual(Array.from({ length: 20 }, (_, index) => index));
    // 15,000 bytes at 1 Mbit/s.
    expect(now).toBeGreaterThan(100);
    expect(now).toBeLessThan(140);
    const last = 19;
    expect([list.transport[last], list.ssrc[last], list.timestamp[last], list.payloadType[last]]).toEqual([7, 1, 3, 4]);
    expect([list.marker[last], list.pictureId[last], list.tl0PicIdx[last], list.originalSequence[last]]).toEqual([1, 5, 6, NONE]);
    expect(list.transportSequence[last]).toBe(119);
  });

  it("never lets a voice wait", () => {
    const { list, offer } = setUp(100_000);
    for (let index = 0; index < 20; index += 1) offer(0, "media");
    const before = list.length;
    expect(offer(0, "audio", 100)).toBe(true);
    expect(list.length).toBe(before + 1);
  });

  it("lets repeats out before video", () => {
    const { pacer, list, offer } = setUp(400_000);
    for (let index = 0; index < 10; index += 1) offer(0, "media");
    const passed = list.length;
    offer(0, "rtx");
    pacer.release(20, list);
    expect(list.originalSequence[passed]).toBe(8);
    expect(list.sequence[passed]).toBe(10);
  });

  it("drops what waited too long, what was written over, and what there is no room for, and counts it", () => {
    const { pacer, list, offer } = setUp(100_000);
    const reused = new CanonicalPacket();
    for (let index = 0; index < 10; index += 1) offer(0, "media");
    offer(0, "media", 1_000, reused);
    reused.fillPadding(10);
    for (let now = 5; now < 400; now += 5) pacer.release(now, list);
    expect(pacer.counters).toEqual({ late: 0, overwritten: 1, full: 0 });
    for (let index = 0; index < 100; index += 1) offer(400, "media");
    pacer.release(1_000, list);
    expect(pacer.counters.late).toBeGreaterThan(50);
    for (let index = 0; index < 3_000; index += 1) offer(1_000, "media");
    expect(pacer.counters.full).toBeGreaterThan(1_000);
    expect(pacer.length).toBeLessThanOrEqual(1_024);
  });

  it("lets out what waits for a probe, repeats first, whatever the budget", () => {
    const { pacer, list, offer } = setUp(100_000);
    for (let index = 0; index < 10; index += 1) offer(0, "media");
    offer(0, "rtx", 700);
    list.clear();
    expect(pacer.force(0, list)).toBe(700);
    expect(pacer.force(0, list)).toBe(1_000);
    expect([list.originalSequence[0], list.originalSequence[1]]).toEqual([8, NONE]);
    while (pacer.force(0, list) > 0);
    expect(pacer.deadline).toBeUndefined();
    expect(pacer.queueMs).toBe(0);
  });

  it("gives no number to a packet that cannot carry it", () => {
    const { list, offer, stamped } = setUp(5_000_000);
    offer(0, "audio", 100, new CanonicalPacket(), without);
    expect(list.transportSequence[0]).toBe(NONE);
    expect(stamped).toEqual([]);
  });
});
