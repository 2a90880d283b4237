/** From what the probes saw to findings with remedies. Pure. */
import type { Check } from "./check.ts";
import type { RelayConfig } from "./examine.ts";
import type { HttpResult, Interface, PortState, StunResult, TlsResult, TurnPortResult, UpgradeResult } from "./probes.ts";

/** A signature's timestamp may be this far ahead of the server before it is refused; see packages/conference/src/credential.ts. */
const MAX_SKEW_MS = 30_000;
const NOTICEABLE_SKEW_MS = 5_000;
/** This code did not exist before: a clock that says so stands at its factory setting. */
const EARLIEST_MS = Date.UTC(2025, 0, 1);
const LATEST_MS = Date.UTC(2100, 0, 1);
const EXPIRY_WARNING_MS = 14 * 86_400_000;

export function judgePort(url: URL, result: HttpResult, isLocal: boolean, port: PortState | undefined): Check {
  const place = `${portOf(url)} TCP`;
  const base = { id: "port", title: "HTTP port" } as const;
  switch (result.type) {
    case "response":
      return { ...base, status: "ok", detail: `${place} is open and answers in ${Math.round(result.ms)} ms` };
    case "unresolved":
      return {
        ...base,
        status: "fail",
        detail: `${url.hostname} has no address`,
        code: "doctor.host.unknown",
        remedy: "Check the name in --url, and DNS.",
      };
    case "timeout":
      return {
        ...base,
        status: "fail",
        detail: `${place} of ${url.hostname} does not answer`,
        code: "doctor.http.silent",
        remedy: `Let ${place} through the firewall, and forward it on the router if there is one.`,
      };
    case "foreign":
      return {
        ...base,
        status: "fail",
        detail: `${place} is held by something that does not speak ${url.protocol.slice(0, -1)} (${result.detail})`,
        code: "doctor.http.foreign",
        remedy: `Try ${url.protocol === "https:" ? "http" : "https"}:// with --url; or start on another port: tsunagi start --port ${portOf(url) + 1}`,
      };
    case "refused": {
      if (port === "denied") {
        return {
          ...base,
          status: "fail",
          detail: `this user may not open ${place}`,
          code: "doctor.http.closed",
          remedy: "Choose a port above 1023 with --port.",
        };
      }
      const free = isLocal && port === "free" ? "; the port is free" : "";
      return {
        ...base,
        status: "fail",
        detail: `nothing listens on ${place} of ${url.hostname}${free}`,
        code: "doctor.http.closed",
        remedy: isLocal ? "Start the server: tsunagi start" : "Start the server there, and check the port in --url.",
      };
    }
  }
}

/** Its port answers nobody who was not invited, so it is only looked at from this machine. */
export function judgeSfu(port: number | undefined, state: PortState | undefined): Check {
  const base = { id: "sfu", title: "SFU" } as const;
  if (port === undefined || state === undefined) {
    return { ...base, status: "skip", detail: "can be looked at where it runs, while the server is up" };
  }
  if (state === "taken") return { ...base, status: "ok", detail: `${port} UDP is held` };
  return {
    ...base,
    status: "warn",
    detail: `nothing holds ${port} UDP`,
    code: "doctor.sfu.closed",
    remedy: "If the server was not started with another port or without SFU, look into its log.",
  };
}

export function judgeHealth(result: HttpResult): Check {
  const base = { id: "health", title: "Health" } as const;
  if (result.type !== "response") return { ...base, status: "skip", detail: "the HTTP port does not answer" };
  if (result.status === 200) return { ...base, status: "ok", detail: "/healthz says that the server is well" };
  if (result.status === 503) {
    return {
      ...base,
      status: "fail",
      detail: "/healthz answers 503",
      code: "doctor.http.unhealthy",
      remedy: "Look into the server's log; it may be stopping.",
    };
  }
  return {
    ...base,
    status: "fail",
    detail: `/healthz answers ${result.status}`,
    code: "doctor.http.older",
    remedy: "Another program has this port: choose another with tsunagi start --port, or correct --url.",
  };
}

export function judgeUpgrade(result: UpgradeResult, isUp: boolean): Check {
  const base = { id: "websocket", title: "WebSocket" } as const;
  if (!isUp) return { ...base, status: "skip", detail: "the HTTP port does not answer" };
  if (result.type === "upgraded") return { ...base, status: "ok", detail: `/v1 opens in ${Math.round(result.ms)} ms` };
  const why = result.type === "answered" ? `is answered ${result.status}` : `gets no answer (${result.type})`;
  return {
    ...base,
    status: "fail",
    detail: `/v1 ${why}`,
    code: "doctor.socket.refused",
    remedy:
      "A proxy in front must pass Upgrade and Connection on (nginx: proxy_http_version 1.1 and proxy_set_header Upgrade $http_upgrade).",
  };
}

export type StunCase = {
  readonly family: 4 | 6;
  readonly port: number;
  readonly result: StunResult;
  readonly isLocal: boolean;
  readonly local: PortState | undefined;
  /** Of the machine the doctor runs on. */
  readonly interfaces: readonly Interface[];
};

export function judgeStun({ family, port, result, isLocal, local, interfaces }: StunCase): Check {
  const base = { id: family === 4 ? "stun4" : "stun6", title: `STUN IPv${family}` } as const;
  const place = `${port} UDP`;
  switch (result.type) {
    case "mapped": {
      const rtt = result.rttMs === undefined ? "" : ` in ${Math.max(1, Math.round(result.rttMs))} ms`;
      const isOwn = isLocal || interfaces.some(({ address }) => address === result.address);
      const nat = isOwn ? "" : ": a NAT stands between";
      return { ...base, status: "ok", detail: `${place} answers${rtt} and sees this machine as ${result.address}${nat}` };
    }
    case "no-address":
      return { ...base, status: "skip", detail: `the server has no IPv${family} address` };
    case "error":
      return {
        ...base,
        status: "fail",
        detail: `${place} answers ${result.detail}`,
        code: "doctor.stun.failed",
        remedy: "Another STUN server has this port: choose another for one of them.",
      };
    case "unreachable":
    case "silent": {
      // Many machines have no IPv6 at all, and nothing is wrong with that.
      const isMissingFamily = family === 6 && !interfaces.some((each) => each.family === 6);
      if (isMissingFamily) return { ...base, status: "skip", detail: "this machine has no IPv6 address" };
      if (isLocal && (local === "free" || result.type === "unreachable")) {
        return {
          ...base,
          status: family === 4 ? "fail" : "warn",
          detail: `nothing listens on ${place}`,
          code: "doctor.stun.closed",
          remedy: "Start the server: tsunagi start",
        };
      }
      return {
        ...base,
        status: family === 4 ? "fail" : "warn",
        detail: result.type === "silent" ? `no answer from ${place}` : `no way to ${place}`,
        code: "doctor.stun.silent",
        remedy: isLocal
          ? "Another program holds the port: stop it, or choose another STUN port."
          : `Let ${place} in through the firewall and the cloud's security group. Without it, calls between networks fail.`,
      };
    }
  }
}

export type TurnCase = {
  readonly port: number;
  /** undefined: switched off. */
  readonly udp: TurnPortResult | undefined;
  readonly tcp: TurnPortResult | undefined;
  readonly hasStun: boolean;
  /** The address of the name that clients are told. */
  readonly outside: string | undefined;
  readonly relay: RelayConfig | undefined;
  readonly interfaces: readonly Interface[];
};

export function judgeTurn({ port, udp, tcp, hasStun, outside, relay, interfaces }: TurnCase): Check {
  const base = { id: "turn", title: "TURN" } as const;
  if (udp === undefined) return { ...base, status: "skip", detail: "the relay is off in the configuration" };
  if (udp.type === "no-address") return { ...base, status: "skip", detail: "the server has no address" };
  if (udp.type !== "turn") {
    if (!hasStun) return { ...base, status: "skip", detail: "STUN does not answer on that port either" };
    return {
      ...base,
      status: "warn",
      detail: `${port} UDP answers STUN, and no TURN: calls between strict networks fail`,
      code: "doctor.relay.closed",
      remedy: "Turn the relay on (turn.enabled, turn.relay), or give clients another one (externalTurn).",
    };
  }
  if (tcp !== undefined && tcp.type !== "turn") {
    const isSilent = tcp.type === "silent";
    return {
      ...base,
      status: "warn",
      detail: `${port} UDP takes clients; ${port} TCP ${isSilent ? "does not answer" : "does not"}`,
      code: isSilent ? "doctor.relay.silent" : "doctor.relay.closed",
      remedy: `Let ${port} TCP in through the firewall, and leave turn.tcp on: people on networks without UDP call by it.`,
    };
  }
  const ports = tcp === undefined ? `${port} UDP takes` : `${port} UDP and TCP take`;
  const isHidden =
    outside !== undefined &&
    !isLocalAddress(outside) &&
    !interfaces.some(({ address }) => address === outside) &&
    !(relay?.externalAddresses ?? []).includes(outside);
  if (!isHidden)
    return { ...base, status: "ok", detail: `${ports} clients; whether data gets through: tsunagi doctor --from-client` };
  const own = interfaces.find(({ family }) => family === 4)?.address ?? "127.0.0.1";
  return {
    ...base,
    status: "warn",
    detail: `clients are sent to ${outside}, and the relay gives out this machine's ${own}, which peers cannot reach`,
    code: "doctor.relay.private",
    remedy: `Set turn.externalAddresses: { "${own}": "${outside}" }.`,
  };
}

export function judgeAddresses(interfaces: readonly Interface[]): Check {
  const base = { id: "addresses", title: "Addresses" } as const;
  if (interfaces.length === 0) {
    return {
      ...base,
      status: "warn",
      detail: "only loopback: no other device can reach this machine",
      code: "doctor.address.none",
      remedy: "Connect it to a network, unless it is only to serve itself.",
    };
  }
  const list = interfaces.map(({ name, address }) => `${address} (${name})`).join(", ");
  const isPrivate = interfaces.every(({ address }) => isPrivateAddress(address));
  return { ...base, status: "ok", detail: `${list}${isPrivate ? "; all private: reachable inside this network" : ""}` };
}

/** @param isLocal server and doctor share a clock */
export function judgeClock(now: number, result: HttpResult, isLocal: boolean): Check {
  const base = { id: "clock", title: "Clock" } as const;
  if (now < EARLIEST_MS || now > LATEST_MS) {
    return {
      ...base,
      status: "fail",
      detail: `this machine believes it is ${new Date(now).getUTCFullYear()}`,
      code: "doctor.clock.wrong",
      remedy: "Switch on time synchronisation (systemd: timedatectl set-ntp true).",
    };
  }
  if (result.type !== "response" || result.dateMs === undefined)
    return { ...base, status: "ok", detail: "plausible; no server to compare with" };
  // The header has whole seconds, and the answer took its time on the way.
  const skewMs = Math.max(0, Math.abs(now - result.dateMs) - 1000 - result.ms);
  if (skewMs <= NOTICEABLE_SKEW_MS) return { ...base, status: "ok", detail: isLocal ? "plausible" : "agrees with the server's" };
  return {
    ...base,
    status: skewMs > MAX_SKEW_MS ? "fail" : "warn",
    detail: `differs from the server's by ${Math.round(skewMs / 1000)} s`,
    code: "doctor.clock.skew",
    remedy:
      "Switch on time synchronisation on both: credentials carry the time, and are refused when it differs by more than 30 s.",
  };
}

export function judgeContext(url: URL, tls: TlsResult | undefined, interfaces: readonly Interface[], now: number): Check {
  const base = { id: "context", title: "Camera" } as const;
  if (url.protocol !== "https:") {
    if (isLoopbackHost(url.hostname)) {
      const others = "for other devices start with --tls";
      return {
        ...base,
        status: "ok",
        detail: `browsers on this machine may use camera and microphone on ${url.host}; ${others}`,
      };
    }
    return {
      ...base,
      status: "fail",
      detail: `browsers give no camera or microphone to ${url.origin}`,
      code: "doctor.context.plain",
      remedy: "Start with --tls, or put a proxy with a certificate in front.",
    };
  }
  if (tls === undefined || tls.type !== "certificate") return { ...base, status: "skip", detail: "no certificate to look at" };
  if (now > tls.validToMs || now < tls.validFromMs || tls.validToMs - now < EXPIRY_WARNING_MS) {
    const isOver = now > tls.validToMs || now < tls.validFromMs;
    return {
      ...base,
      status: isOver ? "fail" : "warn",
      detail:
        now < tls.validFromMs
          ? "the certificate is not valid yet"
          : `the certificate ends on ${new Date(tls.validToMs).toISOString().slice(0, 10)}`,
      code: "doctor.certificate.expiry",
      remedy: "Start the server again with --tls, which renews its own certificate; or renew the one that was given to it.",
    };
  }
  if (!tls.isTrusted) {
    return {
      ...base,
      status: "fail",
      detail: `browsers will warn of the certificate (${tls.problem ?? "unknown authority"})`,
      code: "doctor.certificate.untrusted",
      remedy: `Open it by a name it holds (${tls.names.slice(0, 6).join(", ")}), and install the CA from ${url.origin}/ca.crt on each device.`,
    };
  }
  // Addresses only matter for the certificate that is to hold them all.
  const missing = tls.isLocalCa ? interfaces.filter(({ address }) => !tls.names.some((name) => sameAddress(name, address))) : [];
  if (missing.length > 0) {
    return {
      ...base,
      status: "warn",
      detail: `the certificate lacks ${missing.map(({ address }) => address).join(", ")}`,
      code: "doctor.certificate.names",
      remedy: "Start the server again with --tls: it makes a certificate for the addresses of now.",
    };
  }
  return {
    ...base,
    status: "ok",
    detail: tls.isLocalCa
      ? `https with the local CA; other devices install it once from ${url.origin}/ca.crt`
      : `https with a certificate that browsers trust, until ${new Date(tls.validToMs).toISOString().slice(0, 10)}`,
  };
}

export function isLoopbackHost(hostname: string): boolean {
  return hostname === "localhost" || hostname.endsWith(".localhost") || /^127\./.test(hostname) || hostname === "[::1]";
}

function portOf(url: URL): number {
  return Number(url.port || (url.protocol === "https:" ? 443 : 80));
}

/** RFC 1918, RFC 6598, RFC 4193. */
function isPrivateAddress(address: string): boolean {
  return /^(10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.|f[cd])/i.test(address);
}

/** Nobody elsewhere can send to it: private, loopback or link-local. */
export function isLocalAddress(address: string): boolean {
  return isPrivateAddress(address) || /^(127\.|169\.254\.|0\.|::1?$|fe[89ab])/i.test(address);
}

/** Certificates write IPv6 in full and in capitals. */
function sameAddress(left: string, right: string): boolean {
  const plain = (text: string) => {
    if (!text.includes(":")) return text;
    try {
      return new URL(`http://[${text}]`).hostname;
    } catch {
      return text;
    }
  };
  return plain(left) === plain(right);
}
