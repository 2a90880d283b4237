/** The header extensions of a section that are used (RFC 8285 §5). */
import { EXTENSION_URI, type ExtensionKind } from "@tsunagi/rtp";
import type { MediaDescription } from "sdp-transform";
import type { Extensions } from "../router-port.ts";

const KIND_OF: ReadonlyMap<string, ExtensionKind> = new Map(
  Object.entries(EXTENSION_URI).map(([kind, uri]) => [uri, kind as ExtensionKind]),
);

/** The client's IDs. `direction` is what the client does in this section. */
export function extensionsOf(media: MediaDescription, direction: "sends" | "receives"): Extensions {
  const found: Partial<Record<ExtensionKind, number>> = {};
  const used = new Set<number>();
  for (const each of media.ext ?? []) {
    const kind = each["encrypt-uri"] === undefined ? KIND_OF.get(each.uri) : undefined;
    // 15 is not used in the one-byte form (RFC 8285 §4.2); above, the two-byte form is needed, which not all accept.
    if (kind === undefined || each.value < 1 || each.value > 14 || used.has(each.value)) continue;
    if (each.direction === (direction === "sends" ? "recvonly" : "sendonly") || each.direction === "inactive") continue;
    if (direction === "receives" && (kind === "rid" || kind === "repaired-rid")) continue;
    if (found[kind] !== undefined) continue;
    found[kind] = each.value;
    used.add(each.value);
  }
  // With transport-wide sequence numbers, send times are known to the sender (draft-holmer-rmcat-transport-wide-cc-extensions-01 §1): four bytes less a packet.
  if (found["transport-sequence"] !== undefined) delete found["abs-send-time"];
  return found;
}
