export * from "./app.ts";
export { Conference } from "./conference.ts";
export * from "./credential.ts";
export * from "./io.ts";
export { type Claims, grantsFromClaims, mayJoin, permissionsFromSwitches } from "./permissions.ts";
export { type Refusal, refusal } from "./refusal.ts";
export type { ConnectionSnapshot, PeerPage, PeerSnapshot, RoomSnapshot } from "./snapshot.ts";
export type { ConferenceOptions } from "./world.ts";
