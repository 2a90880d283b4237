/** What a TCP connection on a port shared by HTTP and TURN begins with. */

export type FirstBytes = "tls" | "turn" | "http";

/**
 * One byte tells. A client's first TURN message is STUN, never ChannelData (whose range of first bytes, 0x40 to 0x4F, holds the letters that HTTP
 * methods begin with): a channel needs an allocation, and that belongs to the connection.
 */
export function firstBytes(byte: number): FirstBytes {
  // RFC 8446 §5.1: a record of the handshake.
  if (byte === 0x16) return "tls";
  // RFC 7983 §7.
  if (byte < 4) return "turn";
  return "http";
}
