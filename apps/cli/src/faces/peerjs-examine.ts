/** The round of `doctor --peerjs`, and what its answers mean. */
import type { Check } from "../doctor/check.ts";
import type { Diagnosis } from "../doctor/examine.ts";
import { judgePort } from "../doctor/judge.ts";
import type { Probes } from "../doctor/probes.ts";
import { type AskResult, fieldOf, jsonOf } from "./ask.ts";
import { describe } from "./describe.ts";
import type { Frame, PeerjsVisit, PeerjsVisitOptions } from "./peerjs-visit.ts";
import { judgeCertificate } from "./skyway-judge.ts";

export type PeerjsPatient = {
  /** With the path that apps give as `path`. */
  readonly url: URL;
  readonly key: string;
  readonly origin: string;
};

export type PeerjsProbes = Pick<Probes, "get" | "certificate"> & {
  visit(url: URL, options: Omit<PeerjsVisitOptions, "timeoutMs">): Promise<PeerjsVisit>;
};

type Session = NonNullable<PeerjsVisit["session"]>;

export async function examinePeerjs({ url, key, origin }: PeerjsPatient, probes: PeerjsProbes): Promise<Diagnosis> {
  const checks: Check[] = [];
  const done = (): Diagnosis => ({ url, checks, isWell: checks.every(({ status }) => status !== "fail") });
  const [http, tls] = await Promise.all([probes.get(url), url.protocol === "https:" ? probes.certificate(url) : undefined]);
  checks.push(judgePort(url, http, false, undefined));
  if (http.type !== "response") return done();
  checks.push(judgeCertificate(url, tls));
  const { about, id, session } = await probes.visit(url, { key, origin });
  checks.push(judgeAbout(url, about), judgeId(id, origin));
  if (session === undefined) return done();
  checks.push(judgeSession(session.open));
  if (session.open.type === "frame" && session.open.name === "OPEN")
    checks.push(judgeTaken(session.taken), judgeRelay(session), judgePeers(session.peers, session.id));
  return done();
}

function judgeAbout(url: URL, about: AskResult): Check {
  const base = { id: "about", title: "Path" } as const;
  const name = about.type === "response" && about.status === 200 ? fieldOf(jsonOf(about.body), "name") : undefined;
  if (typeof name === "string") return { ...base, status: "ok", detail: `${url.pathname} is ${name}` };
  // At the root there is the web app, and the face beside it.
  if (url.pathname === "/")
    return { ...base, status: "skip", detail: "/ is the web app; apps without a path are served beside it" };
  return {
    ...base,
    status: "warn",
    detail: `${url.pathname} ${describe(about)}`,
    code: "doctor.peerjs.http",
    remedy: "Give the path of faces.peerjs.path, /peerjs by default: --peerjs https://calls.example.com/peerjs.",
  };
}

function judgeId(id: AskResult, origin: string): Check {
  const base = { id: "id", title: "ID" } as const;
  if (id.type !== "response" || id.status !== 200 || !/^[\w-]{8,64}$/.test(id.body)) {
    return {
      ...base,
      status: "fail",
      detail: id.type === "response" && id.status === 200 ? "is answered with something else than an ID" : describe(id),
      code: "doctor.peerjs.http",
      remedy: "Is this the server, faces.peerjs.enabled on, and the path right? A proxy in front must pass it on.",
    };
  }
  const allowed = id.headers["access-control-allow-origin"];
  if (allowed === origin || allowed === "*") return { ...base, status: "ok", detail: `made for a page of ${origin}` };
  return {
    ...base,
    status: "fail",
    detail: `a page of ${origin} may not read it`,
    code: "doctor.peerjs.cors",
    remedy: `Give a page of yours with --origin, or let ${origin} in with faces.peerjs.corsOrigins.`,
  };
}

function judgeSession(open: Frame): Check {
  const base = { id: "open", title: "Session" } as const;
  if (open.type === "frame" && open.name === "OPEN")
    return { ...base, status: "ok", detail: `OPEN in ${Math.round(open.ms)} ms` };
  const text =
    open.type === "frame" ? `${open.name} ${String(fieldOf(fieldOf(open.value, "payload"), "msg") ?? "")}`.trim() : open.detail;
  return {
    ...base,
    status: "fail",
    detail: text,
    code: "doctor.peerjs.session",
    remedy:
      open.type === "frame"
        ? "Give the key that the apps use with --key, and a page of theirs with --origin."
        : "A proxy in front must pass Upgrade and Connection on (nginx: proxy_http_version 1.1 and proxy_set_header Upgrade $http_upgrade).",
  };
}

function judgeTaken(taken: Frame): Check {
  const base = { id: "taken", title: "Taken ID" } as const;
  if (taken.type === "frame" && taken.name === "ID-TAKEN") return { ...base, status: "ok", detail: "is refused to anyone else" };
  return {
    ...base,
    status: "fail",
    detail: `is answered ${taken.type === "frame" ? taken.name : taken.detail}`,
    code: "doctor.peerjs.session",
    remedy: "Is this the server? Behind a balancer, all clients of an app must reach one server.",
  };
}

function judgeRelay({ relayed, sender, id }: Session): Check {
  const base = { id: "relay", title: "Messages" } as const;
  const isRight =
    relayed.type === "frame" &&
    relayed.name === "OFFER" &&
    fieldOf(relayed.value, "src") === sender &&
    fieldOf(relayed.value, "dst") === id;
  if (isRight) return { ...base, status: "ok", detail: "an offer arrives under its sender's own ID" };
  return {
    ...base,
    status: "fail",
    detail:
      relayed.type === "frame"
        ? `an offer arrives as ${JSON.stringify(relayed.value).slice(0, 120)}`
        : `an offer does not arrive (${relayed.detail})`,
    code: "doctor.peerjs.relay",
    remedy: "Look into the server's log. Behind a balancer, all clients of an app must reach one server.",
  };
}

function judgePeers(peers: AskResult, id: string): Check {
  const base = { id: "listing", title: "Listing" } as const;
  if (peers.type === "response" && peers.status === 401)
    return { ...base, status: "ok", detail: "listAllPeers is off (faces.peerjs.discovery), as it is by default" };
  const list = peers.type === "response" && peers.status === 200 ? jsonOf(peers.body) : undefined;
  if (Array.isArray(list) && list.includes(id))
    return { ...base, status: "ok", detail: `listAllPeers names ${list.length} peers` };
  return {
    ...base,
    status: "warn",
    detail: `listAllPeers ${describe(peers)}`,
    code: "doctor.peerjs.http",
    remedy: "Look into the server's log.",
  };
}
