import { describe, expect, it } from "vitest";
import { Voice } from "./voice.ts";

/** Level as in the extension, each 20 ms; a look each 100 ms. */
function play(voice: Voice, from: number, to: number, level: number): void {
  for (let now = from; now < to; now += 20) {
    voice.heard(now, level);
    if (now % 100 === 0) voice.look(now);
  }
  voice.look(to);
}

describe("a voice", () => {
  it("rises with speech and falls behind it", () => {
    const voice = new Voice("a");
    play(voice, 0, 1_000, 30);
    expect(voice.loudness).toBeGreaterThan(90);
    expect(voice.activity).toBe(10);
    play(voice, 1_000, 1_200, 127);
    expect(voice.loudness).toBeGreaterThan(20);
    play(voice, 1_200, 4_000, 127);
    expect(voice.loudness).toBe(0);
    expect(voice.activity).toBe(0);
  });

  it("falls silent where packets stop (DTX)", () => {
    const voice = new Voice("a");
    play(voice, 0, 1_000, 30);
    for (let now = 1_000; now < 4_000; now += 100) voice.look(now);
    expect(voice.loudness).toBe(0);
    expect(voice.look(4_000)).toBe(false);
  });

  it("is compared over a long and a short window: a short sound scores less than speech", () => {
    const speech = new Voice("a");
    const knock = new Voice("b");
    play(speech, 0, 2_000, 40);
    play(knock, 0, 1_900, 100);
    play(knock, 1_900, 1_960, 10);
    knock.look(2_000);
    expect(speech.score).toBeGreaterThan(knock.score);
  });

  it("does not take the steady noise of a place for speech", () => {
    const voice = new Voice("a");
    play(voice, 0, 20_000, 62);
    expect(voice.activity).toBe(0);
    expect(voice.loudness).toBe(0);
  });
});
