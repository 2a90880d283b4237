import { seededRandom } from "@tsunagi/testkit";
import { describe, expect, it } from "vitest";
import { Speakers, type SpeakersChange } from "./speakers.ts";

/** Loudness of a member at a time: 0 silent. */
type Script = Record<string, (now: number) => number>;

const SPEECH = 95;
const random = seededRandom(7);
/** Speech goes up and down. */
const speaks =
  (from: number, to: number, loudness = SPEECH) =>
  (now: number) =>
    now >= from && now < to ? loudness + 10 * (random() - 0.5) : 40;

function run(script: Script, ms: number): { speakers: Speakers; told: { at: number; change: SpeakersChange }[] } {
  const speakers = new Speakers();
  const told: { at: number; change: SpeakersChange }[] = [];
  for (const peerId of Object.keys(script)) speakers.join(peerId);
  for (let now = 0; now < ms; now += 10) {
    for (const [peerId, loudness] of Object.entries(script)) {
      if (now % 20 === 0) speakers.voice(peerId).heard(now, 127 - Math.round(loudness(now)));
    }
    if (now >= (speakers.deadline ?? Infinity)) {
      const change = speakers.tick(now);
      if (change !== undefined) told.push({ at: now, change });
    }
  }
  return { speakers, told };
}

const actives = (told: readonly { at: number; change: SpeakersChange }[]) =>
  told
    .filter(({ change }, index) => change.active !== (told[index - 1]?.change.active ?? null))
    .map(({ at, change }) => ({ at, active: change.active }));

describe("speakers", () => {
  it("finds who begins to speak within half a second, and that nobody does after 3 s", () => {
    const { told } = run({ a: speaks(1_000, 3_000), b: speaks(0, 0) }, 10_000);
    const [first, second, ...more] = actives(told);
    expect(first?.active).toBe("a");
    expect(first?.at).toBeGreaterThan(1_000);
    expect(first?.at).toBeLessThanOrEqual(1_600);
    expect(second?.active).toBeNull();
    expect(second?.at).toBeGreaterThan(5_500);
    expect(more).toEqual([]);
  });

  it("goes over to the next speaker within a second", () => {
    const { told } = run({ a: speaks(0, 5_000), b: speaks(5_000, 10_000) }, 10_000);
    const changes = actives(told);
    expect(changes.map(({ active }) => active)).toEqual(["a", "b"]);
    expect(changes[1]?.at).toBeLessThanOrEqual(6_000);
  });

  it("stays with one of two who speak equally loud", () => {
    const { told } = run({ a: speaks(0, 20_000), b: speaks(300, 20_000) }, 20_000);
    expect(actives(told).length).toBeLessThanOrEqual(1);
  });

  it("does not take a knock or a cough for speech", () => {
    const { told } = run({ a: speaks(0, 20_000), b: (now) => (now % 2_000 < 100 ? 120 : 40) }, 20_000);
    expect(actives(told).map(({ active }) => active)).toEqual(["a"]);
    const alone = run({ a: (now) => (now > 1_000 && now < 1_120 ? 120 : 40) }, 5_000);
    expect(actives(alone.told)).toEqual([]);
  });

  it("does not take the noise of a fan for speech", () => {
    const { told } = run({ a: () => 66 }, 30_000);
    expect(told.filter(({ at, change }) => at > 10_000 && change.active !== null)).toEqual([]);
  });

  it("gives way to one who speaks much louder, but not at once", () => {
    const { told } = run({ a: speaks(0, 20_000, 75), b: speaks(5_000, 20_000, 105) }, 20_000);
    const changes = actives(told);
    expect(changes.map(({ active }) => active)).toEqual(["a", "b"]);
    expect(changes[1]?.at).toBeGreaterThan(5_300);
    expect(changes[1]?.at).toBeLessThan(6_500);
  });

  it("tells at most four times a second, and nothing in silence", () => {
    const { told } = run({ a: (now) => (Math.floor(now / 300) % 2 === 0 ? 110 : 60), b: speaks(0, 4_000) }, 8_000);
    for (let index = 1; index < told.length; index += 1) {
      expect((told[index]?.at ?? 0) - (told[index - 1]?.at ?? 0)).toBeGreaterThanOrEqual(250);
    }
    const quiet = run({ a: () => 0, b: () => 20 }, 5_000);
    expect(quiet.told).toEqual([]);
  });

  it("tells how loud they are, and leaves out who is silent", () => {
    const { told } = run({ a: speaks(0, 3_000, 100), b: () => 0 }, 6_000);
    expect(told.every(({ change }) => change.levels.every(([peerId]) => peerId === "a"))).toBe(true);
    expect(Math.max(...told.map(({ change }) => change.levels[0]?.[1] ?? 0))).toBeGreaterThan(90);
    expect(told.at(-1)?.change.levels).toEqual([]);
  });

  it("keeps those who spoke last first, and forgets who leaves", () => {
    const { speakers } = run({ a: () => 0, b: speaks(0, 1_500), c: speaks(2_000, 4_000), d: () => 0 }, 4_000);
    expect(speakers.recent).toEqual(["c", "b", "a", "d"]);
    speakers.takeRecentChanged();
    expect(speakers.takeRecentChanged()).toBe(false);
    speakers.leave("c");
    expect(speakers.active).toBeNull();
    expect(speakers.recent).toEqual(["b", "a", "d"]);
    expect(speakers.takeRecentChanged()).toBe(true);
  });

  it("is silent at once when muted", () => {
    const { speakers } = run({ a: speaks(0, 4_000) }, 4_000);
    speakers.voice("a").silence();
    expect(speakers.tick(4_300)?.levels).toEqual([]);
  });

  it("tells of the loudest twenty in a large room", () => {
    const script: Script = {};
    for (let index = 0; index < 60; index += 1) script[`p${index}`] = speaks(0, 5_000, 70 + (index % 40));
    const { told } = run(script, 3_000);
    expect(Math.max(...told.map(({ change }) => change.levels.length))).toBeLessThanOrEqual(20);
  });
});
