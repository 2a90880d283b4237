/** Permissions, RFC 8656 §9: which peers' addresses may be reached and heard. */
import type { Millis } from "@tsunagi/base";
import type { TransportAddress } from "@tsunagi/stun";
import type { Allocation, Permission, Relay } from "./allocation.ts";
import { unbindChannels } from "./channels.ts";
import type { Core } from "./core.ts";

/** RFC 8656 §9. */
export const PERMISSION_LIFETIME_MS = 300_000;

/** `443`: no relay of that family. `403`: that peer must not be reached. */
export type PeerJudgement =
  | { readonly type: "refused"; readonly code: 403 | 443 }
  | { readonly type: "granted"; readonly relay: Relay; readonly reach: Permission["reach"]; readonly isOwn: boolean };

/**
 * Other relays of this server may always be meant: two clients that use relays only meet here. So may the policy's own ports. Data then goes only to
 * such a port, or to one where a relay is.
 */
export function judgePeer(core: Core, allocation: Allocation, { address, family }: TransportAddress): PeerJudgement {
  const relay = allocation.relayOf(family);
  if (relay === undefined) return { type: "refused", code: 443 };
  const isOwn = core.allocations.hasAddress(address);
  const hasPorts = core.policy.ownPorts.length > 0 && core.peers.isOwn(address);
  const reach = core.peers.allows(address) ? "any" : hasPorts ? "own" : isOwn ? "relays" : undefined;
  return reach === undefined ? { type: "refused", code: 403 } : { type: "granted", relay, reach, isOwn };
}

export function permissionOf(allocation: Allocation, now: Millis, address: string): Permission | undefined {
  const found = allocation.permissions?.get(address);
  return found !== undefined && found.expiresAt > now ? found : undefined;
}

/** Whether so many new ones fit: in the allocation, for the user, in all. */
export function permissionsFit(core: Core, allocation: Allocation, count: number): boolean {
  if (count === 0) return true;
  if ((allocation.permissions?.size ?? 0) + count > core.policy.limits.permissionsPerAllocation) return false;
  return core.accounts.fits(allocation.account, "permissions", count) === "fits";
}

/** Installs or refreshes; the caller has judged the peer and looked at the limits. */
export function installPermission(
  core: Core,
  now: Millis,
  allocation: Allocation,
  address: string,
  judgement: PeerJudgement & { readonly type: "granted" },
): Permission {
  allocation.permissions ??= new Map();
  let permission = allocation.permissions.get(address);
  if (permission === undefined) {
    permission = {
      address,
      relay: judgement.relay,
      expiresAt: 0,
      reach: judgement.reach,
      isOwn: judgement.isOwn,
      channel: undefined,
      channels: undefined,
      bytes: undefined,
    };
    allocation.permissions.set(address, permission);
    core.accounts.add(allocation.account, "permissions");
  }
  permission.reach = judgement.reach;
  permission.isOwn = judgement.isOwn;
  permission.expiresAt = now + PERMISSION_LIFETIME_MS;
  allocation.sweepAt = Math.min(allocation.sweepAt, permission.expiresAt);
  return permission;
}

/** Its channels go with it: without a permission they carry nothing. */
export function removePermission(core: Core, allocation: Allocation, permission: Permission): void {
  if (allocation.permissions?.delete(permission.address) !== true) return;
  if (allocation.permissions.size === 0) allocation.permissions = undefined;
  core.accounts.remove(allocation.account, "permissions");
  if (permission.relay.lastPeer === permission) permission.relay.lastPeer = undefined;
  // Whoever still holds it sees that it is over.
  permission.expiresAt = 0;
  unbindChannels(core, allocation, permission);
}
