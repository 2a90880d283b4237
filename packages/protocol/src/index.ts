export * from "./errors.ts";
export * from "./limits.ts";
export * from "./messages.ts";
export * from "./parse-server.ts";
export * from "./readdress.ts";
export * from "./session.ts";
export * from "./sfu.ts";
export * from "./values.ts";
