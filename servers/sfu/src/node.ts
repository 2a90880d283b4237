/** The SFU as a node on the bus: a pool of worker processes behind one name. */
import { availableParallelism } from "node:os";
import type { BusHandler, NodeId, SfuEvent } from "@tsunagi/conference";
import { sfuMetrics } from "./metrics.ts";
import { DEFAULT_SFU_LIMITS, type RunningSfu, type SfuOptions } from "./options.ts";
import { Pool } from "./pool/pool.ts";

export const DEFAULT_SFU_PORT = 44_300;
const MAX_WORKERS = 8;
const LOAD_MARK = 0.7;

/** @throws {CodedError} `media.plane.port`, `sfu.worker.lost` */
export async function startSfu(options: SfuOptions): Promise<RunningSfu> {
  const { bus, node, log } = options;
  /** Who is told what happens in a room: the node that asked last. */
  const owners = new Map<string, NodeId>();
  const tell = (event: SfuEvent) => {
    const owner = owners.get(JSON.stringify([event.appId, event.room]));
    if (owner !== undefined) void bus.send(owner, { type: "sfu-event", event });
  };
  const pool = new Pool({
    workers: options.workers || Math.min(availableParallelism(), MAX_WORKERS),
    settings: {
      port: options.port ?? DEFAULT_SFU_PORT,
      address: options.address,
      announcedAddresses: options.announcedAddresses ?? [],
      limits: { ...DEFAULT_SFU_LIMITS, ...options.limits },
    },
    loadMark: options.loadMark ?? LOAD_MARK,
    log,
    tell,
  });
  const starting = pool.start();
  const handler: BusHandler = async (request) => {
    if (request.type !== "sfu") return { ok: false };
    // Members that come back after a restart are faster than worker processes.
    await starting;
    const key = JSON.stringify([request.command.appId, request.command.room]);
    if (request.command.type !== "dump") owners.set(key, request.from);
    const reply = await pool.command(request.command);
    if (!pool.has(request.command)) owners.delete(key);
    return reply;
  };
  const detach = await bus.attach(node, handler);
  try {
    await starting;
  } catch (error) {
    await detach();
    throw error;
  }
  log.info({ node, ports: pool.ports }, "SFU ready");
  let closing: Promise<void> | undefined;
  return {
    node,
    get ports() {
      return pool.ports;
    },
    metrics: sfuMetrics(pool),
    dump: () => pool.dump(),
    drain: () => pool.drain(),
    close() {
      closing ??= detach().then(() => pool.close());
      return closing;
    },
  };
}
