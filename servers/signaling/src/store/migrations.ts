/** The schema's history. A released migration is never edited: the next change is a new one, below. */

import { CodedError } from "@tsunagi/base";
import { type Kysely, type Migration, Migrator, sql } from "kysely";
import type { StoreKind } from "./dialects.ts";
import type { Tables } from "./tables.ts";

function migrations(kind: StoreKind): Record<string, Migration> {
  return {
    "0001-apps": {
      // A migration describes tables as they were then, so it is not typed by what they are now.
      async up(db: Kysely<unknown>) {
        await db.schema
          .createTable("app")
          .addColumn("id", "text", (c) => c.primaryKey())
          .addColumn("name", "text", (c) => c.notNull())
          .addColumn("enabled", "integer", (c) => c.notNull())
          .addColumn("origins", "text", (c) => c.notNull())
          .addColumn("switches", "text", (c) => c.notNull())
          .addColumn("limits", "text", (c) => c.notNull())
          .addColumn("webhooks", "text", (c) => c.notNull())
          .addColumn("created_at", "bigint", (c) => c.notNull())
          .addColumn("updated_at", "bigint", (c) => c.notNull())
          .execute();
        await db.schema
          .createTable("app_key")
          .addColumn("key", "text", (c) => c.primaryKey())
          .addColumn("app_id", "text", (c) => c.notNull().references("app.id").onDelete("cascade"))
          .addColumn("created_at", "bigint", (c) => c.notNull())
          .addColumn("retires_at", "bigint")
          .execute();
        await db.schema.createIndex("app_key_app").on("app_key").column("app_id").execute();
        await db.schema
          .createTable("app_secret")
          .addColumn("app_id", "text", (c) => c.notNull().references("app.id").onDelete("cascade"))
          .addColumn("secret", "text", (c) => c.notNull())
          .addColumn("created_at", "bigint", (c) => c.notNull())
          .addColumn("retires_at", "bigint")
          .addPrimaryKeyConstraint("app_secret_pk", ["app_id", "secret"])
          .execute();
        await db.schema
          .createTable("setting")
          .addColumn("name", "text", (c) => c.primaryKey())
          .addColumn("value", "text", (c) => c.notNull())
          .execute();
        await db.schema
          .createTable("revision")
          .addColumn("id", "integer", (c) => c.primaryKey())
          .addColumn("n", "bigint", (c) => c.notNull())
          .execute();
        await sql`insert into revision (id, n) values (1, 0)`.execute(db);
        await db.schema
          .createTable("call")
          // SQLite's `integer primary key autoincrement` and PostgreSQL's identity both never give an ID twice.
          .addColumn("id", kind === "sqlite" ? "integer" : "bigint", (c) =>
            kind === "sqlite" ? c.primaryKey().autoIncrement() : c.primaryKey().generatedAlwaysAsIdentity(),
          )
          .addColumn("app_id", "text", (c) => c.notNull().references("app.id").onDelete("cascade"))
          .addColumn("kind", "text", (c) => c.notNull())
          .addColumn("name", "text", (c) => c.notNull())
          .addColumn("peers", "text", (c) => c.notNull())
          .addColumn("started_at", "bigint", (c) => c.notNull())
          .addColumn("ended_at", "bigint", (c) => c.notNull())
          .addColumn("reason", "text", (c) => c.notNull())
          .execute();
        await db.schema.createIndex("call_app").on("call").columns(["app_id", "id"]).execute();
        await db.schema.createIndex("call_ended").on("call").column("ended_at").execute();
      },
    },
    "0002-face-state": {
      async up(db: Kysely<unknown>) {
        await db.schema
          .createTable("face_state")
          .addColumn("face", "text", (c) => c.notNull())
          .addColumn("app_id", "text", (c) => c.notNull().references("app.id").onDelete("cascade"))
          .addColumn("name", "text", (c) => c.notNull())
          .addColumn("body", "text", (c) => c.notNull())
          .addColumn("updated_at", "bigint", (c) => c.notNull())
          .addPrimaryKeyConstraint("face_state_pk", ["face", "app_id", "name"])
          .execute();
        await db.schema.createIndex("face_state_updated").on("face_state").column("updated_at").execute();
      },
    },
  };
}

/** Brings the schema to this version. Two processes that start at once take turns. */
export async function migrate(db: Kysely<Tables>, kind: StoreKind): Promise<readonly string[]> {
  const known = migrations(kind);
  const migrator = new Migrator({ db, provider: { getMigrations: async () => known } });
  const { error, results } = await migrator.migrateToLatest();
  if (error === undefined) return (results ?? []).filter((each) => each.status === "Success").map((each) => each.migrationName);
  if (error instanceof Error && /previously executed migration .* is missing/.test(error.message)) {
    throw new CodedError("store.database.newer", "The database was written by a newer version of this server.", {
      remedy: "Run that version, or restore the backup made before the upgrade.",
      cause: error,
    });
  }
  throw error;
}
