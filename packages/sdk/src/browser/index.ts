/** The SDK as browsers get it. */
export * from "../core/index.ts";
export type { Conformance } from "./conformance.ts";
export * from "./devices/index.ts";
// Named exports come before those of a star: this is the Peer that needs no platform.
export { Peer } from "./peer.ts";
export { consoleLog } from "./platform.ts";
