/** One received packet in the form from which it is sent to many. */
import type { SendList } from "./send-list.ts";

export type CanonicalPacket = { readonly bytes: Uint8Array; length: number };

/** Writes entry `at` into its packet, in place. */
export function writeFor(list: SendList, at: number): Uint8Array {
  const packet = list.packet[at];
  if (packet === undefined) throw new Error(`no entry ${at}`);
  return packet.bytes.subarray(0, packet.length);
}
