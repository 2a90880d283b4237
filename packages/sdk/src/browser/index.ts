export * from "../core/index.ts";
export type { Conformance } from "./conformance.ts";
