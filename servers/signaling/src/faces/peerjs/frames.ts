/** The frames of PeerServer's WebSocket: JSON objects with `type`, `dst`, `payload` from a client and `src` added by the server. */

/** Nested arrays and objects in a payload: more than any application has, and far from what would exhaust the stack. */
const MAX_DEPTH = 64;
/** Longer ones name nobody. */
const MAX_DST = 1_024;

export const HEARTBEAT = '{"type":"HEARTBEAT"}';
export const OPEN_FRAME = '{"type":"OPEN"}';
export const ID_TAKEN_FRAME = '{"type":"ID-TAKEN","payload":{"msg":"ID is taken"}}';

/** Texts that clients and their authors know. */
export const MISSING_PARAMETERS = "No id, token, or key supplied to websocket server";
export const INVALID_KEY = "Invalid key provided";
export const LIMIT_REACHED = "Server has reached its concurrent user limit";

export function errorFrame(msg: string): string {
  return JSON.stringify({ type: "ERROR", payload: { msg } });
}

/** What one client sends to another. */
export type RelayType = "OFFER" | "ANSWER" | "CANDIDATE" | "LEAVE" | "EXPIRE";
const RELAYED: ReadonlySet<unknown> = new Set<RelayType>(["OFFER", "ANSWER", "CANDIDATE", "LEAVE", "EXPIRE"]);

export type RelayFrame = {
  readonly type: RelayType;
  readonly dst: string;
  readonly payload: unknown;
  /** The frame as it came. */
  readonly text: string;
  /** It has these three fields and no other, in the order in which the client library writes them. */
  readonly plain: boolean;
};

export type ClientFrame =
  | { readonly type: "HEARTBEAT" }
  /** The client gives its id back. */
  | { readonly type: "leave" }
  | { readonly type: "relay"; readonly frame: RelayFrame };

/** Why a frame means nothing. */
export type Ignored = "json" | "type" | "dst" | "depth";

/** Never throws: frames that mean nothing are ignored, and disturb nobody. */
export function parseFrame(text: string): ClientFrame | Ignored {
  if (text === HEARTBEAT) return { type: "HEARTBEAT" };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return "json";
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return "json";
  const { type, dst, payload } = value as { readonly type?: unknown; readonly dst?: unknown; readonly payload?: unknown };
  if (type === "HEARTBEAT") return { type };
  if (!isRelayType(type)) return "type";
  if (dst === undefined || dst === null || dst === "") return type === "LEAVE" ? { type: "leave" } : "dst";
  if (typeof dst !== "string" || dst.length > MAX_DST) return "dst";
  if (isDeeperThan(payload, MAX_DEPTH)) return "depth";
  return { type: "relay", frame: { type, dst, payload, text, plain: hasOnly(value, PLAIN) } };
}

const PLAIN = ["type", "payload", "dst"] as const;

function hasOnly(value: object, names: readonly string[]): boolean {
  let index = 0;
  for (const name in value) {
    if (name !== names[index]) return false;
    index += 1;
  }
  return index === names.length;
}

function isRelayType(type: unknown): type is RelayType {
  return RELAYED.has(type);
}

/**
 * The frame as its receiver gets it: `type`, `src`, `dst`, `payload`.
 *
 * The client's own text is used where that is safe (0.7 µs for a description of 2 kB; writing it as JSON again takes 5): it begins and ends as
 * the library writes it, and parsed to just the three names. What the server says comes last, so that it holds whatever name was doubled
 * before it; a doubled type would have been parsed to another one, or the same.
 */
export function relayedText({ type, dst, payload, text, plain }: RelayFrame, src: string): string {
  const from = `"src":${JSON.stringify(src)},"dst":${JSON.stringify(dst)}`;
  if (plain) {
    const tail = `,"dst":"${dst}"}`;
    if (text.startsWith(`{"type":"${type}","payload":`) && text.endsWith(tail)) return `${text.slice(0, -tail.length)},${from}}`;
  }
  return payload === undefined ? `{"type":"${type}",${from}}` : `{"type":"${type}",${from},"payload":${JSON.stringify(payload)}}`;
}

/** A frame that the server makes in another peer's name. */
export function madeFrame(type: RelayType, src: string, dst: string, payload?: unknown): string {
  return JSON.stringify(payload === undefined ? { type, src, dst } : { type, src, dst, payload });
}

/** Stops as soon as it knows, so the stack stays shallow, too. */
function isDeeperThan(value: unknown, depth: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (depth === 0) return true;
  for (const key in value) {
    if (isDeeperThan((value as Readonly<Record<string, unknown>>)[key], depth - 1)) return true;
  }
  return false;
}
