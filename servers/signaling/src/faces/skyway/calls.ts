/** Calls and data connections: skyway-js's messages and the core's, each translated into the other. */
import type { JsonValue } from "@tsunagi/base";
import type { Candidate, Inbound, Outbound, RelayBody, Reliability, Serialization } from "@tsunagi/protocol";
import { encodeEvent, isShallow } from "./packets.ts";

type Fields = Readonly<Record<string, unknown>>;
type Relay = Outbound<RelayBody>;

/** As in the native protocol: characters of names, of a candidate line, of a label. */
const NAME = 128;
const CANDIDATE = 4_096;
const LABEL = 1_024;

/** What a peer that speaks to another one sends, and under which name that one gets it. */
export const RELAYED: ReadonlyMap<string, string> = new Map([
  ["SEND_OFFER", "OFFER"],
  ["SEND_ANSWER", "ANSWER"],
  ["SEND_CANDIDATE", "CANDIDATE"],
  ["SEND_FORCE_CLOSE", "FORCE_CLOSE"],
]);

/** @returns undefined when the message cannot be understood */
export function readRelayed(
  event: string,
  payload: unknown,
): { readonly message: Relay; readonly room: string | undefined } | undefined {
  const fields = asFields(payload);
  if (fields === undefined) return undefined;
  const { dst: to, connectionId: connection, roomName } = fields;
  if (!isName(to) || !isName(connection)) return undefined;
  const room = isName(roomName) ? roomName : undefined;
  const message = body(event, fields, { to, connection }, room);
  return message === undefined ? undefined : { message, room };
}

function body(
  event: string,
  fields: Fields,
  names: { readonly to: string; readonly connection: string },
  room: string | undefined,
): Relay | undefined {
  switch (event) {
    case "SEND_OFFER":
      return offer(fields, names, room);
    case "SEND_ANSWER": {
      const sdp = asFields(fields.answer)?.sdp;
      return typeof sdp === "string" ? { type: "answer", ...names, sdp } : undefined;
    }
    case "SEND_CANDIDATE": {
      const candidate = readCandidate(fields.candidate);
      return candidate === undefined ? undefined : { type: "candidate", ...names, candidate };
    }
    case "SEND_FORCE_CLOSE":
      return { type: "hangup", ...names, reason: "hung-up" };
    default:
      return undefined;
  }
}

function offer(
  fields: Fields,
  names: { readonly to: string; readonly connection: string },
  room: string | undefined,
): Relay | undefined {
  const kind = fields.connectionType;
  const sdp = asFields(fields.offer)?.sdp;
  if ((kind !== "media" && kind !== "data") || typeof sdp !== "string") return undefined;
  const { label, metadata } = fields;
  if (!isShallow(metadata)) return undefined;
  return {
    type: "offer",
    ...names,
    kind,
    sdp,
    framing: "skyway",
    ...(room === undefined ? {} : { room }),
    ...(metadata === undefined ? {} : { metadata: metadata as JsonValue }),
    ...(typeof label === "string" && label.length <= LABEL ? { label } : {}),
    ...(kind === "data"
      ? { serialization: serializationOf(fields.serialization), reliability: reliabilityOf(fields.dcInit) }
      : {}),
  };
}

/** `binary-utf8` is packed as `binary` is. */
function serializationOf(value: unknown): Serialization {
  return value === "none" ? "raw" : value === "json" ? "json" : "binary";
}

function reliabilityOf(value: unknown): Reliability {
  const { ordered, maxRetransmits, maxPacketLifeTime } = asFields(value) ?? {};
  return {
    ...(typeof ordered === "boolean" ? { ordered } : {}),
    ...(isUint16(maxRetransmits) ? { maxRetransmits } : isUint16(maxPacketLifeTime) ? { maxPacketLifeTime } : {}),
  };
}

/** An RTCIceCandidateInit in the browser's JSON form. */
export function readCandidate(value: unknown): Candidate | undefined {
  const fields = asFields(value);
  if (fields === undefined) return undefined;
  const { candidate, sdpMid, sdpMLineIndex, usernameFragment } = fields;
  if (typeof candidate !== "string" || candidate.length > CANDIDATE) return undefined;
  return {
    candidate,
    ...(typeof sdpMid === "string" && sdpMid.length <= 256 ? { sdpMid } : {}),
    ...(isUint16(sdpMLineIndex) ? { sdpMLineIndex } : {}),
    ...(typeof usernameFragment === "string" && usernameFragment.length <= 256 ? { usernameFragment } : {}),
  };
}

/**
 * A message of a peer with another library, as skyway-js knows it.
 *
 * @param known kind and room of the connection: only offers carry them, and skyway-js wants them with every message
 * @returns undefined when it has no word for it
 */
export function writeRelayed(
  message: Relay | Inbound<RelayBody>,
  src: string,
  known: { readonly kind: "media" | "data"; readonly room?: string | undefined } | undefined,
): string | undefined {
  const { connection: connectionId } = message;
  const where = {
    ...(known === undefined ? {} : { connectionType: known.kind }),
    ...(known?.room === undefined ? {} : { roomName: known.room }),
  };
  switch (message.type) {
    case "offer": {
      const { kind, sdp, metadata, label, serialization, reliability } = message;
      return encodeEvent("OFFER", {
        offer: { type: "offer", sdp },
        connectionId,
        connectionType: kind,
        ...(metadata === undefined ? {} : { metadata }),
        ...(kind === "data"
          ? {
              serialization: serialization === "raw" ? "none" : (serialization ?? "binary"),
              label: label ?? connectionId,
              dcInit: reliability ?? {},
            }
          : {}),
        ...(message.room === undefined ? {} : { roomName: message.room }),
        src,
      });
    }
    case "answer":
      return encodeEvent("ANSWER", { answer: { type: "answer", sdp: message.sdp }, connectionId, ...where, src });
    case "candidate":
      // The end of candidates is never said.
      return message.candidate === null || message.candidate.candidate === ""
        ? undefined
        : encodeEvent("CANDIDATE", { candidate: message.candidate, connectionId, ...where, src });
    case "reject":
    case "hangup":
      return encodeEvent("FORCE_CLOSE", { connectionId, src });
    default:
      // `restart` asks for an offer that restarts ICE, which skyway-js never makes.
      return undefined;
  }
}

export function asFields(value: unknown): Fields | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
}

export function isName(value: unknown): value is string {
  return typeof value === "string" && value.length > 0 && value.length <= NAME;
}

function isUint16(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 65_535;
}
