/** The SFU as one part of the whole: a node on the bus that the signalling server's node shares with it. */
import { type Clock, type Log, randomId, systemClock } from "@tsunagi/base";
import { type Bus, type Directory, MemoryBus, MemoryDirectory } from "@tsunagi/conference";
import { type RunningSfu, startSfu } from "@tsunagi/server-sfu";
import type { Config } from "./config.ts";

/** What all nodes of this process share. */
export type Cluster = { readonly node: string; readonly directory: Directory; readonly bus: Bus };

const SFU_NODE = "sfu";

export function oneNode(clock: Clock = systemClock): Cluster {
  return { node: randomId(12), directory: new MemoryDirectory({ now: () => clock.now() }), bus: new MemoryBus() };
}

/** @throws {CodedError} `media.plane.port`, `sfu.worker.lost` */
export async function startSfuPart(config: Config["sfu"], cluster: Cluster, log: Log): Promise<RunningSfu | undefined> {
  if (!config.enabled) return undefined;
  const { port, workers, address, announcedAddresses, limits } = config;
  const { slotsPerMember, membersPerWorker } = limits;
  return startSfu({
    bus: cluster.bus,
    node: SFU_NODE,
    log,
    port,
    workers,
    address,
    announcedAddresses,
    limits: { slotsPerMember, membersPerWorker },
  });
}

/** What the conference core grants each member. */
export function sfuGrant(config: Config["sfu"]) {
  if (!config.enabled) return undefined;
  const { publicationBps, publicationsPerMember, memberBps } = config.limits;
  return { node: SFU_NODE, limits: { publicationBps, publicationsPerMember, memberBps } };
}
