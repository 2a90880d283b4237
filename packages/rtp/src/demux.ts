/**
 * Tells RTCP from RTP on one port: the second byte of RTCP is 192 to 223 (RFC 5761 §4), of RTP a marker bit and a payload type that is not 64 to 95.
 */
export function isRtcp(bytes: Uint8Array): boolean {
  if (bytes.length < 4) return false;
  const type = bytes[1] as number;
  return type >= 192 && type <= 223;
}
