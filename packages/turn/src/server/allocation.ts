/** What an allocation is made of, RFC 8656 §3.2: its client, its relays, whom it may reach. State alone; the rules are in the files of each request. */
import type { Millis } from "@tsunagi/base";
import type { TransportAddress } from "@tsunagi/stun";
import type { UserAccount } from "./accounts.ts";
import type { Credential } from "./authentication.ts";
import type { Client, RelayId } from "./shell.ts";

/** One relayed transport address; a dual allocation has two, which end apart (RFC 8656 §8.2). */
export type Relay = {
  readonly id: RelayId;
  readonly transport: "udp" | "tcp";
  readonly address: TransportAddress;
  readonly allocation: Allocation;
  expiresAt: Millis;
  isOpen: boolean;
  /** The peer heard last: most relays have one. */
  lastPeer: Permission | undefined;
};

/** RFC 8656 §9: by address, any port. */
export type Permission = {
  readonly address: string;
  readonly relay: Relay;
  expiresAt: Millis;
  /** `relays`: only relays of this server may be reached there; `own`: these and the policy's own ports. */
  reach: "any" | "relays" | "own";
  /** Relays of this server have that address: what is meant for one is handed over without a socket. */
  isOwn: boolean;
  /** The channel used last, and all of them where there are several ports. */
  channel: Channel | undefined;
  channels: Channel[] | undefined;
  /** For XOR-PEER-ADDRESS in Data indications; made at the first. */
  bytes: Uint8Array | undefined;
};

/** RFC 8656 §12. */
export type Channel = {
  readonly number: number;
  readonly port: number;
  readonly permission: Permission;
  expiresAt: Millis;
  /** The relay of this server that was at that address last. */
  target: Relay | undefined;
};

/** What a retransmitted Allocate request is answered with again (RFC 8656 §7.2); forgotten when no retransmission can come any more. */
export type AllocateOrigin = {
  readonly transactionId: Uint8Array;
  readonly lifetimeS: number;
  readonly reservationToken: Uint8Array | undefined;
  readonly missing: { readonly family: 4 | 6; readonly code: number } | undefined;
  readonly forgetAt: Millis;
};

export class Allocation {
  readonly id: number;
  readonly account: UserAccount;
  readonly transport: "udp" | "tcp";
  readonly createdAt: Millis;
  client: Client;
  credential: Credential;
  /** One or two, of different families. */
  relays: readonly Relay[] = [];
  origin: AllocateOrigin | undefined;
  /** RFC 8016, in base64. */
  ticket: string | undefined = undefined;
  /** The one before, which a retransmitted Refresh still has. */
  formerTicket: string | undefined = undefined;
  /** Its TCP connection broke and it may come back by its ticket. */
  isDetached = false;
  isEnded = false;
  /** By address; made with the first one, as the others are: most allocations of a browser are never used. */
  permissions: Map<string, Permission> | undefined = undefined;
  channels: Map<number, Channel> | undefined = undefined;
  tcpConnections = 0;
  lastChannel: Channel | undefined = undefined;
  /** The IPv4 peer of the last Send indication. */
  lastSend: { readonly ipv4: number; readonly permission: Permission } | undefined = undefined;
  /** Nothing of it expires before. */
  sweepAt: Millis = 0;
  packetsToPeer = 0;
  bytesToPeer = 0;
  packetsToClient = 0;
  bytesToClient = 0;

  constructor(id: number, now: Millis, client: Client, account: UserAccount, credential: Credential, transport: "udp" | "tcp") {
    this.id = id;
    this.createdAt = now;
    this.client = client;
    this.account = account;
    this.credential = credential;
    this.transport = transport;
  }

  relayOf(family: 4 | 6): Relay | undefined {
    return this.relays.find((relay) => relay.address.family === family);
  }

  /** When the last of its relays does. */
  get expiresAt(): Millis {
    return this.relays.reduce((latest, { expiresAt }) => Math.max(latest, expiresAt), 0);
  }
}
