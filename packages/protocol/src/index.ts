export * from "./errors.ts";
export * from "./messages.ts";
export * from "./session.ts";
export * from "./values.ts";
