/** What the operator may set of the skyway-js face, with the defaults. */

export type SkywayFaceOptions = {
  /** Default true. */
  readonly enabled: boolean;
  /**
   * How long a session outlives its transport. skyway-js tries twice, within about 4 s, and never again. Default 10,000; more than the server's own
   * grace time has no effect.
   */
  readonly graceMs: number;
  /**
   * `OPEN` carries TURN credentials. skyway-js then adds three servers at `turn.webrtc.ecl.ntt.com:443`, a name that it has built in: switch it
   * on only where that name resolves to this server's TURN, since dead servers slow down every connection. Default false.
   */
  readonly turnHost: boolean;
  /** What `GET /signaling` names; skyway-js connects to its port 443 with TLS. Default: the name that the request came to. */
  readonly dispatcherDomain: string | undefined;
  /** Tell a peer's 1:1 partners that its session has ended (`LEAVE`): their connections to it close then. Default false. */
  readonly leaveOnDisconnect: boolean;
  /** Longest `room.send`, its binary parts included. Default 20,971,520. */
  readonly roomDataBytes: number;
};

export const SKYWAY_DEFAULTS: SkywayFaceOptions = {
  enabled: true,
  graceMs: 10_000,
  turnHost: false,
  dispatcherDomain: undefined,
  leaveOnDisconnect: false,
  roomDataBytes: 20_971_520,
};
