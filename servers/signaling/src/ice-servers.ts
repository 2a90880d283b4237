/**
 * Which ICE servers a client is told of, with TURN credentials that end.
 *
 * Username and password follow the scheme that coturn calls `use-auth-secret`: `expiry:name` and base64(HMAC-SHA1(secret, username)),
 * so that coturn takes what this server signs, given the same secret. The expiry is in whole seconds since 1970.
 */
import type { App } from "@tsunagi/conference";
import type { IceServer } from "@tsunagi/protocol";
import { nodeStunCrypto } from "@tsunagi/stun/node";
import { restCredential } from "@tsunagi/turn";

/** The own STUN and TURN server as clients reach it: ports, on the host name that they came by. */
export type OwnTurn = {
  readonly udpPort?: number | undefined;
  readonly tcpPort?: number | undefined;
  /** TLS over TCP. */
  readonly tlsPort?: number | undefined;
  /** Told to clients in place of the host name that they came by. */
  readonly host?: string | undefined;
  /** Undefined: STUN only. */
  readonly secret?: string | undefined;
};

/** Someone else's TURN server: with a secret that it shares with this one, or with a fixed account. */
export type ExternalTurn = { readonly urls: readonly string[] } & (
  | { readonly secret: string; readonly username?: undefined; readonly credential?: undefined }
  | { readonly username: string; readonly credential: string; readonly secret?: undefined }
);

/** Read anew for each client, since ports are known late and secrets change while the server runs. */
export type IceServerOptions = {
  /** Handed out as they are, instead of all others. */
  readonly configured?: readonly IceServer[] | undefined;
  readonly own?: (() => OwnTurn | undefined) | undefined;
  readonly external?: (() => readonly ExternalTurn[]) | undefined;
  /** Default 3,600. */
  readonly credentialLifetimeS?: (() => number) | undefined;
};

export type IceClient = {
  readonly app: Pick<App, "id" | "switches">;
  readonly peerId: string;
  /** The request's Host header (RFC 9110 §7.2), which the client chose: only a plain name or address is used. */
  readonly host: string | undefined;
};

/** The fields of `opened`, `resumed` and `ice-servers`. */
export type IceFields = { readonly iceServers: readonly IceServer[]; readonly iceTransportPolicy?: "relay" };

const DEFAULT_LIFETIME_S = 3_600;

/** @param wallNow milliseconds since 1970 */
export function iceFieldsFor(client: IceClient, options: IceServerOptions, wallNow: number): IceFields {
  const { relay } = client.app.switches;
  const kept = options.configured ?? [...ownServers(client, options, wallNow), ...externalServers(client, options, wallNow)];
  const iceServers =
    relay === "all" ? kept : kept.flatMap((server) => withUrls(server, (url) => isTurn(url) === (relay === "only")));
  return relay === "only" ? { iceServers, iceTransportPolicy: "relay" } : { iceServers };
}

function ownServers(client: IceClient, options: IceServerOptions, wallNow: number): IceServer[] {
  const own = options.own?.();
  const host = own?.host === undefined ? client.host : own.host;
  const name = host === undefined ? undefined : hostName(host);
  if (own === undefined || name === undefined) return [];
  const { udpPort, tcpPort, tlsPort, secret } = own;
  if (secret === undefined) return udpPort === undefined ? [] : [{ urls: [`stun:${name}:${udpPort}`] }];
  const turn = [
    ...(udpPort === undefined ? [] : [`turn:${name}:${udpPort}?transport=udp`]),
    ...(tcpPort === undefined ? [] : [`turn:${name}:${tcpPort}?transport=tcp`]),
    ...(tlsPort === undefined ? [] : [`turns:${name}:${tlsPort}?transport=tcp`]),
  ];
  return [
    ...(udpPort === undefined ? [] : [{ urls: [`stun:${name}:${udpPort}`] }]),
    ...(turn.length === 0 ? [] : [{ urls: turn, ...timeLimited(client, secret, options, wallNow) }]),
  ];
}

function externalServers(client: IceClient, options: IceServerOptions, wallNow: number): IceServer[] {
  return (options.external?.() ?? []).map((server) =>
    server.secret === undefined
      ? { urls: server.urls, username: server.username, credential: server.credential }
      : { urls: server.urls, ...timeLimited(client, server.secret, options, wallNow) },
  );
}

function timeLimited(client: IceClient, secret: string, options: IceServerOptions, wallNow: number) {
  const expiry = Math.floor(wallNow / 1_000) + (options.credentialLifetimeS?.() ?? DEFAULT_LIFETIME_S);
  // Both are short ASCII (isPeerId), far below the 508 bytes of RFC 8489 §14.3.
  const name = `${client.app.id}.${client.peerId}`;
  const { username, password } = restCredential(secret, { expiry, name }, nodeStunCrypto);
  return { username, credential: password, expiresAt: expiry * 1_000 };
}

/** One server with those of its URLs that fit; none when none does. */
function withUrls(server: IceServer, fits: (url: string) => boolean): IceServer[] {
  const urls = server.urls.filter(fits);
  return urls.length === 0 ? [] : [{ ...server, urls }];
}

function isTurn(url: string): boolean {
  return /^turns?:/.test(url);
}

/** Name or bracketed IPv6 address without the port. */
function hostName(host: string): string | undefined {
  return /^([A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?$/.exec(host)?.[1];
}
