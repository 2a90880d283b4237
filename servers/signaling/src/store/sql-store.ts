/** The store over SQL; one text for both databases. */

import { CodedError, type Log } from "@tsunagi/base";
import type { App, Webhook } from "@tsunagi/conference";
import type { Kysely, Transaction } from "kysely";
import { sql } from "kysely";
import { messageOf, type StoreKind } from "./dialects.ts";
import { IMPORT_OVERLAP_MS, type ImportedApp, type ImportOptions, type ImportResult, planImport } from "./import.ts";
import { newApiKey, newId, newSecret } from "./keys.ts";
import { parseApp, parseCall, parseLimits, parseSwitches, parseWebhooks, withoutUndefined } from "./rows.ts";
import type { AppChange, CallQuery, CallRecord, FaceStateChange, FaceStateKey, NewApp, Store, StoredCall } from "./store.ts";
import type { Tables } from "./tables.ts";

export type CallRetention = {
  /** Records kept of each app. Default 10,000. */
  readonly perApp: number;
  /** Default 30 days. */
  readonly days: number;
};

export type SqlStoreOptions = {
  readonly kind: StoreKind;
  readonly log: Log;
  readonly callRetention?: Partial<CallRetention> | undefined;
};

/** Records written between two prunings: the tables overshoot their bound by this much at most. */
const PRUNE_EVERY = 500;
/** Retired keys and secrets kept of an app; the oldest go first when rotations follow each other within the overlap. */
const MAX_RETIRED = 8;
/** Bind variables of a statement are bounded (32,766 in SQLite); a call takes seven. */
const CALLS_PER_INSERT = 500;
/** The same bound; a face's state takes five. */
const FACE_STATES_PER_STATEMENT = 500;
const DAY_MS = 86_400_000;

type Tx = Transaction<Tables>;

export class SqlStore implements Store {
  readonly kind: StoreKind;
  readonly #db: Kysely<Tables>;
  readonly #log: Log;
  readonly #retention: CallRetention;
  #unprunedCalls = 0;

  constructor(db: Kysely<Tables>, options: SqlStoreOptions) {
    this.#db = db;
    this.kind = options.kind;
    this.#log = options.log;
    this.#retention = { perApp: 10_000, days: 30, ...withoutUndefined<CallRetention>(options.callRetention ?? {}) };
  }

  async listApps(): Promise<readonly App[]> {
    // One snapshot of the three tables: a rotation in between would show an app without its key.
    return this.#snapshot((tx) => this.#readAll(tx));
  }

  async #readAll(tx: Tx): Promise<readonly App[]> {
    const apps = await tx.selectFrom("app").selectAll().orderBy("created_at").orderBy("id").execute();
    const keys = await tx.selectFrom("app_key").selectAll().execute();
    const secrets = await tx.selectFrom("app_secret").selectAll().execute();
    const keysOf = byApp(keys);
    const secretsOf = byApp(secrets);
    return apps.flatMap((row) => {
      try {
        return [parseApp(row, keysOf.get(row.id) ?? [], secretsOf.get(row.id) ?? [])];
      } catch (error) {
        this.#log.error(
          { app: row.id, code: "store.row.invalid", error: messageOf(error) },
          "an app in the database is unreadable",
        );
        return [];
      }
    });
  }

  async getApp(id: string): Promise<App | undefined> {
    return this.#snapshot((tx) => this.#read(tx, id));
  }

  async createApp(app: NewApp, now: number): Promise<App> {
    return this.#write(async (tx) => this.#mustRead(tx, await this.#insertApp(tx, app, true, now)));
  }

  async #insertApp(tx: Tx, app: NewApp, enabled: boolean, now: number): Promise<string> {
    const id = newId("app");
    await tx
      .insertInto("app")
      .values({
        id,
        name: app.name,
        enabled: Number(enabled),
        origins: JSON.stringify(app.origins ?? []),
        switches: JSON.stringify(withoutUndefined(app.switches ?? {})),
        limits: JSON.stringify(withoutUndefined(app.limits ?? {})),
        webhooks: JSON.stringify(app.webhooks ?? []),
        created_at: now,
        updated_at: now,
      })
      .execute();
    await this.#insertKey(tx, id, app.key ?? newApiKey(), now);
    await tx
      .insertInto("app_secret")
      .values({ app_id: id, secret: app.secret ?? newSecret(), created_at: now, retires_at: null })
      .execute();
    return id;
  }

  async importApps(apps: readonly ImportedApp[], { now, dryRun, skipRefused }: ImportOptions): Promise<ImportResult> {
    const plan = async (tx: Tx) => planImport(await this.#readAll(tx), apps);
    if (dryRun === true) return { done: false, outcomes: (await this.#snapshot(plan)).outcomes };
    return this.#write(async (tx) => {
      const { outcomes, steps } = await plan(tx);
      const isRefused = outcomes.some(({ outcome }) => outcome === "refused");
      if (isRefused && skipRefused !== true) return { done: false, outcomes };
      for (const step of steps) {
        if (step.type === "create") await this.#insertApp(tx, step.app, step.enabled, now);
        else {
          await this.#changeApp(tx, step.app.id, step.change, now);
          if (step.secret !== undefined) await this.#replaceSecret(tx, step.app.id, step.secret, IMPORT_OVERLAP_MS, now);
        }
      }
      return { done: true, outcomes };
    });
  }

  async updateApp(id: string, change: AppChange, now: number): Promise<App> {
    return this.#write(async (tx) => {
      await this.#changeApp(tx, id, change, now);
      return this.#mustRead(tx, id);
    });
  }

  async #changeApp(tx: Tx, id: string, change: AppChange, now: number): Promise<void> {
    const row = await this.#mustExist(tx, id);
    const switches = { ...parseSwitches(row.switches), ...withoutUndefined(change.switches ?? {}) };
    const limits = { ...parseLimits(row.limits), ...withoutUndefined(change.limits ?? {}) };
    await tx
      .updateTable("app")
      .set({
        name: change.name ?? row.name,
        enabled: change.enabled === undefined ? row.enabled : Number(change.enabled),
        origins: change.origins === undefined ? row.origins : JSON.stringify(change.origins),
        switches: JSON.stringify(switches),
        limits: JSON.stringify(limits),
        webhooks: change.webhooks === undefined ? row.webhooks : JSON.stringify(change.webhooks),
        updated_at: now,
      })
      .where("id", "=", id)
      .execute();
  }

  async changeWebhooks(id: string, change: (webhooks: readonly Webhook[]) => readonly Webhook[], now: number): Promise<App> {
    return this.#write(async (tx) => {
      const row = await this.#mustExist(tx, id);
      const webhooks = JSON.stringify(change(parseWebhooks(row.webhooks)));
      await tx.updateTable("app").set({ webhooks, updated_at: now }).where("id", "=", id).execute();
      return this.#mustRead(tx, id);
    });
  }

  async rotateKey(id: string, overlapMs: number, now: number): Promise<App> {
    return this.#write(async (tx) => {
      await this.#mustExist(tx, id);
      await tx.deleteFrom("app_key").where("app_id", "=", id).where("retires_at", "<=", now).execute();
      await tx
        .updateTable("app_key")
        .set({ retires_at: now + overlapMs })
        .where("app_id", "=", id)
        .where("retires_at", "is", null)
        .execute();
      const retired = await tx
        .selectFrom("app_key")
        .select("key")
        .where("app_id", "=", id)
        .orderBy("created_at", "desc")
        .offset(MAX_RETIRED)
        .limit(100)
        .execute();
      for (const { key } of retired) await tx.deleteFrom("app_key").where("key", "=", key).execute();
      await this.#insertKey(tx, id, newApiKey(), now);
      await tx.updateTable("app").set({ updated_at: now }).where("id", "=", id).execute();
      return this.#mustRead(tx, id);
    });
  }

  async rotateSecret(id: string, overlapMs: number, now: number): Promise<App> {
    return this.#write(async (tx) => {
      await this.#mustExist(tx, id);
      await this.#replaceSecret(tx, id, newSecret(), overlapMs, now);
      await tx.updateTable("app").set({ updated_at: now }).where("id", "=", id).execute();
      return this.#mustRead(tx, id);
    });
  }

  async #replaceSecret(tx: Tx, id: string, next: string, overlapMs: number, now: number): Promise<void> {
    await tx.deleteFrom("app_secret").where("app_id", "=", id).where("retires_at", "<=", now).execute();
    // An import may bring back one that was replaced and still verifies.
    await tx.deleteFrom("app_secret").where("app_id", "=", id).where("secret", "=", next).execute();
    await tx
      .updateTable("app_secret")
      .set({ retires_at: now + overlapMs })
      .where("app_id", "=", id)
      .where("retires_at", "is", null)
      .execute();
    const retired = await tx
      .selectFrom("app_secret")
      .select("secret")
      .where("app_id", "=", id)
      .orderBy("created_at", "desc")
      .offset(MAX_RETIRED)
      .limit(100)
      .execute();
    for (const { secret } of retired) {
      await tx.deleteFrom("app_secret").where("app_id", "=", id).where("secret", "=", secret).execute();
    }
    await tx.insertInto("app_secret").values({ app_id: id, secret: next, created_at: now, retires_at: null }).execute();
  }

  async deleteApp(id: string): Promise<void> {
    await this.#write((tx) => tx.deleteFrom("app").where("id", "=", id).execute());
  }

  async revision(): Promise<number> {
    const row = await this.#db.selectFrom("revision").select("n").where("id", "=", 1).executeTakeFirst();
    return Number(row?.n ?? 0);
  }

  async setting(name: string, create: () => string): Promise<string> {
    const read = (db: Kysely<Tables>) => db.selectFrom("setting").select("value").where("name", "=", name).executeTakeFirst();
    const there = await read(this.#db);
    if (there !== undefined) return there.value;
    await this.#db.transaction().execute((tx) =>
      tx
        .insertInto("setting")
        .values({ name, value: create() })
        .onConflict((conflict) => conflict.doNothing())
        .execute(),
    );
    // A statement of its own, so that it sees another writer's value, which PostgreSQL's conflict may have waited for.
    const made = await read(this.#db);
    if (made === undefined) throw new Error(`the setting ${name} was written and is not there`);
    return made.value;
  }

  async replaceSetting(name: string, value: string): Promise<void> {
    await this.#db.transaction().execute((tx) =>
      tx
        .insertInto("setting")
        .values({ name, value })
        .onConflict((conflict) => conflict.column("name").doUpdateSet({ value }))
        .execute(),
    );
  }

  async recordCall(record: CallRecord): Promise<void> {
    await this.recordCalls([record]);
  }

  async recordCalls(records: readonly CallRecord[]): Promise<void> {
    if (records.length === 0) return;
    await this.#db.transaction().execute(async (tx) => {
      const wanted = [...new Set(records.map((record) => record.appId))];
      const rows = await tx.selectFrom("app").select("id").where("id", "in", wanted).execute();
      const there = new Set(rows.map((row) => row.id));
      const values = records.filter((record) => there.has(record.appId)).map(toRow);
      for (let at = 0; at < values.length; at += CALLS_PER_INSERT) {
        await tx
          .insertInto("call")
          .values(values.slice(at, at + CALLS_PER_INSERT))
          .execute();
      }
    });
    this.#unprunedCalls += records.length;
    if (this.#unprunedCalls >= PRUNE_EVERY) {
      this.#unprunedCalls = 0;
      // The newest record's time stands for now: records are written as calls end.
      await this.pruneCalls(Math.max(...records.map((record) => record.endedAt)));
    }
  }

  async listCalls(appId: string, query: CallQuery): Promise<readonly StoredCall[]> {
    let select = this.#db.selectFrom("call").selectAll().where("app_id", "=", appId);
    if (query.beforeId !== undefined) select = select.where("id", "<", query.beforeId);
    if (query.kind !== undefined) select = select.where("kind", "=", query.kind);
    const rows = await select.orderBy("id", "desc").limit(query.limit).execute();
    return rows.flatMap((row) => {
      try {
        return [parseCall(row)];
      } catch (error) {
        this.#log.error({ call: row.id, code: "store.row.invalid", error: messageOf(error) }, "a call record is unreadable");
        return [];
      }
    });
  }

  async pruneCalls(now: number): Promise<number> {
    return this.#db.transaction().execute(async (tx) => {
      const oldest = now - this.#retention.days * DAY_MS;
      const aged = await tx.deleteFrom("call").where("ended_at", "<", oldest).executeTakeFirst();
      let pruned = Number(aged.numDeletedRows);
      const apps = await tx.selectFrom("app").select("id").execute();
      for (const { id } of apps) {
        const last = await tx
          .selectFrom("call")
          .select("id")
          .where("app_id", "=", id)
          .orderBy("id", "desc")
          .offset(this.#retention.perApp)
          .limit(1)
          .executeTakeFirst();
        if (last === undefined) continue;
        const over = await tx.deleteFrom("call").where("app_id", "=", id).where("id", "<=", last.id).executeTakeFirst();
        pruned += Number(over.numDeletedRows);
      }
      return pruned;
    });
  }

  async changeFaceState(changes: readonly FaceStateChange[], now: number): Promise<void> {
    if (changes.length === 0) return;
    // One statement must not touch a row twice.
    const last = new Map(changes.map((change) => [JSON.stringify([change.face, change.appId, change.name]), change]));
    await this.#db.transaction().execute(async (tx) => {
      const wanted = [...new Set(changes.map(({ appId }) => appId))];
      const rows = await tx.selectFrom("app").select("id").where("id", "in", wanted).execute();
      const there = new Set(rows.map((row) => row.id));
      const kept = [...last.values()].filter(({ appId, body }) => body !== undefined && there.has(appId));
      for (let at = 0; at < kept.length; at += FACE_STATES_PER_STATEMENT) {
        await tx
          .insertInto("face_state")
          .values(
            kept.slice(at, at + FACE_STATES_PER_STATEMENT).map(({ face, appId: app_id, name, body = "" }) => {
              return { face, app_id, name, body, updated_at: now };
            }),
          )
          .onConflict((conflict) =>
            conflict.columns(["face", "app_id", "name"]).doUpdateSet({
              body: (row) => row.ref("excluded.body"),
              updated_at: (row) => row.ref("excluded.updated_at"),
            }),
          )
          .execute();
      }
      for (const { face, appId, name, body } of last.values()) {
        if (body !== undefined) continue;
        await tx.deleteFrom("face_state").where("face", "=", face).where("app_id", "=", appId).where("name", "=", name).execute();
      }
    });
  }

  async faceState({ face, appId, name }: FaceStateKey): Promise<string | undefined> {
    const query = this.#db.selectFrom("face_state").select("body");
    const row = await query.where("face", "=", face).where("app_id", "=", appId).where("name", "=", name).executeTakeFirst();
    return row?.body;
  }

  async pruneFaceState(before: number): Promise<number> {
    const gone = await this.#db.deleteFrom("face_state").where("updated_at", "<", before).executeTakeFirst();
    return Number(gone.numDeletedRows);
  }

  async ping(): Promise<void> {
    await sql`select 1`.execute(this.#db);
  }

  async close(): Promise<void> {
    await this.#db.destroy();
  }

  /** Reads that belong together. PostgreSQL's default level would give each statement its own snapshot. */
  async #snapshot<T>(read: (tx: Tx) => Promise<T>): Promise<T> {
    const transaction = this.#db.transaction();
    return this.kind === "postgres"
      ? transaction.setIsolationLevel("repeatable read").setAccessMode("read only").execute(read)
      : transaction.execute(read);
  }

  async #write<T>(write: (tx: Tx) => Promise<T>): Promise<T> {
    return this.#db.transaction().execute(async (tx) => {
      await tx.updateTable("revision").set({ n: sql<number>`n + 1` }).where("id", "=", 1).execute();
      return write(tx);
    });
  }

  async #read(tx: Tx, id: string): Promise<App | undefined> {
    const row = await tx.selectFrom("app").selectAll().where("id", "=", id).executeTakeFirst();
    if (row === undefined) return undefined;
    const keys = await tx.selectFrom("app_key").selectAll().where("app_id", "=", id).execute();
    const secrets = await tx.selectFrom("app_secret").selectAll().where("app_id", "=", id).execute();
    try {
      return parseApp(row, keys, secrets);
    } catch (cause) {
      throw new CodedError("store.row.invalid", `The app ${id} in the database is unreadable: ${messageOf(cause)}`, {
        remedy: "Restore the row from a backup, or delete the app.",
        cause,
      });
    }
  }

  async #mustRead(tx: Tx, id: string): Promise<App> {
    const app = await this.#read(tx, id);
    if (app === undefined) throw unknownApp(id);
    return app;
  }

  async #mustExist(tx: Tx, id: string): Promise<Tables["app"]> {
    const row = await tx.selectFrom("app").selectAll().where("id", "=", id).executeTakeFirst();
    if (row === undefined) throw unknownApp(id);
    return row;
  }

  async #insertKey(tx: Tx, appId: string, key: string, now: number): Promise<void> {
    const result = await tx
      .insertInto("app_key")
      .values({ key, app_id: appId, created_at: now, retires_at: null })
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirst();
    if (Number(result.numInsertedOrUpdatedRows ?? 0n) === 1) return;
    throw new CodedError("store.key.taken", "Another app has this API key.", {
      remedy: "Leave the key out to get a new one, or delete the other app first.",
    });
  }
}

function unknownApp(id: string): CodedError {
  return new CodedError("store.app.unknown", `There is no app with the ID ${JSON.stringify(id)}.`);
}

function byApp<Row extends { app_id: string }>(rows: readonly Row[]): Map<string, Row[]> {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const group = groups.get(row.app_id);
    if (group === undefined) groups.set(row.app_id, [row]);
    else group.push(row);
  }
  return groups;
}

function toRow(record: CallRecord) {
  return {
    app_id: record.appId,
    kind: record.kind,
    name: record.name,
    peers: JSON.stringify(record.peers),
    started_at: record.startedAt,
    ended_at: record.endedAt,
    reason: record.reason,
  };
}
