import { readTransportFeedback, TransportFeedback as Told } from "@tsunagi/rtp";
import { seededRandom } from "@tsunagi/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TransportFeedback } from "./transport-feedback.ts";

/** All that is to be told, as arrival times by 16-bit sequence number; undefined: told as lost. */
function told(feedback: TransportFeedback): { packets: Uint8Array[]; arrivals: Map<number, number | undefined> } {
  const packets: Uint8Array[] = [];
  const arrivals = new Map<number, number | undefined>();
  const columns = new Told();
  for (let packet = feedback.take(1, 2); packet !== undefined; packet = feedback.take(1, 2)) {
    packets.push(packet);
    expect(packet.length).toBeLessThanOrEqual(1_000);
    expect(packet.length % 4).toBe(0);
    const padding = ((packet[0] as number) & 0x20) === 0 ? 0 : (packet.at(-1) as number);
    expect(readTransportFeedback(packet, 0, packet.length - padding, columns)).toBe(true);
    for (let index = 0; index < columns.count; index += 1) {
      const us = columns.arrivalUs[index] as number;
      arrivals.set((columns.baseSequence + index) & 0xffff, us === -1 ? undefined : us / 1_000);
    }
  }
  return { packets, arrivals };
}

describe("transport-wide feedback", () => {
  it("tells one arrival in the bytes that the draft draws", () => {
    const feedback = new TransportFeedback();
    feedback.arrived(6_400 + 10.5, 0x1234);
    const packet = feedback.take(0x01020304, 0x05060708) as Uint8Array;
    expect(Buffer.from(packet).toString("hex")).toBe(
      // V=2, padding, FMT 15 · PT 205 · length · SSRCs · base · count · reference 100 · feedback 0 · run of 1 small · 42 ticks · padding 1
      ["afcd0005", "01020304", "05060708", "12340001", "00006400", "20012a01"].join(""),
    );
  });

  it("is due sooner when much has come", () => {
    const feedback = new TransportFeedback();
    expect(feedback.deadline).toBeUndefined();
    feedback.arrived(1_000, 1);
    expect(feedback.deadline).toBe(1_100);
    for (let sequence = 2; sequence < 20; sequence += 1) feedback.arrived(1_001, sequence);
    expect(feedback.deadline).toBe(1_050);
    told(feedback);
    expect(feedback.deadline).toBeUndefined();
    expect(feedback.take(1, 2)).toBeUndefined();
  });

  it("tells losses, over the turn of the sequence number", () => {
    const feedback = new TransportFeedback();
    for (const sequence of [0xfffd, 0xffff, 1]) feedback.arrived(5_000 + ((sequence + 3) & 0xffff), sequence);
    const { arrivals } = told(feedback);
    expect([...arrivals]).toEqual([
      [0xfffd, 5_000],
      [0xfffe, undefined],
      [0xffff, 5_002],
      [0, undefined],
      [1, 5_004],
    ]);
  });

  it("tells a packet that was overtaken and already told as lost", () => {
    const feedback = new TransportFeedback();
    feedback.arrived(100, 10);
    feedback.arrived(101, 12);
    expect(told(feedback).arrivals.get(11)).toBeUndefined();
    feedback.arrived(160, 11);
    const { arrivals } = told(feedback);
    expect(arrivals.get(11)).toBe(160);
    expect(arrivals.get(12)).toBe(101);
  });

  it("does not tell a duplicate", () => {
    const feedback = new TransportFeedback();
    feedback.arrived(100, 10);
    told(feedback);
    feedback.arrived(150, 10);
    expect(feedback.take(1, 2)).toBeUndefined();
  });

  it("begins anew after a jump over more than it remembers", () => {
    const feedback = new TransportFeedback();
    feedback.arrived(100, 10);
    feedback.arrived(101, 10_000);
    expect([...told(feedback).arrivals]).toEqual([[10_000, 101]]);
  });

  it("splits what does not fit in one packet, and counts them", () => {
    const feedback = new TransportFeedback();
    for (let sequence = 0; sequence < 1_500; sequence += 1) feedback.arrived(1_000 + sequence * 0.25, sequence);
    const { packets, arrivals } = told(feedback);
    expect(packets.length).toBeGreaterThan(1);
    expect(packets.map((packet) => packet[19])).toEqual(packets.map((_, index) => index));
    expect(arrivals.size).toBe(1_500);
    expect(arrivals.get(1_499)).toBe(1_000 + 1_499 * 0.25);
  });

  it("begins a new packet where a delta is too large for its field", () => {
    const feedback = new TransportFeedback();
    feedback.arrived(1_000, 1);
    feedback.arrived(60_000, 2);
    expect([...told(feedback).arrivals]).toEqual([
      [1, 1_000],
      [2, 60_000],
    ]);
  });

  it("tells each arrival, however packets are lost, late and doubled", () => {
    fc.assert(
      fc.property(fc.integer(), fc.nat(0xffff), (seed, first) => {
        const random = seededRandom(seed);
        const feedback = new TransportFeedback();
        const sent = new Map<number, number>();
        const arrivals = new Map<number, number | undefined>();
        let now = 1_000;
        for (let index = 0; index < 300; index += 1) {
          now += random() < 0.05 ? random() * 300 : random() * 5;
          if (random() < 0.1) continue;
          const sequence = (first + index - (random() < 0.1 ? Math.floor(random() * 20) : 0)) & 0xffff;
          if (!sent.has(sequence)) {
            // An older one than the first cannot be known to be awaited; it is told all the same.
            sent.set(sequence, Math.round(now * 4) / 4);
          }
          feedback.arrived(now, sequence);
          if (random() < 0.1)
            for (const [key, value] of told(feedback).arrivals) if (value !== undefined) arrivals.set(key, value);
        }
        for (const [key, value] of told(feedback).arrivals) if (value !== undefined) arrivals.set(key, value);
        expect(new Map([...arrivals].sort())).toEqual(new Map([...sent].sort()));
      }),
      { numRuns: 100 },
    );
  });
});
