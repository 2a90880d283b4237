/** An SFU room of twelve: 132 pictures and 132 tones, decoded and told apart. Alone, since two cores have to decode them all. */
import { expect, it } from "vitest";
import { expectAllSeeAll, join, journal, openCrowd } from "../support/crowd.ts";
import { openStage } from "../support/stage.ts";

it("of 12, joined one after the other: everyone sees and hears everyone else, and nobody sees a leave", async () => {
  const stage = await openStage();
  const names = Array.from({ length: 12 }, (_, index) => `p${index + 1}`);
  const people = [
    ...(await openCrowd(await stage.page("one"), stage.server, names.slice(0, 6), 1)),
    ...(await openCrowd(await stage.page("two"), stage.server, names.slice(6), 7)),
  ];
  for (const person of people) await join(person, "of-12", { framesPerSecond: 8 });
  await expectAllSeeAll(people, 40_000);
  for (const person of people) expect((await journal(person)).filter((line) => /error|Leave|close/.test(line))).toEqual([]);
});
