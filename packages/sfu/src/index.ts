export type * from "./router-port.ts";
