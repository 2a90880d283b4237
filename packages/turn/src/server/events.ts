/** What the TURN server tells of its allocations, once a lifecycle step. Users are named in the clear: whoever logs them hashes them. */
import type { Client, ClientTransport } from "./shell.ts";

export type EndReason =
  /** Not refreshed in time. */
  | "expired"
  /** Refresh with lifetime 0 (RFC 8656 §8.2). */
  | "deleted"
  /** The client's TCP or TLS connection closed (RFC 8656 §3.1). */
  | "client-closed"
  /** Older than the policy allows. */
  | "age"
  /** The relay's socket failed. */
  | "relay-failed"
  /** The server closed. */
  | "server-closed";

export type AllocationTraffic = {
  readonly packetsToPeer: number;
  readonly bytesToPeer: number;
  readonly packetsToClient: number;
  readonly bytesToClient: number;
};

export type TurnEvent =
  | {
      readonly type: "allocated";
      /** Unique in this process. */
      readonly allocation: number;
      readonly user: string;
      readonly client: Client;
      readonly transport: ClientTransport;
      readonly relayTransport: "udp" | "tcp";
      readonly families: readonly (4 | 6)[];
    }
  /** RFC 8016: the client came from another 5-tuple. */
  | { readonly type: "moved"; readonly allocation: number; readonly user: string; readonly client: Client }
  | {
      readonly type: "ended";
      readonly allocation: number;
      readonly user: string;
      readonly transport: ClientTransport;
      readonly relayTransport: "udp" | "tcp";
      readonly reason: EndReason;
      readonly durationMs: number;
      readonly traffic: AllocationTraffic;
    };
