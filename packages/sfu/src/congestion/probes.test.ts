import { describe, expect, it } from "vitest";
import { Probes } from "./probes.ts";

/** Sends a cluster at its rate over a link of `linkBps`, and judges it. */
function probe(probes: Probes, now: number, estimateBps: number, wantedBps: number, linkBps: number, wasFull = false) {
  const started = probes.start(now, estimateBps, wantedBps, wasFull);
  if (started === undefined) return { started, shown: undefined, at: now };
  const { cluster } = probes;
  let at = now;
  let free = now;
  while (probes.cluster !== 0 && (probes.due(at) ?? -1) < 0) at += 1;
  const arrivals: number[] = [];
  for (; probes.cluster !== 0; at += 1) {
    while ((probes.due(at) ?? -1) >= 0) {
      probes.sent(at, 1_200);
      free = Math.max(free, at) + (1_200 * 8_000) / linkBps;
      arrivals.push(free + 20);
    }
  }
  for (const arrival of arrivals) probes.told(cluster, 1_200, arrival);
  return { started, shown: probes.judge(at + 100, 50), at: at + 100 };
}

describe("probes", () => {
  it("show what passes, up to what was tried", () => {
    const { started, shown } = probe(new Probes(), 0, 1_000_000, 5_000_000, 50_000_000);
    expect(started?.bps).toBe(3_000_000);
    expect(shown).toBeGreaterThan(2_500_000);
    expect(shown).toBeLessThanOrEqual(3_000_000);
  });

  it("show what a full link carries", () => {
    const { shown } = probe(new Probes(), 0, 1_000_000, 5_000_000, 2_000_000);
    expect(shown).toBeGreaterThan(1_600_000);
    expect(shown).toBeLessThan(2_000_000);
  });

  it("show nothing where no more passes, and then wait, longer each time", () => {
    const probes = new Probes();
    const starts: number[] = [];
    for (let now = 0; now < 30_000; now += 10) {
      const { started, shown, at } = probe(probes, now, 1_000_000, 5_000_000, 1_000_000);
      expect(shown).toBeUndefined();
      if (started === undefined) continue;
      starts.push(now);
      now = at;
    }
    const pauses = starts.slice(1).map((start, index) => start - (starts[index] as number));
    expect(pauses[0]).toBeLessThan(1_200);
    expect(pauses.at(-1)).toBeGreaterThan(4_000);
    expect(pauses.at(-1)).toBeLessThan(4_500);
  });

  it("are gentle where the link was full, until one succeeds", () => {
    const probes = new Probes();
    probe(probes, 0, 1_000_000, 9_000_000, 1_000_000);
    const second = probe(probes, 10_000, 1_000_000, 9_000_000, 50_000_000, true);
    expect(second.started?.bps).toBe(1_300_000);
    expect(probe(probes, 11_000, 1_300_000, 9_000_000, 50_000_000, true).started?.bps).toBe(2_600_000);
  });

  it("are not begun for what is allowed already", () => {
    expect(new Probes().start(0, 1_000_000, 1_000_000, false)).toBeUndefined();
  });

  it("end where nothing can be sent, and do not hold up the next", () => {
    const probes = new Probes();
    expect(probes.start(0, 1_000_000, 5_000_000, false)).toBeDefined();
    probes.end(1);
    expect(probes.judge(2, 50)).toBeUndefined();
    expect(probes.start(1_000, 1_000_000, 5_000_000, false)).toBeDefined();
  });

  it("count for nothing with a third of them lost", () => {
    const probes = new Probes();
    probes.start(0, 1_000_000, 5_000_000, false);
    const { cluster } = probes;
    for (let at = 0; probes.cluster !== 0; at += 3) probes.sent(at, 1_200);
    for (let index = 0; index < 13; index += 1) probes.told(cluster, 1_200, index % 3 === 0 ? -1 : 100 + index * 3);
    expect(probes.judge(10_000, 50)).toBeUndefined();
  });
});
