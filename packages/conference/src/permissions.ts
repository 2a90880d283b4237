/** What a peer may do: from the claims of its token, else from the app's switches. */
import type { Permissions, RoomMode } from "@tsunagi/protocol";
import type { AppSwitches } from "./app.ts";
import type { Grants } from "./io.ts";
import { type Refusal, refusal } from "./refusal.ts";

/** Patterns of room names in one token. */
const MAX_PATTERNS = 100;

/** Most peers of an app may do the same: they share one object. */
const SHARED = new WeakMap<AppSwitches, Permissions>();

export function permissionsFromSwitches(switches: AppSwitches): Permissions {
  const known = SHARED.get(switches);
  if (known !== undefined) return known;
  const { listPeers, modes } = switches;
  const permissions: Permissions = { call: true, data: true, listPeers, rooms: true, modes, publish: true, subscribe: true };
  SHARED.set(switches, permissions);
  return permissions;
}

/** The claims of a verified JWT (RFC 7519) that mean something here; each may be missing. */
export type Claims = { readonly [name: string]: unknown };

/**
 * Reads a verified token's claims: `sub` the peer ID, `exp` the end (UNIX seconds, required), `grants` an object with any of
 * `call`, `data`, `listPeers`, `publish`, `subscribe` (booleans), `rooms` (true or names, a trailing `*` matches the rest) and `modes`.
 * Grants can narrow and widen what the app's switches say, except for the modes, which they only narrow.
 *
 * @param peerId the ID that the client asked for; undefined takes `sub`
 */
export function grantsFromClaims(
  claims: Claims,
  switches: AppSwitches,
  peerId: string | undefined,
  wallNow: number,
): { readonly peerId: string | undefined; readonly grants: Grants } | Refusal {
  if (claims.sub !== undefined && typeof claims.sub !== "string") return invalid("`sub` is not text");
  if (claims.sub !== undefined && peerId !== undefined && claims.sub !== peerId) return invalid("names another peer ID");
  if (typeof claims.exp !== "number" || !Number.isFinite(claims.exp)) return invalid("no `exp`");
  const expiresAt = Math.floor(claims.exp * 1000);
  if (expiresAt <= wallNow) return refusal("auth.credential.expired", "the token has expired");
  const grants = claims.grants ?? {};
  if (typeof grants !== "object" || grants === null || Array.isArray(grants)) return invalid("`grants` is not an object");
  const fields = grants as Claims;
  const base = permissionsFromSwitches(switches);
  for (const name of ["call", "data", "listPeers", "publish", "subscribe"] as const) {
    if (fields[name] !== undefined && typeof fields[name] !== "boolean") return invalid(`grants.${name} is not a boolean`);
  }
  const rooms = fields.rooms ?? base.rooms;
  if (rooms !== true && rooms !== false && !isTexts(rooms)) return invalid("grants.rooms is neither a boolean nor names");
  const modes = fields.modes ?? base.modes;
  if (!isTexts(modes)) return invalid("grants.modes is not a list");
  const permissions: Permissions = {
    call: pick(fields.call, base.call),
    data: pick(fields.data, base.data),
    listPeers: pick(fields.listPeers, base.listPeers),
    publish: pick(fields.publish, base.publish),
    subscribe: pick(fields.subscribe, base.subscribe ?? true),
    rooms: rooms === false ? [] : rooms,
    modes: base.modes.filter((mode) => modes.includes(mode)),
  };
  return { peerId: peerId ?? claims.sub, grants: { permissions, expiresAt } };
}

export function mayJoin(permissions: Permissions, room: string, mode: RoomMode): boolean {
  if (!permissions.modes.includes(mode)) return false;
  if (permissions.rooms === true) return true;
  return permissions.rooms.some((pattern) => (pattern.endsWith("*") ? room.startsWith(pattern.slice(0, -1)) : pattern === room));
}

function pick(value: unknown, fallback: boolean): boolean {
  return typeof value === "boolean" ? value : fallback;
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.length <= MAX_PATTERNS && value.every((item) => typeof item === "string");
}

function invalid(what: string): Refusal {
  return refusal("auth.credential.invalid", `the token cannot be used: ${what}`);
}
