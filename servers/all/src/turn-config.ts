/** The part of the configuration that is about STUN and TURN. */
import { isIP } from "node:net";
import { z } from "zod";

const port = z.int().min(0).max(65_535);
const text = z.string().min(1);
const address = z.string().refine((value) => isIP(value) !== 0, "is not an IP address");
const network = z.string().refine(isNetwork, "is neither an IP address nor a network such as 192.0.2.0/24");
/** coturn takes any; a short one can be found by trying, since every peer sees what it signed. */
const secret = z.string().min(16, "has fewer than 16 characters");
const perSecond = z.int().min(0).max(Number.MAX_SAFE_INTEGER);
const seconds = (min: number, max: number) => z.int().min(min).max(max);
const count = z.int().min(1).max(10_000_000);
const turnUrls = z.array(z.string().regex(/^(stun|stuns|turn|turns):/)).min(1);

/** What a browser makes of one peer: a mesh of 16 has 15 connections, each with a relay for UDP, TCP and TLS, and more on some networks. */
const ALLOCATIONS_PER_USER = 256;

/**
 * A room of 5 behind one NAT that joins at once asks some 300 times in a second; each costs some 20 µs. What a flood gains by the answers is held by
 * the core.
 */
const REQUESTS_PER_SECOND_PER_SOURCE = 500;

/** The core's names, but for `requestsPerSecondPerSource`, which the sockets hold. `0` is no limit for those that are bytes a second alone. */
const limits = z
  .strictObject({
    allocations: count.default(10_000),
    allocationsPerUser: count.default(ALLOCATIONS_PER_USER),
    permissionsPerAllocation: count.default(512),
    permissionsPerUser: count.default(8_192),
    permissions: count.default(100_000),
    channelsPerAllocation: count.default(256),
    channelsPerUser: count.default(4_096),
    channels: count.default(100_000),
    tcpConnectionsPerAllocation: count.default(32),
    tcpConnectionsPerUser: count.default(64),
    tcpConnections: count.default(2_000),
    reservationsPerUser: count.default(4),
    reservations: count.default(500),
    bytesPerSecond: perSecond.default(0),
    bytesPerSecondPerUser: perSecond.default(0),
    defaultLifetimeS: seconds(10, 3_600).default(600),
    maxLifetimeS: seconds(60, 3_600).default(3_600),
    maxAllocationAgeS: seconds(60, 604_800).default(86_400),
    nonceLifetimeS: seconds(60, 3_600).default(3_600),
    requestsPerSecondPerSource: count.default(REQUESTS_PER_SECOND_PER_SOURCE),
    sources: count.default(20_000),
    unauthenticatedBytes: count.default(4_096),
    authenticationFailures: count.default(20),
  })
  .prefault({});

/** Of which the limits are settings one by one. */
const LIMITS = Object.keys(limits.parse({})) as (keyof z.output<typeof limits>)[];

export const turnSchema = z
  .strictObject({
    enabled: z.boolean().default(true),
    relay: z.boolean().default(true),
    port: port.default(3478),
    tcp: z.boolean().default(true),
    tlsPort: port.default(5349),
    shareHttpPort: z.boolean().default(false),
    host: text.optional(),
    addresses: z.array(address).default([]),
    relayAddresses: z.array(address).default([]),
    externalAddresses: z.record(address, address).default({}),
    relayPorts: z
      .string()
      .refine((value) => relayPortRange(value) !== undefined, 'is not a range such as "49152-65535", from 1024 on')
      .default("49152-65535"),
    alternateAddress: address.optional(),
    realm: text.max(127).default("tsunagi"),
    secret: secret.optional(),
    previousSecrets: z.array(secret).default([]),
    users: z.record(text.max(400), text).default({}),
    credentialLifetimeS: z.int().min(5).max(604_800).default(3_600),
    tcpRelays: z.boolean().default(true),
    mobility: z.boolean().default(true),
    allow: z.array(network).default([]),
    deny: z.array(network).default([]),
    limits,
  })
  .prefault({});

export const externalTurnSchema = z
  .array(
    z.union([
      z.strictObject({ urls: turnUrls, secret: text }),
      z.strictObject({ urls: turnUrls, username: text, credential: text }),
    ]),
  )
  .default([]);

/** How text from the environment or a flag becomes each setting. */
export const TURN_SETTINGS = {
  "turn.enabled": "boolean",
  "turn.relay": "boolean",
  "turn.port": "number",
  "turn.tcp": "boolean",
  "turn.tlsPort": "number",
  "turn.shareHttpPort": "boolean",
  "turn.host": "text",
  "turn.addresses": "list",
  "turn.relayAddresses": "list",
  "turn.externalAddresses": "json",
  "turn.relayPorts": "text",
  "turn.alternateAddress": "text",
  "turn.realm": "text",
  "turn.secret": "text",
  "turn.previousSecrets": "list",
  "turn.users": "json",
  "turn.credentialLifetimeS": "number",
  "turn.tcpRelays": "boolean",
  "turn.mobility": "boolean",
  "turn.allow": "list",
  "turn.deny": "list",
  ...Object.fromEntries(LIMITS.map((name) => [`turn.limits.${name}`, "number" as const])),
  externalTurn: "json",
} as const;

/** `49152-65535` → both ends; undefined when it is no range. */
export function relayPortRange(value: string): { readonly min: number; readonly max: number } | undefined {
  const match = /^(\d{1,5})-(\d{1,5})$/.exec(value);
  const [min, max] = [Number(match?.[1]), Number(match?.[2])];
  // Below 1024 are services that trust a source port; RFC 8656 §7.2 recommends the dynamic ports.
  return min >= 1_024 && max <= 65_535 && min < max ? { min, max } : undefined;
}

function isNetwork(value: string): boolean {
  const [base = "", bits, more] = value.split("/");
  const family = isIP(base);
  if (family === 0 || more !== undefined) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128));
}
