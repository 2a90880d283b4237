import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "libsql";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openStore } from "./open.ts";

describe("openStore", () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "tsunagi-open-"));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  it("keeps the database from other users, also one that was readable", async () => {
    const path = join(dir, "data", "tsunagi.db");
    const store = await openStore({ dataDir: join(dir, "data") });
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(`${path}-wal`).mode & 0o777).toBe(0o600);
    expect(statSync(join(dir, "data")).mode & 0o777).toBe(0o700);
    await store.close();
    chmodSync(path, 0o644);
    await (await openStore({ dataDir: join(dir, "data") })).close();
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it("says what to do about a file that is no database, a folder that cannot be, and an address that is none", async () => {
    const refused = { code: "store.database.unreachable", remedy: expect.any(String) };
    writeFileSync(join(dir, "tsunagi.db"), "this is not a database, whatever its name says".repeat(100));
    await expect(openStore({ dataDir: dir })).rejects.toMatchObject(refused);
    writeFileSync(join(dir, "file"), "");
    await expect(openStore({ dataDir: join(dir, "file", "below") })).rejects.toMatchObject(refused);
    await expect(openStore({ databaseUrl: "mysql://127.0.0.1/x" })).rejects.toMatchObject(refused);
    await expect(openStore({ databaseUrl: "postgres://nobody@127.0.0.1:1/x" })).rejects.toMatchObject(refused);
  });

  it("refuses a database of a newer version, and leaves it as it was", async () => {
    await (await openStore({ dataDir: dir })).close();
    const database = new Database(join(dir, "tsunagi.db"));
    database.exec("insert into kysely_migration (name, timestamp) values ('9999-later', '2030-01-01T00:00:00.000Z')");
    database.close();
    await expect(openStore({ dataDir: dir })).rejects.toMatchObject({ code: "store.database.newer" });
  });

  it("logs a row that it cannot read, and goes on with the others", async () => {
    const logged: unknown[] = [];
    const nothing = () => {};
    const store = await openStore({
      dataDir: dir,
      log: { error: (fields) => logged.push(fields), warn: nothing, info: nothing, debug: nothing },
    });
    const good = await store.createApp({ name: "good" }, 1_000);
    const bad = await store.createApp({ name: "bad" }, 2_000);
    const database = new Database(join(dir, "tsunagi.db"));
    database.prepare("update app set limits = ? where id = ?").run(['{"peers": -1}', bad.id]);
    database.close();
    expect(await store.listApps()).toEqual([good]);
    expect(logged).toMatchObject([{ app: bad.id, code: "store.row.invalid" }]);
    await expect(store.getApp(bad.id)).rejects.toMatchObject({ code: "store.row.invalid" });
    await store.close();
  });

  it("leaves everything in the one file when it closes", async () => {
    const store = await openStore({ dataDir: dir });
    const app = await store.createApp({ name: "a" }, 1_000);
    await store.close();
    for (const suffix of ["-wal", "-shm"]) rmSync(join(dir, `tsunagi.db${suffix}`), { force: true });
    const again = await openStore({ dataDir: dir });
    expect(await again.listApps()).toEqual([app]);
    await again.close();
  });

  it("waits for another writer without stopping this process", async () => {
    const store = await openStore({ dataDir: dir });
    const other = new Database(join(dir, "tsunagi.db"));
    other.exec("begin immediate");
    let ticks = 0;
    const ticking = setInterval(() => {
      ticks += 1;
      if (ticks === 5) other.exec("commit");
    }, 5);
    await store.createApp({ name: "a" }, 1_000);
    clearInterval(ticking);
    expect(ticks).toBeGreaterThanOrEqual(5);
    other.close();
    await store.close();
  });
});
