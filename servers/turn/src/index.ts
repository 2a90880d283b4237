export type { AnswerKind, DropReason, StunMetrics, StunStats } from "./counters.ts";
export { TURN_SERVER_ERRORS, type TurnServerErrorCode } from "./errors.ts";
export type { RateLimitOptions } from "./rate-limit.ts";
export { type RunningStunServer, type StunServerOptions, startStunServer } from "./stun-server.ts";
