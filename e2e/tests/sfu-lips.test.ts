/** Lips in sync: sound and picture of one member of an SFU room, as a receiver plays and shows them. */
import { expect, it } from "vitest";
import { expectSees, join, openCrowd, type Person } from "../support/crowd.ts";
import { pause } from "../support/people.ts";
import { openStage } from "../support/stage.ts";

/** The issue's own figure. */
const LIPS_MS = 80;
/** A browser moves the two together step by step, and its buffers find their length only then. */
const SETTLE_MS = 8_000;
const LOOKS = 20;

it(`what is played and what is shown were captured within ${LIPS_MS} ms of each other`, async () => {
  const stage = await openStage();
  const page = await stage.page("lips");
  const [ann, ben] = (await openCrowd(page, stage.server, ["ann", "ben"], 1)) as [Person, Person];
  await join(ann, "lips", { framesPerSecond: 20 });
  await join(ben, "lips", null);
  await expectSees(ben, [{ of: ann, video: true, audio: true }]);
  await pause(SETTLE_MS);
  // The publisher's clock at what comes out, which the receiver knows by the sender reports that reach it (webrtc-stats).
  const offsets = await page.evaluate(
    async (name: string, looks: number) => {
      const found: number[] = [];
      const startedAt = performance.now();
      while (found.length < looks && performance.now() - startedAt < 15_000) {
        await new Promise((resolve) => setTimeout(resolve, 150));
        const at: Record<string, number | undefined> = {};
        (await crowd.connection(name).getStats()).forEach((each) => {
          if (each.type === "inbound-rtp") at[each.kind] = each.estimatedPlayoutTimestamp;
        });
        if (at.audio !== undefined && at.video !== undefined) found.push(at.audio - at.video);
      }
      return found;
    },
    ben.name,
    LOOKS,
  );
  const sorted = offsets.toSorted((x, y) => x - y);
  const median = sorted[sorted.length >> 1] ?? Number.NaN;
  console.log(`sound ahead of picture, ms: ${offsets.map(Math.round).join(", ")}; median ${Math.round(median)}`);
  expect(offsets.length).toBe(LOOKS);
  expect(Math.abs(median)).toBeLessThanOrEqual(LIPS_MS);
});
