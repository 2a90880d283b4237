export * from "./faces/admin/index.ts";
export { NATIVE_LIMITS, type NativeLimits } from "./faces/native/face.ts";
export { ConferenceHost, type SessionSink } from "./host.ts";
export type { TlsOptions } from "./http.ts";
export { createLog, type LogLevel, type LogOptions } from "./log.ts";
export { SignalingMetrics } from "./metrics.ts";
export { type RunningSignaling, type SignalingOptions, type SignalingParts, startSignaling } from "./server.ts";
export * from "./store/index.ts";
export * from "./webhooks/index.ts";
