export * from "./data-connection.ts";
export { codeOf, type LongTermOptions, type TurnCredential } from "./long-term.ts";
export * from "./outputs.ts";
export type { RequestTiming } from "./requests.ts";
export * from "./turn-client.ts";
export * from "./verdict.ts";
