/** A mesh room of four in two browsers, one of them only listening: who sees whom, data, log, metadata, leaving and coming back. */
import type { BrowserPage } from "@tsunagi/testkit/drivers";
import { afterEach, beforeAll, expect, it } from "vitest";
import { COLOURS, type Colour, type Expected, expectReceived, OF_ROOM } from "../support/received.ts";
import { openStage } from "../support/stage.ts";

declare global {
  var room: import("@tsunagi/sdk").MeshRoom;
  /** What the room's application heard: `peerJoin ben`. */
  var heard: string[];
  /** Data of the room, as it came. */
  var told: { src: string | undefined; data: unknown }[];
}

type Name = "ann" | "ben" | "fox" | "lia";
type Sender = Exclude<Name, "lia">;
/** What each of them sends; `lia` sends nothing. */
const SENDS: Record<Sender, { readonly colour: Colour; readonly hz: number }> = {
  ann: { colour: "red", hz: 440 },
  ben: { colour: "blue", hz: 880 },
  fox: { colour: "green", hz: 1_320 },
};
const SENDERS = ["ann", "ben", "fox"] as const;
const ALL = [...SENDERS, "lia"] as const;

let pages: Record<Name, BrowserPage>;

beforeAll(async () => {
  const stage = await openStage({ sfu: false });
  const [ann, ben, fox, lia] = await Promise.all([
    stage.peer("ann"),
    stage.peer("ben"),
    stage.peer("fox", "firefox"),
    stage.peer("lia"),
  ]);
  pages = { ann, ben, fox, lia };
});

afterEach(async () => {
  for (const page of Object.values(pages)) {
    await page.evaluate(() => {
      for (const joined of peer.rooms.values()) joined.close();
      for (const track of ((helpers.kept.stream ?? null) as MediaStream | null)?.getTracks() ?? []) track.stop();
    });
  }
});

type More = { readonly metadata?: string; readonly roomMetadata?: string; readonly at?: number };

/** Joins and waits for `open`. `at`: a moment that all pages know. */
async function join(name: Name, roomName: string, more: More = {}): Promise<void> {
  const signal = name === "lia" ? null : { ...SENDS[name], colour: COLOURS[SENDS[name].colour] };
  await pages[name].evaluate(
    async (to: string, sends: { colour: string; hz: number } | null, { at = 0, ...given }: More) => {
      globalThis.heard = [];
      globalThis.told = [];
      const stream = sends === null ? null : helpers.signal(sends);
      helpers.kept.stream = stream;
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, at - Date.now())));
      globalThis.room = peer.joinRoom(to, { mode: "mesh", stream, ...given });
      room.on("peerJoin", (id) => heard.push(`peerJoin ${id}`));
      room.on("peerLeave", (id) => heard.push(`peerLeave ${id}`));
      room.on("stream", ({ peerId }) => heard.push(`stream ${peerId}`));
      room.on("streamremoved", ({ peerId }) => heard.push(`streamremoved ${peerId}`));
      room.on("memberUpdated", ({ peerId, metadata }) => heard.push(`memberUpdated ${peerId} ${JSON.stringify(metadata)}`));
      room.on("metadata", (metadata) => heard.push(`metadata ${JSON.stringify(metadata)}`));
      room.on("error", ({ code }) => heard.push(`error ${code}`));
      room.on("close", (reason) => heard.push(`close ${reason}`));
      room.on("data", (data) => told.push(data));
      await helpers.within(15_000, "the room's open", room.once("open"));
    },
    roomName,
    signal,
    more,
  );
}

/** Every one of those present decodes each sender among the others, and nothing more; the members are who they should be. */
async function expectMesh(present: readonly Name[]): Promise<void> {
  await Promise.all(
    present.map((name) => {
      const expected: Expected[] = present.filter((each) => each !== name && each !== "lia").map((each) => SENDS[each as Sender]);
      return expectReceived(pages[name], OF_ROOM, expected);
    }),
  );
  for (const name of present) {
    const others = present.filter((each) => each !== name);
    const { members, streams, links } = await pages[name].evaluate(() => ({
      members: [...room.members.values()].map(({ peerId, receiveOnly }) => [peerId, receiveOnly] as const),
      // Members of whom nothing comes may stand there with an empty list.
      streams: [...room.remoteStreams].filter(([, list]) => list.length > 0).map(([id]) => id),
      links: [...room.getPeerConnections().values()].map(({ connectionState }) => connectionState),
    }));
    expect(members.toSorted()).toEqual(others.map((each) => [each, each === "lia"]).toSorted());
    expect(streams.toSorted()).toEqual(others.filter((each) => each !== "lia").toSorted());
    expect(links).toEqual(others.map(() => "connected"));
    expect(await pages[name].evaluate(() => heard.filter((each) => each.startsWith("error")))).toEqual([]);
  }
}

const heardBy = (name: Name, wanted: string) =>
  pages[name].waitFor((each: string) => heard.includes(each) && heard, { what: `"${wanted}"` }, wanted);

it("one after the other: the listener decodes three, the three decode two each and nothing of the listener", async () => {
  for (const name of ALL) await join(name, "in-turn");
  await expectMesh(ALL);
  expect(await pages.ann.evaluate(() => heard.filter((each) => each.startsWith("peerJoin")))).toEqual([
    "peerJoin ben",
    "peerJoin fox",
    "peerJoin lia",
  ]);
  expect(await pages.lia.evaluate(() => room.self?.receiveOnly)).toBe(true);

  // One leaves: gone for all others at once, who go on. It comes back as a new member.
  await pages.ben.evaluate(() => room.close());
  for (const name of ["ann", "fox", "lia"] as const) {
    expect(await heardBy(name, "peerLeave ben")).toContain("streamremoved ben");
  }
  expect(await pages.ben.evaluate(() => [heard.at(-1), room.open, room.getPeerConnections().size])).toEqual([
    "close left",
    false,
    0,
  ]);
  await expectMesh(["ann", "fox", "lia"]);
  await join("ben", "in-turn");
  await expectMesh(ALL);

  // The page of one is closed without a word.
  await pages.lia.evaluate(() => peer.destroy());
  for (const name of SENDERS) await heardBy(name, "peerLeave lia");
  await expectMesh(SENDERS);
  await pages.lia.evaluate(async () => {
    globalThis.peer = new Tsunagi.Peer("lia", helpers.kept.account as { server: string; key: string });
    await helpers.within(15_000, "the peer's open", peer.once("open"));
  });
});

it("all at the same moment, three times: every pair connects once", async () => {
  for (let round = 0; round < 3; round += 1) {
    const at = Date.now() + 200;
    await Promise.all(ALL.map((name) => join(name, "at-once", { at })));
    await expectMesh(ALL);
    for (const name of ALL) await pages[name].evaluate(() => room.close());
  }
});

it("data to all and to some, the log, and metadata of room and members", async () => {
  await join("ann", "words", { metadata: "host", roomMetadata: "agenda" });
  await join("ben", "words", { roomMetadata: "too late: the room is there" });
  await join("fox", "words");
  await join("lia", "words", { metadata: "guest" });
  expect(await pages.lia.evaluate(() => [room.metadata, room.members.get("ann")?.metadata, room.self?.metadata])).toEqual([
    "agenda",
    "host",
    "guest",
  ]);
  expect(await pages.ann.evaluate(() => room.members.get("lia")?.metadata)).toBe("guest");

  await pages.ann.evaluate(() => {
    room.send({ text: "to all", list: [1, null, "é"] });
    room.send("to ben and lia", { to: ["ben", "lia"] });
    room.send("the end");
  });
  // Two senders have an order only when one of them has waited for the other.
  await pages.lia.waitFor(() => told.length === 3, { what: "what ann said" });
  await pages.lia.evaluate(() => room.send("a listener speaks"));
  const fromAnn = (to: Name) =>
    [{ text: "to all", list: [1, null, "é"] }, ...(to === "fox" ? [] : ["to ben and lia"]), "the end"].map((data) => ({
      src: "ann",
      data,
    }));
  for (const name of ["ben", "fox", "lia"] as const) {
    const got = await pages[name].waitFor(
      (count: number) => told.length >= count && told,
      { what: "all data" },
      fromAnn(name).length + (name === "lia" ? 0 : 1),
    );
    expect(got.filter(({ src }) => src === "ann")).toEqual(fromAnn(name));
    expect(got.filter(({ src }) => src === "lia").map(({ data }) => data)).toEqual(name === "lia" ? [] : ["a listener speaks"]);
  }
  expect(await pages.ann.waitFor(() => told.length > 0 && told)).toEqual([{ src: "lia", data: "a listener speaks" }]);

  await pages.ben.evaluate(() => room.setMetadata({ hand: "up" }));
  await pages.ann.evaluate(() => room.setRoomMetadata("second topic"));
  for (const name of ["fox", "lia"] as const) {
    await heardBy(name, 'memberUpdated ben {"hand":"up"}');
    await heardBy(name, 'metadata "second topic"');
    expect(await pages[name].evaluate(() => [room.metadata, room.members.get("ben")?.metadata])).toEqual([
      "second topic",
      { hand: "up" },
    ]);
  }
  const log = await pages.lia.evaluate(async () => JSON.stringify(await room.getLog()));
  const places = ['"ann"', "to all", "the end", "a listener speaks"].map((each) => log.indexOf(each));
  expect(places.every((place) => place >= 0)).toBe(true);
  expect(places.slice(1)).toEqual(places.slice(1).toSorted((a, b) => a - b));
  // What was meant for some is not for everybody who asks later.
  const foxLog = await pages.fox.evaluate(async () => JSON.stringify(await room.getLog()));
  expect(foxLog).not.toContain("to ben and lia");
});

it("a listener that adds a camera is seen by all, and not any more when it takes it away", async () => {
  for (const name of ["ann", "fox", "lia"] as const) await join(name, "change");
  await expectMesh(["ann", "fox", "lia"]);
  await pages.lia.evaluate((colour: string) => {
    const stream = helpers.signal({ colour, hz: 1_760 });
    helpers.kept.stream = stream;
    room.replaceStream(stream);
  }, COLOURS.yellow);
  await expectReceived(pages.ann, OF_ROOM, [SENDS.fox, { colour: "yellow", hz: 1_760 }]);
  await expectReceived(pages.fox, OF_ROOM, [SENDS.ann, { colour: "yellow", hz: 1_760 }]);
  await pages.lia.evaluate(() => room.replaceStream(null));
  await expectReceived(pages.ann, OF_ROOM, [SENDS.fox]);
  await expectReceived(pages.fox, OF_ROOM, [SENDS.ann]);
  await expectReceived(pages.lia, OF_ROOM, [SENDS.ann, SENDS.fox]);
});
