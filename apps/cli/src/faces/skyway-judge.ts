/** From a visit as skyway-js makes it to findings with remedies. Pure. */
import type { Check, FaceCheckId } from "../doctor/check.ts";
import { isLocalAddress } from "../doctor/judge.ts";
import type { StunResult, TlsResult, TurnPortResult } from "../doctor/probes.ts";
import type { Answer, AskResult } from "./ask.ts";
import { fieldOf, jsonOf } from "./ask.ts";
import { describe } from "./describe.ts";
import type { FirstWord, Visit } from "./skyway-visit.ts";

/** What stands in the library, and cannot be changed by an app's options. */
export const SKYWAY_TURN_HOST = "turn.webrtc.ecl.ntt.com";
/** Asked by apps that give no `config`. */
export const SKYWAY_STUN_HOST = "stun.webrtc.ecl.ntt.com";
export const SKYWAY_DISPATCHER_HOST = "dispatcher.webrtc.ecl.ntt.com";

type Base = { readonly id: FaceCheckId; readonly title: string };
type More = NonNullable<Extract<Visit, { type: "visited" }>["more"]>;

export function judgeCertificate(url: URL, tls: TlsResult | undefined): Check {
  const base: Base = { id: "certificate", title: "Certificate" };
  if (tls === undefined)
    return { ...base, status: "skip", detail: `${url.origin} is plain http: for apps that say secure: false or leave it out` };
  if (tls.type !== "certificate") return { ...base, status: "skip", detail: "no certificate to look at" };
  if (tls.isTrusted && !tls.isLocalCa) return { ...base, status: "ok", detail: `browsers trust it for ${url.hostname}` };
  if (tls.isTrusted) return { ...base, status: "ok", detail: "from the local CA: devices that have it installed trust it" };
  return {
    ...base,
    status: "fail",
    detail: `browsers will not trust it for ${url.hostname} (${tls.problem ?? "unknown authority"})`,
    code: "doctor.certificate.untrusted",
    remedy: `It holds ${tls.names.slice(0, 6).join(", ") || "no names"}. Get one with the name that apps use; requests of a page fail without a warning to click past.`,
  };
}

export type DispatcherFacts = {
  readonly answer: AskResult;
  /** Whether a TLS server with a trusted certificate answers on port 443 of the named domain; undefined: not asked. */
  readonly domain: { readonly name: string; readonly tls: TlsResult } | undefined;
};

/** What the dispatcher named, if it named anything. */
export function namedDomain(answer: AskResult): string | undefined {
  const domain = answer.type === "response" && answer.status === 200 ? fieldOf(jsonOf(answer.body), "domain") : undefined;
  return typeof domain === "string" && domain !== "" ? domain : undefined;
}

/** Apps that say no host and port ask it, always by https on 443, and may only be told a name. So a failure elsewhere than there is no failure. */
export function judgeDispatcher(url: URL, { answer, domain }: DispatcherFacts): Check {
  const base: Base = { id: "dispatcher", title: "Dispatcher" };
  const isReachable = url.protocol === "https:" && (url.port === "" || url.port === "443");
  const code = "doctor.skyway.dispatcher";
  if (answer.type !== "response" || domain === undefined) {
    return {
      ...base,
      status: isReachable ? "fail" : "warn",
      detail: `/signaling ${describe(answer)}${answer.type === "response" && answer.status === 200 ? " without a domain" : ""}`,
      code,
      remedy: "Is this the server, and faces.skyway.enabled on? A proxy must pass /signaling, too.",
    };
  }
  const allowed = answer.headers["access-control-allow-origin"];
  if (allowed === undefined) {
    return {
      ...base,
      status: "fail",
      detail: "/signaling lets no page of another origin read it",
      code,
      remedy: "A proxy in front must leave Access-Control-Allow-Origin in place.",
    };
  }
  const { name, tls } = domain;
  const isGood = tls.type === "certificate" && tls.isTrusted;
  if (isGood && isReachable)
    return { ...base, status: "ok", detail: `sends clients to ${name}:443, which answers with a trusted certificate` };
  const why =
    tls.type === "certificate"
      ? `its certificate is not trusted (${tls.problem ?? "unknown authority"})`
      : `${name}:443 ${describe(tls)}`;
  return {
    ...base,
    status: isReachable ? "fail" : "warn",
    detail: isGood
      ? `names ${name}, but apps without host and port ask it on port 443 by https, not at ${url.origin}`
      : `sends clients to ${name}:443 by https: ${why}`,
    code,
    remedy: `Only apps that say neither host nor port need it. For them: https on port 443 under ${SKYWAY_DISPATCHER_HOST} or their dispatcherHost, and faces.skyway.dispatcherDomain.`,
  };
}

export function judgePolling(visit: Visit): Check {
  const base: Base = { id: "polling", title: "Handshake" };
  if (visit.type === "visited")
    return { ...base, status: "ok", detail: `engine.io 3 by polling in ${Math.round(visit.handshake.ms)} ms` };
  const isOld = visit.type === "other" && visit.answer.status === 400;
  return {
    ...base,
    status: "fail",
    detail:
      visit.type === "other"
        ? `/socket.io/ ${describe(visit.answer)} without an engine.io 3 session`
        : `/socket.io/ ${describe(visit)}`,
    code: "doctor.skyway.handshake",
    remedy: isOld
      ? "What answers speaks a newer socket.io only. Is this the server, and faces.skyway.enabled on?"
      : "Is this the server, and faces.skyway.enabled on? A proxy in front must pass /socket.io/ on.",
  };
}

/** Credentialed, so `*` will not do; the preflight comes before binary data by polling. */
export function judgeCors(handshake: Answer, more: More | undefined, origin: string): Check {
  const base: Base = { id: "cors", title: "Other origins" };
  const fault = (detail: string): Check => ({
    ...base,
    status: "fail",
    detail,
    code: "doctor.skyway.cors",
    remedy: "A proxy in front must not set or drop Access-Control headers: the server answers each page with its own origin.",
  });
  const isAllowed = ({ headers }: Answer) =>
    headers["access-control-allow-origin"] === origin && headers["access-control-allow-credentials"] === "true";
  if (!isAllowed(handshake))
    return fault(
      `a page of ${origin} cannot read /socket.io/ (Access-Control-Allow-Origin: ${handshake.headers["access-control-allow-origin"] ?? "none"})`,
    );
  if (more === undefined) return { ...base, status: "ok", detail: `pages of ${origin} may read it, with credentials` };
  const { preflight, post } = more;
  if (preflight.type !== "response" || preflight.status >= 300 || !isAllowed(preflight))
    return fault(`the preflight of /socket.io/ ${describe(preflight)}`);
  if (!/content-type/i.test(preflight.headers["access-control-allow-headers"] ?? ""))
    return fault("the preflight of /socket.io/ does not allow Content-Type");
  if (post.type !== "response" || post.status !== 200 || !isAllowed(post)) return fault(`sending by polling ${describe(post)}`);
  return { ...base, status: "ok", detail: `pages of ${origin} may read and write, with credentials` };
}

export function judgeOpen(first: FirstWord, origin: string): Check {
  const base: Base = { id: "open", title: "Session" };
  const code = "doctor.skyway.refused";
  switch (first.type) {
    case "open":
      return { ...base, status: "ok", detail: `OPEN as ${first.peerId}` };
    case "silent":
    case "ended":
      return {
        ...base,
        status: "fail",
        detail: first.type === "silent" ? "no OPEN came" : "the server ended it without a word",
        code,
        remedy: "Look into the server's log.",
      };
    case "error":
      return { ...base, status: "fail", detail: `${first.why}: ${first.message}`, code, remedy: remedyOf(first.why, origin) };
    default:
      throw new Error(`unhandled word ${JSON.stringify(first satisfies never)}`);
  }
}

function remedyOf(why: string, origin: string): string {
  switch (why) {
    case "invalid-key":
      return "Give a key of this server with --key, or bring it along: tsunagi keys import.";
    case "invalid-domain":
      return `The key is for other pages than ${origin}: give one of theirs with --origin, or set the list anew, with each of them: tsunagi keys set APP --origin …`;
    case "authentication":
      return 'The app demands a credential: --peer ID --credential "$(tsunagi token APP --skyway --peer ID)".';
    default:
      return "Look into the server's log.";
  }
}

export function judgeWrongKey(visit: Visit): Check {
  const base: Base = { id: "wrong-key", title: "Wrong key" };
  if (visit.type !== "visited") return { ...base, status: "skip", detail: "no session to try it with" };
  const { first } = visit;
  if (first.type === "error" && first.why === "invalid-key")
    return { ...base, status: "ok", detail: "is refused with invalid-key" };
  return {
    ...base,
    status: "warn",
    detail: first.type === "error" ? `is refused with ${first.why}` : first.type === "open" ? "is let in" : "gets no answer",
    code: "doctor.skyway.refused",
    remedy: "Apps tell by invalid-key that their key is wrong. Is this the server?",
  };
}

export function judgeUpgrade(more: More): Check {
  const base: Base = { id: "upgrade", title: "WebSocket" };
  if (more.upgrade.type === "upgraded")
    return { ...base, status: "ok", detail: `polling becomes WebSocket in ${Math.round(more.upgrade.ms)} ms` };
  return {
    ...base,
    status: "warn",
    detail: `clients stay at polling: ${more.upgrade.detail}`,
    code: "doctor.socket.refused",
    remedy:
      "A proxy in front must pass Upgrade and Connection on (nginx: proxy_http_version 1.1 and proxy_set_header Upgrade $http_upgrade), and send one client to one server.",
  };
}

export function judgeListing({ clients, exists }: More, peerId: string): Check {
  const base: Base = { id: "listing", title: "Listing" };
  const code = "doctor.skyway.listing";
  const remedy = "A proxy in front must pass /api/apikeys/ on, with its Access-Control headers.";
  if (exists.type !== "response" || exists.status !== 200 || fieldOf(jsonOf(exists.body), "exists") !== true)
    return { ...base, status: "fail", detail: `fetchPeerExists ${describe(exists)}`, code, remedy };
  if (exists.headers["access-control-allow-origin"] === undefined)
    return { ...base, status: "fail", detail: "no page of another origin may read /api/apikeys/", code, remedy };
  if (clients.type === "response" && clients.status === 401)
    return {
      ...base,
      status: "ok",
      detail: "listAllPeers is off for this key (switch listPeers), as it was by default at SkyWay",
    };
  const list = clients.type === "response" && clients.status === 200 ? jsonOf(clients.body) : undefined;
  if (!Array.isArray(list) || !list.includes(peerId))
    return { ...base, status: "fail", detail: `listAllPeers ${describe(clients)} and does not name this peer`, code, remedy };
  return { ...base, status: "ok", detail: `listAllPeers names ${list.length} ${list.length === 1 ? "peer" : "peers"}` };
}

/** @param isPublic the server was reached at an address that is not of an inner network */
export function judgeRoom({ room }: More, isPublic: boolean): Check {
  const base: Base = { id: "sfu-room", title: "SFU room" };
  const code = "doctor.skyway.sfu";
  if ("at" in room)
    return {
      ...base,
      status: "fail",
      detail: room.type === "silent" ? `no ${room.at} came` : `the server ended the session before ${room.at}`,
      code,
      remedy: "Look into the server's log.",
    };
  if (room.type === "error") {
    return {
      ...base,
      status: "warn",
      detail: `${room.why}: ${room.message}`,
      code,
      remedy: "Rooms of mode sfu need sfu.enabled, and the mode in the app's switch modes. Mesh rooms go without.",
    };
  }
  const sections = room.sdp.split(/^(?=m=)/m).slice(1);
  const hasUpstream = ["audio", "video"].every((kind) =>
    sections.some((section) => section.startsWith(`m=${kind}`) && /^a=(recvonly|sendrecv)\s*$/m.test(section)),
  );
  const candidates = [...room.sdp.matchAll(/^a=candidate:\S+ \d+ (\S+) \d+ (\S+) (\d+) typ/gim)].map(
    ([, , address = "", port]) => ({ address, port }),
  );
  const fault = !room.hasMembers
    ? "the joiner's ROOM_USER_JOIN has no roomMembers"
    : !hasUpstream
      ? "the offer takes no audio and video"
      : candidates.length === 0
        ? "the offer has no candidate"
        : !room.hasMsids
          ? "the offer comes without msids"
          : undefined;
  if (fault !== undefined)
    return { ...base, status: "fail", detail: fault, code, remedy: "Is this the server? Look into its log." };
  const told = [...new Set(candidates.map(({ address, port }) => `${address}:${port}`))].join(", ");
  if (isPublic && candidates.every(({ address }) => isLocalAddress(address))) {
    return {
      ...base,
      status: "fail",
      detail: `the offer names only addresses of an inner network: ${told}`,
      code,
      remedy: "Tell clients the address outside with sfu.announcedAddresses, and open the SFU's UDP ports in the firewall.",
    };
  }
  return { ...base, status: "ok", detail: `an offer in ${Math.round(room.ms)} ms takes audio and video at ${told}` };
}

export type TurnNameFacts = {
  readonly hasCredential: boolean;
  /** Where the library's TURN host resolves to here. */
  readonly resolved: string | undefined;
  /** Of the server that is looked at. */
  readonly server: string | undefined;
  /** What answers at the library's TURN host, port 443; undefined: not asked. */
  readonly port: TurnPortResult | undefined;
};

export function judgeTurnName({ hasCredential, resolved, server, port }: TurnNameFacts): Check {
  const base: Base = { id: "turn-name", title: "TURN name" };
  const code = "doctor.skyway.turn";
  const isOurs = resolved !== undefined && resolved === server;
  if (!hasCredential) {
    if (!isOurs)
      return { ...base, status: "ok", detail: "OPEN gives no TURN: apps name theirs in config.iceServers, if they need one" };
    return {
      ...base,
      status: "warn",
      detail: `${SKYWAY_TURN_HOST} resolves to this server, and OPEN gives no credential for it`,
      code,
      remedy: "Set faces.skyway.turnHost: true, with turn.shareHttpPort or a TURN server on port 443.",
    };
  }
  if (port?.type === "turn")
    return {
      ...base,
      status: "ok",
      detail: `OPEN gives a credential, and ${SKYWAY_TURN_HOST}:443 (${resolved}) is a TURN server`,
    };
  return {
    ...base,
    status: "fail",
    detail:
      resolved === undefined
        ? `OPEN gives a credential for ${SKYWAY_TURN_HOST}, which has no address here`
        : `OPEN gives a credential for ${SKYWAY_TURN_HOST}, and nothing speaks TURN at ${resolved}:443 by TCP`,
    code,
    remedy:
      "Calls from here wait for three dead TURN servers. Have the name resolve to a TURN server with port 443, or set faces.skyway.turnHost: false.",
  };
}

export type StunNameFacts = {
  /** As the server was called. */
  readonly host: string;
  readonly resolved: string | undefined;
  /** Of the library's STUN host, where that is the server; nobody else is asked. */
  readonly result: StunResult | undefined;
  readonly isPublic: boolean;
};

export function judgeStunName({ host, resolved, result, isPublic }: StunNameFacts): Check {
  const base: Base = { id: "stun-name", title: "STUN name" };
  const place = `${SKYWAY_STUN_HOST}:3478`;
  if (result?.type === "mapped")
    return { ...base, status: "ok", detail: `${place}, which apps without config ask, is this server and answers` };
  const remedy = `Let apps name this server: config: { iceServers: [{ urls: "stun:${host}:3478" }] }, or have ${SKYWAY_STUN_HOST} resolve to it.`;
  const detail =
    result !== undefined
      ? `${place} is this server and does not answer`
      : `apps without config ask ${place}, which ${resolved === undefined ? "has no address here" : "is not this server"}`;
  // Inside one network peers reach each other by their own addresses.
  if (result === undefined && !isPublic)
    return { ...base, status: "ok", detail: `${detail}; inside one network nobody needs it` };
  return { ...base, status: "warn", detail, code: "doctor.skyway.stun", remedy };
}
