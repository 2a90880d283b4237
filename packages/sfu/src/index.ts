export type * from "./router-port.ts";
export * from "./sdp/index.ts";
