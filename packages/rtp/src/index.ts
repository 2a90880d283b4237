export type { CanonicalPacket } from "./canonical-packet.ts";
export { EXTENSION_URI, type ExtensionIds, type ExtensionKind } from "./extension-ids.ts";
export { NONE, SendList } from "./send-list.ts";
