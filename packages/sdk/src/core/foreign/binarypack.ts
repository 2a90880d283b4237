/**
 * BinaryPack, an old relative of MessagePack that has bytes and text where that has other things: js-binarypack 0.0.9 (skyway-js) and 2
 * (peerjs). Both write the same codes and differ in text:
 *
 * 0.0.9 knows no characters of four bytes: it decodes three at most, and announces six for what it then writes in four. So to it such a
 * character goes as the three bytes of each of its two halves, which it reads well, and its own lengths are counted as it counts them.
 *
 * Nesting and announced elements are bounded as in ../data/msgpack.ts.
 */
import { ProtocolError } from "@tsunagi/base";
import { utf8 } from "../data/serialization.ts";

export type Dialect = "skyway" | "peerjs";

/** Longer text is counted right by 0.0.9, too. */
const MISCOUNTED_CHARACTERS = 600;

/**
 * Encodes a value.
 *
 * @throws {ProtocolError} `data.value.unsupported`: NaN, infinities, functions, bigints, cycles, nesting beyond `depth`, …
 */
export function encodeBinaryPack(value: unknown, dialect: Dialect, depth = 100): Uint8Array<ArrayBuffer> {
  return new Writer(dialect, depth).finish(value);
}

/**
 * Decodes exactly one value. Bytes come as Uint8Array, copied.
 *
 * @throws {ProtocolError} `data.frame.malformed`
 */
export function decodeBinaryPack(bytes: Uint8Array, dialect: Dialect, depth = 100): unknown {
  if (dialect === "peerjs") return new Reader(bytes, depth, 4).finish();
  try {
    return new Reader(bytes, depth, 6).finish();
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    // From something that counts right.
    return new Reader(bytes, depth, 4).finish();
  }
}

class Writer {
  readonly #dialect: Dialect;
  readonly #depth: number;
  #bytes = new Uint8Array(256);
  #view = new DataView(this.#bytes.buffer);
  #at = 0;

  constructor(dialect: Dialect, depth: number) {
    this.#dialect = dialect;
    this.#depth = depth;
  }

  finish(value: unknown): Uint8Array<ArrayBuffer> {
    this.#value(value, 0);
    return this.#bytes.slice(0, this.#at);
  }

  #value(value: unknown, depth: number): void {
    if (value === null || value === undefined) this.#code(0xc0);
    else if (typeof value === "boolean") this.#code(value ? 0xc3 : 0xc2);
    else if (typeof value === "number") this.#number(value);
    else if (typeof value === "string") this.#text(value);
    else if (typeof value === "object") this.#object(value, depth);
    else throw unsupported(`a ${typeof value}`);
  }

  #object(value: object, depth: number): void {
    if (depth >= this.#depth) throw unsupported(`nesting deeper than ${this.#depth}, or a cycle`);
    if (Array.isArray(value)) {
      this.#length(value.length, 0x90, 0xdc);
      for (const item of value) this.#value(item, depth + 1);
    } else if (value instanceof ArrayBuffer) {
      this.#raw(new Uint8Array(value));
    } else if (ArrayBuffer.isView(value)) {
      this.#raw(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
    } else if (value instanceof Date) {
      this.#text(value.toString());
    } else {
      const names = Object.keys(value);
      // What has neither own fields nor a plain prototype (Map, Promise, …) would silently arrive as {}.
      if (names.length === 0 && value.constructor !== undefined && value.constructor.name !== "Object") {
        throw unsupported(`a ${value.constructor.name}`);
      }
      this.#length(names.length, 0x80, 0xde);
      for (const name of names) {
        this.#text(name);
        this.#value((value as Record<string, unknown>)[name], depth + 1);
      }
    }
  }

  #number(value: number): void {
    if (!Number.isFinite(value)) throw unsupported(String(value));
    if (!Number.isSafeInteger(value) || value < -0x80000000) {
      // Both decoders lose bits of large negative integers, none of doubles.
      this.#code(0xcb, 8);
      this.#view.setFloat64(this.#at - 8, value);
    } else if (value >= -0x20 && value < 0x80) {
      this.#code(value & 0xff);
    } else if (value >= 0) {
      if (value <= 0xffffffff) this.#unsigned(0xcc, value);
      else {
        this.#code(0xd3, 8);
        this.#view.setBigInt64(this.#at - 8, BigInt(value));
      }
    } else if (value >= -0x80) {
      this.#code(0xd0, 1);
      this.#view.setInt8(this.#at - 1, value);
    } else if (value >= -0x8000) {
      this.#code(0xd1, 2);
      this.#view.setInt16(this.#at - 2, value);
    } else {
      this.#code(0xd2, 4);
      this.#view.setInt32(this.#at - 4, value);
    }
  }

  #text(text: string): void {
    const bytes = this.#dialect === "skyway" ? encodeHalves(text) : utf8.encode(text);
    this.#length(bytes.length, 0xb0, 0xd8);
    this.#append(bytes);
  }

  #raw(bytes: Uint8Array): void {
    this.#length(bytes.length, 0xa0, 0xda);
    this.#append(bytes);
  }

  /** A length below 16 stands in the code itself, else behind `code` (16 bits) or `code + 1` (32 bits). */
  #length(length: number, fixed: number, code: number): void {
    if (length < 16) {
      this.#code(fixed | length);
    } else if (length <= 0xffff) {
      this.#code(code, 2);
      this.#view.setUint16(this.#at - 2, length);
    } else {
      this.#code(code + 1, 4);
      this.#view.setUint32(this.#at - 4, length);
    }
  }

  #unsigned(code: number, value: number): void {
    const width = value <= 0xff ? 0 : value <= 0xffff ? 1 : 2;
    this.#code(code + width, 1 << width);
    if (width === 0) this.#view.setUint8(this.#at - 1, value);
    else if (width === 1) this.#view.setUint16(this.#at - 2, value);
    else this.#view.setUint32(this.#at - 4, value);
  }

  /** Writes a code and leaves room for what follows. */
  #code(code: number, follow = 0): void {
    this.#room(1 + follow);
    this.#bytes[this.#at] = code;
    this.#at += 1 + follow;
  }

  #append(bytes: Uint8Array): void {
    this.#room(bytes.length);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  #room(bytes: number): void {
    const need = this.#at + bytes;
    if (need <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(need, this.#bytes.length * 2));
    larger.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }
}

class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #depth: number;
  /** What the sender counts for a character of four bytes. */
  readonly #astral: 4 | 6;
  #at = 0;
  #owed = 0;

  constructor(bytes: Uint8Array, depth: number, astral: 4 | 6) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#depth = depth;
    this.#astral = astral;
  }

  finish(): unknown {
    const value = this.#value(0);
    if (this.#at !== this.#bytes.length) throw malformed(`${this.#bytes.length - this.#at} bytes after the value`);
    return value;
  }

  #value(depth: number): unknown {
    const code = this.#view.getUint8(this.#take(1));
    if (code < 0x80) return code;
    if (code >= 0xe0) return code - 0x100;
    if (code < 0x90) return this.#map(code & 0x0f, depth);
    if (code < 0xa0) return this.#array(code & 0x0f, depth);
    if (code < 0xb0) return this.#raw(code & 0x0f);
    if (code < 0xc0) return this.#text(code & 0x0f);
    switch (code) {
      case 0xc0:
        return null;
      case 0xc1:
        return undefined;
      case 0xc2:
      case 0xc3:
        return code === 0xc3;
      case 0xca:
        return this.#view.getFloat32(this.#take(4));
      case 0xcb:
        return this.#view.getFloat64(this.#take(8));
      case 0xcc:
        return this.#view.getUint8(this.#take(1));
      case 0xcd:
        return this.#view.getUint16(this.#take(2));
      case 0xce:
        return this.#view.getUint32(this.#take(4));
      case 0xcf:
        return Number(this.#view.getBigUint64(this.#take(8)));
      case 0xd0:
        return this.#view.getInt8(this.#take(1));
      case 0xd1:
        return this.#view.getInt16(this.#take(2));
      case 0xd2:
        return this.#view.getInt32(this.#take(4));
      case 0xd3:
        return Number(this.#view.getBigInt64(this.#take(8)));
      case 0xd8:
      case 0xd9:
        return this.#text(this.#length(code & 1));
      case 0xda:
      case 0xdb:
        return this.#raw(this.#length(code & 1));
      case 0xdc:
      case 0xdd:
        return this.#array(this.#length(code & 1), depth);
      case 0xde:
      case 0xdf:
        return this.#map(this.#length(code & 1), depth);
      default:
        throw malformed(`byte 0x${code.toString(16)}`);
    }
  }

  #array(length: number, depth: number): unknown[] {
    this.#open(length, depth);
    const items: unknown[] = [];
    for (let index = 0; index < length; index += 1) {
      this.#owed -= 1;
      items.push(this.#value(depth + 1));
    }
    return items;
  }

  #map(length: number, depth: number): Record<string, unknown> {
    this.#open(length * 2, depth);
    const fields: Record<string, unknown> = {};
    for (let index = 0; index < length; index += 1) {
      this.#owed -= 2;
      const name = this.#value(depth + 1);
      if (typeof name !== "string" && typeof name !== "number") throw malformed("a map's key that is neither text nor number");
      const value = this.#value(depth + 1);
      // Assigning would call the setter of Object.prototype.
      Object.defineProperty(fields, name, { value, enumerable: true, configurable: true, writable: true });
    }
    return fields;
  }

  #open(elements: number, depth: number): void {
    if (depth >= this.#depth) throw malformed(`nesting deeper than ${this.#depth}`);
    this.#owed += elements;
    if (this.#owed > this.#bytes.length - this.#at) throw malformed("more elements announced than bytes left");
  }

  #raw(length: number): Uint8Array {
    const from = this.#take(length);
    return this.#bytes.slice(from, this.#at);
  }

  #text(length: number): string {
    const counted = this.#textEnd(length, this.#astral);
    if (counted !== undefined) {
      const text = decodeHalves(this.#bytes.subarray(this.#at, counted));
      if (this.#astral === 4 || text.length <= MISCOUNTED_CHARACTERS) {
        this.#at = counted;
        return text;
      }
    }
    const end = this.#textEnd(length, 4);
    if (end === undefined) throw malformed("text that is not as long as announced");
    const text = decodeHalves(this.#bytes.subarray(this.#at, end));
    this.#at = end;
    return text;
  }

  /** Where text ends for which `length` bytes are announced, as someone counts who takes a character of four bytes for `astral`. */
  #textEnd(length: number, astral: 4 | 6): number | undefined {
    let at = this.#at;
    let counted = 0;
    while (counted < length) {
      const byte = this.#bytes[at];
      if (byte === undefined || (byte >= 0x80 && byte < 0xc0) || byte >= 0xf8) return undefined;
      const width = byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
      counted += width === 4 ? astral : width;
      at += width;
    }
    return counted === length && at <= this.#bytes.length ? at : undefined;
  }

  #length(wide: number): number {
    return wide === 0 ? this.#view.getUint16(this.#take(2)) : this.#view.getUint32(this.#take(4));
  }

  #take(length: number): number {
    const from = this.#at;
    if (length > this.#bytes.length - from) throw malformed("the value ends too early");
    this.#at += length;
    return from;
  }
}

/** UTF-8 of each UTF-16 code unit by itself. */
function encodeHalves(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length * 3);
  let at = 0;
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    if (unit < 0x80) {
      bytes[at++] = unit;
      continue;
    }
    if (unit < 0x800) {
      bytes[at++] = 0xc0 | (unit >> 6);
    } else {
      bytes[at++] = 0xe0 | (unit >> 12);
      bytes[at++] = 0x80 | ((unit >> 6) & 0x3f);
    }
    bytes[at++] = 0x80 | (unit & 0x3f);
  }
  return bytes.subarray(0, at);
}

/** UTF-8, and the above. */
function decodeHalves(bytes: Uint8Array): string {
  // 0xed begins the halves: without them the platform's decoder is faster.
  if (!bytes.includes(0xed)) {
    try {
      return utf8.decode(bytes);
    } catch (cause) {
      throw malformed("text that is not UTF-8", cause);
    }
  }
  let text = "";
  for (let at = 0; at < bytes.length; ) {
    const byte = bytes[at] ?? 0;
    const width = byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
    let code = width === 1 ? byte : byte & (0xff >> (width + 1));
    for (let next = at + 1; next < at + width; next += 1) code = (code << 6) | ((bytes[next] ?? 0) & 0x3f);
    if (code > 0x10ffff) throw malformed("text that is not UTF-8");
    text += String.fromCodePoint(code);
    at += width;
  }
  return text;
}

function unsupported(what: string): ProtocolError {
  return new ProtocolError("data.value.unsupported", `A message to this peer's library cannot hold ${what}.`, {
    remedy: "Send plain values, typed arrays, dates, or a Blob by itself.",
  });
}

function malformed(what: string, cause?: unknown): ProtocolError {
  return new ProtocolError("data.frame.malformed", `BinaryPack: ${what}.`, { cause });
}
