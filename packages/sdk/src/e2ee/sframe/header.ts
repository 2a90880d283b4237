/**
 * SFrame header, RFC 9605 §4.3: a config byte, then the key ID and the counter where they do not fit into it.
 *
 *   0 1 2 3 4 5 6 7
 *  +-+-+-+-+-+-+-+-+----------------+----------------+
 *  |X|  K  |Y|  C  | KID (K+1 if X) | CTR (C+1 if Y) |
 *  +-+-+-+-+-+-+-+-+----------------+----------------+
 *
 * Both are 64 bits wide there and 53 here, where numbers are doubles: a bigger one is refused. At 1,000 frames a second a counter lasts 285,000 years.
 */

/** Config byte and twice eight bytes. */
export const MAX_HEADER_BYTES = 17;
/** Values up to this stand in the config byte itself. */
const INLINE = 7;

export type SframeHeader = { readonly kid: number; readonly ctr: number; readonly length: number };

/** @throws {RangeError} on what is not an integer from 0 to 2^53 − 1 */
export function encodeHeader(kid: number, ctr: number): Uint8Array<ArrayBuffer> {
  const kidBytes = lengthOf(kid);
  const ctrBytes = lengthOf(ctr);
  const header = new Uint8Array(1 + kidBytes + ctrBytes);
  header[0] = (kidBytes === 0 ? kid << 4 : 0x80 | ((kidBytes - 1) << 4)) | (ctrBytes === 0 ? ctr : 0x08 | (ctrBytes - 1));
  write(header, 1, kidBytes, kid);
  write(header, 1 + kidBytes, ctrBytes, ctr);
  return header;
}

/** @returns undefined when the bytes end within the header, or a value is wider than 53 bits */
export function decodeHeader(bytes: Uint8Array, offset = 0): SframeHeader | undefined {
  const config = bytes[offset];
  if (config === undefined) return undefined;
  const kidField = (config >> 4) & INLINE;
  const ctrField = config & INLINE;
  const kidBytes = (config & 0x80) === 0 ? 0 : kidField + 1;
  const ctrBytes = (config & 0x08) === 0 ? 0 : ctrField + 1;
  const length = 1 + kidBytes + ctrBytes;
  if (offset + length > bytes.length) return undefined;
  const kid = kidBytes === 0 ? kidField : read(bytes, offset + 1, kidBytes);
  const ctr = ctrBytes === 0 ? ctrField : read(bytes, offset + 1 + kidBytes, ctrBytes);
  if (kid > Number.MAX_SAFE_INTEGER || ctr > Number.MAX_SAFE_INTEGER) return undefined;
  return { kid, ctr, length };
}

function lengthOf(value: number): number {
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`${value} is not an SFrame key ID or counter`);
  if (value <= INLINE) return 0;
  let length = 1;
  for (let rest = Math.floor(value / 256); rest > 0; rest = Math.floor(rest / 256)) length += 1;
  return length;
}

function write(target: Uint8Array, offset: number, length: number, value: number): void {
  let rest = value;
  for (let i = offset + length - 1; i >= offset; i -= 1) {
    target[i] = rest % 256;
    rest = Math.floor(rest / 256);
  }
}

function read(bytes: Uint8Array, offset: number, length: number): number {
  let value = 0;
  for (let i = offset; i < offset + length; i += 1) value = value * 256 + (bytes[i] ?? 0);
  return value;
}
