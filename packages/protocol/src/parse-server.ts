/**
 * The client's end of the boundary: checks the shape of the server's messages without a schema library, since the browser SDK carries
 * this file. A client trusts its server; what is checked is what the code that follows relies on.
 */
import { ProtocolError } from "@tsunagi/base";
import type { ServerMessage } from "./messages.ts";

type Check = "string" | "number" | "boolean" | "object" | "array" | "present";
type Shape = Readonly<Record<string, Check>>;

const welcome: Shape = {
  version: "number",
  peerId: "string",
  resumeToken: "string",
  graceMs: "number",
  heartbeatMs: "number",
  iceServers: "array",
  limits: "object",
  permissions: "object",
};
const counter: Shape = { received: "number" };
const relay: Shape = { from: "string", connection: "string" };

/** The fields that must be there, by message type. */
const SHAPES: { readonly [Type in ServerMessage["type"]]: Shape } = {
  opened: welcome,
  resumed: { ...welcome, received: "number", restored: "boolean", lostRooms: "array" },
  ack: counter,
  ping: counter,
  pong: counter,
  bye: { code: "string", message: "string", retry: "boolean" },
  offer: { ...relay, kind: "string", sdp: "string" },
  answer: { ...relay, sdp: "string" },
  candidate: { ...relay, candidate: "present" },
  restart: relay,
  reject: { ...relay, reason: "string" },
  hangup: { ...relay, reason: "string" },
  presence: { re: "number", present: "array" },
  peers: { re: "number", peers: "array" },
  joined: { re: "number", room: "string", mode: "string", self: "object", others: "array" },
  left: { re: "number", room: "string" },
  log: { re: "number", room: "string", entries: "array" },
  done: { re: "number" },
  credential: { re: "number", resumeToken: "string", permissions: "object" },
  "ice-servers": { re: "number", iceServers: "array" },
  "sfu-answer": { re: "number", room: "string", epoch: "number", sdp: "string" },
  published: { room: "string", publication: "object" },
  unpublished: { room: "string", publication: "string" },
  "publication-updated": { room: "string", publication: "object" },
  "sfu-reset": { room: "string", epoch: "number" },
  "room-mode": { room: "string", mode: "string" },
  "member-joined": { room: "string", member: "object" },
  "member-left": { room: "string", peerId: "string" },
  "member-updated": { room: "string", member: "object" },
  "room-updated": { room: "string", metadata: "present", by: "string" },
  "room-data": { room: "string", data: "present" },
  "room-closed": { room: "string", code: "string", message: "string" },
  "ice-servers-changed": { iceServers: "array" },
  expiring: { expiresAt: "number" },
  error: { code: "string", message: "string" },
};

const shapes: ReadonlyMap<string, readonly (readonly [string, Check])[]> = new Map(
  Object.entries(SHAPES).map(([type, shape]) => [type, Object.entries(shape)]),
);

/**
 * Reads one message of the server.
 *
 * @returns undefined for a type that this client does not know: a newer server may send it. It counts (session.ts) and is ignored.
 * @throws {ProtocolError} `protocol.message.malformed`
 */
export function parseServerMessage(text: string): ServerMessage | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new ProtocolError("protocol.message.malformed", "not JSON", { cause });
  }
  if (typeof value !== "object" || value === null) throw new ProtocolError("protocol.message.malformed", "not an object");
  const fields = value as Readonly<Record<string, unknown>>;
  if (typeof fields.type !== "string") throw new ProtocolError("protocol.message.malformed", 'no "type"');
  const shape = shapes.get(fields.type);
  if (shape === undefined) return undefined;
  for (const [name, check] of shape) {
    if (!holds(fields[name], check)) throw new ProtocolError("protocol.message.malformed", `${fields.type}: ${name}`);
  }
  return value as ServerMessage;
}

function holds(value: unknown, check: Check): boolean {
  if (check === "present") return value !== undefined;
  if (check === "array") return Array.isArray(value);
  if (check === "object") return typeof value === "object" && value !== null && !Array.isArray(value);
  return typeof value === check;
}
