/** Runs every server until a signal: for service managers and containers. People use `tsunagi start`, which does the same and shows more. */
import { parseArgs } from "node:util";
import { CodedError } from "@tsunagi/base";
import { createLog } from "@tsunagi/server-signaling";
import { flagName, loadConfig, SETTINGS } from "./config.ts";
import { startAll } from "./start.ts";

try {
  const names = [...Object.keys(SETTINGS).map(flagName), "config"];
  const { values } = parseArgs({
    options: Object.fromEntries(names.map((name) => [name, { type: "string" as const }])),
    allowPositionals: false,
  });
  const { config: file, ...flags } = values;
  const load = () => loadConfig({ flags, file, env: process.env });
  const config = load();
  const log = createLog({ level: config.log.level });
  const server = await startAll({ config, log });
  // Before "ready" is said: who reads it may send a signal at once.
  process.on("SIGHUP", () => server.reload(load));
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.once(signal, () => {
      log.info({ signal }, "stopping");
      void server.drain().then(() => process.exit(0));
    });
  }
  const { http, turn, sfu } = server.addresses;
  // For whoever started it: the one line that says where and with which key.
  console.log(
    JSON.stringify({
      ready: true,
      http,
      turn,
      sfu,
      key: server.defaultApp.key,
      version: server.version,
    }),
  );
} catch (error) {
  if (!(error instanceof CodedError)) throw error;
  console.error(`${error.message} (${error.code})${error.remedy === undefined ? "" : `\n  → ${error.remedy}`}`);
  process.exitCode = 1;
}
