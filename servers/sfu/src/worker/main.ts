/** The worker process: a data plane and the routers of its rooms, told what to do by the pool over the process's channel. */
import { CodedError, type Log, systemClock } from "@tsunagi/base";
import { createPlane, type MediaPlane } from "@tsunagi/media";
import { SendList } from "@tsunagi/rtp";
import { Router } from "@tsunagi/sfu";
import type { FromWorker, ToWorker, WorkerSettings } from "../messages.ts";
import { Outlets } from "../pipe/outlets.ts";
import { ForwardDump } from "./forward-dump.ts";
import { Worker } from "./worker.ts";

const STATS_MS = 1_000;
/** Of the environment, and nowhere else: no request and no file of settings turns this on. */
const DUMP_FOLDER = "TSUNAGI_SFU_FORWARD_DUMP";

function send(message: FromWorker): void {
  // A pool that is gone ends this process by `disconnect`.
  if (process.connected) process.send?.(message);
}

const log: Log = {
  error: (fields, message) => send({ type: "log", level: "error", fields: plain(fields), message }),
  warn: (fields, message) => send({ type: "log", level: "warn", fields: plain(fields), message }),
  info: (fields, message) => send({ type: "log", level: "info", fields: plain(fields), message }),
  debug: () => {},
};

let worker: Worker | undefined;

// For whoever looks at the machine's processes.
process.title = "tsunagi sfu spare";

process.on("message", (message: ToWorker) => {
  switch (message.type) {
    case "start":
      void start(message.settings);
      return;
    case "command":
      void worker?.command(message.command).then((reply) => send({ type: "reply", id: message.id, reply }));
      return;
    case "peers":
      worker?.setPeers(message.room, message.peers);
      return;
    case "stop":
      void stop();
      return;
  }
});
// A broken invariant ends the process, as it should: the pool moves the members. It shall be known why.
process.on("uncaughtException", (error) => {
  const message: FromWorker = { type: "log", level: "error", fields: plain({ error }), message: "an SFU worker failed" };
  if (process.connected) process.send?.(message, () => process.exit(1));
  else process.exit(1);
});
process.on("disconnect", () => process.exit(0));
// The pool decides when to stop; a terminal's Ctrl-C reaches the whole group.
process.on("SIGINT", () => {});
process.on("SIGTERM", () => {});

send({ type: "loaded" });

async function start(settings: WorkerSettings): Promise<void> {
  const output = { list: new SendList(), rtcp: [] };
  const made = new Worker({
    clock: systemClock,
    log,
    limits: settings.limits,
    output,
    createRouter: (limits) => new Router({ limits, output }),
    tell: (event) => send({ type: "event", event }),
    placed: (room, publications) => send({ type: "room", room, publications }),
  });
  try {
    const { port, address, announcedAddresses } = settings;
    const plane = dumped(await createPlane({ port, address, announcedAddresses, log }, made));
    made.usePlane(plane);
    await Outlets.listen(settings.pipe, made, log);
    worker = made;
    process.title = `tsunagi sfu ${plane.port}`;
    send({ type: "started", port: plane.port });
    reportStats(made);
  } catch (error) {
    const coded = error instanceof CodedError ? error : undefined;
    send({
      type: "failed",
      code: coded?.code ?? "sfu.command.failed",
      message: coded?.message ?? String(error),
      remedy: coded?.remedy,
    });
  }
}

/** With a record of all that is forwarded, where this process was started with a folder for it. */
function dumped(plane: MediaPlane): MediaPlane {
  const folder = process.env[DUMP_FOLDER];
  if (folder === undefined || folder === "") return plane;
  log.warn({ folder }, "all media that this SFU worker forwards is written to files");
  return new ForwardDump(plane, { folder, name: String(plane.port), now: () => systemClock.now() });
}

function reportStats(of: Worker): void {
  let before = process.cpuUsage();
  let at = performance.now();
  setInterval(() => {
    const used = process.cpuUsage(before);
    const now = performance.now();
    const load = (used.user + used.system) / 1_000 / (now - at);
    before = process.cpuUsage();
    at = now;
    send({ type: "stats", stats: { ...of.stats(), load, residentBytes: process.memoryUsage.rss() } });
  }, STATS_MS);
}

async function stop(): Promise<void> {
  await worker?.close();
  process.exit(0);
}

/** Errors do not pass the channel as they are. */
function plain(fields: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, value instanceof Error ? (value.stack ?? value.message) : value]),
  );
}
