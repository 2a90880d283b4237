/** Keys and tokens against the real embedded store, in a folder of their own. */
import { createHmac } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { jwtVerify } from "jose";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { run } from "../cli.ts";
import { EXIT } from "../exit-codes.ts";
import { type TestIoOptions, testIo } from "../test-io.ts";

let cwd: string;
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), "tsunagi-cli-"));
});
afterEach(() => rm(cwd, { recursive: true, force: true }));

async function tsunagi(line: string, options: TestIoOptions = {}) {
  const io = testIo({ cwd, ...options });
  const code = await run(line.split(" "), io);
  return { code, out: io.out(), err: io.err(), questions: io.questions };
}

async function json(line: string, options: TestIoOptions = {}) {
  const { code, out, err } = await tsunagi(`${line} --json`, options);
  expect(err).toBe("");
  expect(code).toBe(EXIT.ok);
  return JSON.parse(out);
}

describe("keys", () => {
  it("creates an app with all that can be set, and shows its secret once", async () => {
    const made = await json(
      "keys create shop --origin https://Shop.example --switch requireAuthentication=true --switch modes=mesh,sfu --limit rooms=5",
    );
    expect(made).toMatchObject({
      name: "shop",
      key: expect.stringMatching(/^[0-9a-f-]{36}$/),
      secret: expect.stringMatching(/^[\w-]{40,}$/),
      origins: ["https://shop.example"],
      switches: { requireAuthentication: true, modes: ["mesh", "sfu"], listPeers: true },
      limits: { rooms: 5, peers: 10_000 },
    });
    const [listed] = await json("keys list");
    expect(listed).toMatchObject({ name: "shop", key: made.key });
    expect(listed.secret).toBeUndefined();
    expect((await json("keys show shop")).secret).toBeUndefined();
    expect((await json("keys show shop --secret")).secret).toBe(made.secret);
    const table = (await tsunagi("keys list")).out;
    expect(table).toMatch(/^NAME +KEY +STATE +ACCESS +ORIGINS +MADE\nshop +[0-9a-f-]{36} +on +token +https:\/\/shop\.example +/);
    expect((await tsunagi("keys show shop")).out).not.toContain(made.secret);
  });

  it("imports a key and a secret, and refuses a key that is taken or misshapen", async () => {
    const line = "keys create old --key 11111111-2222-3333-4444-555555555555 --import-secret s3cret";
    expect(await json(line)).toMatchObject({ key: "11111111-2222-3333-4444-555555555555", secret: "s3cret" });
    expect(await tsunagi(line)).toMatchObject({ code: EXIT.failed, err: expect.stringContaining("store.key.taken") });
    expect(await tsunagi("keys create x --key a/b")).toMatchObject({ code: EXIT.usage });
  });

  it("rotates the key with an overlap, or the secret", async () => {
    const made = await json("keys create shop");
    const wallNow = Date.now();
    const rotated = await json("keys rotate shop --overlap 10m", { wallNow });
    expect(rotated.key).not.toBe(made.key);
    expect(rotated.retiredKeys).toEqual([{ key: made.key, until: new Date(wallNow + 600_000).toISOString() }]);
    const resigned = await json(`keys rotate ${rotated.key} --secret`);
    expect(resigned.key).toBe(rotated.key);
    expect(resigned.secret).not.toBe(made.secret);
  });

  it("sets what is named and leaves the rest", async () => {
    await json("keys create shop --origin https://a.example --limit rooms=5 --switch listPeers=false");
    const set = await json("keys set shop --limit peers=7 --disable --name store");
    expect(set).toMatchObject({
      name: "store",
      enabled: false,
      origins: ["https://a.example"],
      limits: { rooms: 5, peers: 7 },
      switches: { listPeers: false },
    });
    expect(await json("keys set store --enable --any-origin")).toMatchObject({ enabled: true, origins: [] });
  });

  it.each([
    "keys set shop",
    "keys set shop --enable --disable",
    "keys set shop --limit peers",
    "keys set shop --limit nothing=1",
    "keys set shop --limit peers=0",
    "keys set shop --switch listPeers=maybe",
    "keys set shop --switch modes=ring",
    "keys set shop --origin shop.example",
    "keys set shop --origin https://shop.example/path",
    "keys list shop",
  ])("refuses %s before anything changes", async (line) => {
    const made = await json("keys create shop");
    expect((await tsunagi(line)).code).toBe(EXIT.usage);
    expect(await json("keys show shop --secret")).toEqual(made);
  });

  it("deletes when told twice", async () => {
    const { key } = await json("keys create shop");
    const refused = await tsunagi("keys delete shop");
    expect(refused).toMatchObject({ code: EXIT.usage, err: expect.stringContaining("--yes") });
    expect(refused.questions[0]).toContain(key);
    expect((await tsunagi("keys delete shop", { confirms: true })).code).toBe(EXIT.ok);
    expect(await json("keys list")).toEqual([]);
    await json("keys create shop");
    expect((await tsunagi("keys delete shop --yes")).questions).toEqual([]);
  });

  it("asks which app is meant when two have the name", async () => {
    const { key } = await json("keys create twin");
    await json("keys create twin");
    expect(await tsunagi("keys show twin")).toMatchObject({
      code: EXIT.failed,
      err: expect.stringContaining("cli.app.ambiguous"),
    });
    expect((await json(`keys show ${key}`)).key).toBe(key);
    expect(await tsunagi("keys show none")).toMatchObject({ code: EXIT.failed, err: expect.stringContaining("cli.app.unknown") });
  });

  it("keeps its store where told", async () => {
    await json("keys create here --data-dir other");
    expect(await json("keys list --data-dir other")).toHaveLength(1);
    expect(await json("keys list", { env: { TSUNAGI_DATA_DIR: "other" } })).toHaveLength(1);
    expect(await json("keys list")).toHaveLength(0);
  });
});

describe("token", () => {
  it("signs a JWT with the app's secret, alone on standard output", async () => {
    const { secret } = await json("keys create shop");
    const wallNow = Date.UTC(2026, 0, 1);
    const { out } = await tsunagi(
      "token shop --peer alice --ttl 24h --room lobby --room team-* --mode mesh --no-publish --no-list",
      { wallNow },
    );
    const { payload, protectedHeader } = await jwtVerify(out.trim(), Buffer.from(secret), { currentDate: new Date(wallNow) });
    expect(protectedHeader).toEqual({ alg: "HS256", typ: "JWT" });
    expect(payload).toEqual({
      sub: "alice",
      iat: wallNow / 1000,
      exp: wallNow / 1000 + 86_400,
      grants: { rooms: ["lobby", "team-*"], modes: ["mesh"], publish: false, listPeers: false },
    });
    await expect(jwtVerify(out.trim(), Buffer.from(`${secret}x`), { currentDate: new Date(wallNow) })).rejects.toThrow();
  });

  it("takes the only app when none is named, and lists the choice when there are more", async () => {
    expect(await tsunagi("token")).toMatchObject({ code: EXIT.failed, err: expect.stringContaining("keys create") });
    const { key } = await json("keys create one");
    expect(await json("token --no-rooms")).toMatchObject({ key, claims: { grants: { rooms: false } } });
    await json("keys create two");
    expect(await tsunagi("token")).toMatchObject({ code: EXIT.failed, err: expect.stringMatching(/one, two|two, one/) });
  });

  it("makes SkyWay's credential", async () => {
    const { secret } = await json("keys create shop");
    const wallNow = Date.UTC(2026, 0, 1);
    const credential = JSON.parse((await tsunagi("token --skyway --peer alice --ttl 600", { wallNow })).out);
    const authToken = createHmac("sha256", secret)
      .update(`${wallNow / 1000}:600:alice`)
      .digest("base64");
    expect(credential).toEqual({ timestamp: wallNow / 1000, ttl: 600, authToken });
    expect(await tsunagi("token --skyway")).toMatchObject({ code: EXIT.usage });
    expect(await tsunagi("token --skyway --peer a --ttl 599")).toMatchObject({ code: EXIT.usage });
    expect(await tsunagi("token --skyway --peer a --ttl 90001")).toMatchObject({ code: EXIT.usage });
  });
});
