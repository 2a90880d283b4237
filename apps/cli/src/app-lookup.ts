/** The store for commands, and apps by what people have at hand. */
import { resolve } from "node:path";
import type { App } from "@tsunagi/conference";
import type { Store } from "@tsunagi/server-signaling/store";
import { type ConfigValues, configOf } from "./config.ts";
import { cliError } from "./errors.ts";
import type { Io } from "./io.ts";

/** Opens the store that the server uses, and closes it whatever happens. */
export async function withStore<Result>(values: ConfigValues, io: Io, use: (store: Store) => Promise<Result>): Promise<Result> {
  const { dataDir, databaseUrl } = configOf(values, io);
  // Here and not above: help and wrong options must not wait for a database driver.
  const { openStore } = await import("@tsunagi/server-signaling/store");
  const store = await openStore({ dataDir: resolve(io.cwd, dataDir), databaseUrl });
  try {
    return await use(store);
  } finally {
    await store.close();
  }
}

/** @param name ID, API key, or name where only one app has it @throws {CodedError} `cli.app.unknown`, `cli.app.ambiguous` */
export async function findApp(store: Store, name: string): Promise<App> {
  const apps = await store.listApps();
  const exact = apps.find(({ id, key }) => id === name || key === name);
  if (exact !== undefined) return exact;
  const [first, ...more] = apps.filter((app) => app.name === name);
  if (first === undefined) throw cliError("cli.app.unknown", name, "See which there are: tsunagi keys list");
  if (more.length > 0)
    throw cliError("cli.app.ambiguous", name, `Use its key or ID: ${[first, ...more].map(({ key }) => key).join(", ")}`);
  return first;
}

/** The only app if there is one; else it must be named. @throws {CodedError} `cli.app.unknown`, `cli.app.ambiguous` */
export async function appOrOnly(store: Store, name: string | undefined): Promise<App> {
  if (name !== undefined) return findApp(store, name);
  const [first, ...more] = await store.listApps();
  if (first === undefined)
    throw cliError(
      "cli.app.unknown",
      "there is none yet",
      "Make one: tsunagi keys create NAME, or tsunagi start, which makes the first.",
    );
  if (more.length > 0)
    throw cliError("cli.app.ambiguous", "which of them?", `Name one: ${[first, ...more].map((app) => app.name).join(", ")}`);
  return first;
}
