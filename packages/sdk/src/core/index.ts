export * from "./link.ts";
export * from "./ports.ts";
