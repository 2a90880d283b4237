/** Two apps on one server with the same peer IDs and room names: neither sees, calls or hears the other. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { type BrowserPage, cliProgram } from "@tsunagi/testkit/drivers";
import { beforeAll, expect, it } from "vitest";
import { followCalls } from "../support/calls.ts";
import { COLOURS, type Colour, expectReceived, OF_CALL, OF_ROOM } from "../support/received.ts";
import { openPeer } from "../support/sdk.ts";
import { openStage } from "../support/stage.ts";

declare global {
  var room: import("@tsunagi/sdk").MeshRoom;
  /** All that came to the room and to the peer by itself. */
  var arrived: string[];
}

const CLI = cliProgram();

/** The same two people in each app; their colours tell the apps apart. */
const APPS = [
  { name: "one", ann: { colour: "red", hz: 440 }, ben: { colour: "green", hz: 660 } },
  { name: "two", ann: { colour: "blue", hz: 880 }, ben: { colour: "yellow", hz: 1_320 } },
] as const;

let apps: { readonly key: string; readonly ann: BrowserPage; readonly ben: BrowserPage }[];

beforeAll(async () => {
  const stage = await openStage();
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [CLI, "keys", "create", "two", "--data-dir", stage.server.dataDir, "--json"],
    { timeout: 20_000 },
  );
  const { key: second } = JSON.parse(stdout) as { key: string };
  expect(second).not.toBe(stage.server.key);
  apps = [];
  for (const [at, key] of [stage.server.key, second].entries()) {
    // The same names in both apps, one of them in Firefox.
    const ann = await stage.page("ann", at === 1 ? "firefox" : "chromium");
    const ben = await stage.page("ben");
    // A running server learns of the new key within seconds.
    await ann.waitFor(
      async (server: string, wanted: string) => {
        const look = new Tsunagi.Peer({ server, key: wanted });
        try {
          await helpers.within(5_000, "the look's open", look.once("open"));
          return true;
        } finally {
          look.destroy();
        }
      },
      { what: "the app's key" },
      stage.server.url,
      key,
    );
    for (const page of [ann, ben]) {
      expect(await openPeer(page, stage.server, page.name, { key })).toBe(page.name);
      await followCalls(page);
    }
    apps.push({ key, ann, ben });
  }
});

function app(at: number) {
  const found = apps[at];
  const of = APPS[at];
  if (found === undefined || of === undefined) throw new Error(`no app ${at}`);
  return { ...found, sends: of };
}

it("a peer ID names another in each app: calls, look-ups and lists end at the app's border", async () => {
  for (const at of [0, 1]) {
    const { ann, ben, sends } = app(at);
    expect((await ann.evaluate(() => peer.listAllPeers())).toSorted()).toEqual(["ann", "ben"]);
    await ann.evaluate(
      (colour: string, hz: number) => void follow(peer.call("ben", helpers.signal({ colour, hz }))),
      COLOURS[sends.ann.colour],
      sends.ann.hz,
    );
    await ben.waitFor(() => call.state === "ringing");
    await ben.evaluate(
      (colour: string, hz: number) => call.answer(helpers.signal({ colour, hz })),
      COLOURS[sends.ben.colour],
      sends.ben.hz,
    );
  }
  // Both calls at once, between the same two names: each sees the one of its own app.
  for (const at of [0, 1]) {
    const { ann, ben, sends } = app(at);
    await expectReceived(ann, OF_CALL, [sends.ben]);
    await expectReceived(ben, OF_CALL, [sends.ann]);
    expect(await ben.evaluate(() => events.filter((each) => each === "call").length)).toBe(1);
  }
  // Who is in one app only is not there for the other.
  const { ann, ben } = app(0);
  await ben.evaluate(() => peer.destroy());
  const other = app(1);
  expect(await ann.evaluate(() => peer.fetchPeerExists("ben"))).toBe(false);
  expect(await other.ann.evaluate(() => peer.fetchPeerExists("ben"))).toBe(true);
  await ann.evaluate(() => void follow(peer.call("ben")));
  await ann.waitFor(() => events.includes("error peer.target.unavailable"), { what: "the refusal" });
  // The other app's call of the same names goes on.
  await expectReceived(other.ann, OF_CALL, [other.sends.ben]);
  for (const page of [other.ann, other.ben]) await page.evaluate(() => call.close());
  await ben.evaluate(async () => {
    globalThis.peer = new Tsunagi.Peer("ben", helpers.kept.account as { server: string; key: string });
    await helpers.within(15_000, "the peer's open", peer.once("open"));
  });
});

it("a room's name names another room in each app: members, media, data and metadata stay inside", async () => {
  const join = (page: BrowserPage, { colour, hz }: { colour: Colour; hz: number }, metadata: string) =>
    page.evaluate(
      async (hex: string, tone: number, roomMetadata: string) => {
        globalThis.arrived = [];
        globalThis.room = peer.joinRoom("shared name", { stream: helpers.signal({ colour: hex, hz: tone }), roomMetadata });
        room.on("peerJoin", (id) => arrived.push(`join ${id}`));
        room.on("peerLeave", (id) => arrived.push(`leave ${id}`));
        room.on("data", ({ data }) => arrived.push(`data ${data}`));
        room.on("metadata", (value) => arrived.push(`metadata ${value}`));
        peer.on("call", () => arrived.push("call"));
        await helpers.within(15_000, "the room's open", room.once("open"));
      },
      COLOURS[colour],
      hz,
      metadata,
    );
  for (const name of ["ann", "ben"] as const) {
    for (const at of [0, 1]) await join(app(at)[name], app(at).sends[name], `of app ${at}`);
  }
  for (const at of [0, 1]) {
    const { ann, ben, sends } = app(at);
    await expectReceived(ann, OF_ROOM, [sends.ben]);
    await expectReceived(ben, OF_ROOM, [sends.ann]);
    for (const page of [ann, ben]) {
      const seen = await page.evaluate(() => [room.members.size, room.metadata] as const);
      expect(seen).toEqual([1, `of app ${at}`]);
    }
  }
  await app(0).ann.evaluate(async () => {
    room.send("for app 0");
    await room.setRoomMetadata("changed in app 0");
  });
  await app(1).ann.evaluate(() => room.send("for app 1"));
  await app(0).ben.evaluate(() => room.close());
  await app(0).ann.waitFor(() => arrived.includes("leave ben"));
  // What app 1 sent last has come, so whatever of app 0 should not be there would be there by now.
  await app(1).ben.waitFor(() => arrived.includes("data for app 1"));
  expect(await app(1).ben.evaluate(() => arrived)).toEqual(["data for app 1"]);
  expect(await app(1).ann.evaluate(() => arrived)).toEqual(["join ben"]);
  expect(await app(1).ann.evaluate(() => room.metadata)).toBe("of app 1");
  await expectReceived(app(1).ann, OF_ROOM, [app(1).sends.ben]);
});
