/** How kysely reaches the two databases. */
import { chmodSync, closeSync, mkdirSync, openSync } from "node:fs";
import { join } from "node:path";
import { CodedError, type Log } from "@tsunagi/base";
import {
  type Dialect,
  type DialectAdapter,
  type Driver,
  PostgresDialect,
  SqliteAdapter,
  type SqliteDatabase,
  SqliteDialect,
  SqliteDriver,
} from "kysely";
import Database from "libsql";

export type StoreKind = "sqlite" | "postgres";

/** At opening, where waiting stops nobody yet. */
const OPEN_TIMEOUT_MS = 3_000;
/** SQLite's own wait blocks the event loop; beyond this {@link whenFree} waits without. A writer holds the lock for a millisecond. */
const BLOCKING_TIMEOUT_MS = 20;
/** How long another process (the command line) may hold the lock before the write fails. */
const BUSY_TIMEOUT_MS = 5_000;
const RETRY_MS = 10;

/** Tries again while another connection holds the lock, and lets this process go on meanwhile. */
export async function whenFree<T>(attempt: () => Promise<T>): Promise<T> {
  const end = performance.now() + BUSY_TIMEOUT_MS;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof Database.SqliteError) || !error.code.startsWith("SQLITE_BUSY") || performance.now() > end)
        throw error;
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}

/** `begin immediate`: a transaction that reads and then writes would else fail when another process wrote in between. */
class ImmediateSqliteDriver extends SqliteDriver {
  readonly #database: Database.Database;

  constructor(database: Database.Database) {
    super({ database: database as unknown as SqliteDatabase });
    this.#database = database;
  }

  override async beginTransaction(): Promise<void> {
    // By `exec`: a prepared `begin` that found the database busy stays in progress in libsql, and the next commit fails of it.
    await whenFree(async () => this.#database.exec("begin immediate"));
  }

  override async destroy(): Promise<void> {
    try {
      // So that a copy of the one file is whole. Another process that reads makes it fail, which harms nothing.
      if (this.#database.open) this.#database.exec("pragma wal_checkpoint(truncate)");
    } catch {}
    await super.destroy();
  }
}

/** SQLite can roll back DDL; said here, so that the migrator runs in one transaction, which is also its lock between processes. */
class TransactionalSqliteAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true;
  }
}

class TsunagiSqliteDialect extends SqliteDialect {
  readonly #database: Database.Database;

  constructor(database: Database.Database) {
    super({ database: database as unknown as SqliteDatabase });
    this.#database = database;
  }

  override createDriver(): Driver {
    return new ImmediateSqliteDriver(this.#database);
  }

  override createAdapter(): DialectAdapter {
    return new TransactionalSqliteAdapter();
  }
}

/** @returns the dialect of `<dataDir>/tsunagi.db`, which is made when absent, readable by its owner alone */
export function sqliteDialect(dataDir: string): Dialect {
  const path = join(dataDir, "tsunagi.db");
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    // Secrets are in it. SQLite gives its -wal and -shm files the mode of the database.
    closeSync(openSync(path, "a", 0o600));
    chmodSync(path, 0o600);
    const database = new Database(path, { timeout: OPEN_TIMEOUT_MS });
    database.exec("pragma journal_mode = wal");
    // With WAL a power cut may lose the last writes but never damages the file: https://sqlite.org/pragma.html#pragma_synchronous
    database.exec("pragma synchronous = normal");
    database.exec("pragma foreign_keys = on");
    database.exec(`pragma busy_timeout = ${BLOCKING_TIMEOUT_MS}`);
    return new TsunagiSqliteDialect(database);
  } catch (cause) {
    throw new CodedError("store.database.unreachable", `The database ${path} cannot be opened: ${messageOf(cause)}`, {
      remedy: "Let the server's user write to the data directory, or name another one.",
      cause,
    });
  }
}

export async function postgresDialect(databaseUrl: string, log: Log): Promise<Dialect> {
  // Loaded where it is used: the embedded store starts without it.
  const { default: pg } = await import("pg");
  const pool = new pg.Pool({
    connectionString: databaseUrl,
    max: 10,
    connectionTimeoutMillis: 5_000,
    statement_timeout: 10_000,
    idle_in_transaction_session_timeout: 30_000,
    application_name: "tsunagi",
  });
  // A server that restarts ends idle connections; without a listener that would end this process.
  pool.on("error", (error) => log.warn({ error: error.message }, "the database ended an idle connection"));
  return new PostgresDialect({ pool });
}

export function messageOf(cause: unknown): string {
  // A refused connection to a name with two addresses is an AggregateError with an empty message.
  if (cause instanceof AggregateError && cause.message === "") return cause.errors.map(messageOf).join("; ");
  return cause instanceof Error ? cause.message : String(cause);
}
