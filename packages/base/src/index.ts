export * from "./emitter.ts";
export * from "./errors.ts";
export * from "./ids.ts";
export * from "./json.ts";
export * from "./log.ts";
export * from "./millis.ts";
export * from "./recent-map.ts";
