/**
 * What the attempts of a connection check mean: on which networks calls will work, and what to change. Codes without words: the doctor and the
 * web app say them each in its own way.
 */

/** How a client may reach others, in the order tried. */
export type Path = "host" | "stun" | "turn-udp" | "turn-tcp" | "turn-tls";

/**
 * `timeout`: no answer. `credentials`: 401, 403 or 438 that did not go away. `refused`: another error, or TCP reset. `certificate`: TLS did not come
 * about. `no-echo`: a relayed address was given, and data through it did not arrive. `none`: there is no address at all.
 */
export type PathFailure = "timeout" | "credentials" | "refused" | "certificate" | "no-echo" | "none";

/** `absent`: the server offers none. */
export type PathResult = "ok" | "absent" | PathFailure;

export type CheckFacts = {
  readonly paths: Readonly<Record<Path, PathResult>>;
  /** Whether TURN over TLS or TCP that answered was on port 443. */
  readonly on443: boolean;
  /** RFC 5780 §4.3, where it is known. */
  readonly mapping?: "endpoint-independent" | "address-dependent" | "address-and-port-dependent" | undefined;
  /** The server is reached at a public address, and its relayed addresses are private: peers elsewhere cannot send to them. */
  readonly isRelayHidden?: boolean | undefined;
};

/**
 * From best to worst. `open`: direct paths, and the relay over UDP. `relay-needed`: the NAT gives each destination another port, so most calls go
 * through the relay. `udp-blocked`: only the relay over TCP or TLS. `no-relay`: direct paths, and no relay that works. `blocked`: nothing works.
 */
export type NetworkState = "open" | "relay-needed" | "udp-blocked" | "no-relay" | "blocked";

/** `home`: an ordinary router. `strict`: a NAT that changes the port for each destination (mobile carriers, some offices). `no-udp`: a firewall without UDP. `web-only`: TCP 443 alone. */
export type NetworkKind = "home" | "strict" | "no-udp" | "web-only";

export type FindingCode =
  | "host.none"
  | "stun.failed"
  | "relay.absent"
  | "relay.credentials"
  | "relay.certificate"
  | "relay.no-echo"
  | "relay.private"
  | "relay.udp.failed"
  | "relay.tcp.failed"
  | "relay.tcp.absent"
  | "relay.tls.failed"
  | "relay.tls.absent"
  | "relay.443.absent";

/** `fail`: calls will fail for somebody; `warn`: they get worse, or fail on rare networks. Each code has one remedy. */
export type Finding = { readonly code: FindingCode; readonly severity: "warn" | "fail" };

export type Verdict = {
  readonly network: NetworkState;
  /** Whether people on such networks can call through this server, as far as it was seen from here. */
  readonly works: Readonly<Record<NetworkKind, boolean>>;
  readonly findings: readonly Finding[];
};

export function judgeConnection({ paths, on443, mapping, isRelayHidden }: CheckFacts): Verdict {
  const isOk = (path: Path) => paths[path] === "ok";
  const hasStream = isOk("turn-tcp") || isOk("turn-tls");
  const hasRelay = isOk("turn-udp") || hasStream;
  const isSymmetric = mapping !== undefined && mapping !== "endpoint-independent";
  const works = {
    home: isOk("stun") || hasRelay,
    strict: hasRelay,
    "no-udp": hasStream,
    "web-only": hasStream && on443,
  };
  return { network: networkState(), works, findings: findings() };

  function networkState(): NetworkState {
    const hasUdp = isOk("stun") || isOk("turn-udp");
    if (!hasUdp) return hasStream ? "udp-blocked" : "blocked";
    if (!hasRelay) return "no-relay";
    return isSymmetric ? "relay-needed" : "open";
  }

  function findings(): Finding[] {
    const found: Finding[] = [];
    const add = (code: FindingCode, severity: Finding["severity"]) => found.push({ code, severity });
    if (paths.host === "none") add("host.none", "warn");
    if (paths.stun !== "ok" && paths.stun !== "absent") add("stun.failed", hasRelay ? "warn" : "fail");
    const relays = [paths["turn-udp"], paths["turn-tcp"], paths["turn-tls"]];
    if (relays.every((result) => result === "absent")) {
      add("relay.absent", "fail");
      return found;
    }
    const severity = hasRelay ? "warn" : "fail";
    // One cause for all paths is told once.
    if (relays.includes("credentials")) add("relay.credentials", severity);
    if (relays.includes("no-echo")) add("relay.no-echo", severity);
    if (isRelayHidden === true) add("relay.private", "warn");
    if (relays.includes("certificate")) add("relay.certificate", severity);
    if (isSilent(paths["turn-udp"])) add("relay.udp.failed", severity);
    if (isSilent(paths["turn-tcp"])) add("relay.tcp.failed", severity);
    if (isSilent(paths["turn-tls"])) add("relay.tls.failed", severity);
    if (paths["turn-tcp"] === "absent" && paths["turn-tls"] === "absent") add("relay.tcp.absent", "warn");
    else if (paths["turn-tls"] === "absent") add("relay.tls.absent", "warn");
    // Where TLS failed at the certificate, it may well be on 443: that remedy comes first.
    else if (hasStream && !on443 && paths["turn-tls"] !== "certificate") add("relay.443.absent", "warn");
    return found;
  }
}

function isSilent(result: PathResult): boolean {
  return result === "timeout" || result === "refused";
}
