/** What the doctor asks of the network and the machine. Each answer is data, none throws, and none takes longer than the timeout. */

export type HttpResult =
  | {
      readonly type: "response";
      readonly status: number;
      /** The `Date` header in milliseconds since 1970. */
      readonly dateMs: number | undefined;
      readonly body: string;
      readonly ms: number;
    }
  | NoAnswer;

export type UpgradeResult =
  | { readonly type: "upgraded"; readonly ms: number }
  | { readonly type: "answered"; readonly status: number }
  | NoAnswer;

export type NoAnswer =
  | { readonly type: "refused" }
  | { readonly type: "timeout" }
  | { readonly type: "unresolved" }
  /** Something listens there that does not speak HTTP: another program, or TLS where none was expected. */
  | { readonly type: "foreign"; readonly detail: string };

export type TlsResult =
  | {
      readonly type: "certificate";
      /** The system's authorities or this machine's CA vouch for it, for this host name. */
      readonly isTrusted: boolean;
      /** Only by the CA in the data directory: phones and other machines must install that. */
      readonly isLocalCa: boolean;
      readonly problem: string | undefined;
      readonly names: readonly string[];
      readonly validFromMs: number;
      readonly validToMs: number;
    }
  | NoAnswer;

export type StunResult =
  | { readonly type: "mapped"; readonly address: string; readonly port: number; readonly rttMs: number | undefined }
  | { readonly type: "silent" }
  | { readonly type: "unreachable" }
  | { readonly type: "no-address" }
  | { readonly type: "error"; readonly detail: string };

/** `foreign`: something answers that does not speak TURN. `refused`: STUN is spoken, and Allocate is answered with another code than 401. */
export type TurnPortResult =
  | { readonly type: "turn" | "silent" | "closed" | "no-address" | "foreign" }
  | { readonly type: "refused"; readonly code: number };

export type PortState = "free" | "taken" | "denied";

export type Interface = { readonly name: string; readonly address: string; readonly family: 4 | 6 };

export interface Probes {
  /** Wall clock, milliseconds since 1970. */
  now(): number;
  /** Those that others can reach: neither loopback nor link-local. */
  interfaces(): readonly Interface[];
  get(url: URL): Promise<HttpResult>;
  upgrade(url: URL): Promise<UpgradeResult>;
  certificate(url: URL): Promise<TlsResult>;
  stun(host: string, port: number, family: 4 | 6): Promise<StunResult>;
  turn(host: string, port: number, transport: "udp" | "tcp"): Promise<TurnPortResult>;
  /** The IPv4 address of a name. */
  resolve(host: string): Promise<string | undefined>;
  /** Whether this machine could listen there. */
  localPort(protocol: "tcp" | "udp", port: number): Promise<PortState>;
}
