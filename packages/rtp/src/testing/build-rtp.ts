/** Makes RTP packets for tests and simulated publishers: plain, not fast. */
import { put16, put32 } from "../bytes.ts";

export type RtpFields = {
  readonly payloadType: number;
  readonly sequence: number;
  readonly timestamp: number;
  readonly ssrc: number;
  readonly payload: Uint8Array;
  readonly marker?: boolean | undefined;
  readonly csrcs?: readonly number[] | undefined;
  /** Values by ID; the two-byte form is taken where an ID or a value asks for it. */
  readonly extensions?: Readonly<Record<number, readonly number[]>> | undefined;
  /** Padding bytes at the end, 1 to 255. */
  readonly padding?: number | undefined;
};

export function buildRtp(fields: RtpFields): Uint8Array {
  const csrcs = fields.csrcs ?? [];
  const entries = Object.entries(fields.extensions ?? {}).map(([id, value]) => ({ id: Number(id), value }));
  const twoByte = entries.some(({ id, value }) => id > 14 || value.length > 16 || value.length === 0);
  const body: number[] = [];
  for (const { id, value } of entries) {
    if (twoByte) body.push(id, value.length, ...value);
    else body.push((id << 4) | (value.length - 1), ...value);
  }
  while (body.length % 4 !== 0) body.push(0);
  const padding = fields.padding ?? 0;
  const extension = entries.length > 0 ? 4 + body.length : 0;
  const start = 12 + csrcs.length * 4 + extension;
  const bytes = new Uint8Array(start + fields.payload.length + padding);
  bytes[0] = 0x80 | (padding > 0 ? 0x20 : 0) | (extension > 0 ? 0x10 : 0) | csrcs.length;
  bytes[1] = (fields.marker === true ? 0x80 : 0) | fields.payloadType;
  put16(bytes, 2, fields.sequence);
  put32(bytes, 4, fields.timestamp);
  put32(bytes, 8, fields.ssrc);
  for (const [i, csrc] of csrcs.entries()) put32(bytes, 12 + i * 4, csrc);
  if (extension > 0) {
    const at = 12 + csrcs.length * 4;
    put16(bytes, at, twoByte ? 0x1000 : 0xbede);
    put16(bytes, at + 2, body.length / 4);
    bytes.set(body, at + 4);
  }
  bytes.set(fields.payload, start);
  if (padding > 0) bytes[bytes.length - 1] = padding;
  return bytes;
}
