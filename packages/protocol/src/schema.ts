/** The server's end of the boundary: text from a client in, a typed message or a coded error out. Validates once; inside, types are trusted. */
import { ProtocolError } from "@tsunagi/base";
import type { z } from "zod";
import { clientSchemas } from "./client-schemas.ts";
import type { ErrorCode } from "./errors.ts";
import { hotProblem } from "./hot-messages.ts";
import type { ClientMessage } from "./messages.ts";

export { clientSchemas } from "./client-schemas.ts";
export { serverSchemas } from "./server-schemas.ts";

export type ParseLimits = {
  /** Bytes of UTF-8. Default 262,144. */
  readonly messageBytes?: number;
  /** Nested arrays and objects. Default 32. */
  readonly depth?: number;
};

const DEFAULT_MESSAGE_BYTES = 262_144;
const DEFAULT_DEPTH = 32;

/**
 * Reads one message of a client.
 *
 * Unknown fields are ignored. A number in the message stays as it was; the result may share structure with nothing else.
 *
 * @throws {ProtocolError} `protocol.message.too-large`, `protocol.message.malformed`, `protocol.message.unknown`
 */
export function parseClientMessage(text: string, limits: ParseLimits = {}): ClientMessage {
  const messageBytes = limits.messageBytes ?? DEFAULT_MESSAGE_BYTES;
  // A UTF-16 unit takes at most 3 bytes of UTF-8: short texts need no counting.
  if (text.length * 3 > messageBytes && utf8Length(text) > messageBytes) {
    throw failure("protocol.message.too-large", `longer than ${messageBytes} bytes`);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw failure("protocol.message.malformed", "not JSON", cause);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw failure("protocol.message.malformed", "not a JSON object");
  }
  const type = (value as { readonly type?: unknown }).type;
  if (typeof type !== "string") throw failure("protocol.message.malformed", 'no "type"');
  if (isDeeperThan(value, limits.depth ?? DEFAULT_DEPTH)) throw failure("protocol.message.malformed", "nested too deeply");
  const hot = hotProblem(type, value as Readonly<Record<string, unknown>>);
  if (hot === undefined) return value as ClientMessage;
  if (hot !== "not-hot") throw failure("protocol.message.malformed", `${type}: ${hot}`);
  const schema = schemas.get(type);
  if (schema === undefined) throw failure("protocol.message.unknown", `no message type ${JSON.stringify(type.slice(0, 64))}`);
  const result = schema.safeParse(value);
  if (!result.success) throw failure("protocol.message.malformed", `${type}: ${firstIssue(result.error)}`);
  return result.data as ClientMessage;
}

const schemas: ReadonlyMap<string, z.ZodType> = new Map(Object.entries(clientSchemas));

function failure(code: ErrorCode, message: string, cause?: unknown): ProtocolError {
  return new ProtocolError(code, message, { cause });
}

function firstIssue(error: z.ZodError): string {
  const issue = error.issues[0];
  return issue === undefined ? "invalid" : `${issue.path.map(String).join(".")}: ${issue.message}`.slice(0, 200);
}

/** Whether arrays and objects are nested deeper than `depth`; stops as soon as it knows, so the stack stays shallow too. */
function isDeeperThan(value: unknown, depth: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (depth === 0) return true;
  for (const key in value) {
    if (isDeeperThan((value as Readonly<Record<string, unknown>>)[key], depth - 1)) return true;
  }
  return false;
}

function utf8Length(text: string): number {
  let bytes = 0;
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    // Each half of a surrogate pair counts 2 of its 4 bytes.
    bytes += unit < 0x80 ? 1 : unit < 0x800 || (unit >= 0xd800 && unit <= 0xdfff) ? 2 : 3;
  }
  return bytes;
}
