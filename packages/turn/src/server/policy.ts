/** What an operator decides about the TURN server: who may use it, whom it may reach, how much. Plain data; `configure` takes a new one at any time. */
import type { TransportAddress } from "@tsunagi/stun";

/** A net in CIDR notation, or one address: `10.0.0.0/8`, `fd00::/8`, `192.0.2.7`. */
export type Cidr = string;

export type TurnLimits = {
  /** Allocations in all; default 10,000. Above: 508. */
  readonly allocations: number;
  /** Of one user; default 256: a mesh of 16 has 15 connections a peer, each with one for UDP, TCP and TLS, and for each network. Above: 486. */
  readonly allocationsPerUser: number;
  /** Peers' addresses an allocation may reach; default 512. Above: 508, here and in the next ones. */
  readonly permissionsPerAllocation: number;
  /** Default 8,192. */
  readonly permissionsPerUser: number;
  /** Default 100,000. */
  readonly permissions: number;
  /** Default 256. */
  readonly channelsPerAllocation: number;
  /** Default 4,096. */
  readonly channelsPerUser: number;
  /** Default 100,000. */
  readonly channels: number;
  /** Connections to peers of one TCP allocation (RFC 6062); default 32. */
  readonly tcpConnectionsPerAllocation: number;
  /** Default 64. */
  readonly tcpConnectionsPerUser: number;
  /** Default 2,000. */
  readonly tcpConnections: number;
  /** Ports kept for a RESERVATION-TOKEN; default 4 a user. */
  readonly reservationsPerUser: number;
  /** Default 500. */
  readonly reservations: number;
  /** Payload bytes a second, both directions together, of one user; default 0, no limit. A second's worth may come at once. */
  readonly bytesPerSecondPerUser: number;
  /** Of all users together; default 0, no limit. */
  readonly bytesPerSecond: number;
  /** What Allocate and Refresh get without LIFETIME, and at least; default 600 (RFC 8656 §3.2). */
  readonly defaultLifetimeS: number;
  /** Default 3600 (RFC 8656 §7.2). */
  readonly maxLifetimeS: number;
  /** An allocation is refreshed with the credential that made it, expired or not, up to this age; default 86,400. */
  readonly maxAllocationAgeS: number;
  /** Default 3600, the most that RFC 8656 §5 allows. */
  readonly nonceLifetimeS: number;
  /** Sources remembered to hold amplification and credential guessing, each; default 20,000. */
  readonly sources: number;
  /** Bytes a minute that a source is answered before authentication beyond what it sent; default 4,096. */
  readonly unauthenticatedBytes: number;
  /** Wrong credentials from one source in a minute, after which further wrong ones get no answer; default 20. */
  readonly authenticationFailures: number;
};

export type TurnPolicy = {
  /** Default `tsunagi`. Short: it is in each answer before authentication. */
  readonly realm: string;
  /** SOFTWARE in answers after authentication; default none. */
  readonly software: string | undefined;
  /** Shared secrets of the TURN REST scheme; all are accepted. */
  readonly secrets: readonly string[];
  /** Static users: name to password. */
  readonly users: Readonly<Record<string, string>>;
  /** Peers that may be reached though they would be refused. */
  readonly allow: readonly Cidr[];
  /** Peers refused, also where `allow` has them. */
  readonly deny: readonly Cidr[];
  /** The server's own addresses: refused as peers, but for relays of this server. */
  readonly ownAddresses: readonly string[];
  /** UDP ports at `ownAddresses` that may be reached all the same: of servers beside this one that are open to everyone, such as an SFU. Default none. */
  readonly ownPorts: readonly number[];
  /** RFC 8016; default on. Off: 405. */
  readonly mobility: boolean;
  /** RFC 6062; default on. Off: 442. */
  readonly tcpRelays: boolean;
  /** Told to new clients while this server drains: 300 (Try Alternate); default none: 508. */
  readonly alternateServer: TransportAddress | undefined;
  readonly limits: TurnLimits;
};

export const DEFAULT_LIMITS: TurnLimits = {
  allocations: 10_000,
  allocationsPerUser: 256,
  permissionsPerAllocation: 512,
  permissionsPerUser: 8192,
  permissions: 100_000,
  channelsPerAllocation: 256,
  channelsPerUser: 4096,
  channels: 100_000,
  tcpConnectionsPerAllocation: 32,
  tcpConnectionsPerUser: 64,
  tcpConnections: 2000,
  reservationsPerUser: 4,
  reservations: 500,
  bytesPerSecondPerUser: 0,
  bytesPerSecond: 0,
  defaultLifetimeS: 600,
  maxLifetimeS: 3600,
  maxAllocationAgeS: 86_400,
  nonceLifetimeS: 3600,
  sources: 20_000,
  unauthenticatedBytes: 4096,
  authenticationFailures: 20,
};

export type TurnPolicyOptions = Partial<Omit<TurnPolicy, "limits">> & { readonly limits?: Partial<TurnLimits> | undefined };

/** A whole policy from what differs from the defaults. */
export function turnPolicy(options: TurnPolicyOptions = {}): TurnPolicy {
  return {
    realm: options.realm ?? "tsunagi",
    software: options.software,
    secrets: options.secrets ?? [],
    users: options.users ?? {},
    allow: options.allow ?? [],
    deny: options.deny ?? [],
    ownAddresses: options.ownAddresses ?? [],
    ownPorts: options.ownPorts ?? [],
    mobility: options.mobility ?? true,
    tcpRelays: options.tcpRelays ?? true,
    alternateServer: options.alternateServer,
    limits: { ...DEFAULT_LIMITS, ...options.limits },
  };
}
