/** STUN and TURN URIs, RFC 7064 §3.1 and RFC 7065 §3.1. */
import { isIP } from "node:net";
import type { ClientTransport } from "@tsunagi/turn";

export type IceUrl =
  | { readonly kind: "stun"; readonly host: string; readonly port: number }
  | { readonly kind: "turn"; readonly transport: ClientTransport; readonly host: string; readonly port: number };

const FORM = /^(stuns?|turns?):(\[[0-9a-f:.]+\]|[^\s:?#/[\]@]+)(?::(\d{1,5}))?(?:\?transport=(udp|tcp))?$/i;

/** undefined: not one, or one that cannot be tried here (STUN and TURN over DTLS; STUN over TLS, which browsers do not use). */
export function parseIceUrl(text: string): IceUrl | undefined {
  const match = FORM.exec(text.trim());
  const [, scheme = "", bracketed = "", digits, wanted] = match ?? [];
  if (match === null) return undefined;
  const isSecure = scheme.toLowerCase().endsWith("s");
  const host = bracketed.replace(/^\[|\]$/g, "");
  const port = digits === undefined ? (isSecure ? 5349 : 3478) : Number(digits);
  if (port === 0 || port > 65_535 || (bracketed.startsWith("[") && isIP(host) !== 6)) return undefined;
  const transport = wanted?.toLowerCase();
  if (scheme.toLowerCase() === "stun") return { kind: "stun", host, port };
  if (scheme.toLowerCase() === "turn") return { kind: "turn", transport: transport === "tcp" ? "tcp" : "udp", host, port };
  return scheme.toLowerCase() === "turns" && transport !== "udp" ? { kind: "turn", transport: "tls", host, port } : undefined;
}
