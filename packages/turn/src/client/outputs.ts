/** What a TURN client is asked for, and what it gives its shell to do and to know. */
import type { RandomBytes } from "@tsunagi/base";
import type { TransactionFailure, TransportAddress } from "@tsunagi/stun";
import type { ClientTransport } from "../server/shell.ts";
import type { LongTermOptions } from "./long-term.ts";
import type { RequestTiming } from "./requests.ts";

export type AllocateOptions = {
  /** What peers are spoken to by: UDP, or TCP as RFC 6062 has it, which wants a TCP or TLS connection to the server. Default UDP. */
  readonly relayTransport?: "udp" | "tcp" | undefined;
  /** Default: the server's choice, IPv4 by RFC 8656 §7.1. `[4, 6]` asks for both at once. */
  readonly families?: readonly [4] | readonly [6] | readonly [4, 6] | undefined;
  readonly evenPort?: { readonly reserveNext: boolean } | undefined;
  /** From an earlier allocation with `reserveNext`. */
  readonly reservationToken?: Uint8Array | undefined;
  /** Ask for a ticket to move to another 5-tuple by (RFC 8016). */
  readonly mobility?: boolean | undefined;
  readonly dontFragment?: boolean | undefined;
  /** Default: what the server gives. */
  readonly lifetimeS?: number | undefined;
};

export type TurnClientOptions = LongTermOptions & {
  /** By which the server is reached. */
  readonly transport: ClientTransport;
  readonly random: RandomBytes;
  readonly allocate?: AllocateOptions | undefined;
  readonly timing?: RequestTiming | undefined;
  /** Refresh what was granted before it ends; default true. */
  readonly keepAlive?: boolean | undefined;
};

export type Allocated = {
  /** One, or one of each family. */
  readonly relayed: readonly TransportAddress[];
  /** As the server sees this client. */
  readonly mapped: TransportAddress | undefined;
  readonly lifetimeS: number;
  readonly reservationToken: Uint8Array | undefined;
  readonly isMobile: boolean;
  /** Of the last sending that was answered; undefined when it went out more than once. */
  readonly rttMs: number | undefined;
};

export type RequestName = "allocate" | "refresh" | "permission" | "channel" | "connect" | "connection-bind";

export type EndReason =
  | { readonly reason: "closed" }
  /** The server's error answer to Allocate or Refresh. */
  | { readonly reason: "refused"; readonly code: number; readonly phrase: string }
  /** RFC 8489 §10: begin again there. `domain` is whom its certificate must be for. */
  | { readonly reason: "alternate"; readonly server: TransportAddress; readonly domain: string | undefined }
  | { readonly reason: TransactionFailure }
  /** An answer, or a stream, that cannot be read. */
  | { readonly reason: "malformed" };

export type TurnClientOutput =
  | { readonly type: "send"; readonly bytes: Uint8Array }
  | ({ readonly type: "allocated" } & Allocated)
  | { readonly type: "refreshed"; readonly lifetimeS: number }
  | { readonly type: "permitted"; readonly peers: readonly TransportAddress[] }
  | { readonly type: "bound"; readonly peer: TransportAddress; readonly channel: number }
  /** RFC 6062 §4.3: open a new connection to the server and give `connection` to a `TurnDataConnection`. */
  | { readonly type: "connected"; readonly peer: TransportAddress; readonly connection: number }
  /** RFC 6062 §4.4: a peer connected; the same is to be done within 30 s. */
  | { readonly type: "attempted"; readonly peer: TransportAddress; readonly connection: number }
  /** `data` is a view into what arrived: copy it to keep it. */
  | { readonly type: "data"; readonly peer: TransportAddress; readonly data: Uint8Array; readonly channel: number | undefined }
  /** RFC 8656 §18.13: what was sent to `peer` did not arrive. */
  | {
      readonly type: "icmp";
      readonly peer: TransportAddress;
      readonly icmpType: number;
      readonly icmpCode: number;
      readonly icmpData: number;
    }
  | {
      readonly type: "refused";
      readonly request: RequestName;
      readonly peers: readonly TransportAddress[];
      readonly code: number;
      readonly phrase: string;
    }
  | {
      readonly type: "failed";
      readonly request: RequestName;
      readonly peers: readonly TransportAddress[];
      readonly why: TransactionFailure;
    }
  /** Nothing comes after this. */
  | ({ readonly type: "ended" } & EndReason);
