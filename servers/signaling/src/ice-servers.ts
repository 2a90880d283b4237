/** Which ICE servers a client is told of: the configured ones, else this machine's own STUN as the client reached it. */
import type { IceServer } from "@tsunagi/protocol";

export type IceServerOptions = {
  /** Handed out as they are, instead of the server's own. */
  readonly configured?: readonly IceServer[] | undefined;
  /** Port of the own STUN server; undefined: there is none. */
  readonly stunPort?: number | undefined;
};

/** @param host the request's Host header (RFC 9110 §7.2), which the client chose: only a plain name or address is used */
export function iceServersFor(host: string | undefined, options: IceServerOptions): readonly IceServer[] {
  if (options.configured !== undefined) return options.configured;
  const name = host === undefined ? undefined : hostName(host);
  if (name === undefined || options.stunPort === undefined) return [];
  return [{ urls: [`stun:${name}:${options.stunPort}`] }];
}

/** Name or bracketed IPv6 address without the port. */
function hostName(host: string): string | undefined {
  return /^([A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?$/.exec(host)?.[1];
}
