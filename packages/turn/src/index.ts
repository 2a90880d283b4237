export * from "./errors.ts";
export * from "./server/events.ts";
export * from "./server/policy.ts";
export * from "./server/shell.ts";
