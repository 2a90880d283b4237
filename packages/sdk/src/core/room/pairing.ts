/** What both members of a pair must decide alike without asking each other. */
import type { Member } from "@tsunagi/protocol";

/** Whether `a` came to the room after `b`; of two that came in the same millisecond, the one with the greater peer ID counts as later. */
export function isLater(a: Member, b: Member): boolean {
  return a.joinedAt === b.joinedAt ? a.peerId > b.peerId : a.joinedAt > b.joinedAt;
}

/**
 * The connection ID of a pair in a room. It names this time of being there together: who leaves and comes back is another member, so
 * that late messages of the time before do not reach the new connection. Short whatever the names' lengths.
 */
export function roomConnectionId(room: string, a: Member, b: Member): string {
  const [first, second] = isLater(a, b) ? [b, a] : [a, b];
  const names = hash(`${room}\n${first.peerId}\n${second.peerId}`);
  return `room-${names}-${first.joinedAt.toString(36)}-${second.joinedAt.toString(36)}`;
}

/** FNV-1a over UTF-16 code units, 32 bits: against mix-ups, not against malice. */
function hash(text: string): string {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  return (value >>> 0).toString(36);
}
