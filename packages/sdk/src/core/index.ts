export * from "./data/index.ts";
export * from "./link.ts";
export * from "./ports.ts";
export * from "./stats/index.ts";
