export * from "./errors.ts";
export * from "./server/shell.ts";
