/** What the server counted since it started. */
import type { EndReason } from "./events.ts";
import type { ClientTransport } from "./shell.ts";

/** Why a packet or message went no further. */
export const DROP_REASONS = [
  /** Not a message of STUN or TURN, or one that wants no answer. */
  "malformed",
  /** ChannelData or Send from a client that has no allocation. */
  "no-allocation",
  "no-channel",
  "no-permission",
  /** For an address where only relays of this server may be reached, and none is. */
  "no-relay",
  "bandwidth",
  /** For a client whose connection broke. */
  "detached",
  /** An answer before authentication beyond what the source sent. */
  "amplification",
  /** An answer to wrong credentials, after too many. */
  "guessing",
] as const;
export type DropReason = (typeof DROP_REASONS)[number];

export type Dropped = { packets: number; bytes: number };

export class Counters {
  readonly dropped: Record<DropReason, Dropped> = Object.fromEntries(
    DROP_REASONS.map((reason) => [reason, { packets: 0, bytes: 0 }]),
  ) as Record<DropReason, Dropped>;
  /** Requests by method's name. */
  readonly requests: Record<string, number> = {};
  /** Error answers by code. */
  readonly refused: Record<string, number> = {};
  readonly ended: Partial<Record<EndReason, number>> = {};
  readonly allocated: Record<ClientTransport, number> = { udp: 0, tcp: 0, tls: 0 };
  authenticationFailures = 0;
  expiredCredentials = 0;
  packetsToPeer = 0;
  bytesToPeer = 0;
  packetsToClient = 0;
  bytesToClient = 0;
  /** Packets handed from relay to relay inside the process; they are in both of the above too. */
  packetsInside = 0;

  drop(reason: DropReason, bytes: number): void {
    const dropped = this.dropped[reason];
    dropped.packets++;
    dropped.bytes += bytes;
  }
}

export function count<Key extends string>(counts: Partial<Record<Key, number>>, key: Key): void {
  counts[key] = (counts[key] ?? 0) + 1;
}
