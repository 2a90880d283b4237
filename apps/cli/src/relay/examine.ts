/** The round from a client's side: what servers there are, and whether each way to them carries data. */
import { isIP } from "node:net";
import { type CheckFacts, judgeConnection, type Path, type PathResult, type Verdict } from "@tsunagi/turn/client";
import type { Check } from "../doctor/check.ts";
import type { Diagnosis } from "../doctor/examine.ts";
import { isLocalAddress } from "../doctor/judge.ts";
import type { Interface } from "../doctor/probes.ts";
import type { RelayEcho } from "./echo.ts";
import { type IceUrl, parseIceUrl } from "./ice-url.ts";
import { judgeHost, judgeKey, judgeNat, judgeNetworks, judgeRelay, judgeSession, judgeThisNetwork } from "./judge.ts";
import type { NatResult } from "./nat-probe.ts";
import type { RelayProbes } from "./relay-probes.ts";
import type { IceServerEntry } from "./session-probe.ts";

export type RelayPatient = {
  readonly url: URL;
  /** Default: the one that the server's web apps use. */
  readonly key: string | undefined;
  readonly token: string | undefined;
  /** Asked instead of the server. */
  readonly iceServers: readonly IceServerEntry[] | undefined;
};

export type RelayDiagnosis = Diagnosis & { readonly verdict: Verdict | undefined; readonly nat: NatResult | undefined };

/** A way to try: one URL with its credentials. */
export type Attempt = { readonly path: Path; readonly url: IceUrl; readonly username: string; readonly password: string };

export type AttemptResult =
  | { readonly attempt: Attempt; readonly type: "nat"; readonly result: NatResult }
  | { readonly attempt: Attempt; readonly type: "relay"; readonly result: RelayEcho }
  | { readonly attempt: Attempt; readonly type: "unresolved" };

/** A server may name many; more tell nothing new and would make the check long. */
const MAX_PER_PATH = 3;

export async function examineFromClient(patient: RelayPatient, probes: RelayProbes): Promise<RelayDiagnosis> {
  const checks: Check[] = [];
  const done = (verdict?: Verdict, nat?: NatResult): RelayDiagnosis => ({
    url: patient.url,
    checks,
    isWell: checks.every(({ status }) => status !== "fail"),
    verdict,
    nat,
  });
  const interfaces = probes.interfaces();
  checks.push(judgeHost(interfaces));
  const iceServers = patient.iceServers ?? (await askServer(patient, probes, checks));
  if (iceServers === undefined) return done();

  const results = await Promise.all(attemptsOf(iceServers).map((attempt) => run(attempt, probes)));
  const facts = factsOf(results, interfaces);
  const verdict = judgeConnection(facts);
  const hasRelay = verdict.works.strict;
  checks.push(judgeNat(results, interfaces, hasRelay));
  for (const path of ["turn-udp", "turn-tcp", "turn-tls"] as const) {
    const ofPath = results.filter(({ attempt }) => attempt.path === path);
    if (ofPath.length === 0) checks.push(judgeRelay(path, undefined, hasRelay));
    for (const result of ofPath) checks.push(judgeRelay(path, result, hasRelay));
  }
  checks.push(judgeThisNetwork(verdict), judgeNetworks(verdict));
  return done(verdict, natOf(results));
}

async function askServer(
  patient: RelayPatient,
  probes: RelayProbes,
  checks: Check[],
): Promise<readonly IceServerEntry[] | undefined> {
  const key = patient.key ?? (await probes.key(patient.url));
  if (typeof key !== "string" && key.type === "none") {
    checks.push(judgeKey(patient.url, key.detail));
    return undefined;
  }
  const session = await probes.session(patient.url, typeof key === "string" ? key : key.key, patient.token);
  checks.push(judgeSession(patient.url, session));
  return session.type === "opened" ? session.iceServers : undefined;
}

export function attemptsOf(iceServers: readonly IceServerEntry[]): readonly Attempt[] {
  const attempts: Attempt[] = [];
  for (const { urls, username = "", credential = "" } of iceServers)
    for (const text of urls) {
      const url = parseIceUrl(text);
      if (url === undefined) continue;
      const path: Path = url.kind === "stun" ? "stun" : `turn-${url.transport}`;
      const isKnown = attempts.some((each) => each.path === path && each.url.host === url.host && each.url.port === url.port);
      if (isKnown || attempts.filter((each) => each.path === path).length === MAX_PER_PATH) continue;
      attempts.push({ path, url, username, password: credential });
    }
  // A TURN server answers STUN on its UDP port (RFC 8656 §3), and browsers ask it there.
  const relay = attempts.find(({ path }) => path === "turn-udp");
  if (relay !== undefined && !attempts.some(({ path }) => path === "stun"))
    attempts.push({ ...relay, path: "stun", url: { kind: "stun", host: relay.url.host, port: relay.url.port } });
  return attempts;
}

async function run(attempt: Attempt, probes: RelayProbes): Promise<AttemptResult> {
  const { url, username, password } = attempt;
  const address = await probes.resolve(url.host);
  if (address === undefined) return { attempt, type: "unresolved" };
  const { port } = url;
  if (url.kind === "stun") {
    const family = isIP(address) === 6 ? 6 : 4;
    return { attempt, type: "nat", result: await probes.nat({ family, address, port }) };
  }
  const target = { transport: url.transport, address, port, username, password, name: url.host };
  return { attempt, type: "relay", result: await probes.relay(target) };
}

/** The best of each path counts: one way that works is enough. */
function factsOf(results: readonly AttemptResult[], interfaces: readonly Interface[]): CheckFacts {
  const best = (path: Path): PathResult => {
    const all = results.filter(({ attempt }) => attempt.path === path).map(pathResult);
    return all.find((result) => result === "ok") ?? all[0] ?? "absent";
  };
  const isWorkingStream = (result: AttemptResult) =>
    result.attempt.path !== "stun" && result.attempt.path !== "turn-udp" && pathResult(result) === "ok";
  const nat = natOf(results);
  const mapping = nat?.type === "discovered" ? nat.mapping : undefined;
  return {
    paths: {
      host: interfaces.length > 0 ? "ok" : "none",
      stun: best("stun"),
      "turn-udp": best("turn-udp"),
      "turn-tcp": best("turn-tcp"),
      "turn-tls": best("turn-tls"),
    },
    on443: results.some((result) => isWorkingStream(result) && result.attempt.url.port === 443),
    mapping,
    isRelayHidden: results.some(isHidden),
  };
}

/** The most that any of the servers told. */
function natOf(results: readonly AttemptResult[]): NatResult | undefined {
  const all = results.flatMap((result) => (result.type === "nat" ? [result.result] : []));
  return all.find(({ type }) => type === "discovered") ?? all.find(({ type }) => type === "unsupported") ?? all[0];
}

/** The server is reached at a public address, and tells a private one. */
export function isHidden(result: AttemptResult): boolean {
  if (result.type !== "relay" || result.result.type !== "echoed") return false;
  return isLocalAddress(result.result.relayed.address) && !isLocalAddress(result.result.target.address);
}

export function pathResult(result: AttemptResult): PathResult {
  if (result.type === "unresolved") return "timeout";
  if (result.type === "nat") {
    const { type } = result.result;
    return type === "discovered" || type === "unsupported" ? "ok" : "timeout";
  }
  if (result.result.type === "echoed") return "ok";
  const { failure } = result.result;
  switch (failure.why) {
    case "certificate":
      return "certificate";
    case "no-echo":
    case "own-relay":
      return "no-echo";
    case "timeout":
    case "unresolved":
      return "timeout";
    case "refused":
      return isCredentialCode(failure.code) ? "credentials" : "refused";
    default:
      return "refused";
  }
}

/** RFC 8489 §9.2.4, RFC 8656 §7.2: what a wrong, expired or foreign credential is answered. */
export function isCredentialCode(code: number): boolean {
  return code === 401 || code === 403 || code === 438 || code === 441;
}
