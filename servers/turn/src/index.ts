export type { AnswerKind, DropReason, StunMetrics, StunStats } from "./counters.ts";
export { TURN_SERVER_ERRORS, type TurnServerErrorCode } from "./errors.ts";
export type {
  AcceptedSocket,
  ListeningAddress,
  PortRange,
  RunningTurnServer,
  StreamLimits,
  TurnMetric,
  TurnServerOptions,
  TurnTls,
} from "./options.ts";
export type { RateLimitOptions } from "./rate-limit.ts";
export { SHARED_PORT_ALPN, type SharedPort, type SharedPortOptions, type SharedPortStats, shareHttpPort } from "./shared-port.ts";
export type { ShellCounts, ShellDrop, StreamEnd, TurnStats } from "./stats.ts";
export { type RunningStunServer, type StunServerOptions, startStunServer } from "./stun-server.ts";
export { startTurnServer } from "./turn-server.ts";
