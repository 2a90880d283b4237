/**
 * MessagePack (github.com/msgpack/msgpack, spec.md): JSON's values, binary and timestamps.
 *
 * An own codec rather than a library because of two things that the decoder must hold against a hostile peer before it allocates
 * anything: nesting is bounded, and the elements that all open arrays and maps still announce never exceed the bytes that are left.
 */
import { ProtocolError } from "@tsunagi/base";

declare class TextEncoder {
  encodeInto(text: string, into: Uint8Array): { read: number; written: number };
}
declare class TextDecoder {
  constructor(label?: string, options?: { fatal?: boolean; ignoreBOM?: boolean });
  decode(bytes: Uint8Array): string;
}
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The predefined extension type of a timestamp, -1. */
const TIMESTAMP = 0xff;

/** Below this length a string of ASCII is faster by hand than through the platform's coder. */
const SHORT_TEXT = 24;

/**
 * Encodes a value.
 *
 * @throws {ProtocolError} `data.value.unsupported` for functions, symbols, bigints beyond 64 bits, cycles and nesting beyond `depth`
 */
export function encodeMessagePack(value: unknown, depth = 100): Uint8Array<ArrayBuffer> {
  return new Writer(depth).finish(value);
}

/**
 * Decodes exactly one value. Binary is copied out of `bytes`, so that a small value does not keep a large message alive.
 *
 * @throws {ProtocolError} `data.frame.malformed`
 */
export function decodeMessagePack(bytes: Uint8Array, depth = 100): unknown {
  return new Reader(bytes, depth).finish();
}

class Writer {
  #bytes = new Uint8Array(256);
  #view = new DataView(this.#bytes.buffer);
  #at = 0;
  readonly #depth: number;

  constructor(depth: number) {
    this.#depth = depth;
  }

  finish(value: unknown): Uint8Array<ArrayBuffer> {
    this.#value(value, 0);
    return this.#bytes.slice(0, this.#at);
  }

  #value(value: unknown, depth: number): void {
    if (value === null || value === undefined) this.#u8(0xc0);
    else if (value === false) this.#u8(0xc2);
    else if (value === true) this.#u8(0xc3);
    else if (typeof value === "number") this.#number(value);
    else if (typeof value === "string") this.#text(value);
    else if (typeof value === "bigint") this.#bigint(value);
    else if (typeof value !== "object") throw unsupported(`a ${typeof value}`);
    else this.#object(value, depth);
  }

  #object(value: object, depth: number): void {
    if (depth >= this.#depth) throw unsupported(`nesting deeper than ${this.#depth}, or a cycle`);
    if (Array.isArray(value)) {
      this.#header(value.length, 0x90, 16, 0xdc);
      for (const item of value) this.#value(item, depth + 1);
    } else if (ArrayBuffer.isView(value)) {
      this.#binary(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
    } else if (value instanceof ArrayBuffer) {
      this.#binary(new Uint8Array(value));
    } else if (value instanceof Date) {
      this.#timestamp(value.getTime());
    } else {
      // What has neither own fields nor a plain prototype (Blob, Map, Promise, …) would silently arrive as {}.
      const names = Object.keys(value);
      if (names.length === 0 && !isPlain(value)) throw unsupported(`a ${value.constructor?.name ?? "object"}`);
      this.#header(names.length, 0x80, 16, 0xde);
      for (const name of names) {
        this.#text(name);
        this.#value((value as Record<string, unknown>)[name], depth + 1);
      }
    }
  }

  #number(value: number): void {
    if (!Number.isInteger(value) || Math.abs(value) > Number.MAX_SAFE_INTEGER || Object.is(value, -0)) {
      this.#room(9);
      this.#view.setUint8(this.#at, 0xcb);
      this.#view.setFloat64(this.#at + 1, value);
      this.#at += 9;
    } else if (value >= -32 && value < 128) {
      this.#u8(value & 0xff);
    } else {
      const negative = value < 0;
      const width = integerWidth(value);
      this.#room(9);
      this.#view.setUint8(this.#at, (negative ? 0xd0 : 0xcc) + width);
      if (width === 0) this.#view.setUint8(this.#at + 1, value);
      else if (width === 1) this.#view.setUint16(this.#at + 1, value);
      else if (width === 2) this.#view.setUint32(this.#at + 1, value);
      else this.#view.setBigInt64(this.#at + 1, BigInt(value));
      this.#at += 1 + (1 << width);
    }
  }

  #bigint(value: bigint): void {
    const unsigned = value >= 0n;
    if (BigInt.asIntN(64, value) !== value && BigInt.asUintN(64, value) !== value)
      throw unsupported("a bigint of more than 64 bits");
    this.#room(9);
    this.#view.setUint8(this.#at, unsigned ? 0xcf : 0xd3);
    this.#view.setBigInt64(this.#at + 1, value);
    this.#at += 9;
  }

  #text(value: string): void {
    // UTF-8 takes at most three bytes for each UTF-16 unit; the header is written for the real length afterwards.
    const most = value.length * 3;
    this.#room(most + 5);
    const header = most < 32 ? 1 : most < 0x100 ? 2 : most < 0x10000 ? 3 : 5;
    const { written } = encoder.encodeInto(value, this.#bytes.subarray(this.#at + header));
    const at = this.#at;
    if (header === 1) this.#view.setUint8(at, 0xa0 | written);
    else if (header === 2) this.#view.setUint16(at, 0xd900 | written);
    else if (header === 3) {
      this.#view.setUint8(at, 0xda);
      this.#view.setUint16(at + 1, written);
    } else {
      this.#view.setUint8(at, 0xdb);
      this.#view.setUint32(at + 1, written);
    }
    this.#at += header + written;
  }

  #binary(value: Uint8Array): void {
    const length = value.length;
    this.#room(length + 5);
    if (length < 0x100) {
      this.#u8(0xc4);
      this.#u8(length);
    } else {
      this.#sized(length, 0xc5);
    }
    this.#bytes.set(value, this.#at);
    this.#at += length;
  }

  /** A timestamp in 96 bits whatever its size: seconds as int64, nanoseconds as uint32. */
  #timestamp(ms: number): void {
    if (Number.isNaN(ms)) throw unsupported("an invalid date");
    const seconds = Math.floor(ms / 1000);
    this.#room(15);
    this.#view.setUint16(this.#at, 0xc70c);
    this.#view.setUint8(this.#at + 2, TIMESTAMP);
    this.#view.setUint32(this.#at + 3, (ms - seconds * 1000) * 1e6);
    this.#view.setBigInt64(this.#at + 7, BigInt(seconds));
    this.#at += 15;
  }

  /** Header of an array or map: `fixed | length` below `fixedLimit`, else 16 or 32 bits of length. */
  #header(length: number, fixed: number, fixedLimit: number, code16: number): void {
    if (length < fixedLimit) this.#u8(fixed | length);
    else this.#sized(length, code16);
  }

  #sized(length: number, code16: number): void {
    this.#room(5);
    const wide = length > 0xffff;
    this.#view.setUint8(this.#at, code16 + (wide ? 1 : 0));
    if (wide) this.#view.setUint32(this.#at + 1, length);
    else this.#view.setUint16(this.#at + 1, length);
    this.#at += wide ? 5 : 3;
  }

  #u8(value: number): void {
    this.#room(1);
    this.#bytes[this.#at++] = value;
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
  #at = 0;
  /** Elements that the open arrays and maps still announce; each takes at least a byte. */
  #owed = 0;

  constructor(bytes: Uint8Array, depth: number) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#depth = depth;
  }

  finish(): unknown {
    const value = this.#value(0);
    if (this.#at !== this.#bytes.length) throw malformed(`${this.#bytes.length - this.#at} bytes after the value`);
    return value;
  }

  #value(depth: number): unknown {
    const code = this.#uint(1);
    if (code < 0x80) return code;
    if (code >= 0xe0) return code - 0x100;
    if (code < 0x90) return this.#map(code & 0x0f, depth);
    if (code < 0xa0) return this.#array(code & 0x0f, depth);
    if (code < 0xc0) return this.#text(code & 0x1f);
    switch (code) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xca:
        return this.#view.getFloat32(this.#take(4));
      case 0xcb:
        return this.#view.getFloat64(this.#take(8));
      case 0xcc:
      case 0xcd:
      case 0xce:
        return this.#uint(1 << (code - 0xcc));
      case 0xcf:
        return integer(this.#view.getBigUint64(this.#take(8)));
      case 0xd0:
        return this.#view.getInt8(this.#take(1));
      case 0xd1:
        return this.#view.getInt16(this.#take(2));
      case 0xd2:
        return this.#view.getInt32(this.#take(4));
      case 0xd3:
        return integer(this.#view.getBigInt64(this.#take(8)));
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.#text(this.#uint(1 << (code - 0xd9)));
      case 0xc4:
      case 0xc5:
      case 0xc6:
        return this.#binary(this.#uint(1 << (code - 0xc4)));
      case 0xc7:
      case 0xc8:
      case 0xc9:
        return this.#extension(this.#uint(1 << (code - 0xc7)));
      case 0xd4:
      case 0xd5:
      case 0xd6:
      case 0xd7:
      case 0xd8:
        return this.#extension(1 << (code - 0xd4));
      case 0xdc:
      case 0xdd:
        return this.#array(this.#uint(2 << (code - 0xdc)), depth);
      case 0xde:
      case 0xdf:
        return this.#map(this.#uint(2 << (code - 0xde)), depth);
      default:
        throw malformed("byte 0xc1");
    }
  }

  #array(length: number, depth: number): unknown[] {
    this.#open(length, depth);
    const items = new Array<unknown>(length);
    for (let index = 0; index < length; index += 1) {
      this.#owed -= 1;
      items[index] = this.#value(depth + 1);
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
      if (name === "__proto__")
        Object.defineProperty(fields, name, { value, enumerable: true, configurable: true, writable: true });
      else fields[name] = value;
    }
    return fields;
  }

  #open(elements: number, depth: number): void {
    if (depth >= this.#depth) throw malformed(`nesting deeper than ${this.#depth}`);
    this.#owed += elements;
    if (this.#owed > this.#bytes.length - this.#at) throw malformed("more elements announced than bytes left");
  }

  #text(length: number): string {
    const from = this.#take(length);
    if (length < SHORT_TEXT) {
      let text = "";
      let at = from;
      for (let byte = 0; at < this.#at; at += 1) {
        byte = this.#bytes[at] as number; // in range: #take checked it
        if (byte >= 0x80) break;
        text += String.fromCharCode(byte);
      }
      if (at === this.#at) return text;
    }
    try {
      return decoder.decode(this.#bytes.subarray(from, this.#at));
    } catch (cause) {
      throw malformed("text that is not UTF-8", cause);
    }
  }

  #binary(length: number): Uint8Array {
    const from = this.#take(length);
    return this.#bytes.slice(from, this.#at);
  }

  #extension(length: number): Date {
    const type = this.#uint(1);
    const from = this.#take(length);
    if (type !== TIMESTAMP) throw malformed(`extension type ${type}`);
    let ms: number;
    if (length === 4) {
      ms = this.#view.getUint32(from) * 1000;
    } else if (length === 8) {
      const high = this.#view.getUint32(from);
      // 30 bits of nanoseconds, 34 of seconds.
      ms = ((high & 3) * 2 ** 32 + this.#view.getUint32(from + 4)) * 1000 + (high >>> 2) / 1e6;
    } else if (length === 12) {
      ms = Number(this.#view.getBigInt64(from + 4)) * 1000 + this.#view.getUint32(from) / 1e6;
    } else {
      throw malformed(`a timestamp of ${length} bytes`);
    }
    return new Date(ms);
  }

  #uint(width: number): number {
    const at = this.#take(width);
    return width === 1 ? this.#view.getUint8(at) : width === 2 ? this.#view.getUint16(at) : this.#view.getUint32(at);
  }

  /** Moves on by `length` and returns where that began. */
  #take(length: number): number {
    const from = this.#at;
    if (length > this.#bytes.length - from) throw malformed("the value ends too early");
    this.#at += length;
    return from;
  }
}

/** log2 of the bytes an integer outside of -32…127 takes. */
function integerWidth(value: number): 0 | 1 | 2 | 3 {
  if (value < 0) return value >= -0x80 ? 0 : value >= -0x8000 ? 1 : value >= -0x80000000 ? 2 : 3;
  return value < 0x100 ? 0 : value < 0x10000 ? 1 : value < 0x100000000 ? 2 : 3;
}

/** A number where it is exact, else a bigint. */
function integer(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  // An object of another realm (an iframe) has another Object.prototype, whose own prototype is null too.
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function unsupported(what: string): ProtocolError {
  return new ProtocolError("data.value.unsupported", `A message cannot hold ${what}.`, {
    remedy: "Send plain values, typed arrays or dates; send a Blob with sendFile().",
  });
}

function malformed(what: string, cause?: unknown): ProtocolError {
  return new ProtocolError("data.frame.malformed", `MessagePack: ${what}.`, { cause });
}
