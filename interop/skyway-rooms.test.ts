/** Rooms of skyway-js, unmodified, in real browsers: mesh and SFU. docs/compatibility.md maps its checklist to tests. */
import type { BrowserPage } from "@tsunagi/testkit/drivers";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { clear, enter, FACES, type FolkStage, openFolkStage, type Someone } from "./lib/folk.ts";
import type { Face } from "./lib/folk-page.ts";

let stage: FolkStage;
let page: BrowserPage;

beforeAll(async () => {
  stage = await openFolkStage();
  page = await stage.page("skyway", "skyway-js", "chromium", [RECORD_OFFERS]);
}, 60_000);
afterEach(() => clear(page));

/** Keeps what the browser is told as remote descriptions, in `offers`. */
const RECORD_OFFERS = `
  globalThis.offers = [];
  const apply = RTCPeerConnection.prototype.setRemoteDescription;
  RTCPeerConnection.prototype.setRemoteDescription = function (description) {
    globalThis.offers.push({ at: performance.now(), ...JSON.parse(JSON.stringify(description)) });
    return apply.call(this, description);
  };`;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const nameFor = (room: string) => `${room} ${Math.random().toString(36).slice(2)}`;

async function three(on: BrowserPage, prefix = ""): Promise<[Someone, Someone, Someone]> {
  const [a, b, c] = await Promise.all(["ann", "ben", "cat"].map((name) => enter(on, stage.server, prefix + name)));
  return [a as Someone, b as Someone, c as Someone];
}
const streamsTold = async (someone: Someone) =>
  (await someone.hallJournal()).filter((entry) => entry.startsWith("stream")).sort();

describe.each([
  ["skyway", "chromium"],
  ["skyway3", "chromium"],
  ["skyway2", "chromium"],
  ["skyway", "firefox"],
] as const)("rooms of %s in %s", (kind, browser) => {
  let own: BrowserPage;
  const prefix = `${kind}-${browser}-`;

  beforeAll(async () => {
    own = await stage.page(kind, `${kind} in ${browser}`, browser);
  }, 60_000);
  afterEach(() => clear(own));
  // Its faces go on drawing while it is there.
  afterAll(() => own.close());

  it.each(["mesh", "sfu"] as const)(
    "three members of a %s room see each other and exchange data [21, 23, 27, 29, 30]",
    async (mode) => {
      const room = nameFor(mode);
      const [ann, ben, cat] = await three(own, prefix);
      await ann.join(room, mode, "red");
      await ben.join(room, mode, "green");
      await ann.hallTold(`peerJoin ${ben.id}`);
      await cat.join(room, mode, "blue");
      await Promise.all([ann.roomSees(["green", "blue"]), ben.roomSees(["red", "blue"]), cat.roomSees(["red", "green"])]);
      // With both of its tracks as soon as it is told, under its sender's ID, and never one's own.
      if (mode === "sfu") {
        const told = (id: string) => `stream ${id} audio+video`;
        expect(await streamsTold(ann)).toEqual([told(ben.id), told(cat.id)].sort());
        expect(await streamsTold(cat)).toEqual([told(ann.id), told(ben.id)].sort());
      }
      await own.evaluate((name: string) => {
        const { raw } = folk.hall(name);
        raw.send("text");
        raw.send({ deep: [1, null], bytes: helpers.pattern(200_000).buffer });
      }, ann.name);
      for (const someone of [ben, cat]) {
        const [first, second] = await someone.heard(2);
        expect(first).toEqual({ src: ann.id, data: { is: "String", value: "text" } });
        expect(second?.src).toBe(ann.id);
        const [intact, sent] = await own.evaluate(async (name: string) => {
          const { data } = folk.hall(name).received[1] as { data: { bytes: ArrayBuffer } };
          return [await helpers.digest(data.bytes), await helpers.digest(helpers.pattern(200_000))];
        }, someone.name);
        expect(intact).toBe(sent);
      }
      expect(await own.evaluate((name: string) => folk.hall(name).received, ann.name)).toEqual([]);

      await own.evaluate((name: string, face) => folk.hall(name).raw.replaceStream(folk.face(face)), ann.name, FACES.yellow);
      await Promise.all([ben.roomSees(["yellow", "blue"]), cat.roomSees(["yellow", "green"])]);
      // Leaving is the same in all versions.
      if (kind !== "skyway") return;

      await ben.leave();
      await Promise.all([ann.hallTold(`peerLeave ${ben.id}`), cat.hallTold(`peerLeave ${ben.id}`)]);
      await Promise.all([ann.roomSees(["blue"]), cat.roomSees(["yellow"])]);
      await ben.join(room, mode, "magenta");
      await Promise.all([
        ann.roomSees(["magenta", "blue"]),
        cat.roomSees(["yellow", "magenta"]),
        ben.roomSees(["yellow", "blue"]),
      ]);
    },
  );
});

describe("mesh rooms", () => {
  it("who joins at the same time, or without a stream, gets one stream for each other [21]", async () => {
    const room = nameFor("at once");
    const people = await three(page);
    await Promise.all(people.map((someone, at) => someone.join(room, "mesh", (["red", "green", "blue"] as const)[at] ?? null)));
    const [ann, ben, cat] = people;
    await Promise.all([ann.roomSees(["green", "blue"]), ben.roomSees(["red", "blue"]), cat.roomSees(["red", "green"])]);
    const quiet = await enter(page, stage.server, "quiet");
    await quiet.join(room, "mesh", null);
    await quiet.roomSees(["red", "green", "blue"]);
    await pause(300);
    for (const someone of people) expect((await streamsTold(someone)).length).toBe(2);
  });

  it("the log holds JSON texts of the three types; an empty room is forgotten [24]", async () => {
    const room = nameFor("log");
    const [ann, ben] = await three(page);
    await ann.join(room, "mesh", null);
    await ben.join(room, "mesh", null);
    await ann.hallTold("peerJoin ben");
    await page.evaluate(() => folk.hall("ben").raw.send({ note: 1 }));
    await ann.heard(1);
    await ben.leave();
    await ann.hallTold("peerLeave ben");
    await page.evaluate(() => folk.hall("ann").raw.getLog());
    const log = await page.waitFor(() => folk.hall("ann").logs, { what: "the log" });
    const entries = log.map(
      (entry) => JSON.parse(entry as string) as { messageType: string; timestamp: number; message: object },
    );
    expect(entries.map(({ messageType }) => messageType)).toEqual([
      "ROOM_USER_JOIN",
      "ROOM_USER_JOIN",
      "ROOM_DATA",
      "ROOM_USER_LEAVE",
    ]);
    expect(entries[0]?.message).toEqual({ roomName: room, roomType: "mesh", src: "ann" });
    expect(entries[2]?.message).toMatchObject({ src: "ben", data: { note: 1 } });
    expect(entries[3]?.message).toEqual({ roomName: room, src: "ben" });
    expect(entries.every(({ timestamp }) => Math.abs(Date.now() - timestamp) < 60_000)).toBe(true);
  });

  it("a room of the other type refuses with room-error [25]", async () => {
    const room = nameFor("typed");
    const [ann, ben] = await three(page);
    await ann.join(room, "mesh", null);
    await page.evaluate((name: string) => void folk.person("ben").peer.joinRoom(name, { mode: "sfu" }), room);
    await ben.told("error room-error");
    expect(await ann.hallJournal()).toEqual(["open"]);
    expect(await ann.journal()).toEqual(["open ann"]);
  });

  it("messages sent faster than the library spaces them all arrive, in order [23]", async () => {
    const room = nameFor("burst");
    const [ann, ben] = await three(page);
    await Promise.all([ann.join(room, "mesh", null), ben.join(room, "mesh", null)]);
    await page.evaluate(() => {
      for (let at = 0; at < 20; at++) folk.hall("ann").raw.send(at);
    });
    expect((await ben.heard(20)).map(({ data }) => data.value)).toEqual(Array.from({ length: 20 }, (_, at) => at));
  });
});

describe("SFU rooms", () => {
  type Recorded = { readonly type: string; readonly sdp: string };

  it("the first offer can receive both kinds and holds all candidates; data of the room counts members [26]", async () => {
    await page.evaluate(() => void (globalThis as unknown as { offers: unknown[] }).offers.splice(0));
    const alone = await enter(page, stage.server, "alone");
    await alone.join(nameFor("first"), "sfu", "red");
    const [first] = await page.waitFor(() => {
      const { offers } = globalThis as unknown as { offers: Recorded[] };
      return offers.length > 0 && offers;
    });
    const sections = (first as Recorded).sdp.split(/\r\nm=/).slice(1);
    for (const kind of ["audio", "video"]) {
      const section = sections.find((each) => each.startsWith(kind));
      expect(section).toMatch(/\r\na=(recvonly|sendrecv)\r\n/);
    }
    expect((first as Recorded).sdp).toMatch(/\r\na=candidate:/);
    expect(await page.evaluate(() => folk.hall("alone").raw.members)).toEqual([]);
  });

  it("a member that only receives sees everyone and publishes nothing [28]", async () => {
    const room = nameFor("audience");
    const [ann, ben, cat] = await three(page);
    await ann.join(room, "sfu", "red");
    await cat.join(room, "sfu", null);
    await ben.join(room, "sfu", "green");
    await Promise.all([cat.roomSees(["red", "green"]), ann.roomSees(["green"]), ben.roomSees(["red"])]);
    expect([...((await page.evaluate(() => folk.hall("cat").raw.members)) as string[])].sort()).toEqual(["ann", "ben"]);
  });

  it("an added kind comes with a later offer; who leaves and joins within milliseconds is there again [30, 32]", async () => {
    const room = nameFor("added");
    const [ann, ben] = await three(page);
    await ann.join(room, "sfu", { colour: "#000000", hz: 400, video: false });
    await ben.join(room, "sfu", "green");
    await Promise.all([ben.roomSees([{ hz: 400 }]), ann.roomSees(["green"])]);
    await page.evaluate((face) => folk.hall("ann").raw.replaceStream(folk.face(face)), FACES.yellow);
    await ben.roomSees(["yellow"]);
    await page.evaluate(
      async (name: string, face) => {
        folk.hall("ann").raw.close();
        await folk.join("ann", name, "sfu", face);
      },
      room,
      FACES.cyan,
    );
    await Promise.all([ben.roomSees(["cyan"]), ann.roomSees(["green"])]);
  });

  it.each(["chromium", "firefox"] as const)(
    "%s: a kind that was taken away comes back as often as it likes, to all others [32]",
    async (browser) => {
      const room = nameFor("toggled");
      const own = browser === "firefox" ? await stage.page("skyway", "toggling in firefox", browser) : page;
      const [ann, ben, cat] = [
        await enter(own, stage.server, "ann"),
        await enter(page, stage.server, "ben"),
        await enter(page, stage.server, "cat"),
      ];
      await ann.join(room, "sfu", "red");
      await ben.join(room, "sfu", "green");
      await cat.join(room, "sfu", "blue");
      await Promise.all([ben.roomSees(["red", "blue"]), cat.roomSees(["red", "green"]), ann.roomSees(["green", "blue"])]);
      for (const name of ["yellow", "cyan"] as const) {
        const show = (face: Face) => own.evaluate((wanted: Face) => folk.hall("ann").raw.replaceStream(folk.face(wanted)), face);
        await show({ ...FACES[name], video: false });
        await Promise.all([ben.roomSees([{ hz: FACES[name].hz }, "blue"]), cat.roomSees([{ hz: FACES[name].hz }, "green"])]);
        await show(FACES[name]);
        await Promise.all([ben.roomSees([name, "blue"]), cat.roomSees([name, "green"]), ann.roomSees(["green", "blue"])]);
      }
      // All of it in the streams that the application was told of.
      expect(await streamsTold(ben)).toEqual(["stream ann audio+video", "stream cat audio+video"]);
      if (browser === "firefox") await own.close();
    },
    120_000,
  );

  it("all tracks of a stream are shown: camera, screen and microphone", async () => {
    const room = nameFor("screen");
    const [, ben, cat] = await three(page);
    await page.evaluate(
      (name: string, camera, screen) => {
        const stream = folk.face(camera);
        for (const track of folk.face(screen).getVideoTracks()) stream.addTrack(track);
        const joined = folk.person("ann").peer.joinRoom(name, { mode: "sfu", stream });
        if (joined !== undefined) folk.follow("ann", joined);
      },
      room,
      FACES.red,
      FACES.yellow,
    );
    await ben.join(room, "sfu", "green");
    await cat.join(room, "sfu", null);
    for (const someone of [ben, cat]) {
      await page.waitFor(
        (name: string) =>
          folk
            .hall(name)
            .streams.find(({ peerId }) => peerId === "ann")
            ?.getVideoTracks().length === 2,
        { what: `two pictures of ann for ${someone.name}` },
        someone.name,
      );
      // Each for itself.
      await page.evaluate((name: string) => {
        const { streams } = folk.hall(name);
        const [of] = streams.filter(({ peerId }) => peerId === "ann");
        const [first, second] = of?.getVideoTracks() ?? [];
        if (of === undefined || first === undefined || second === undefined) throw new Error("no two pictures");
        const halves = [new MediaStream([...of.getAudioTracks(), first]), new MediaStream([second])];
        folk.hall(name).streams = [...streams.filter((stream) => stream !== of), ...halves];
      }, someone.name);
    }
    await ben.roomSees(["red", { colour: "yellow" }]);
    await cat.roomSees(["red", { colour: "yellow" }, "green"]);
  });

  it("an offer asked for again changes nothing [33]", async () => {
    const room = nameFor("again");
    const [ann, ben] = await three(page);
    await ann.join(room, "sfu", "red");
    await ben.join(room, "sfu", "green");
    await Promise.all([ann.roomSees(["green"]), ben.roomSees(["red"])]);
    await page.evaluate(() => {
      const raw = folk.hall("ann").raw as unknown as { call(stream: MediaStream): void };
      raw.call(folk.face({ colour: "#c02020", hz: 400 }));
    });
    await pause(1_000);
    await Promise.all([ann.roomSees(["green"]), ben.roomSees(["red"])]);
    expect([await ann.journal(), await ben.journal()]).toEqual([["open ann"], ["open ben"]]);
  });

  it("ten who join within a second all get all the others [31]", async () => {
    const room = nameFor("ten");
    const names = Array.from({ length: 10 }, (_, at) => `ten-${at}`);
    const people = await Promise.all(names.map((name) => enter(page, stage.server, name)));
    await Promise.all(people.map((someone) => someone.join(room, "sfu", { colour: "#000000", hz: 500, video: false })));
    for (const someone of people) {
      await page.waitFor(
        (name: string) => folk.hall(name).journal.filter((entry) => entry.startsWith("stream")).length === 9,
        { timeoutMs: 20_000, what: `nine streams for ${someone.name}` },
        someone.name,
      );
      const from = (await streamsTold(someone)).map((entry) => entry.split(" ")[1]);
      expect(from).toEqual(names.filter((name) => name !== someone.name));
    }
    await people[0]?.roomSees(Array.from({ length: 9 }, () => ({ hz: 500 })));
  });

  it("a member whose connection ends is gone for the others, whatever it says [34]", async () => {
    const room = nameFor("lost");
    const [ann, ben] = await three(page);
    await ann.join(room, "sfu", "red");
    const tab = await stage.page("skyway", "tab");
    const lost = await enter(tab, stage.server, "lost");
    await lost.join(room, "sfu", "blue");
    await ben.join(room, "sfu", "green");
    await ann.roomSees(["green", "blue"]);
    await tab.close();
    await ann.hallTold("peerLeave lost", 20_000);
    await ann.roomSees(["green"]);
  }, 60_000);
});
