/** Runs STUN and TURN alone, without the rest of Tsunagi: `tsunagi-turn --help`. */
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { CodedError, type Log, type LogFields } from "@tsunagi/base";
import { type CommandContext, helpText, LOG_LEVELS, type LogLevel, type TurnCommand, turnCommand } from "./command.ts";
import { localAddresses } from "./interfaces.ts";
import { serveMetrics } from "./metrics-http.ts";
import type { RunningTurnServer } from "./options.ts";
import { startTurnServer } from "./turn-server.ts";

/** At SIGTERM: how long allocations may take to end. Calls move to another server by ICE restart. */
const DRAIN_MS = 10_000;

const context: CommandContext = { env: process.env, readFile: (path) => readFileSync(path, "utf8"), localAddresses };

try {
  const command = turnCommand(process.argv.slice(2), context);
  if (command === "help") process.stdout.write(helpText());
  else await run(command);
} catch (error) {
  if (!(error instanceof CodedError)) throw error;
  console.error(told(error));
  process.exitCode = 1;
}

async function run({ options, logLevel, metricsPort }: TurnCommand): Promise<void> {
  const log = jsonLog(logLevel);
  const server = await startTurnServer({ ...options, log });
  const metrics = metricsPort === undefined ? undefined : await serveMetrics(server.metrics, metricsPort);
  // For whoever started it: the one line that says where.
  console.log(JSON.stringify({ ready: true, port: server.port, tlsPort: server.tlsPort, metricsPort: metrics?.port }));
  process.on("SIGHUP", () => {
    void reload(server, log);
  });
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.once(signal, () => {
      log.info({ signal }, "stopping");
      void stop(server).then(() => process.exit(0));
    });
  }
}

async function reload(server: RunningTurnServer, log: Log): Promise<void> {
  try {
    const command = turnCommand(process.argv.slice(2), context);
    if (command === "help") return;
    server.configure(command.options.policy);
    if (command.options.tls !== undefined) await server.setTls(command.options.tls);
    log.info({}, "users, secrets, limits and certificate were read again");
  } catch (error) {
    log.error({ error: error instanceof CodedError ? told(error) : String(error) }, "nothing was changed");
  }
}

async function stop(server: RunningTurnServer): Promise<void> {
  server.drain();
  const until = performance.now() + DRAIN_MS;
  while (server.stats().core.allocations.now > 0 && performance.now() < until) await sleep(200);
  await server.close();
}

function told({ message, code, remedy }: CodedError): string {
  return `${message} (${code})${remedy === undefined ? "" : `\n  → ${remedy}`}`;
}

/** One JSON object a line on stderr. */
function jsonLog(level: LogLevel): Log {
  const write = (of: LogLevel) => (fields: LogFields, message: string) => {
    if (LOG_LEVELS.indexOf(of) < LOG_LEVELS.indexOf(level)) return;
    process.stderr.write(`${JSON.stringify({ level: of, time: new Date().toISOString(), msg: message, ...fields })}\n`);
  };
  return { error: write("error"), warn: write("warn"), info: write("info"), debug: write("debug") };
}
