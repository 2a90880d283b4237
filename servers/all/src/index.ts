export * from "./config.ts";
export { type RunningServer, type StartOptions, startAll } from "./start.ts";
export { VERSION } from "./version.ts";
