/** Room data as skyway-js sends it: any JSON with Buffers in it. Native members, the log and webhooks see it as JSON. */
import type { JsonValue } from "@tsunagi/base";

/** A Buffer as JSON: an object with this one name. */
const BYTES = "$bytes";

export class SkywayData {
  readonly value: unknown;
  /** Of the packet it came in, attachments included; what its JSON is long, nearly. */
  readonly size: number;
  readonly binary: boolean;

  constructor(value: unknown, size: number, binary: boolean) {
    this.value = value;
    this.size = size;
    this.binary = binary;
  }

  toJSON(): JsonValue {
    // Without attachments it is what JSON.parse has made.
    return this.binary ? plain(this.value) : (this.value as JsonValue);
  }

  /** As the core takes it: whoever wants JSON gets it from `toJSON`, which is what JSON.stringify asks for. */
  get json(): JsonValue {
    return this as unknown as JsonValue;
  }
}

/** Recursion is safe: packets are bounded in depth before they are read. */
function plain(value: unknown): JsonValue {
  if (Buffer.isBuffer(value)) return { [BYTES]: value.toString("base64") };
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value as JsonValue;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, plain(each)]));
}

/** The other way: JSON of a native member with bytes in it. @param text the JSON, to see whether there are any */
export function withBuffers(data: JsonValue, text: string): { readonly value: unknown; readonly binary: boolean } {
  if (!text.includes(`"${BYTES}":"`)) return { value: data, binary: false };
  return { value: revive(data, 0), binary: true };
}

/** What is deeper than this stays JSON. */
const MAX_REVIVED_DEPTH = 100;

function revive(value: JsonValue, depth: number): unknown {
  if (typeof value !== "object" || value === null || depth > MAX_REVIVED_DEPTH) return value;
  if (Array.isArray(value)) return value.map((each) => revive(each, depth + 1));
  const entries = Object.entries(value);
  const [first] = entries;
  if (entries.length === 1 && first?.[0] === BYTES && typeof first[1] === "string") return Buffer.from(first[1], "base64");
  return Object.fromEntries(entries.map(([name, each]) => [name, revive(each, depth + 1)]));
}
