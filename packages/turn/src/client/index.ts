export * from "./data-connection.ts";
export type { LongTermOptions, TurnCredential } from "./long-term.ts";
export * from "./outputs.ts";
export type { RequestTiming } from "./requests.ts";
export * from "./turn-client.ts";
export * from "./verdict.ts";
