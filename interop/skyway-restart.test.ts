/** The server ends and comes back while apps on skyway-js have rooms: the library looks for it twice, within 1.5 to 4.5 s, and never joins again. */
import type { BrowserPage } from "@tsunagi/testkit/drivers";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { clear, enter, type FaceName, type FolkStage, openFolkStage, type Someone } from "./lib/folk.ts";
import { startTap } from "./lib/tap.ts";

let stage: FolkStage;
let page: BrowserPage;

beforeAll(async () => {
  stage = await openFolkStage();
  page = await stage.page("skyway", "skyway-js");
}, 60_000);
afterEach(() => clear(page));

const send = (someone: Someone, text: string) =>
  page.evaluate((name: string, value: string) => void folk.hall(name).raw.send(value), someone.name, text);

describe.each(["SIGKILL", "SIGTERM"] as const)("%s and a start at once", (signal) => {
  it("is not seen by an SFU room and a mesh room: no error, no leave, data and media after it", {
    retry: 1,
    timeout: 120_000,
  }, async () => {
    const cast: [string, FaceName, "sfu" | "mesh"][] = [
      ["ann", "red", "sfu"],
      ["ben", "green", "sfu"],
      ["cat", "blue", "sfu"],
      ["dan", "yellow", "mesh"],
      ["eve", "cyan", "mesh"],
    ];
    const people = new Map<string, Someone>();
    // The library's second try may come 1.5 s after the end. On a machine that is busy with tests the start takes longer than that, so a front
    // lets it wait: the end of all connections and a new process are what the server is asked to survive, not the time that they take here.
    const tap = await startTap(stage.server.port);
    const options = { port: tap.port };
    for (const [name, face, mode] of cast) {
      const someone = await enter(page, stage.server, name, { options });
      people.set(name, someone);
      await someone.join(`${mode} ${signal}`, mode, face);
    }
    const [ann, ben, cat, dan, eve] = [...people.values()] as [Someone, Someone, Someone, Someone, Someone];
    const allSee = (withinMs: number) =>
      Promise.all([
        ann.roomSees(["green", "blue"], withinMs),
        ben.roomSees(["red", "blue"], withinMs),
        cat.roomSees(["red", "green"], withinMs),
        dan.roomSees(["cyan"], withinMs),
        eve.roomSees(["yellow"], withinMs),
      ]);
    await allSee(25_000);
    const before = await Promise.all([...people.values()].map((someone) => someone.hallJournal()));
    const startedAt = Date.now();
    const release = tap.hold();
    await stage.server.restart({ signal });
    release();
    const readyMs = Date.now() - startedAt;
    // What is sent while the server is away or the client not yet back waits in the client.
    await send(ann, "after");
    await send(dan, "after");
    for (const someone of [ben, cat, eve]) {
      const [first] = await someone.heard(1);
      expect(first?.data).toEqual({ is: "String", value: "after" });
    }
    const dataMs = Date.now() - startedAt;
    await allSee(30_000);
    const mediaMs = Date.now() - startedAt;
    console.log(`${signal}: ready again after ${readyMs} ms, data after ${dataMs} ms, all media seen after ${mediaMs} ms`);
    const after = await Promise.all([...people.values()].map((someone) => someone.hallJournal()));
    // Not even a stream is new to the application.
    expect(after).toEqual(before);
    for (const someone of people.values()) expect(await someone.journal()).toEqual([`open ${someone.id}`]);

    const late = await enter(page, stage.server, "late");
    await late.join(`sfu ${signal}`, "sfu", "magenta");
    await Promise.all([late.roomSees(["red", "green", "blue"]), ann.roomSees(["green", "blue", "magenta"])]);
    await late.destroy();
    await ann.hallTold("peerLeave late");
  });
});
