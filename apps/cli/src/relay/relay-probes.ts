/** What the check from a client's side asks of the network. Each answer is data, none throws. */
import { readFile } from "node:fs/promises";
import { isIP } from "node:net";
import { rootCertificates } from "node:tls";
import type { TransportAddress } from "@tsunagi/stun";
import { resolveHost } from "../doctor/network-probes.ts";
import type { Interface } from "../doctor/probes.ts";
import { type RelayEcho, relayEcho } from "./echo.ts";
import { type NatResult, natBehavior } from "./nat-probe.ts";
import { defaultKey, type KeyResult, openSession, type SessionResult } from "./session-probe.ts";
import type { TurnTarget } from "./turn-session.ts";

export interface RelayProbes {
  /** Those that others can reach: neither loopback nor link-local. */
  interfaces(): readonly Interface[];
  key(url: URL): Promise<KeyResult>;
  session(url: URL, key: string, token: string | undefined): Promise<SessionResult>;
  /** IPv4 before IPv6; undefined where the name has no address. */
  resolve(host: string): Promise<string | undefined>;
  nat(server: TransportAddress): Promise<NatResult>;
  relay(target: TurnTarget): Promise<RelayEcho>;
}

export type RelayProbeOptions = {
  readonly timeoutMs: number;
  readonly interfaces: () => readonly Interface[];
  /** The local CA's certificate, if this machine has one. */
  readonly caFile: string;
};

export function relayProbes({ timeoutMs, interfaces, caFile }: RelayProbeOptions): RelayProbes {
  return {
    interfaces,
    key: (url) => defaultKey(url, timeoutMs),
    session: (url, key, token) => openSession(url, { key, token, timeoutMs }),
    async resolve(host) {
      if (isIP(host) !== 0) return host;
      return (await resolveHost(host, 4, timeoutMs)) ?? (await resolveHost(host, 6, timeoutMs));
    },
    // Two of its steps end by silence behind most NATs.
    nat: (server) => natBehavior(server, timeoutMs * 2),
    async relay(target) {
      const localCa = await readFile(caFile, "utf8").catch(() => undefined);
      return relayEcho(target, { timeoutMs, ca: [...rootCertificates, ...(localCa === undefined ? [] : [localCa])] });
    },
  };
}
