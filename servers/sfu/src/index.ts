export { SFU_SERVER_CODES, type SfuServerCode } from "./errors.ts";
export { DEFAULT_SFU_PORT, startSfu } from "./node.ts";
export type { RunningSfu, SfuLimits, SfuMetric, SfuOptions, SfuPoolDump } from "./options.ts";
