/** Lengths and counts that hold for single fields of messages, whatever the app's limits say. */

/** Characters of a peer ID, room name, connection ID, reason or client name. */
export const NAME_CHARACTERS = 128;
/** Characters of a JWT or resume token. */
export const TOKEN_CHARACTERS = 16_384;
/** Characters of one candidate line. */
export const CANDIDATE_CHARACTERS = 4_096;
/** Characters of a data channel's label: its 65,535 bytes of UTF-8 (RFC 8832 §5.1) are more than anyone needs. */
export const LABEL_CHARACTERS = 1_024;
/** Characters of metadata as JSON: the server keeps it for members and rooms. */
export const METADATA_CHARACTERS = 16_384;
/** Peers asked about in one `presence`. */
export const PRESENCE_PEERS = 100;
/** Receivers named in one `room-data`. */
export const NAMED_RECEIVERS = 1_000;
/** Sections in one `sfu-offer`, sent and received ones each, and characters of a mid or of a publication's ID and stream. */
export const SFU_SECTIONS = 256;
export const PUBLICATION_CHARACTERS = 64;
/** From this many characters on a description is deflated, and how long it may be once it is inflated. */
export const DEFLATED_SDP_FROM = 20_000;
export const INFLATED_SDP_BYTES = 2_000_000;
/** Characters of a publication's metadata as JSON: each member may have many. */
export const PUBLICATION_METADATA_CHARACTERS = 1_024;
/** Publications declared in one room of a `resume`. */
export const HELD_PUBLICATIONS = 4_096;
/** Rooms and connections declared in one `resume`, and members of one such room. */
export const HELD_ROOMS = 256;
export const HELD_CONNECTIONS = 1_024;
export const HELD_MEMBERS = 1_024;
