export { TURN_SERVER_ERRORS, type TurnServerErrorCode } from "./errors.ts";
export type * from "./options.ts";
export type { RateLimitOptions } from "./rate-limit.ts";
export {
  SHARED_PORT_ALPN,
  type SharedPort,
  type SharedPortOptions,
  type SharedPortStats,
  shareHttpPort,
} from "./shared-port.ts";
export type { ShellCounts, ShellDrop, StreamEnd, TurnStats } from "./stats.ts";
export { startTurnServer } from "./turn-server.ts";
