/** The header extensions that are read, written or passed on. */

export type ExtensionKind =
  | "mid"
  | "rid"
  | "repaired-rid"
  | "abs-send-time"
  | "transport-sequence"
  | "audio-level"
  | "video-orientation"
  | "playout-delay"
  | "dependency-descriptor";

/** URI as it stands in an SDP (RFC 8285 §5). */
export const EXTENSION_URI: Readonly<Record<ExtensionKind, string>> = {
  mid: "urn:ietf:params:rtp-hdrext:sdes:mid",
  rid: "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
  "repaired-rid": "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id",
  "abs-send-time": "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
  "transport-sequence": "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
  "audio-level": "urn:ietf:params:rtp-hdrext:ssrc-audio-level",
  "video-orientation": "urn:3gpp:video-orientation",
  "playout-delay": "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay",
  "dependency-descriptor": "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension",
};

/** IDs as one end negotiated them, 1 to 14 for the one-byte form and to 255 for the two-byte form; 0: not negotiated. */
export type ExtensionIds = Readonly<Record<ExtensionKind, number>>;

/** Fills in what was not negotiated. */
export function extensionIds(negotiated: Readonly<Partial<Record<ExtensionKind, number>>>): ExtensionIds {
  return {
    mid: negotiated.mid ?? 0,
    rid: negotiated.rid ?? 0,
    "repaired-rid": negotiated["repaired-rid"] ?? 0,
    "abs-send-time": negotiated["abs-send-time"] ?? 0,
    "transport-sequence": negotiated["transport-sequence"] ?? 0,
    "audio-level": negotiated["audio-level"] ?? 0,
    "video-orientation": negotiated["video-orientation"] ?? 0,
    "playout-delay": negotiated["playout-delay"] ?? 0,
    "dependency-descriptor": negotiated["dependency-descriptor"] ?? 0,
  };
}
