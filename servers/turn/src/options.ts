/** What `startTurnServer` takes and gives. */
import type { Duplex } from "node:stream";
import type { Clock, Log } from "@tsunagi/base";
import type { TransportAddress } from "@tsunagi/stun";
import type { ClientTransport, TurnPolicy } from "@tsunagi/turn";
import type { RateLimitOptions } from "./rate-limit.ts";
import type { TurnStats } from "./stats.ts";

/** PEM. A chain in `cert` is the server's certificate first. */
export type TurnTls = { readonly cert: string; readonly key: string };

/** Both ends belong to the range. */
export type PortRange = { readonly min: number; readonly max: number };

export type StreamLimits = {
  /** TCP and TLS connections of clients at once, without those handed in by `acceptSocket`'s caller; default 20,000. */
  readonly connections?: number | undefined;
  /** Of them from one IPv4 address or IPv6 /64; default 512. */
  readonly connectionsPerSource?: number | undefined;
  /** Until the TLS handshake is done and the first whole message is there; default 10,000. */
  readonly firstMessageMs?: number | undefined;
  /** Without an allocation and without a message; default 60,000. */
  readonly idleMs?: number | undefined;
  /** What may wait to be written to one client; above, relayed data is dropped and counted. Default 256 KiB. */
  readonly bufferBytes?: number | undefined;
};

export type TurnServerOptions = {
  /** UDP and TCP; default 3478. 0 takes one that is free on all addresses. */
  readonly port?: number | undefined;
  /** TLS, opened once there is a certificate; default 5349. 0 takes a free one; `false` opens none (`acceptSocket` still takes TLS sockets). */
  readonly tlsPort?: number | false | undefined;
  /** Default: no TLS until `setTls`. */
  readonly tls?: TurnTls | undefined;
  /** Whether clients are taken over TCP; default true. */
  readonly tcp?: boolean | undefined;
  /** Addresses of this machine to listen on; default all, looked at again every few seconds. */
  readonly addresses?: readonly string[] | undefined;
  /** Addresses of this machine that relays are opened on; default the one by which the client came, and for the other family one of the same interface. */
  readonly relayAddresses?: readonly string[] | undefined;
  /** 1:1 NAT: local address to the one outside. */
  readonly externalAddresses?: Readonly<Record<string, string>> | undefined;
  /** Default 49152 to 65535. */
  readonly relayPorts?: PortRange | undefined;
  /**
   * RFC 5780: a second address of this machine, of one family, and the second port; with it NAT behaviour can be discovered. `primary` is the first
   * address; default the first listened on of that family that is no loopback.
   */
  readonly alternate?:
    | { readonly address: string; readonly port?: number | undefined; readonly primary?: string | undefined }
    | undefined;
  /** Users, secrets, limits, whom the relay may reach: `turnPolicy({ secrets: ["…"] })`. */
  readonly policy: TurnPolicy;
  readonly log?: Log | undefined;
  /** STUN requests of one source: an IPv4 address or an IPv6 /64. Relayed data is not counted. */
  readonly rateLimit?: RateLimitOptions | undefined;
  readonly streams?: StreamLimits | undefined;
  readonly clock?: Clock | undefined;
};

export type ListeningAddress = TransportAddress & { readonly transport: ClientTransport };

/** Read when it is scraped. */
export type TurnMetric = {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge";
  /** The label's name, or two with the values joined by a comma; undefined where there is one value only, whose label is "". */
  readonly label: string | undefined;
  read(): Iterable<readonly [value: string, count: number]>;
};

export type RunningTurnServer = {
  /** Where clients are taken now. */
  readonly addresses: readonly ListeningAddress[];
  /** UDP and TCP. */
  readonly port: number;
  /** Undefined while there is no certificate. */
  readonly tlsPort: number | undefined;
  stats(): TurnStats;
  /** The state as JSON, redacted: for operators. */
  dump(): unknown;
  /** For Prometheus. */
  readonly metrics: readonly TurnMetric[];
  /** From the next request on: users, secrets, limits, allow, deny. */
  configure(policy: TurnPolicy): void;
  /** New handshakes use it; opens the TLS port where it was not yet. */
  setTls(tls: TurnTls): Promise<void>;
  /** No new allocations; those that live go on. */
  drain(): void;
  /** Ends everything. Idempotent. */
  close(): Promise<void>;
  /** Takes a client's connection that another server accepted (a port shared with HTTP). `secure`: it came through TLS. What was read of it must have been put back by `unshift`. */
  acceptSocket(socket: Duplex, info: AcceptedSocket): void;
};

export type AcceptedSocket = {
  readonly secure: boolean;
  /** Of the TCP connection underneath. */
  readonly remote: { readonly address: string; readonly port: number };
  readonly local: { readonly address: string; readonly port: number };
};
