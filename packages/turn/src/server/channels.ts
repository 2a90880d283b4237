/** Channel bindings, RFC 8656 §12: a number for a peer's transport address. */
import type { Millis } from "@tsunagi/base";
import type { Allocation, Channel, Permission } from "./allocation.ts";
import type { Core } from "./core.ts";

/** RFC 8656 §12. */
export const CHANNEL_LIFETIME_MS = 600_000;

export function channelOf(allocation: Allocation, now: Millis, number: number): Channel | undefined {
  const found = allocation.channels?.get(number);
  return found !== undefined && found.expiresAt > now ? found : undefined;
}

/** The channel bound to that port of the permission's address. */
export function channelTo(permission: Permission, now: Millis, port: number): Channel | undefined {
  const last = permission.channel;
  if (last !== undefined && last.port === port) return last.expiresAt > now ? last : undefined;
  const found = permission.channels?.find((channel) => channel.port === port);
  if (found === undefined || found.expiresAt <= now) return undefined;
  permission.channel = found;
  return found;
}

export function channelsFit(core: Core, allocation: Allocation): boolean {
  if ((allocation.channels?.size ?? 0) >= core.policy.limits.channelsPerAllocation) return false;
  return core.accounts.fits(allocation.account, "channels") === "fits";
}

export function bindChannel(
  core: Core,
  now: Millis,
  allocation: Allocation,
  permission: Permission,
  number: number,
  port: number,
): void {
  const channel: Channel = { number, port, permission, expiresAt: now + CHANNEL_LIFETIME_MS, target: undefined };
  allocation.channels ??= new Map();
  allocation.channels.set(number, channel);
  core.accounts.add(allocation.account, "channels");
  // The first needs no list: most peers have one port.
  if (permission.channel === undefined) permission.channel = channel;
  else permission.channels = [...(permission.channels ?? [permission.channel]), channel];
  allocation.sweepAt = Math.min(allocation.sweepAt, channel.expiresAt);
}

export function unbindChannel(core: Core, allocation: Allocation, channel: Channel): void {
  if (allocation.channels?.delete(channel.number) !== true) return;
  if (allocation.channels.size === 0) allocation.channels = undefined;
  core.accounts.remove(allocation.account, "channels");
  if (allocation.lastChannel === channel) allocation.lastChannel = undefined;
  channel.expiresAt = 0;
  const { permission } = channel;
  const left = permission.channels?.filter((each) => each !== channel);
  permission.channels = left !== undefined && left.length > 1 ? left : undefined;
  if (permission.channel === channel) permission.channel = left?.[0];
}

export function unbindChannels(core: Core, allocation: Allocation, permission: Permission): void {
  for (const channel of permission.channels ?? []) unbindChannel(core, allocation, channel);
  if (permission.channel !== undefined) unbindChannel(core, allocation, permission.channel);
}
