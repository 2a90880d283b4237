/** Codes of what can be wrong with a description. */
export const SDP_ERROR_CODES = [
  /** Not SDP, too large, or without what a connection needs (BUNDLE, RTP and RTCP on one port, ICE, DTLS). */
  "sfu.offer.malformed",
  /** A section in which none of the codecs can be forwarded. */
  "sfu.offer.codec",
  /** What is to be sent or received names a section that is not there, or that cannot do it. */
  "sfu.offer.section",
] as const;

export type SdpErrorCode = (typeof SDP_ERROR_CODES)[number];
