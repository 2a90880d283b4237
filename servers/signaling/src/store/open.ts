/** Opens the store that the configuration names. */
import { CodedError, type Log, silentLog } from "@tsunagi/base";
import { Kysely } from "kysely";
import { messageOf, postgresDialect, sqliteDialect, whenFree } from "./dialects.ts";
import { migrate } from "./migrations.ts";
import { type CallRetention, SqlStore } from "./sql-store.ts";
import type { Store } from "./store.ts";
import type { Tables } from "./tables.ts";

export type StoreOptions = {
  /** Where `tsunagi.db` is. Needed unless `databaseUrl` is given. */
  readonly dataDir?: string | undefined;
  /** `postgres://user:password@host:5432/database`, the value of `DATABASE_URL`. Wins over `dataDir`. */
  readonly databaseUrl?: string | undefined;
  readonly log?: Log | undefined;
  readonly callRetention?: Partial<CallRetention> | undefined;
};

/** @throws {CodedError} `store.database.unreachable`, `store.database.newer` */
export async function openStore(options: StoreOptions): Promise<Store> {
  const log = options.log ?? silentLog;
  const kind = options.databaseUrl ? "postgres" : "sqlite";
  if (kind === "postgres" && !/^postgres(ql)?:\/\//.test(options.databaseUrl ?? "")) {
    throw new CodedError("store.database.unreachable", "DATABASE_URL is not the address of a PostgreSQL database.", {
      remedy: "Write it as postgres://user:password@host:5432/database, or leave it out for the embedded store.",
    });
  }
  if (kind === "sqlite" && !options.dataDir) throw new Error("openStore needs a dataDir or a databaseUrl");
  try {
    // A new connection each time: a statement of the migrator that found the database busy would stay in progress on the old one.
    const db = await whenFree(async () => {
      const dialect = options.databaseUrl
        ? await postgresDialect(options.databaseUrl, log)
        : sqliteDialect(options.dataDir ?? "");
      const opened = new Kysely<Tables>({ dialect });
      try {
        const done = await migrate(opened, kind);
        if (done.length > 0) log.info({ kind, migrations: done }, "database schema brought up to date");
        return opened;
      } catch (error) {
        await opened.destroy().catch(() => {});
        throw error;
      }
    });
    return new SqlStore(db, { kind, log, callRetention: options.callRetention });
  } catch (cause) {
    if (cause instanceof CodedError) throw cause;
    throw new CodedError("store.database.unreachable", `The ${kind} database cannot be used: ${messageOf(cause)}`, {
      remedy:
        kind === "postgres"
          ? "Check DATABASE_URL, and that the database runs and lets this user create tables."
          : "Check that the disk is not full and that the file is a database of this server.",
      cause,
    });
  }
}
