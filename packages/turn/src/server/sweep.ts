/** What ends by time, looked for once a second; the packet path compares times itself, so nothing works longer for it. */
import type { Millis } from "@tsunagi/base";
import type { Allocation } from "./allocation.ts";
import { unbindChannel } from "./channels.ts";
import type { Core } from "./core.ts";
import { cancelOpening, closeConnection, endAllocation, endRelay } from "./lifecycle.ts";
import { judgePeer, removePermission } from "./permissions.ts";

export function sweep(core: Core, now: Millis): void {
  for (const allocation of core.allocations.values()) if (allocation.sweepAt <= now) sweepAllocation(core, now, allocation);
  for (const opening of core.openings.values()) {
    if (opening.until > now) continue;
    cancelOpening(core, opening);
    opening.exchange.fail(now, 508);
  }
  for (const { relay, account } of core.reservations.takeExpired(now)) {
    core.accounts.remove(account, "reservations");
    core.shell.closeRelay(relay);
  }
  for (const connection of core.connections.values()) {
    if (connection.state.state === "joined" || connection.state.until > now) continue;
    const exchange = connection.state.state === "connecting" ? connection.state.exchange : undefined;
    closeConnection(core, connection);
    exchange?.fail(now, 447);
  }
  core.accounts.forgetIdle(now);
  core.amplification.forgetIdle(now);
  core.failures.forgetIdle(now);
}

/** Whether anything is left that a later sweep could end. */
export function needsSweep(core: Core): boolean {
  return (
    core.allocations.size > 0 ||
    core.openings.size > 0 ||
    core.reservations.size > 0 ||
    core.connections.size > 0 ||
    core.accounts.size > 0 ||
    core.amplification.size > 0 ||
    core.failures.size > 0
  );
}

/** Ends what is over in one allocation. Also before a request is judged: what ended a moment ago must not come to life again. */
export function sweepAllocation(core: Core, now: Millis, allocation: Allocation): void {
  for (const relay of allocation.relays) {
    if (relay.expiresAt > now) continue;
    const isOld = now - allocation.createdAt >= core.policy.limits.maxAllocationAgeS * 1000;
    endRelay(core, now, relay, allocation.isDetached ? "client-closed" : isOld ? "age" : "expired");
  }
  if (allocation.isEnded) return;
  let next = Number.POSITIVE_INFINITY;
  const wait = (until: Millis) => {
    next = Math.min(next, until);
  };
  if (allocation.origin !== undefined && allocation.origin.forgetAt <= now) allocation.origin = undefined;
  if (allocation.origin !== undefined) wait(allocation.origin.forgetAt);
  for (const { expiresAt } of allocation.relays) wait(expiresAt);
  for (const channel of allocation.channels?.values() ?? []) {
    if (channel.expiresAt <= now) unbindChannel(core, allocation, channel);
    else wait(channel.expiresAt);
  }
  for (const permission of allocation.permissions?.values() ?? []) {
    if (permission.expiresAt > now) wait(permission.expiresAt);
    // A channel outlives its permission and is of use again when that is renewed (RFC 8656 §12): then the record stays until the channel ends.
    else if (permission.channel === undefined) removePermission(core, allocation, permission);
  }
  allocation.sweepAt = next;
}

/** After a change of the policy: peers that may no longer be reached are cut off at once. */
export function judgeAgain(core: Core, now: Millis): void {
  for (const allocation of core.allocations.values()) {
    for (const permission of allocation.permissions?.values() ?? []) {
      const { address, relay } = permission;
      const judgement = judgePeer(core, allocation, { address, family: relay.address.family, port: 0 });
      if (judgement.type === "refused") removePermission(core, allocation, permission);
      else {
        permission.reach = judgement.reach;
        permission.isOwn = judgement.isOwn;
      }
    }
  }
  for (const connection of core.connections.values()) {
    const judgement = judgePeer(core, connection.relay.allocation, connection.peer);
    if (judgement.type === "granted" && judgement.reach === "any") continue;
    const exchange = connection.state.state === "connecting" ? connection.state.exchange : undefined;
    closeConnection(core, connection);
    exchange?.fail(now, 403);
  }
}

export function endAll(core: Core, now: Millis): void {
  for (const allocation of core.allocations.values()) endAllocation(core, now, allocation, "server-closed");
}
