/** What the two ends of a file transfer tell each other: JSON in `control` frames. Each sender numbers its own transfers. */
import { type JsonValue, ProtocolError } from "@tsunagi/base";
import { utf8 } from "./serialization.ts";

/** Name and metadata are for a person to read: what does not fit is no name. */
export const MAX_OFFER_BYTES = 8 * 1024;
export const MAX_FILE_NAME = 255;

export type FileOffer = {
  readonly type: "offer";
  readonly id: number;
  readonly name: string;
  readonly size: number;
  readonly mimeType: string;
  readonly metadata?: JsonValue | undefined;
};
/** From the sender of the file: `offer`, `end`, `cancel`. From its receiver: the others. */
export type FileControl =
  | FileOffer
  | { readonly type: "end"; readonly id: number; readonly sha256: string }
  /** `code` where it is a failure, absent where a person cancelled. */
  | { readonly type: "cancel"; readonly id: number; readonly code?: string | undefined }
  | { readonly type: "accept"; readonly id: number }
  /** The receiver does not want it, wants no more of it, or found it damaged. */
  | { readonly type: "stop"; readonly id: number; readonly code?: string | undefined }
  | { readonly type: "done"; readonly id: number; readonly sha256: string };

export function encodeControl(control: FileControl): Uint8Array {
  return utf8.encode(JSON.stringify(control));
}

/** @throws {ProtocolError} `data.frame.malformed` */
export function parseControl(bytes: Uint8Array): FileControl {
  const { type, id, code, sha256, name, size, mimeType, metadata } = parseObject(bytes);
  if (!isCount(id)) throw malformed();
  switch (type) {
    case "accept":
      return { type, id };
    case "cancel":
    case "stop":
      return typeof code === "string" ? { type, id, code: code.slice(0, 64) } : { type, id };
    case "end":
    case "done":
      if (typeof sha256 !== "string" || !/^[0-9a-f]{64}$/.test(sha256)) throw malformed();
      return { type, id, sha256 };
    case "offer":
      if (typeof name !== "string" || !isCount(size) || typeof mimeType !== "string") throw malformed();
      return { type, id, name: safeName(name), size, mimeType: safeType(mimeType), metadata: metadata as JsonValue | undefined };
    default:
      throw malformed();
  }
}

/** The last component of a path, without what a file name cannot hold or what would hide its real ending. */
export function safeName(name: string): string {
  const last =
    name
      .slice(-4 * MAX_FILE_NAME)
      .split(/[/\\]/)
      .at(-1) ?? "";
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters, and those that turn the direction of writing, are what goes
  const clean = last.replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, "").trim();
  return clean === "" || clean === "." || clean === ".." ? "file" : clean.slice(-MAX_FILE_NAME);
}

/** A media type (RFC 9110 §8.3.1) or nothing. */
function safeType(type: string): string {
  return type.length <= 255 && /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+(;[\x20-\x7e]*)?$/.test(type) ? type : "";
}

function parseObject(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  if (bytes.length > 2 * MAX_OFFER_BYTES) throw malformed();
  let value: unknown;
  try {
    value = JSON.parse(utf8.decode(bytes));
  } catch (cause) {
    throw malformed(cause);
  }
  if (typeof value !== "object" || value === null) throw malformed();
  return value as Record<string, unknown>;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function malformed(cause?: unknown): ProtocolError {
  return new ProtocolError("data.frame.malformed", "A control frame that is no known message about a file.", { cause });
}
