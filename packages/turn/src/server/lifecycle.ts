/** How allocations, their relays and their connections end. Each is idempotent. */
import type { Millis } from "@tsunagi/base";
import type { Allocation, Relay } from "./allocation.ts";
import type { Core } from "./core.ts";
import { count } from "./counters.ts";
import type { EndReason } from "./events.ts";
import type { Opening } from "./openings.ts";
import { removePermission } from "./permissions.ts";
import type { TcpConnection } from "./tcp-connections.ts";

export function endAllocation(core: Core, now: Millis, allocation: Allocation, reason: EndReason): void {
  if (allocation.isEnded) return;
  allocation.isEnded = true;
  core.allocations.remove(allocation);
  core.tickets.revoke(allocation);
  for (const relay of allocation.relays) closeRelay(core, allocation, relay);
  core.accounts.remove(allocation.account, "allocations");
  count(core.counters.ended, reason);
  core.emit({
    type: "ended",
    allocation: allocation.id,
    user: allocation.account.user,
    transport: allocation.client.transport,
    relayTransport: allocation.transport,
    reason,
    durationMs: now - allocation.createdAt,
    traffic: {
      packetsToPeer: allocation.packetsToPeer,
      bytesToPeer: allocation.bytesToPeer,
      packetsToClient: allocation.packetsToClient,
      bytesToClient: allocation.bytesToClient,
    },
  });
}

/** One of two relays goes (RFC 8656 §8.2), or the only one, and the allocation with it. */
export function endRelay(core: Core, now: Millis, relay: Relay, reason: EndReason): void {
  const { allocation } = relay;
  if (allocation.isEnded || !relay.isOpen) return;
  if (allocation.relays.length === 1) {
    endAllocation(core, now, allocation, reason);
    return;
  }
  core.allocations.removeRelay(relay);
  closeRelay(core, allocation, relay);
  allocation.relays = allocation.relays.filter((each) => each !== relay);
}

function closeRelay(core: Core, allocation: Allocation, relay: Relay): void {
  if (!relay.isOpen) return;
  relay.isOpen = false;
  for (const permission of allocation.permissions?.values() ?? []) {
    if (permission.relay === relay) removePermission(core, allocation, permission);
  }
  if (allocation.tcpConnections > 0) {
    for (const connection of core.connections.values()) if (connection.relay === relay) closeConnection(core, connection);
  }
  core.shell.closeRelay(relay.id);
}

export function closeConnection(core: Core, connection: TcpConnection): void {
  if (forgetConnection(core, connection)) core.shell.closeConnection(connection.id);
}

/** For one that the shell closed already. */
export function forgetConnection(core: Core, connection: TcpConnection): boolean {
  if (!core.connections.remove(connection)) return false;
  const { allocation } = connection.relay;
  allocation.tcpConnections--;
  core.accounts.remove(allocation.account, "tcpConnections");
  return true;
}

/** Nobody waits for its relays any more. */
export function cancelOpening(core: Core, opening: Opening): void {
  core.openings.remove(opening);
  core.accounts.remove(opening.account, "allocations");
  if (opening.reserve !== undefined) {
    core.accounts.remove(opening.account, "reservations");
    if (typeof opening.relays[0]?.result !== "string") core.shell.closeRelay(opening.reserve);
  }
  for (const { id, result } of opening.relays) if (typeof result !== "string") core.shell.closeRelay(id);
}
