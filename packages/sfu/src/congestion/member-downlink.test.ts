import { buildTransportFeedback, CanonicalPacket, extensionIds, SendList } from "@tsunagi/rtp";
import { describe, expect, it } from "vitest";
import type { Candidate } from "../router-port.ts";
import { MemberDownlink, type PaddingSource } from "./member-downlink.ts";

const ids = extensionIds({ "transport-sequence": 3 });

function setUp(startBps = 1_000_000) {
  const downlink = new MemberDownlink({ startBps });
  const list = new SendList();
  let sequence = 0;
  const add = () => list.add(0, new CanonicalPacket(), 1, sequence++, 0, 96, ids);
  const send = (now: number, kind: "audio" | "media" = "media") => {
    add();
    return downlink.send(now, list, 1_000, kind);
  };
  /** Bytes asked for; gives a packet of 1,000 each time, while there is something. */
  const asked: number[] = [];
  const stock = { packets: Number.POSITIVE_INFINITY };
  const padding: PaddingSource = {
    addPadding: (_now, to, bytes) => {
      asked.push(bytes);
      if (stock.packets <= 0) return 0;
      stock.packets -= 1;
      expect(to).toBe(list);
      add();
      return 1_000;
    },
  };
  return { downlink, list, send, padding, asked, stock };
}

/** Two sizes of a camera. */
const candidate = (slot: number, low: number, high: number, priority = 0): Candidate => ({
  slot,
  priority,
  current: -1,
  layers: [
    { encoding: 0, spatial: 0, temporal: 0, bps: low },
    { encoding: 1, spatial: 0, temporal: 0, bps: high },
  ],
});

describe("a member's downlink", () => {
  it("wants to be woken from the first packet on: at least every 100 ms, and when what waits may go", () => {
    const { downlink, list, send, padding } = setUp(100_000);
    expect(downlink.deadline).toBeUndefined();
    expect(send(0)).toBe(true);
    expect(downlink.deadline).toBe(100);
    while (send(0)) {}
    const before = list.length;
    let now = 0;
    for (; list.length === before && now < 100; downlink.tick(now, list, padding))
      now = downlink.deadline ?? Number.POSITIVE_INFINITY;
    // 1,000 bytes at 2.5 times the estimate, after the first burst.
    expect([list.length - before, now < 50]).toEqual([1, true]);
  });

  it("numbers what leaves, in the order in which it leaves, and voices go first", () => {
    const { downlink, list, send, padding } = setUp(100_000);
    while (send(0)) {}
    expect(send(0, "audio")).toBe(true);
    const voice = list.length - 1;
    for (let now = 5; now < 500; now += 5) downlink.tick(now, list, padding);
    const numbers = [...list.transportSequence.subarray(0, list.length)];
    expect(numbers).toEqual(numbers.map((_, index) => (numbers[0] ?? 0) + index));
    // It was added last.
    expect([list.length > voice + 1, list.sequence[voice]]).toEqual([true, Math.max(...list.sequence.subarray(0, list.length))]);
  });

  it("paces what it holds by an estimate that changes", () => {
    const left = (remb: number) => {
      const { downlink, list, send } = setUp(100_000);
      downlink.remb(0, remb);
      for (let index = 0; index < 40; index += 1) send(0);
      return list.length;
    };
    expect(left(5_000_000)).toBeGreaterThan(left(100_000) + 10);
  });

  it("gives low layers to all before a high one, and asks for a new choice as soon as the estimate falls", () => {
    const { downlink } = setUp(1_000_000);
    const chosen = downlink.allocate(0, 100_000, [candidate(1, 150_000, 2_000_000), candidate(2, 150_000, 400_000)]);
    expect(chosen[0]).toBe(0);
    expect(downlink.wantedBps).toBeGreaterThan(2_000_000);
    expect(downlink.allocationDue(0)).toBe(false);
    // Less is sent than wanted: it is looked at again.
    expect(downlink.allocationDue(250)).toBe(true);
    downlink.remb(10, 300_000);
    expect([downlink.estimateBps, downlink.allocationDue(10)]).toEqual([300_000, true]);
  });

  it("shows something for a while where nothing is known to fit, the one of the highest priority, and then leaves it", () => {
    const { downlink } = setUp(50_000);
    const all = [candidate(1, 400_000, 900_000), candidate(2, 400_000, 900_000, 5)];
    expect(downlink.allocate(0, 0, all)).toEqual([-1, 0]);
    expect(downlink.allocate(2_000, 0, all)).toEqual([-1, 0]);
    expect(downlink.allocate(3_000, 0, all)).toEqual([-1, -1]);
    expect(downlink.allocate(12_000, 0, all)).toEqual([-1, -1]);
    expect(downlink.allocate(13_000, 0, all)).toEqual([-1, 0]);
    // The next one waits twice as long.
    expect(downlink.allocate(26_000, 0, all)).toEqual([-1, -1]);
    expect(downlink.allocate(36_000, 0, all)).toEqual([-1, 0]);
  });

  it("pads a probe when more is wanted than is known to fit, and stops where there is nothing to pad with", () => {
    for (const packets of [0, Number.POSITIVE_INFINITY]) {
      const { downlink, list, send, padding, asked, stock } = setUp(500_000);
      stock.packets = packets;
      downlink.allocate(0, 0, [candidate(1, 150_000, 3_000_000)]);
      const numbers: number[] = [];
      for (let now = 0; now < 1_500; now += 10) {
        const from = list.length;
        send(now);
        downlink.tick(now, list, padding);
        for (let at = from; at < list.length; at += 1) numbers.push(list.transportSequence[at] ?? 0);
        const told = numbers.splice(0);
        if (told.length === 0) continue;
        const arrivals = told.map(() => 50_000 + now);
        downlink.feedback(now + 5, buildTransportFeedback(1, 2, 0, told[0] ?? 0, arrivals, told.length).packet);
      }
      if (packets === 0) expect([asked.length > 0, asked.length < 20]).toEqual([true, true]);
      else expect(downlink.estimateBps).toBeGreaterThan(800_000);
    }
  });

  it("knocks in a silence in which nothing else is sent, and not where feedback comes", () => {
    for (const silent of [true, false]) {
      const { downlink, list, send, padding, asked } = setUp();
      send(0);
      const { packet } = buildTransportFeedback(1, 2, 0, 0, [500], 1);
      downlink.feedback(40, packet);
      send(100);
      if (!silent) downlink.feedback(140, buildTransportFeedback(1, 2, 0, 1, [600], 1).packet);
      for (let now = 200; now < 3_000; now += 100) downlink.tick(now, list, padding);
      expect(asked.filter((bytes) => bytes === 100).length > 2).toBe(silent);
      if (!silent) expect(asked).toEqual([]);
    }
  });

  it("shows an operator what it does", () => {
    const { downlink, send } = setUp(100_000);
    while (send(0)) {}
    expect(downlink.dump()).toMatchObject({ estimateBps: 100_000, waiting: 1, silent: false, dropped: { late: 0 } });
  });
});
