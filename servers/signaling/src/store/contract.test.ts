/** One battery for both databases. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DEFAULT_LIMITS, DEFAULT_SWITCHES, type Webhook } from "@tsunagi/conference";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type PostgresCluster, postgresMissing, startPostgres } from "../../test/support/postgres-cluster.ts";
import { openStore, type StoreOptions } from "./open.ts";
import type { CallRecord, Store } from "./store.ts";

const missing = postgresMissing();
if (missing !== undefined) console.warn(`SKIPPED: the store's battery on PostgreSQL: ${missing}`);

type Place = { fresh(): Promise<StoreOptions>; end(): void };

function sqlitePlace(): Place {
  const dir = mkdtempSync(join(tmpdir(), "tsunagi-store-"));
  let n = 0;
  return {
    async fresh() {
      n += 1;
      return { dataDir: join(dir, String(n)) };
    },
    end: () => rmSync(dir, { recursive: true, force: true }),
  };
}

async function postgresPlace(): Promise<Place> {
  const cluster: PostgresCluster = await startPostgres();
  return { fresh: async () => ({ databaseUrl: await cluster.createDatabase() }), end: () => cluster.stop() };
}

const T0 = Date.UTC(2026, 0, 1);
const HOUR = 3_600_000;

const webhook = (id: string): Webhook => ({ id, url: `https://example.com/${id}`, secret: `s-${id}`, events: [] });

function call(appId: string, n: number, change: Partial<CallRecord> = {}): CallRecord {
  return {
    appId,
    kind: "media",
    name: `mc_${n}`,
    peers: ["alice", "bob"],
    startedAt: T0 + n,
    endedAt: T0 + n + 1_000,
    reason: "hang-up",
    ...change,
  };
}

describe.each([
  { kind: "sqlite" as const, place: async () => sqlitePlace(), skip: false },
  { kind: "postgres" as const, place: postgresPlace, skip: missing !== undefined },
])("the store on $kind", ({ kind, place, skip }) => {
  describe.skipIf(skip)(skip ? `skipped: ${missing}` : "keeps its contract", () => {
    let where: Place;
    let options: StoreOptions;
    let store: Store;

    beforeAll(async () => {
      where = await place();
    }, 90_000);
    afterAll(() => where?.end());
    beforeEach(async () => {
      options = await where.fresh();
      store = await openStore({ ...options, callRetention: { perApp: 10, days: 30 } });
    });
    afterEach(() => store.close());

    it("makes an app with a key shaped like SkyWay's, a 256-bit secret and the defaults", async () => {
      const app = await store.createApp({ name: "first" }, T0);
      expect(store.kind).toBe(kind);
      expect(app.key).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
      expect(Buffer.from(app.secrets[0]?.secret ?? "", "base64url")).toHaveLength(32);
      expect(app).toMatchObject({ name: "first", enabled: true, origins: [], webhooks: [], retiredKeys: [] });
      expect(app).toMatchObject({ switches: DEFAULT_SWITCHES, limits: DEFAULT_LIMITS, createdAt: T0, updatedAt: T0 });
      expect(await store.getApp(app.id)).toEqual(app);
      expect(await store.listApps()).toEqual([app]);
      expect(await store.getApp("app_none")).toBeUndefined();
    });

    it("takes what it is given: key, secret, origins, switches, limits, webhooks", async () => {
      const app = await store.createApp(
        {
          name: "会議",
          key: "imported-key",
          secret: "imported secret",
          origins: ["https://example.com", "https://*.example.org"],
          switches: { listPeers: false, modes: ["mesh"], relay: undefined },
          limits: { roomMembers: 4 },
          webhooks: [webhook("wh_1")],
        },
        T0,
      );
      expect(app).toMatchObject({ name: "会議", key: "imported-key", secrets: [{ secret: "imported secret", createdAt: T0 }] });
      expect(app.origins).toEqual(["https://example.com", "https://*.example.org"]);
      expect(app.switches).toEqual({ ...DEFAULT_SWITCHES, listPeers: false, modes: ["mesh"] });
      expect(app.limits).toEqual({ ...DEFAULT_LIMITS, roomMembers: 4 });
      expect(app.webhooks).toEqual([webhook("wh_1")]);
    });

    it("lists apps oldest first", async () => {
      const b = await store.createApp({ name: "b" }, T0 + 2);
      const a = await store.createApp({ name: "a" }, T0 + 1);
      expect((await store.listApps()).map((app) => app.id)).toEqual([a.id, b.id]);
    });

    it("refuses a key that another app has, or had before a rotation, and writes nothing then", async () => {
      const first = await store.createApp({ name: "first", key: "taken" }, T0);
      await expect(store.createApp({ name: "second", key: "taken" }, T0)).rejects.toMatchObject({ code: "store.key.taken" });
      await store.rotateKey(first.id, HOUR, T0);
      await expect(store.createApp({ name: "second", key: "taken" }, T0)).rejects.toMatchObject({ code: "store.key.taken" });
      expect(await store.listApps()).toHaveLength(1);
    });

    it("imports all or nothing, changes what differs, and does nothing the second time", async () => {
      const old = await store.createApp({ name: "old", key: "old-key", secret: "first" }, T0);
      const apps = [
        { key: "old-key", secret: "second", switches: { listPeers: false } },
        { key: "new-key", name: "new", secret: "given", origins: ["https://a.example:*"], enabled: false },
      ];
      const dry = await store.importApps(apps, { now: T0 + 1, dryRun: true });
      expect(dry).toEqual({
        done: false,
        outcomes: [
          { key: "old-key", outcome: "updated", changed: ["secret", "listPeers"] },
          { key: "new-key", outcome: "created" },
        ],
      });
      const repeated = await store.importApps([...apps, { key: "new-key" }], { now: T0 + 1 });
      expect(repeated).toMatchObject({ done: false, outcomes: [{}, {}, { outcome: "refused", code: "store.key.repeated" }] });
      expect(await store.listApps()).toEqual([old]);

      const revision = await store.revision();
      const some = await store.importApps([...apps, { key: "new-key" }], { now: T0 + 2, skipRefused: true });
      expect(some).toMatchObject({ done: true, outcomes: [...dry.outcomes, { outcome: "refused" }] });
      expect(await store.revision()).toBeGreaterThan(revision);
      expect(await store.listApps()).toMatchObject([
        {
          id: old.id,
          secrets: [{ secret: "second" }, { secret: "first", retiresAt: T0 + 2 + 24 * HOUR }],
          switches: { listPeers: false },
        },
        { name: "new", key: "new-key", enabled: false, origins: ["https://a.example:*"], secrets: [{ secret: "given" }] },
      ]);
      const again = await store.importApps(apps, { now: T0 + 3 });
      expect(again).toMatchObject({ done: true, outcomes: [{ outcome: "unchanged" }, { outcome: "unchanged" }] });
      expect((await store.getApp(old.id))?.updatedAt).toBe(T0 + 2);
      // A secret that was replaced may come back while it still verifies.
      await store.importApps([{ key: "old-key", secret: "first" }], { now: T0 + 4 });
      expect((await store.getApp(old.id))?.secrets).toMatchObject([{ secret: "first" }, { secret: "second" }]);
    });

    it("changes only what it is told to", async () => {
      const app = await store.createApp({ name: "before", switches: { roomLog: false }, limits: { rooms: 5 } }, T0);
      const changed = await store.updateApp(
        app.id,
        { enabled: false, switches: { listPeers: false }, limits: { peers: 7, rooms: undefined } },
        T0 + 9,
      );
      expect(changed).toEqual({
        ...app,
        enabled: false,
        switches: { ...app.switches, roomLog: false, listPeers: false },
        limits: { ...app.limits, peers: 7, rooms: 5 },
        updatedAt: T0 + 9,
      });
      const again = await store.updateApp(app.id, { name: "after", enabled: true, origins: ["https://a.example"] }, T0 + 10);
      expect(again).toEqual({ ...changed, name: "after", enabled: true, origins: ["https://a.example"], updatedAt: T0 + 10 });
    });

    it("loses no change of webhooks made at once", async () => {
      const app = await store.createApp({ name: "a" }, T0);
      const other = await openStore(options);
      const names = ["wh_1", "wh_2", "wh_3", "wh_4"];
      try {
        await Promise.all(
          names.map((id, n) => (n % 2 === 0 ? store : other).changeWebhooks(app.id, (all) => [...all, webhook(id)], T0)),
        );
      } finally {
        await other.close();
      }
      expect((await store.getApp(app.id))?.webhooks.map((each) => each.id).sort()).toEqual(names);
      const stop = new Error("stop");
      await expect(
        store.changeWebhooks(
          app.id,
          () => {
            throw stop;
          },
          T0,
        ),
      ).rejects.toBe(stop);
      expect((await store.getApp(app.id))?.webhooks).toHaveLength(4);
    });

    it("keeps the old key until the overlap ends, and forgets it at the next rotation after that", async () => {
      const app = await store.createApp({ name: "a" }, T0);
      const once = await store.rotateKey(app.id, HOUR, T0 + 1);
      expect(once.key).not.toBe(app.key);
      expect(once.retiredKeys).toEqual([{ key: app.key, until: T0 + 1 + HOUR }]);
      expect(once.updatedAt).toBe(T0 + 1);
      const twice = await store.rotateKey(app.id, HOUR, T0 + 2 + HOUR);
      expect(twice.retiredKeys).toEqual([{ key: once.key, until: T0 + 2 + 2 * HOUR }]);
    });

    it("keeps the old secret until the overlap ends, current one first", async () => {
      const app = await store.createApp({ name: "a" }, T0);
      const once = await store.rotateSecret(app.id, HOUR, T0 + 1);
      expect(once.secrets).toEqual([
        { secret: expect.not.stringMatching(app.secrets[0]?.secret ?? ""), createdAt: T0 + 1 },
        { ...app.secrets[0], retiresAt: T0 + 1 + HOUR },
      ]);
      const twice = await store.rotateSecret(app.id, 0, T0 + 2 + HOUR);
      expect(twice.secrets.map((each) => each.createdAt)).toEqual([T0 + 2 + HOUR, T0 + 1]);
    });

    it("bounds what rotations one after the other leave behind", async () => {
      const app = await store.createApp({ name: "a" }, T0);
      for (let n = 1; n <= 12; n += 1) {
        await store.rotateKey(app.id, HOUR, T0 + n);
        await store.rotateSecret(app.id, HOUR, T0 + n);
      }
      const after = await store.getApp(app.id);
      expect(after?.retiredKeys).toHaveLength(8);
      expect(after?.secrets).toHaveLength(9);
      expect(after?.retiredKeys[0]?.until).toBe(T0 + 12 + HOUR);
    });

    it("says which app is unknown", async () => {
      const unknown = { code: "store.app.unknown" };
      await expect(store.updateApp("app_x", { name: "n" }, T0)).rejects.toMatchObject(unknown);
      await expect(store.rotateKey("app_x", 0, T0)).rejects.toMatchObject(unknown);
      await expect(store.rotateSecret("app_x", 0, T0)).rejects.toMatchObject(unknown);
      await expect(store.changeWebhooks("app_x", (all) => all, T0)).rejects.toMatchObject(unknown);
      await store.deleteApp("app_x");
    });

    it("deletes an app with its keys and calls", async () => {
      const app = await store.createApp({ name: "a", key: "free-again" }, T0);
      await store.recordCall(call(app.id, 1));
      await store.deleteApp(app.id);
      expect(await store.listApps()).toEqual([]);
      expect(await store.listCalls(app.id, { limit: 10 })).toEqual([]);
      expect((await store.createApp({ name: "b", key: "free-again" }, T0)).key).toBe("free-again");
    });

    it("keeps what faces need after a restart, the last change of each, until it is over or old", async () => {
      const [app, other] = [await store.createApp({ name: "a" }, T0), await store.createApp({ name: "b" }, T0)];
      const key = { face: "skyway", appId: app.id, name: "部屋" };
      await store.changeFaceState(
        [
          { ...key, body: "1" },
          { ...key, name: "x", body: "x" },
          { ...key, body: "2" },
        ],
        T0,
      );
      await store.changeFaceState([{ ...key, appId: "app_gone", body: "3" }], T0);
      expect(await store.faceState(key)).toBe("2");
      expect(await store.faceState({ ...key, appId: other.id })).toBeUndefined();
      expect(await store.faceState({ ...key, face: "other" })).toBeUndefined();
      await store.changeFaceState(
        [
          { ...key, body: "3" },
          { ...key, name: "x", body: undefined },
        ],
        T0 + 10,
      );
      expect(await store.faceState(key)).toBe("3");
      expect(await store.faceState({ ...key, name: "x" })).toBeUndefined();
      expect([await store.pruneFaceState(T0 + 10), await store.pruneFaceState(T0 + 11)]).toEqual([0, 1]);
      expect(await store.faceState(key)).toBeUndefined();
      const many = Array.from({ length: 1_200 }, (_, n) => ({ ...key, name: String(n), body: "{}" }));
      await store.changeFaceState(many, T0);
      await store.deleteApp(app.id);
      expect(await store.pruneFaceState(T0 + 1)).toBe(0);
    });

    it("counts a revision for each change of an app, and none for one that failed", async () => {
      const start = await store.revision();
      const app = await store.createApp({ name: "a" }, T0);
      await store.updateApp(app.id, { name: "b" }, T0);
      expect(await store.revision()).toBe(start + 2);
      await expect(store.rotateKey("app_x", 0, T0)).rejects.toThrow();
      await store.recordCall(call(app.id, 1));
      expect(await store.revision()).toBe(start + 2);
    });

    it("gives all who ask for a setting the value of the first writer", async () => {
      const other = await openStore(options);
      let n = 0;
      const make = () => `made ${++n}`;
      const values = await Promise.all([store.setting("k", make), other.setting("k", make), store.setting("k", make)]);
      expect(new Set(values).size).toBe(1);
      await other.replaceSetting("k", "reset");
      expect(await store.setting("k", make)).toBe("reset");
      await other.close();
    });

    it("lists calls newest first, by pages and by kind", async () => {
      const app = await store.createApp({ name: "a" }, T0);
      const other = await store.createApp({ name: "b" }, T0);
      await store.recordCalls([
        call(app.id, 1),
        call(app.id, 2, { kind: "room", name: "部屋" }),
        call(other.id, 3),
        call(app.id, 4),
      ]);
      const all = await store.listCalls(app.id, { limit: 10 });
      expect(all.map(({ id: _, ...record }) => record)).toEqual([
        call(app.id, 4),
        call(app.id, 2, { kind: "room", name: "部屋" }),
        call(app.id, 1),
      ]);
      const [newest] = await store.listCalls(app.id, { limit: 1 });
      expect((await store.listCalls(app.id, { limit: 9, beforeId: newest?.id })).map((each) => each.startedAt)).toEqual([
        T0 + 2,
        T0 + 1,
      ]);
      expect((await store.listCalls(app.id, { limit: 9, kind: "room" })).map((each) => each.name)).toEqual(["部屋"]);
    });

    it("leaves out records of an app that was deleted meanwhile", async () => {
      const app = await store.createApp({ name: "a" }, T0);
      await store.recordCalls([call("app_gone", 1), call(app.id, 2)]);
      expect(await store.listCalls("app_gone", { limit: 9 })).toEqual([]);
      expect(await store.listCalls(app.id, { limit: 9 })).toHaveLength(1);
    });

    it("prunes calls by age and by number", async () => {
      const app = await store.createApp({ name: "a" }, T0);
      const days31 = 31 * 24 * HOUR;
      await store.recordCalls(Array.from({ length: 14 }, (_, n) => call(app.id, n + 1)));
      expect(await store.pruneCalls(T0 + HOUR)).toBe(4);
      const left = await store.listCalls(app.id, { limit: 100 });
      expect(left.map((each) => each.startedAt - T0)).toEqual([14, 13, 12, 11, 10, 9, 8, 7, 6, 5]);
      expect(await store.pruneCalls(T0 + days31)).toBe(10);
    });

    it("prunes by itself as records come in", async () => {
      const app = await store.createApp({ name: "a" }, T0);
      for (let batch = 0; batch < 4; batch += 1) {
        await store.recordCalls(Array.from({ length: 300 }, (_, n) => call(app.id, batch * 300 + n)));
      }
      expect((await store.listCalls(app.id, { limit: 5_000 })).length).toBeLessThanOrEqual(10 + 500);
    });

    it("keeps everything over a close, and two that open a new database at once take turns", async () => {
      const app = await store.createApp({ name: "kept" }, T0);
      await store.close();
      store = await openStore(options);
      expect(await store.listApps()).toEqual([app]);
      const fresh = await where.fresh();
      const both = await Promise.all([openStore(fresh), openStore(fresh)]);
      await both[0].createApp({ name: "x" }, T0);
      expect(await both[1].listApps()).toHaveLength(1);
      for (const each of both) await each.close();
    });

    it("answers a ping, and refuses it once closed", async () => {
      await store.ping();
      const other = await openStore(await where.fresh());
      await other.close();
      await expect(other.ping()).rejects.toThrow();
    });
  });
});
