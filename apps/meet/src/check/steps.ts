/** What the check goes through, and what each step can end in. Pure: the browser's part is attempts.ts. */

/** In the order shown. `server`: the signalling connection. */
export const STEPS = ["server", "direct", "stun", "turn-udp", "turn-tcp", "turn-tls"] as const;
export type StepId = (typeof STEPS)[number];

/**
 * `timeout`: no answer at all. `credentials`: the server refused the user name or password. `refused`: it answered with another error.
 * `certificate`: TLS did not come about. `no-echo`: the relay gave an address, and data through it did not arrive. `none`: the browser offers no
 * address of its own.
 */
export type Failure = "timeout" | "credentials" | "refused" | "certificate" | "no-echo" | "none";

export type StepResult =
  | { readonly state: "waiting" }
  | { readonly state: "running" }
  /** `ms`: until it worked. `rttMs`: there and back through the relay. `sameAddress`: no NAT changes the address. */
  | { readonly state: "ok"; readonly ms: number; readonly rttMs?: number | undefined; readonly sameAddress?: boolean | undefined }
  | { readonly state: "failed"; readonly why: Failure; readonly ms: number; readonly detail?: string | undefined }
  /** The server offers none. */
  | { readonly state: "absent" };

export type Results = Readonly<Record<StepId, StepResult>>;

export type IceServerEntry = {
  readonly urls: readonly string[];
  readonly username?: string | undefined;
  readonly credential?: string | undefined;
};

/** The step that a STUN or TURN URL (RFC 7064, RFC 7065) belongs to. */
export function stepOf(url: string): StepId | undefined {
  const scheme = /^(stuns?|turns?):/i.exec(url)?.[1]?.toLowerCase();
  switch (scheme) {
    case "stun":
    case "stuns":
      return "stun";
    case "turns":
      return "turn-tls";
    case "turn":
      return /[?&]transport=tcp\b/i.test(url) ? "turn-tcp" : "turn-udp";
    default:
      return undefined;
  }
}

/** The servers of one step: those URLs alone, each with its credentials. */
export function serversFor(step: StepId, servers: readonly IceServerEntry[]): IceServerEntry[] {
  return servers
    .map((server) => ({ ...server, urls: server.urls.filter((url) => stepOf(url) === step) }))
    .filter(({ urls }) => urls.length > 0);
}

/** The error codes of `icecandidateerror` (webrtc-pc #rtcpeerconnectioniceerrorevent): STUN's own, or 701 where the server was not reached. */
export function failureOf(errors: readonly { readonly code: number; readonly text: string }[], isTls: boolean): Failure {
  if (errors.some(({ code }) => code === 401 || code === 403 || code === 438)) return "credentials";
  if (errors.some(({ text }) => /tls|ssl|certificate/i.test(text))) return "certificate";
  if (errors.some(({ code }) => code >= 300 && code < 700)) return "refused";
  // A browser does not say why TLS failed: that TCP does not get through is told by the step before.
  return isTls && errors.length > 0 ? "certificate" : "timeout";
}
