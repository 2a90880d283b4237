/** From what the attempts brought to findings in plain words. Pure. */
import { assertNever } from "@tsunagi/base";
import type { NetworkKind, NetworkState, Verdict } from "@tsunagi/turn/client";
import type { Check, DoctorCode } from "../doctor/check.ts";
import { isLocalAddress } from "../doctor/judge.ts";
import type { Interface } from "../doctor/probes.ts";
import { type AttemptResult, isCredentialCode, isHidden } from "./examine.ts";
import type { SessionResult } from "./session-probe.ts";
import type { TurnFailure } from "./turn-failure.ts";

type RelayPath = "turn-udp" | "turn-tcp" | "turn-tls";

const TITLES: Readonly<Record<RelayPath, string>> = {
  "turn-udp": "Relay by UDP",
  "turn-tcp": "Relay by TCP",
  "turn-tls": "Relay by TLS",
};

export function judgeHost(interfaces: readonly Interface[]): Check {
  const base = { id: "host", title: "This machine" } as const;
  if (interfaces.length === 0) {
    return {
      ...base,
      status: "warn",
      detail: "has loopback alone: what follows is true for this machine only",
      code: "doctor.address.none",
      remedy: "Run it where the people are who call.",
    };
  }
  return { ...base, status: "ok", detail: interfaces.map(({ name, address }) => `${address} (${name})`).join(", ") };
}

export function judgeKey(url: URL, detail: string): Check {
  return {
    id: "session",
    title: "Session",
    status: "fail",
    detail: `no key: ${detail}`,
    code: "doctor.session.key",
    remedy: `Check that ${url.origin} is the server (tsunagi doctor --url ${url.origin}), and give a key with --key: tsunagi keys list.`,
  };
}

export function judgeSession(url: URL, result: SessionResult): Check {
  const base = { id: "session", title: "Session" } as const;
  switch (result.type) {
    case "opened": {
      const urls = result.iceServers.flatMap((server) => server.urls);
      const told = urls.length === 0 ? "it names no STUN or TURN server" : `it names ${urls.join(", ")}`;
      const detail = `opened in ${Math.round(result.ms)} ms; ${told}${result.isRelayOnly ? "; this app allows the relay alone" : ""}`;
      return { ...base, status: "ok", detail };
    }
    case "refused":
      return {
        ...base,
        status: "fail",
        detail: `${result.message} (${result.code})`,
        code: "doctor.session.refused",
        remedy: result.remedy ?? "Give another key with --key, or a token with --token: tsunagi token.",
      };
    case "unreachable":
      return {
        ...base,
        status: "fail",
        detail: `/v1 does not open: ${result.detail}`,
        code: "doctor.socket.refused",
        remedy: `Look at the server itself first: tsunagi doctor --url ${url.origin}`,
      };
    default:
      return assertNever(result);
  }
}

/** STUN, and what it tells of the NAT. */
export function judgeNat(results: readonly AttemptResult[], interfaces: readonly Interface[], hasRelay: boolean): Check {
  const base = { id: "nat", title: "STUN and NAT" } as const;
  const ofStun = results.filter(({ attempt }) => attempt.path === "stun");
  const found = ofStun.find(
    (each) => each.type === "nat" && (each.result.type === "discovered" || each.result.type === "unsupported"),
  );
  if (found?.type !== "nat") {
    const first = ofStun[0]?.attempt.url;
    if (first === undefined) return { ...base, status: "skip", detail: "no STUN server is offered" };
    return {
      ...base,
      status: hasRelay ? "warn" : "fail",
      detail: `no answer from ${first.host}:${first.port} UDP`,
      code: "doctor.stun.silent",
      remedy: `Let UDP ${first.port} in through the server's firewall. If it is open there, this network blocks UDP: calls from it need the relay by TCP or TLS.`,
    };
  }
  const { result } = found;
  if (result.type !== "discovered" && result.type !== "unsupported") return { ...base, status: "skip", detail: "no answer" };
  const { address } = result.mapped;
  const took = result.rttMs === undefined ? "" : `answers in ${milliseconds(result.rttMs)} and `;
  if (result.type === "unsupported") {
    const isOwn = interfaces.some((each) => each.address === address) || isLoopback(address);
    const nat = isOwn ? "no NAT in between" : "a NAT in between, of a kind that this server cannot tell (it has one address)";
    return { ...base, status: "ok", detail: `${took}sees this machine as ${address}: ${nat}` };
  }
  const filter =
    result.filtering === "endpoint-independent"
      ? "lets anyone in"
      : result.filtering === "address-dependent"
        ? "lets in whom was sent to, by address"
        : "lets in whom was sent to, by address and port";
  if (result.isTranslated === false)
    return { ...base, status: "ok", detail: `${took}sees this machine as ${address}: no NAT; what stands in between ${filter}` };
  if (result.mapping === undefined || result.mapping === "endpoint-independent") {
    const kind = result.mapping === undefined ? "a NAT" : "a NAT with one port for all destinations, good for direct calls";
    return { ...base, status: "ok", detail: `${took}sees this machine as ${address}: ${kind}; it ${filter}` };
  }
  return {
    ...base,
    status: "ok",
    detail: `${took}sees this machine as ${address}: a strict NAT, another port for each destination (${result.mapping}); it ${filter}. Most calls from here need the relay`,
  };
}

export function judgeRelay(path: RelayPath, result: AttemptResult | undefined, hasRelay: boolean): Check {
  const base = { id: path, title: TITLES[path] } as const;
  if (result === undefined) return { ...base, status: "skip", detail: "not offered" };
  const { host, port } = result.attempt.url;
  const place = `${host}:${port}`;
  if (result.type === "relay" && result.result.type === "echoed") {
    const { relayed, openMs, allocateMs, echoMs, target } = result.result;
    const opened = target.transport === "udp" ? "" : `connected in ${milliseconds(openMs)}, `;
    const detail = `${place} ${opened}gave ${relayed.address}:${relayed.port} in ${milliseconds(allocateMs)}; there and back in ${milliseconds(echoMs)}`;
    if (!isHidden(result)) return { ...base, status: "ok", detail };
    return {
      ...base,
      status: "warn",
      detail: `${detail}. That address is private, and the server is not: peers elsewhere cannot send to it`,
      code: "doctor.relay.private",
      remedy: `Set turn.externalAddresses on the server: { "${relayed.address}": "${target.address}" }.`,
    };
  }
  const failure: TurnFailure =
    result.type === "relay" && result.result.type === "failed" ? result.result.failure : { why: "unresolved" };
  // Another way works: calls get worse from some networks, and do not fail here.
  const status = hasRelay ? "warn" : "fail";
  return { ...base, status, ...explain(failure, path, host, port) };
}

type Explained = { readonly detail: string; readonly code: DoctorCode; readonly remedy: string };

function explain(failure: TurnFailure, path: RelayPath, host: string, port: number): Explained {
  const protocol = path === "turn-udp" ? "UDP" : "TCP";
  const place = `${host}:${port} ${protocol}`;
  switch (failure.why) {
    case "unresolved":
      return {
        detail: `${host} has no address`,
        code: "doctor.host.unknown",
        remedy: "Check the name that the server gives out (publicUrl, turn), and DNS.",
      };
    case "closed":
      return {
        detail: `nothing listens on ${place}`,
        code: "doctor.relay.closed",
        remedy: `Check that TURN is on (turn.enabled${path === "turn-tcp" ? ", turn.tcp" : path === "turn-tls" ? ", a certificate" : ""}) and that the port is forwarded to the server.`,
      };
    case "timeout":
      return {
        detail: `no answer from ${place}`,
        code: "doctor.relay.silent",
        remedy:
          path === "turn-udp"
            ? `Let UDP ${port} in through the server's firewall and the cloud's security group. If it is open there, this network blocks UDP.`
            : `Let TCP ${port} in through the server's firewall and the cloud's security group. If it is open there, this network allows the web's ports alone: offer the relay on 443 (turn.shareHttpPort).`,
      };
    case "certificate":
      return {
        detail: `the certificate of ${place} is not trusted: ${failure.detail}`,
        code: "doctor.relay.certificate",
        remedy: `Give the server a certificate for ${host} of an authority that browsers know; one of a local CA must be installed on each device.`,
      };
    case "refused":
      return refused(failure.code, failure.phrase, place);
    case "no-echo": {
      const isPrivate = isLocalAddress(failure.relayed.address);
      return {
        detail: `${place} gave ${failure.relayed.address}:${failure.relayed.port}, and data through it is lost`,
        code: "doctor.relay.echo",
        remedy: `Let the relay's UDP ports in through the firewall (49152-65535, or turn.relayPorts)${isPrivate ? ", and set turn.externalAddresses to the public address" : ""}.`,
      };
    }
    case "own-relay":
      return {
        detail: `${place} refuses to relay to its own address ${failure.relayed.address}: two callers who both need the relay get no media`,
        code: "doctor.relay.echo",
        remedy: `Allow it (coturn: allowed-peer-ip=${failure.relayed.address}, or no denied-peer-ip that covers it).`,
      };
    case "alternate":
    case "foreign":
      return {
        detail: `${place} does not behave as a TURN server (${failure.why === "foreign" ? failure.detail : "it sends from place to place"})`,
        code: "doctor.relay.foreign",
        remedy: "Another program has this port, or a proxy changes what passes: choose another port for TURN.",
      };
    default:
      return assertNever(failure);
  }
}

function refused(code: number, phrase: string, place: string): Explained {
  const answer = `${place} answers ${code}${phrase === "" ? "" : ` ${phrase}`}`;
  if (isCredentialCode(code)) {
    return {
      detail: `${answer}: the user name or password is refused`,
      code: "doctor.relay.credentials",
      remedy:
        "Give both servers the same secret (turn.secret; coturn: static-auth-secret), and check their clocks: credentials end.",
    };
  }
  if (code === 486 || code === 508) {
    return {
      detail: `${answer}: it has no room`,
      code: "doctor.relay.full",
      remedy: "Raise turn.limits or widen turn.relayPorts; or the server is stopping: try again.",
    };
  }
  return { detail: answer, code: "doctor.relay.refused", remedy: "Look into the log of the TURN server." };
}

const NETWORKS: Readonly<Record<NetworkState, string>> = {
  open: "direct calls, and the relay where they do not come about",
  "relay-needed": "most calls go through the relay, which works: this NAT uses another port for each destination",
  "udp-blocked": "this network lets no UDP through: calls go through the relay by TCP or TLS, a little slower",
  "no-relay": "direct calls may come about; where they do not, calls fail, since the relay does not work",
  blocked: "nothing gets through: calls from here fail",
};

export function judgeThisNetwork({ network }: Verdict): Check {
  const base = { id: "network", title: "From here", detail: NETWORKS[network] } as const;
  if (network === "open" || network === "relay-needed") return { ...base, status: "ok" };
  if (network === "udp-blocked")
    return {
      ...base,
      status: "warn",
      code: "doctor.network.udp",
      remedy: "Let UDP out of this network, if it is yours, and into the server.",
    };
  return {
    ...base,
    status: "fail",
    code: network === "blocked" ? "doctor.network.blocked" : "doctor.network.relay",
    remedy: "Mend the relay first, as said above.",
  };
}

const KINDS: Readonly<Record<NetworkKind, string>> = {
  home: "ordinary routers",
  strict: "strict NATs (mobile carriers, some offices)",
  "no-udp": "networks without UDP",
  "web-only": "networks with TCP 443 alone",
};

/** On which networks people can call through this server, as far as it is seen from here. */
export function judgeNetworks({ works }: Verdict): Check {
  const base = { id: "networks", title: "Elsewhere" } as const;
  const kinds = Object.keys(KINDS) as NetworkKind[];
  const list = (isWorking: boolean) =>
    kinds
      .filter((kind) => works[kind] === isWorking)
      .map((kind) => KINDS[kind])
      .join(", ");
  if (kinds.every((kind) => works[kind])) return { ...base, status: "ok", detail: `calls will work on ${list(true)}` };
  const remedy = !works.strict
    ? "Offer a relay that works."
    : works["no-udp"]
      ? "Offer the relay on port 443: turn.shareHttpPort with a certificate, the HTTP port being 443."
      : "Offer the relay by TCP (turn.tcp) and by TLS, best on port 443 (turn.shareHttpPort).";
  const working = works.home ? `calls will work on ${list(true)}; not on ${list(false)}` : "calls will fail on every network";
  return { ...base, status: works.strict ? "warn" : "fail", detail: working, code: "doctor.network.some", remedy };
}

function milliseconds(ms: number): string {
  return `${ms < 10 ? Math.max(0.1, ms).toFixed(1) : Math.round(ms)} ms`;
}

function isLoopback(address: string): boolean {
  return address === "::1" || address.startsWith("127.");
}
