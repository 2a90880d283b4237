/** Why a relay could not be used, as data. */
import type { TransportAddress } from "@tsunagi/stun";

export type TurnFailure =
  | { readonly why: "unresolved" }
  /** TCP was reset, or UDP answered by an ICMP error: nothing listens. */
  | { readonly why: "closed" }
  | { readonly why: "timeout" }
  | { readonly why: "certificate"; readonly detail: string }
  /** The server's error answer. */
  | { readonly why: "refused"; readonly code: number; readonly phrase: string }
  | { readonly why: "alternate"; readonly server: TransportAddress; readonly domain: string | undefined }
  /** A relayed address was given, and data through it did not come back. */
  | { readonly why: "no-echo"; readonly relayed: TransportAddress }
  /** It will not relay to its own relayed addresses, which is what two callers behind strict NATs need. */
  | { readonly why: "own-relay"; readonly relayed: TransportAddress }
  /** What answers there does not speak TURN, or its answers cannot be believed. */
  | { readonly why: "foreign"; readonly detail: string };

export class TurnFailed extends Error {
  override readonly name = "TurnFailed";
  readonly failure: TurnFailure;

  constructor(failure: TurnFailure) {
    super(`TURN: ${failure.why}${failure.why === "refused" ? ` ${failure.code}` : ""}`);
    this.failure = failure;
  }
}

export function openFailure(error: NodeJS.ErrnoException): TurnFailure {
  const { code } = error;
  if (code === "ETIMEDOUT") return { why: "timeout" };
  if (code === "ECONNREFUSED" || code === "EHOSTUNREACH" || code === "ENETUNREACH" || code === "ECONNRESET")
    return { why: "closed" };
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") return { why: "unresolved" };
  return { why: "foreign", detail: code ?? error.message };
}
