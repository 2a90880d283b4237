/** ChannelData, RFC 8656 §12.4: channel (2 bytes), length (2), data; padded to 4 on streams, optional on UDP. */
import { paddingAfter, viewOf } from "@tsunagi/stun";
import { turnError } from "./errors.ts";

/** Bytes before the application data. */
export const CHANNEL_DATA_HEADER = 4;

/** RFC 8656 §12: RFC 5766 allowed up to 0x7FFF, where a first byte could no longer be told apart (RFC 7983). */
export const MIN_CHANNEL = 0x4000;
export const MAX_CHANNEL = 0x4fff;
/**
 * What a server still takes: clients of RFC 5766 §11 choose up to here, some at random among all. RFC 8656 gave the upper part up for sharing a port with
 * DTLS and RTP (RFC 7983), which a client must care for, and a TURN server's port has none of.
 */
export const MAX_SERVED_CHANNEL = 0x7fff;

export type ChannelData = { readonly channel: number; readonly data: Uint8Array };

/** Whether a packet on a shared port could be ChannelData, by its first byte (RFC 7983 §7). */
export function looksLikeChannelData(bytes: Uint8Array): boolean {
  return ((bytes[0] ?? 0) & 0xf0) === 0x40;
}

/**
 * Reads one ChannelData message.
 *
 * @param bytes one datagram, or one frame already cut from a stream; padding after the data is ignored
 * @returns `data` is a view into `bytes`: copy it to keep it
 * @throws {ProtocolError} `turn.channel-data.short`, `turn.channel-data.number`
 */
export function decodeChannelData(bytes: Uint8Array): ChannelData {
  if (bytes.length < CHANNEL_DATA_HEADER) throw turnError("turn.channel-data.short", `${bytes.length} bytes`);
  const view = viewOf(bytes);
  const channel = view.getUint16(0);
  if (channel < MIN_CHANNEL || channel > MAX_CHANNEL) throw turnError("turn.channel-data.number", `0x${channel.toString(16)}`);
  const length = view.getUint16(2);
  if (length > bytes.length - CHANNEL_DATA_HEADER) throw turnError("turn.channel-data.short", `length ${length}`);
  return { channel, data: bytes.subarray(CHANNEL_DATA_HEADER, CHANNEL_DATA_HEADER + length) };
}

/** @param padded on TCP and TLS (RFC 8656 §12.5) */
export function encodeChannelData({ channel, data }: ChannelData, padded = false): Uint8Array {
  if (channel < MIN_CHANNEL || channel > MAX_CHANNEL) throw new RangeError(`channel 0x${channel.toString(16)}`);
  if (data.length > 0xffff) throw new RangeError(`${data.length} bytes of channel data`);
  const bytes = new Uint8Array(CHANNEL_DATA_HEADER + data.length + (padded ? paddingAfter(data.length) : 0));
  const view = viewOf(bytes);
  view.setUint16(0, channel);
  view.setUint16(2, data.length);
  bytes.set(data, CHANNEL_DATA_HEADER);
  return bytes;
}
