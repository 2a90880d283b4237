/** The server's state for operators: numbers, and a list of allocations that names nobody. */
import type { Millis } from "@tsunagi/base";
import { utf8 } from "@tsunagi/stun";
import type { Allocation } from "./allocation.ts";
import type { Core } from "./core.ts";
import type { Dropped, DropReason } from "./counters.ts";
import type { AllocationTraffic, EndReason } from "./events.ts";
import type { ClientTransport } from "./shell.ts";

export type TurnStats = {
  readonly draining: boolean;
  readonly allocations: {
    readonly now: number;
    readonly opening: number;
    readonly byTransport: Readonly<Record<ClientTransport, number>>;
    readonly byFamily: Readonly<Record<4 | 6, number>>;
    readonly total: Readonly<Record<ClientTransport, number>>;
    readonly ended: Readonly<Partial<Record<EndReason, number>>>;
  };
  readonly users: number;
  readonly permissions: number;
  readonly channels: number;
  readonly tcpConnections: number;
  readonly reservations: number;
  /** Sources remembered to hold amplification and guessing. */
  readonly sources: number;
  readonly relayed: AllocationTraffic & { readonly packetsInside: number };
  readonly dropped: Readonly<Record<DropReason, Readonly<Dropped>>>;
  /** By method, then by error code. */
  readonly requests: Readonly<Record<string, number>>;
  readonly refused: Readonly<Record<string, number>>;
  /** Unknown user, or wrong password. */
  readonly authenticationFailures: number;
  /** Right credentials that came after their time. */
  readonly expiredCredentials: number;
};

export function statsOf(core: Core): TurnStats {
  const { counters, accounts } = core;
  const byTransport: Record<ClientTransport, number> = { udp: 0, tcp: 0, tls: 0 };
  const byFamily: Record<4 | 6, number> = { 4: 0, 6: 0 };
  for (const { client } of core.allocations.values()) byTransport[client.transport]++;
  for (const { address } of core.allocations.relays()) byFamily[address.family]++;
  const { packetsToPeer, bytesToPeer, packetsToClient, bytesToClient, packetsInside } = counters;
  return {
    draining: core.isDraining,
    allocations: {
      now: core.allocations.size,
      opening: core.openings.size,
      byTransport,
      byFamily,
      total: { ...counters.allocated },
      ended: { ...counters.ended },
    },
    users: accounts.size,
    permissions: accounts.total.permissions,
    channels: accounts.total.channels,
    tcpConnections: accounts.total.tcpConnections,
    reservations: accounts.total.reservations,
    sources: core.amplification.size + core.failures.size,
    relayed: { packetsToPeer, bytesToPeer, packetsToClient, bytesToClient, packetsInside },
    dropped: structuredClone(counters.dropped),
    requests: { ...counters.requests },
    refused: { ...counters.refused },
    authenticationFailures: counters.authenticationFailures,
    expiredCredentials: counters.expiredCredentials,
  };
}

export type AllocationDump = AllocationTraffic & {
  readonly allocation: number;
  /** The first 8 hex digits of a hash: enough to see which are of one user. */
  readonly user: string;
  readonly transport: ClientTransport;
  readonly relayTransport: "udp" | "tcp";
  readonly families: readonly (4 | 6)[];
  readonly ageMs: number;
  readonly expiresInMs: number;
  readonly permissions: number;
  readonly channels: number;
  readonly tcpConnections: number;
  readonly detached: boolean;
};

export type TurnDump = { readonly stats: TurnStats; readonly allocations: readonly AllocationDump[]; readonly more: number };

/** @param limit most allocations listed; `more` says how many are left out */
export function dumpOf(core: Core, now: Millis, limit: number): TurnDump {
  const allocations: AllocationDump[] = [];
  for (const allocation of core.allocations.values()) {
    if (allocations.length === limit) break;
    allocations.push(dumpAllocation(core, now, allocation));
  }
  return { stats: statsOf(core), allocations, more: core.allocations.size - allocations.length };
}

function dumpAllocation(core: Core, now: Millis, allocation: Allocation): AllocationDump {
  const hash = core.crypto.sha256(utf8(allocation.account.user)).subarray(0, 4);
  return {
    allocation: allocation.id,
    user: Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join(""),
    transport: allocation.client.transport,
    relayTransport: allocation.transport,
    families: allocation.relays.map(({ address }) => address.family),
    ageMs: Math.round(now - allocation.createdAt),
    expiresInMs: Math.round(allocation.expiresAt - now),
    permissions: allocation.permissions?.size ?? 0,
    channels: allocation.channels?.size ?? 0,
    tcpConnections: allocation.tcpConnections,
    detached: allocation.isDetached,
    packetsToPeer: allocation.packetsToPeer,
    bytesToPeer: allocation.bytesToPeer,
    packetsToClient: allocation.packetsToClient,
    bytesToClient: allocation.bytesToClient,
  };
}
