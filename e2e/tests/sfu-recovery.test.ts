/** What breaks under SFU rooms without anyone leaving: a worker of the SFU, and the whole server with signalling. */
import { readdirSync, readFileSync } from "node:fs";
import { type BrowserPage, launchChromium, type ServerProcess, startPageServer, startServer } from "@tsunagi/testkit/drivers";
import { beforeAll, describe, expect, it } from "vitest";
import { everyoneBut, expectAllSeeAll, expectSees, gaps, join, openCrowd, type Person, takeJournal } from "../support/crowd.ts";
import { pause } from "../support/people.ts";

/** The issue's own figure, for a worker that dies. */
const BACK_WITHIN_MS = 3_000;

let openPage: (name: string) => Promise<BrowserPage>;

beforeAll(async () => {
  const [pages, chromium] = await Promise.all([startPageServer(), launchChromium()]);
  openPage = async (name) => {
    const page = await chromium.newPage({ name });
    await page.goto(pages.url);
    return page;
  };
});

/** The server's processes for media. */
function workersOf(server: ServerProcess): number[] {
  const parentOf = (pid: string): number => {
    try {
      // The command's name, which stands in brackets, may hold spaces.
      return Number(readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ")[1]);
    } catch {
      return 0;
    }
  };
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && parentOf(name) === server.pid)
    .map(Number);
}

async function roomOfThree(server: ServerProcess): Promise<[Person, Person, Person]> {
  const people = [
    ...(await openCrowd(await openPage("one"), server, ["ann", "ben"], 1)),
    ...(await openCrowd(await openPage("two"), server, ["cat"], 3)),
  ] as [Person, Person, Person];
  for (const person of people) await join(person, "tea", { framesPerSecond: 20 });
  await expectAllSeeAll(people);
  for (const person of people) await takeJournal(person);
  return people;
}

/** Begins to watch who sees whom; the returned function tells the longest time without a frame since then. */
async function watchAll(people: readonly Person[]): Promise<() => Promise<number>> {
  const pairs = people.flatMap((person) => everyoneBut(people, person).map(({ of }) => [person, of] as const));
  for (const [person, of] of pairs) await gaps(person, of);
  return async () => Math.max(...(await Promise.all(pairs.map(async ([person, of]) => (await gaps(person, of)).longestMs))));
}

const LEFT = /peerLeave|peerJoin|unpublished|error|close/;

describe("a worker of the SFU is killed", () => {
  it("media is back in time, and nobody has left", async () => {
    const server = await startServer({ env: { TSUNAGI_SFU_WORKERS: "1" } });
    const people = await roomOfThree(server);
    const longest = await watchAll(people);
    await pause(1_000);
    const steady = await longest();
    for (let round = 0; round < 2; round++) {
      const [worker] = workersOf(server);
      if (worker === undefined) throw new Error("the server has no worker");
      process.kill(worker, "SIGKILL");
      await pause(BACK_WITHIN_MS);
      await expectAllSeeAll(people);
      const gap = await longest();
      console.log(`worker killed: longest time without a frame ${Math.round(gap)} ms, steady ${Math.round(steady)} ms`);
      expect(gap).toBeGreaterThan(200);
      expect(gap).toBeLessThan(BACK_WITHIN_MS);
      expect(workersOf(server)).not.toContain(worker);
    }
    for (const person of people) expect((await takeJournal(person)).filter((line) => LEFT.test(line))).toEqual([]);
    await server.close();
  });
});

describe("the whole server is killed and started again", () => {
  it("the room goes on: nobody has left, media is back, and a fourth can join", async () => {
    const server = await startServer();
    const people = await roomOfThree(server);
    const [ann] = people;
    await server.restart({ signal: "SIGKILL", downMs: 1_000 });
    const startedAt = performance.now();
    await expectAllSeeAll(people, 30_000);
    console.log(`server killed: all see all again ${Math.round(performance.now() - startedAt)} ms after it is back`);
    for (const person of people) expect((await takeJournal(person)).filter((line) => LEFT.test(line))).toEqual([]);
    const [dan] = (await openCrowd(await openPage("three"), server, ["dan"], 4)) as [Person];
    await join(dan, "tea");
    await expectAllSeeAll([...people, dan]);
    await dan.page.close();
    await expectSees(ann, everyoneBut(people, ann), 60_000);
    await server.close();
  });
});
