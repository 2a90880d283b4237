/** The names of what clients send. */
import type { CoreMessage } from "@tsunagi/conference";
import { RELAYED } from "./calls.ts";

/** Messages of the core that are no requests. */
export const UNNUMBERED: ReadonlySet<string> = new Set<CoreMessage["type"]>([
  "offer",
  "answer",
  "candidate",
  "restart",
  "reject",
  "hangup",
  "room-data",
  "sfu-candidate",
]);

/** What clients say about one room, named by `roomName`. */
export const ROOM_EVENTS: ReadonlySet<string> = new Set([
  ...["ROOM_JOIN", "ROOM_LEAVE", "ROOM_GET_USERS", "ROOM_GET_LOGS", "ROOM_SEND_DATA"],
  ...["SFU_GET_OFFER", "SFU_ANSWER", "SFU_CANDIDATE"],
]);

/** Events that clients send, for the counts. */
export const CLIENT_EVENTS: ReadonlySet<string> = new Set([
  ...RELAYED.keys(),
  ...ROOM_EVENTS,
  ...["PING", "UPDATE_CREDENTIAL", "SEND_LEAVE"],
]);

/** Refusals of what only crossed something else on its way. */
export const CROSSED: ReadonlySet<string> = new Set(["room.member.required", "connection.state.invalid", "connection.id.taken"]);
