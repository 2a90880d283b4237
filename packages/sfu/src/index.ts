export type { DownlinkOptions } from "./congestion/member-downlink.ts";
export { SFU_CORE_ERRORS, type SfuCoreErrorCode } from "./errors.ts";
export { DEFAULT_LIMITS, Router, type RouterOptions } from "./router.ts";
export type * from "./router-port.ts";
export * from "./sdp/index.ts";
