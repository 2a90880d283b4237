/** The round of `doctor --skyway`: looks at a server as the unedited library would. */
import { randomUUID } from "node:crypto";
import { isIP } from "node:net";
import type { Check } from "../doctor/check.ts";
import type { Diagnosis } from "../doctor/examine.ts";
import { isLocalAddress, judgePort } from "../doctor/judge.ts";
import type { Probes } from "../doctor/probes.ts";
import type { KeyResult } from "../relay/session-probe.ts";
import { type AskResult, ask } from "./ask.ts";
import {
  judgeCertificate,
  judgeCors,
  judgeDispatcher,
  judgeListing,
  judgeOpen,
  judgePolling,
  judgeRoom,
  judgeStunName,
  judgeTurnName,
  judgeUpgrade,
  judgeWrongKey,
  namedDomain,
  SKYWAY_STUN_HOST,
  SKYWAY_TURN_HOST,
} from "./skyway-judge.ts";
import { type Visit, type VisitOptions, visitSkyway } from "./skyway-visit.ts";

export type SkywayPatient = {
  readonly url: URL;
  /** Default: the one that the server's web apps use. */
  readonly key: string | undefined;
  /** The page that apps are on. */
  readonly origin: string;
  readonly peerId: string | undefined;
  readonly credential: string | undefined;
};

export type SkywayProbes = Pick<Probes, "get" | "certificate" | "resolve" | "stun" | "turn"> & {
  key(url: URL): Promise<KeyResult>;
  dispatcher(url: URL, origin: string): Promise<AskResult>;
  visit(url: URL, options: Omit<VisitOptions, "timeoutMs">): Promise<Visit>;
};

export function skywayProbes(probes: Probes, key: SkywayProbes["key"], timeoutMs: number): SkywayProbes {
  return {
    get: probes.get,
    certificate: probes.certificate,
    resolve: probes.resolve,
    stun: probes.stun,
    turn: probes.turn,
    key,
    dispatcher: (url, origin) => ask(new URL("/signaling", url), { headers: { Origin: origin }, timeoutMs }),
    visit: (url, options) => visitSkyway(url, { ...options, timeoutMs }),
  };
}

export async function examineSkyway(patient: SkywayPatient, probes: SkywayProbes): Promise<Diagnosis> {
  const { url, origin, peerId, credential } = patient;
  const checks: Check[] = [];
  const done = (): Diagnosis => ({ url, checks, isWell: checks.every(({ status }) => status !== "fail") });
  const [http, tls, answer] = await Promise.all([
    probes.get(new URL("/healthz", url)),
    url.protocol === "https:" ? probes.certificate(url) : undefined,
    probes.dispatcher(url, origin),
  ]);
  checks.push(judgePort(url, http, false, undefined));
  if (http.type !== "response") return done();
  const name = namedDomain(answer);
  const domain = name === undefined ? undefined : { name, tls: await probes.certificate(new URL(`https://${name}`)) };
  checks.push(judgeCertificate(url, tls), judgeDispatcher(url, { answer, domain }));

  const asked = patient.key === undefined ? await probes.key(url) : undefined;
  const key = patient.key ?? (asked?.type === "key" ? asked.key : undefined);
  if (key === undefined) {
    const detail = `no key: ${asked?.type === "none" ? asked.detail : "none was found"}`;
    checks.push({
      id: "open",
      title: "Session",
      status: "fail",
      detail,
      code: "doctor.session.key",
      remedy: "Give one with --key: tsunagi keys list.",
    });
    return done();
  }
  const [visit, wrong] = await Promise.all([
    probes.visit(url, { key, origin, peerId, credential }),
    probes.visit(url, { key: randomUUID(), origin, peerId: undefined, credential: undefined, isShort: true }),
  ]);
  checks.push(judgePolling(visit));
  if (visit.type !== "visited") return done();
  const { handshake, first, more } = visit;
  checks.push(judgeCors(handshake, more, origin), judgeOpen(first, origin), judgeWrongKey(wrong));
  if (more === undefined || first.type !== "open") return done();
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const [resolved, stun, server] = await Promise.all([
    probes.resolve(SKYWAY_TURN_HOST),
    probes.resolve(SKYWAY_STUN_HOST),
    isIP(host) === 0 ? probes.resolve(host) : host,
  ]);
  const isPublic = server !== undefined && !isLocalAddress(server);
  const port = first.hasTurn && resolved !== undefined ? await probes.turn(resolved, 443, "tcp") : undefined;
  const answered = stun !== undefined && stun === server ? await probes.stun(stun, 3_478, 4) : undefined;
  checks.push(
    judgeUpgrade(more),
    judgeListing(more, first.peerId),
    judgeRoom(more, isPublic),
    judgeTurnName({ hasCredential: first.hasTurn, resolved, server, port }),
    judgeStunName({ host: url.hostname, resolved: stun, result: answered, isPublic }),
  );
  return done();
}
