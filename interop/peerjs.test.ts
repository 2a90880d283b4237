/** The PeerJS client as the registry has it, unmodified, in real browsers: docs/compatibility.md says which line of its reference is shown where. */
import type { BrowserPage } from "@tsunagi/testkit/drivers";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { attempt, clear, enter, type FolkStage, openFolkStage, optionsFor, registryText, Someone } from "./lib/folk.ts";

let stage: FolkStage;

beforeAll(async () => {
  stage = await openFolkStage(
    { env: { TSUNAGI_FACES_PEERJS_DISCOVERY: "true", TSUNAGI_FACES_PEERJS_ANY_KEY: "true" } },
    { "/msgpack.js": registryText("peerjs/dist/serializer.msgpack.mjs") },
  );
}, 60_000);

/** What is sent, made in the page, and what must come of it. */
type Sample = { readonly make: string; readonly comes: object };

const object = { text: "héllo ☃", list: [1, -1, 300, -129, 1.5, 2 ** 40], deep: { yes: true, no: false, nothing: null } };
const STRUCTURED: Sample[] = [
  { make: '"hello"', comes: { is: "String", value: "hello" } },
  { make: JSON.stringify(object), comes: { is: "Object", value: object } },
];
const DIGEST_OF_MEGABYTE = "helpers.digest(helpers.pattern(1_000_000))";

describe.each(["chromium", "firefox"] as const)("peerjs in %s", (browser) => {
  let page: BrowserPage;
  let alice: Someone;
  let bob: Someone;
  const prefix = browser.slice(0, 2);
  const [aliceId, bobId] = [`${prefix}-alice`, `${prefix}-bob`];

  beforeAll(async () => {
    page = await stage.page("peerjs", `peerjs in ${browser}`, browser);
    alice = await enter(page, stage.server, "alice", { id: aliceId, answer: "red" });
    bob = await enter(page, stage.server, "bob", { id: bobId, answer: "green" });
  }, 60_000);
  afterAll(() => page.close());

  it("calls: both decode the other, metadata arrives, each side may hang up", async () => {
    await alice.call(bobId, "red", { metadata: { hello: ["you", 1, null] } });
    await Promise.all([alice.sees(["green"]), bob.sees(["red"])]);
    expect(await page.evaluate(() => folk.link("bob").raw.metadata)).toEqual({ hello: ["you", 1, null] });
    await page.evaluate(() => folk.link("bob").raw.close());
    await alice.linkTold("close");

    await bob.call(aliceId, "green");
    await Promise.all([alice.sees(["green"]), bob.sees(["red"])]);
    await page.evaluate(() => folk.link("bob").raw.close());
    await alice.linkTold("close");
  });

  it.each([
    ["binary", STRUCTURED],
    ["binary-utf8", STRUCTURED],
    ["json", STRUCTURED],
    [
      "raw",
      [
        { make: '"plain"', comes: { is: "String", value: "plain" } },
        { make: "helpers.pattern(5000).buffer", comes: { is: "ArrayBuffer", size: 5000 } },
      ],
    ],
  ] as const)("data as %s, both ways", async (serialization, samples) => {
    await alice.connect(bobId, { serialization, reliable: true, label: `as ${serialization}`, metadata: serialization });
    await bob.linkTold("open");
    const { label, metadata, way } = await page.evaluate(() => {
      const { raw } = folk.link("bob");
      return { label: raw.label, metadata: raw.metadata, way: raw.serialization };
    });
    expect({ label, metadata, way }).toEqual({ label: `as ${serialization}`, metadata: serialization, way });
    // The client has one word for both.
    expect(way).toBe(serialization === "binary-utf8" ? "binary" : serialization);
    for (const { make } of samples) await page.expression(`void folk.link("alice").raw.send(${make})`);
    for (const { make } of samples) await page.expression(`void folk.link("bob").raw.send(${make})`);
    const wanted = samples.map(({ comes }) => expect.objectContaining(comes));
    expect(await bob.received(samples.length)).toEqual(wanted);
    expect(await alice.received(samples.length)).toEqual(wanted);
    await page.evaluate(() => folk.link("alice").raw.close());
    await bob.linkTold("close");
  });

  it("a megabyte in chunks, a Blob and a File", async () => {
    await alice.connect(bobId, { reliable: true });
    await bob.linkTold("open");
    await page.evaluate(() => {
      const { raw } = folk.link("alice");
      raw.send(helpers.pattern(1_000_000).buffer);
      raw.send(new Blob([helpers.pattern(40_000)]));
      raw.send(new File([helpers.pattern(100)], "a.bin"));
    });
    const digests = await page.expression<string[]>(
      `Promise.all([${DIGEST_OF_MEGABYTE}, helpers.digest(helpers.pattern(40_000)), helpers.digest(helpers.pattern(100))])`,
    );
    expect((await bob.received(3)).map(({ digest }) => digest).sort()).toEqual([...digests].sort());
    // Closed by the other only after all that was sent.
    await page.evaluate(() => {
      const { raw } = folk.link("alice");
      raw.send("last");
      raw.close({ flush: true });
    });
    expect((await bob.received(4)).at(-1)).toEqual({ is: "String", value: "last" });
    await bob.linkTold("close");
  });
});

describe("peerjs and its server", () => {
  let page: BrowserPage;

  beforeAll(async () => {
    page = await stage.page("peerjs");
  });
  afterEach(() => clear(page));

  it("gives IDs, keeps them apart, lists them, under any key and at the root too", async () => {
    const [given, other] = await Promise.all([
      enter(page, stage.server, "one", { id: null }),
      enter(page, stage.server, "two", { id: null, options: { key: "any-word" } }),
    ]);
    expect(given.id).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    expect(other.id).not.toBe(given.id);
    const rooted = await enter(page, stage.server, "three", { id: "at-root", options: { path: "/" } });
    const thief = await attempt(page, stage.server, "thief", { id: "at-root" });
    await thief.told("error unavailable-id");
    const ids = await page.evaluate(() => folk.list("one"));
    expect(ids).toEqual(expect.arrayContaining([given.id, other.id, "at-root"]));
    expect(ids).not.toContain("nobody");
    // Its owner is undisturbed.
    expect((await rooted.journal()).filter((entry) => entry.startsWith("error"))).toEqual([]);
    await given.call("at-root", "blue");
    await rooted.told(`call ${given.id}`);
  });

  it("a serializer that the app brings: MsgPack", async () => {
    const options = JSON.stringify(optionsFor("peerjs", stage.server));
    await page.expression(`import("/msgpack.js").then(({ MsgPack }) => Promise.all(["packer", "unpacker"].map((name) =>
      folk.open(name, name, { options: { ...${options}, serializers: { MsgPack } } }))))`);
    const [packer, unpacker] = [new Someone(page, "packer", "packer"), new Someone(page, "unpacker", "unpacker")];
    await packer.connect("unpacker", { serialization: "MsgPack", reliable: true });
    await unpacker.linkTold("open");
    await page.evaluate(() => void folk.link("packer").raw.send({ list: [1, "two"], bytes: helpers.pattern(50_000) }));
    await unpacker.received(1);
    expect(await page.evaluate(() => (folk.link("unpacker").received[0] as { list: unknown[] }).list)).toEqual([1, "two"]);
  });

  it("metadata of any JSON type", async () => {
    const [one, two] = [await enter(page, stage.server, "one"), await enter(page, stage.server, "two")];
    const all = ["text", 7, true, null, [1, [2]], { a: { b: [] } }];
    for (const metadata of all) {
      await one.connect("two", { metadata });
      await two.linkTold("open");
      expect(await page.evaluate(() => folk.link("two").raw.metadata ?? null)).toEqual(metadata);
    }
  });

  it("who is absent is waited for, and then told to be away", async () => {
    const early = await enter(page, stage.server, "early");
    const startedAt = Date.now();
    const waiting = early.connect("late", { label: "waited" });
    const alone = await enter(page, stage.server, "alone");
    await alone.call("nobody", "red");
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    const late = await enter(page, stage.server, "late");
    await waiting;
    await late.linkTold("open");
    await alone.told("error peer-unavailable", 10_000);
    expect(Date.now() - startedAt).toBeGreaterThan(4_500);
    expect(Date.now() - startedAt).toBeLessThan(8_000);
  });

  it("disconnect() and reconnect() keep the ID, also over a restart of the server, and a call goes on meanwhile", async () => {
    const one = await enter(page, stage.server, "one", { answer: "red" });
    const two = await enter(page, stage.server, "two", { answer: "green" });
    await one.call("two", "red");
    await Promise.all([one.sees(["green"]), two.sees(["red"])]);
    await page.evaluate(() => folk.person("one").peer.disconnect());
    await one.told("disconnected");
    await page.evaluate(() => folk.person("one").peer.reconnect());
    await page.waitFor(() => folk.person("one").journal.filter((each) => each === "open one").length === 2, {
      what: "open again",
    });

    await stage.server.restart({ signal: "SIGKILL" });
    await two.told("disconnected");
    await page.evaluate(() => {
      for (const name of ["one", "two"]) folk.person(name).peer.reconnect();
    });
    await page.waitFor(() => folk.person("two").journal.filter((each) => each === "open two").length === 2, {
      what: "open again",
    });
    await Promise.all([one.sees(["green"]), two.sees(["red"])]);
    await two.connect("one");
  });
});
