/**
 * MessagePack (github.com/msgpack/msgpack, spec.md): JSON's values, binary and timestamps.
 *
 * An own codec rather than a library because of two things that the decoder must hold against a hostile peer before it allocates
 * anything: nesting is bounded, and the elements that all open arrays and maps still announce never exceed the bytes that are left.
 */
import { ProtocolError } from "@tsunagi/base";

declare class TextEncoder {
  encode(text: string): Uint8Array;
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
    else if (typeof value === "string") this.#lengthAndBytes(encoder.encode(value), 0xa0, 32, 0xd9);
    else if (typeof value === "bigint") this.#bigint(value);
    else if (typeof value !== "object") throw unsupported(`a ${typeof value}`);
    else this.#object(value, depth);
  }

  #object(value: object, depth: number): void {
    if (depth >= this.#depth) throw unsupported(`nesting deeper than ${this.#depth}, or a cycle`);
    if (Array.isArray(value)) {
      this.#count(value.length, 0x90, 0xdc);
      for (const item of value) this.#value(item, depth + 1);
    } else if (ArrayBuffer.isView(value)) {
      this.#lengthAndBytes(new Uint8Array(value.buffer, value.byteOffset, value.byteLength), 0, 0, 0xc4);
    } else if (value instanceof ArrayBuffer) {
      this.#lengthAndBytes(new Uint8Array(value), 0, 0, 0xc4);
    } else if (value instanceof Date) {
      this.#timestamp(value.getTime());
    } else {
      // What has neither own fields nor a plain prototype (Blob, Map, Promise, …) would silently arrive as {}.
      const names = Object.keys(value);
      if (names.length === 0 && !isPlain(value)) throw unsupported(`a ${value.constructor?.name ?? "object"}`);
      this.#count(names.length, 0x80, 0xde);
      for (const name of names) {
        this.#lengthAndBytes(encoder.encode(name), 0xa0, 32, 0xd9);
        this.#value((value as Record<string, unknown>)[name], depth + 1);
      }
    }
  }

  #number(value: number): void {
    if (!Number.isSafeInteger(value) || Object.is(value, -0)) {
      this.#room(9);
      this.#u8(0xcb);
      this.#view.setFloat64(this.#at, value);
      this.#at += 8;
    } else if (value >= -32 && value < 128) {
      this.#u8(value);
    } else if (value >= 0) {
      this.#unsigned(0xcc, value);
    } else {
      const width = value >= -0x80 ? 0 : value >= -0x8000 ? 1 : value >= -0x80000000 ? 2 : 3;
      this.#integer(0xd0 + width, width, value);
    }
  }

  #bigint(value: bigint): void {
    if (BigInt.asIntN(64, value) !== value && BigInt.asUintN(64, value) !== value) {
      throw unsupported("a bigint of more than 64 bits");
    }
    this.#room(9);
    this.#u8(value >= 0n ? 0xcf : 0xd3);
    this.#view.setBigInt64(this.#at, value);
    this.#at += 8;
  }

  /** A timestamp in 96 bits whatever its size: nanoseconds as uint32, seconds as int64. */
  #timestamp(ms: number): void {
    if (Number.isNaN(ms)) throw unsupported("an invalid date");
    const seconds = Math.floor(ms / 1000);
    this.#integer(0xc7, 0, 12);
    this.#integer(TIMESTAMP, 2, (ms - seconds * 1000) * 1e6);
    this.#integer(undefined, 3, seconds);
  }

  /** Bytes, behind their length in the fixed form below `limit`, else in 8, 16 or 32 bits with the codes from `code` on. */
  #lengthAndBytes(bytes: Uint8Array, fixed: number, limit: number, code: number): void {
    if (bytes.length < limit) this.#u8(fixed | bytes.length);
    else this.#unsigned(code, bytes.length);
    this.#room(bytes.length);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  /** The length of an array or map, which has no form of 8 bits. */
  #count(length: number, fixed: number, code: number): void {
    if (length < 16) this.#u8(fixed | length);
    else this.#integer(length > 0xffff ? code + 1 : code, length > 0xffff ? 2 : 1, length);
  }

  #unsigned(code: number, value: number): void {
    const width = value < 0x100 ? 0 : value < 0x10000 ? 1 : value < 0x100000000 ? 2 : 3;
    this.#integer(code + width, width, value);
  }

  /** `value` in 1, 2, 4 or 8 bytes for width 0 to 3, behind the code; negative ones as two's complement. */
  #integer(code: number | undefined, width: number, value: number): void {
    this.#room(9);
    if (code !== undefined) this.#u8(code);
    if (width === 0) this.#view.setUint8(this.#at, value);
    else if (width === 1) this.#view.setUint16(this.#at, value);
    else if (width === 2) this.#view.setUint32(this.#at, value);
    else this.#view.setBigInt64(this.#at, BigInt(value));
    this.#at += 1 << width;
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
    // Each row of the specification's table is a run of codes, by the width of what follows.
    if (code >= 0xde) return this.#map(this.#uint(2 << (code - 0xde)), depth);
    if (code >= 0xdc) return this.#array(this.#uint(2 << (code - 0xdc)), depth);
    if (code >= 0xd9) return this.#text(this.#uint(1 << (code - 0xd9)));
    if (code >= 0xd4) return this.#extension(1 << (code - 0xd4));
    if (code === 0xd3) return integer(this.#view.getBigInt64(this.#take(8)));
    if (code === 0xd2) return this.#view.getInt32(this.#take(4));
    if (code === 0xd1) return this.#view.getInt16(this.#take(2));
    if (code === 0xd0) return this.#view.getInt8(this.#take(1));
    if (code === 0xcf) return integer(this.#view.getBigUint64(this.#take(8)));
    if (code >= 0xcc) return this.#uint(1 << (code - 0xcc));
    if (code === 0xcb) return this.#view.getFloat64(this.#take(8));
    if (code === 0xca) return this.#view.getFloat32(this.#take(4));
    if (code >= 0xc7) return this.#extension(this.#uint(1 << (code - 0xc7)));
    if (code >= 0xc4) return this.#binary(this.#uint(1 << (code - 0xc4)));
    if (code === 0xc1) throw malformed("byte 0xc1");
    return code === 0xc0 ? null : code === 0xc3;
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
