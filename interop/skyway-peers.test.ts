/** skyway-js as the registry has it, unmodified, in real browsers: peers and their connections. docs/compatibility.md maps its checklist to tests. */
import { createHmac } from "node:crypto";
import type { BrowserPage } from "@tsunagi/testkit/drivers";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type AdminApp, admin } from "../e2e/support/admin.ts";
import { pathOf, RELAYED } from "../e2e/support/relay.ts";
import { attempt, clear, enter, type FolkStage, openFolkStage, type Someone } from "./lib/folk.ts";
import type { Kind } from "./lib/folk-page.ts";
import { startTap } from "./lib/tap.ts";

let stage: FolkStage;
let page: BrowserPage;

beforeAll(async () => {
  // A short grace, so that a closed tab is gone soon.
  stage = await openFolkStage({ env: { TSUNAGI_FACES_SKYWAY_GRACE_MS: "5000" } });
  page = await stage.page("skyway", "skyway-js");
}, 60_000);
afterEach(() => clear(page));

const makeApp = (app: object): Promise<AdminApp> => admin<AdminApp>(stage.server, "POST", "/apps", app);
const credentialFor = (peerId: string, secret: string, timestamp: number, ttl: number) => ({
  timestamp,
  ttl,
  authToken: createHmac("sha256", secret).update(`${timestamp}:${ttl}:${peerId}`).digest("base64"),
});
const now = () => Math.floor(Date.now() / 1000);
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const errorsOf = async (someone: Someone) => (await someone.journal()).filter((entry) => entry.startsWith("error"));

describe("opening", () => {
  it("gives an ID or takes one, and refuses a second holder once, without further tries [4, 5, 7]", async () => {
    const given = await enter(page, stage.server, "given", { id: null });
    // Apps put it into CSS selectors as it is, so it begins with a letter.
    expect(given.id).toMatch(/^[A-Za-z][A-Za-z0-9]{15}$/);
    const owner = await enter(page, stage.server, "owner");
    const second = await attempt(page, stage.server, "second", { id: "owner" });
    await second.told("error unavailable-id");
    await pause(1_500);
    expect(await second.journal()).toEqual(["error unavailable-id"]);
    expect(await owner.journal()).toEqual(["open owner"]);
  });

  it("refuses an unknown key and a foreign origin with the types that apps know [6, 7]", async () => {
    const app = await makeApp({ name: "elsewhere", origins: ["https://elsewhere.example"] });
    const unknown = await attempt(page, stage.server, "unknown", { options: { key: "00000000-0000-0000-0000-000000000000" } });
    const foreign = await attempt(page, stage.server, "foreign", { options: { key: app.key } });
    await Promise.all([unknown.told("error invalid-key"), foreign.told("error invalid-domain")]);
    await pause(500);
    expect([await unknown.journal(), await foreign.journal()]).toEqual([["error invalid-key"], ["error invalid-domain"]]);
  });

  it("disconnect() frees the ID, reconnect() opens it again and is told so", async () => {
    const someone = await enter(page, stage.server, "someone", { answer: "red" });
    await page.evaluate(() => folk.person("someone").peer.disconnect());
    await someone.told("disconnected");
    const other = await enter(page, stage.server, "other");
    await expect.poll(() => page.evaluate(() => folk.list("other"))).toEqual(["other"]);
    await page.evaluate(() => folk.person("someone").peer.reconnect());
    await page.waitFor(() => folk.person("someone").journal.filter((each) => each === "open someone").length === 2, {
      what: "open again",
    });
    await other.call("someone", "green");
    await other.sees(["red"]);
  });

  it("lists the peers of this key only, tells who exists, and keeps keys apart [35, 36]", async () => {
    const app = await makeApp({ name: "apart" });
    const closed = await makeApp({ name: "closed", switches: { listPeers: false } });
    const here = await enter(page, stage.server, "here");
    const same = await enter(page, stage.server, "same", { id: "here", options: { key: app.key } });
    const other = await enter(page, stage.server, "other", { options: { key: app.key } });
    expect(await page.evaluate(() => folk.list("here"))).toEqual(["here"]);
    expect((await page.evaluate(() => folk.list("other"))).sort()).toEqual(["here", "other"]);
    expect(await page.evaluate(() => folk.person("other").peer.fetchPeerExists("here"))).toBe(true);
    expect(await page.evaluate(() => folk.person("here").peer.fetchPeerExists("other"))).toBe(false);
    const unlisted = await enter(page, stage.server, "unlisted", { options: { key: closed.key } });
    expect(await page.evaluate(() => folk.list("unlisted"))).toEqual([]);
    expect(await errorsOf(unlisted)).toEqual(["error list-error"]);
    // A call within a key finds that key's peer; a room of one name is two.
    await other.call("here", "red");
    await same.told("call other");
    await Promise.all([here.join("hall", "mesh", null), same.join("hall", "mesh", null)]);
    await pause(300);
    expect(await here.journal()).toEqual(["open here"]);
    expect([await here.hallJournal(), await same.hallJournal()]).toEqual([["open"], ["open"]]);
  });

  it("has no TURN entries of the ended service, and takes those of config.iceServers [39]", async () => {
    const native = await stage.page("native");
    await enter(native, stage.server, "native");
    const iceServers = await native.evaluate(async () => {
      folk.call("native", "native-nobody", null);
      for (let tries = 0; tries < 100; tries++) {
        const [connection] = folk.connections("native");
        const servers = connection?.getConfiguration().iceServers ?? [];
        if (servers.some(({ username }) => username !== undefined)) return servers;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      return [];
    });
    await native.close();
    const plain = await enter(page, stage.server, "plain", { answer: "red" });
    await enter(page, stage.server, "plain-2", { answer: "red" });
    await plain.call("plain-2", "green");
    await plain.sees(["red"]);
    const configured = await page.evaluate(() =>
      JSON.stringify(folk.connections("plain").map((each) => each.getConfiguration())),
    );
    expect(configured).not.toContain("turn:");

    const config = { iceServers, iceTransportPolicy: "relay" };
    const one = await enter(page, stage.server, "one", { options: { config, turn: false } });
    const two = await enter(page, stage.server, "two", { answer: "blue", options: { config, turn: false } });
    await one.call("two", "red");
    await Promise.all([one.sees(["blue"]), two.sees(["red"])]);
    expect(await pathOf(page, "folk.connections('one')[0]")).toMatchObject(RELAYED);
  });

  it("takes good credentials, refuses bad ones, tells the expiry, renews it, and ends who does not [11, 12, 13]", async () => {
    const app = await makeApp({ name: "guarded", switches: { requireAuthentication: true } });
    const { secrets } = await admin<{ secrets: { secret: string }[] }>(stage.server, "GET", `/apps/${app.id}/secrets`);
    const secret = secrets[0]?.secret ?? "";
    const tap = await startTap(stage.server.port);
    const key = { key: app.key };
    const credentials = {
      bad: { ...credentialFor("bad", secret, now() - 5, 3600), authToken: "AAAA" },
      future: credentialFor("future", secret, now() + 3_000, 3600),
      short: credentialFor("short", secret, now() - 5, 599),
      long: credentialFor("long", secret, now() - 5, 90_001),
      late: credentialFor("late", secret, now() - 3_700, 3_600),
    };
    const refused = await Promise.all(
      Object.entries(credentials).map(([name, credential]) =>
        attempt(page, stage.server, name, { options: { ...key, credential } }),
      ),
    );
    // Six seconds are left of each.
    const soon = (name: string) => credentialFor(name, secret, now() - 594, 600);
    const behindTap = { ...key, port: tap.port };
    const [renewing, leaving] = await Promise.all([
      enter(page, stage.server, "renewing", { answer: "red", options: { ...behindTap, credential: soon("renewing") } }),
      enter(page, stage.server, "leaving", { options: { ...key, credential: soon("leaving") } }),
    ]);
    await Promise.all(refused.map((someone) => someone.told("error authentication")));
    await Promise.all([renewing.told("expiresin"), leaving.told("expiresin")]);
    await page.evaluate(
      (credential: object) => void folk.person("renewing").peer.updateCredential(credential),
      credentialFor("renewing", secret, now() - 1, 3_600),
    );
    await page.waitFor(() => !folk.person("leaving").peer.open, { timeoutMs: 14_000, what: "the end of the expired" });
    await pause(1_000);
    expect(await page.evaluate(() => folk.person("renewing").peer.open)).toBe(true);
    // Now the library encodes the credential twice.
    await tap.cut(200);
    await pause(2_500);
    expect(tap.said()).toContain("credential=%257B");
    const caller = await enter(page, stage.server, "caller", {
      options: { ...key, credential: credentialFor("caller", secret, now() - 5, 3_600) },
    });
    await caller.call("renewing", "green");
    await caller.sees(["red"]);
    for (const someone of refused) expect(await someone.journal()).toEqual(["error authentication"]);
    expect(await errorsOf(renewing)).toEqual([]);
  });
});

/** All that one pair does with each other, in one go: opening costs most. */
describe.each([
  ["skyway", "chromium"],
  ["skyway3", "chromium"],
  ["skyway2", "chromium"],
  ["skyway", "firefox"],
] as const)("a pair with %s in %s", (kind: Kind, browser) => {
  let own: BrowserPage;
  let alice: Someone;
  let bob: Someone;

  beforeAll(async () => {
    own = await stage.page(kind, `${kind} in ${browser}`, browser);
    alice = await enter(own, stage.server, "alice", { id: `${kind}-${browser}-a`, answer: "red" });
    bob = await enter(own, stage.server, "bob", { id: `${kind}-${browser}-b`, answer: "green" });
  }, 60_000);
  // Its faces go on drawing while it is there.
  afterAll(() => own.close());

  it("calls with metadata and an ID of its own; close(true) ends it at both [14, 17]", async () => {
    await alice.call(bob.id, "red", { metadata: { room: 7 }, connectionId: "mine" });
    await Promise.all([alice.sees(["green"]), bob.sees(["red"])]);
    expect(await own.evaluate(() => [folk.link("bob").raw.metadata, folk.link("bob").id])).toEqual([{ room: 7 }, "mine"]);
    const tookMs = await own.evaluate(async () => {
      const startedAt = performance.now();
      folk.link("alice").raw.close(true);
      while (!folk.link("bob").journal.includes("close") && performance.now() - startedAt < 5_000) {
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      return performance.now() - startedAt;
    });
    expect(tookMs).toBeLessThan(1_000);
  });

  it("receives both kinds in a call without a stream [15]", async () => {
    await alice.call(bob.id, null);
    await alice.sees(["green"]);
  });

  it("takes a replaced stream, and one with more kinds [16]", async () => {
    await alice.call(bob.id, { colour: "#000000", hz: 1000, video: false });
    // Without a picture of its own it asks for none.
    await Promise.all([alice.sees([{ hz: 600 }]), bob.sees([{ hz: 1000 }])]);
    await own.evaluate(() => folk.link("alice").raw.replaceStream(folk.face({ colour: "#2020c0", hz: 800 })));
    // The tone stays in the stream in which it began; the picture comes in a new one.
    await bob.sees([{ hz: 800 }, { colour: "blue" }]);
    // By who answered: before 4.0 an answer that nobody asked for, to which the caller offers anew.
    await own.evaluate(() => folk.link("bob").raw.replaceStream(folk.face({ colour: "#c0c020", hz: 1200 })));
    await alice.sees([{ colour: "yellow", hz: 1200 }]);
    await own.evaluate(() => folk.link("alice").raw.close(true));
  });

  it.each([
    ["binary", true],
    ["binary-utf8", true],
    ["json", false],
    ["none", false],
  ] as const)("data as %s [19]", async (serialization, large) => {
    await alice.connect(bob.id, { serialization, label: "l", metadata: [1], dcInit: { ordered: true } });
    await bob.linkTold("open");
    const sent = await own.evaluate(
      async (as: string, big: boolean) => {
        const values: unknown[] = ["héllo"];
        if (as !== "none") values.push({ a: [1, 2.5, "x", null, true] });
        if (as !== "json") values.push(helpers.pattern(big ? 1_000_000 : 10_000).buffer);
        if (big) values.push(new Blob([helpers.pattern(20_000, 2)], { type: "text/x" }));
        if (big) values.push(new File([helpers.pattern(500, 3)], "n.bin", { type: "image/x" }));
        for (const value of values) folk.link("alice").raw.send(value);
        return Promise.all(values.map(folk.describe));
      },
      serialization,
      large,
    );
    // Blobs are read before they are sent, and may be overtaken.
    const byDigest = (list: readonly { digest?: string }[]) =>
      [...list].sort((a, b) => (String(a.digest) < String(b.digest) ? -1 : 1));
    expect(byDigest(await bob.received(sent.length))).toEqual(byDigest(sent));
    await own.evaluate(() => folk.link("bob").raw.send("back"));
    expect(await alice.received(1)).toEqual([{ is: "String", value: "back" }]);
    await own.evaluate(() => folk.link("alice").raw.close(true));
    await bob.linkTold("close");
  });

  it("is told once that nobody is there [18]", async () => {
    await alice.call("nobody-there", "red");
    await alice.told("error peer-unavailable");
    await pause(1_000);
    expect(await errorsOf(alice)).toEqual(["error peer-unavailable"]);
  });
});

describe("transports", () => {
  const SAFARI =
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/15.1 Safari/605.1.15";

  it("polling and its upgrade work from a page of another origin with credentials [1]", async () => {
    const tap = await startTap(stage.server.port);
    const someone = await enter(page, stage.server, "someone", { options: { port: tap.port } });
    await expect.poll(() => tap.said()).toMatch(/transport=websocket/);
    expect(tap.said()).toMatch(/^GET \/socket\.io\/\?.*EIO=3&transport=polling/m);
    expect(tap.said()).toContain(`Origin: ${stage.pages.url}`);
    expect(await errorsOf(someone)).toEqual([]);
  });

  it("a client that only polls does all of it: call, data, mesh room, SFU room [2]", async () => {
    const tap = await startTap(stage.server.port);
    const polling = await stage.page("skyway", "polling", "chromium", [
      `Object.defineProperty(navigator, "userAgent", { get: () => ${JSON.stringify(SAFARI)} });`,
    ]);
    const options = { port: tap.port };
    const one = await enter(polling, stage.server, "one", { answer: "red", options });
    const two = await enter(polling, stage.server, "two", { answer: "green", options });
    await one.call("two", "red");
    await Promise.all([one.sees(["green"]), two.sees(["red"])]);
    await polling.evaluate(() => folk.link("one").raw.close(true));
    await one.connect("two");
    await polling.evaluate(() => folk.link("one").raw.send("x".repeat(100_000)));
    await two.received(1);
    for (const mode of ["mesh", "sfu"] as const) {
      await one.join(`polled ${mode}`, mode, "red");
      await two.join(`polled ${mode}`, mode, "green");
      await Promise.all([one.roomSees(["green"]), two.roomSees(["red"])]);
      await polling.evaluate(() => folk.hall("one").raw.send({ bytes: helpers.pattern(300_000).buffer }));
      await two.heard(1);
    }
    expect(tap.said()).not.toContain("transport=websocket");
    await polling.close();
  });

  it("a torn transport is not seen: same ID, same room, no leave [8]", async () => {
    const tap = await startTap(stage.server.port);
    const torn = await enter(page, stage.server, "torn", { answer: "red", options: { port: tap.port } });
    const other = await enter(page, stage.server, "other");
    await other.join("kept", "mesh", null);
    await torn.join("kept", "mesh", null);
    await other.hallTold("peerJoin torn");
    // The client's two tries may both be over after 1.5 s.
    await tap.cut(1_300);
    await page.evaluate(() => folk.hall("other").raw.send("missed?"));
    expect(await torn.heard(1)).toEqual([{ src: "other", data: { is: "String", value: "missed?" } }]);
    await page.evaluate(() => folk.hall("torn").raw.send("still here"));
    expect(await other.heard(1)).toEqual([{ src: "torn", data: { is: "String", value: "still here" } }]);
    await other.call("torn", "green");
    await other.sees(["red"]);
    expect(await torn.journal()).toEqual(["open torn", "call other"]);
    expect(await other.hallJournal()).toEqual(["open", "peerJoin torn"]);
    expect(await torn.hallJournal()).toEqual(["open"]);
  });

  it("destroy() is seen within a second, a closed tab within the grace time [10]", async () => {
    const watcher = await enter(page, stage.server, "watcher");
    await watcher.join("leaving", "mesh", null);
    const tab = await stage.page("skyway", "tab");
    const [clean, killed] = [await enter(tab, stage.server, "clean"), await enter(tab, stage.server, "killed")];
    await Promise.all([clean.join("leaving", "mesh", null), killed.join("leaving", "mesh", null)]);
    await watcher.hallTold("peerJoin killed");
    await clean.destroy();
    await watcher.hallTold("peerLeave clean", 1_000);
    expect(await clean.journal()).toEqual(expect.arrayContaining(["close", "disconnected"]));
    await tab.close();
    await watcher.hallTold("peerLeave killed", 8_000);
  });
});
