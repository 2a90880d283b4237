/**
 * Hand-written checks of the relayed messages, which are nearly all traffic. They let through exactly what the schemas of
 * client-schemas.ts let through; a property test holds that. Measured: 0.3 µs a message against 1.6 µs.
 */
import { CANDIDATE_CHARACTERS, LABEL_CHARACTERS, METADATA_CHARACTERS, NAME_CHARACTERS } from "./limits.ts";

type Fields = Readonly<Record<string, unknown>>;

/** What is wrong with the message; undefined: nothing; `not-hot`: this type is not checked here. */
export function hotProblem(type: string, value: Fields): string | undefined {
  switch (type) {
    case "offer":
      return relayProblem(value) ?? offerProblem(value);
    case "answer":
      return relayProblem(value) ?? epochProblem(value) ?? (typeof value.sdp === "string" ? undefined : "sdp");
    case "candidate":
      return relayProblem(value) ?? epochProblem(value) ?? candidateProblem(value.candidate);
    case "restart":
      return relayProblem(value) ?? epochProblem(value);
    case "reject":
    case "hangup":
      return relayProblem(value) ?? (isName(value.reason) ? undefined : "reason");
    default:
      return "not-hot";
  }
}

function relayProblem(value: Fields): string | undefined {
  if (!isName(value.to)) return "to";
  return isName(value.connection) ? undefined : "connection";
}

function epochProblem(value: Fields): string | undefined {
  return value.epoch === undefined || isCount(value.epoch) ? undefined : "epoch";
}

function offerProblem(value: Fields): string | undefined {
  if (value.kind !== "media" && value.kind !== "data") return "kind";
  if (typeof value.sdp !== "string") return "sdp";
  if (value.room !== undefined && !isName(value.room)) return "room";
  if (!isOptionalBoolean(value.restart)) return "restart";
  if (!isOptionalBoolean(value.trickle)) return "trickle";
  if (value.metadata !== undefined && !isShortJson(value.metadata)) return "metadata";
  if (value.label !== undefined && !isText(value.label, LABEL_CHARACTERS)) return "label";
  const serialization = value.serialization;
  if (serialization !== undefined && serialization !== "binary" && serialization !== "json" && serialization !== "raw") {
    return "serialization";
  }
  if (value.framing !== undefined && value.framing !== "skyway" && value.framing !== "peerjs") return "framing";
  return epochProblem(value) ?? reliabilityProblem(value.reliability);
}

function reliabilityProblem(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== "object" || value === null || Array.isArray(value)) return "reliability";
  const fields = value as Fields;
  const ok =
    isOptionalBoolean(fields.ordered) &&
    (fields.maxRetransmits === undefined || isUint16(fields.maxRetransmits)) &&
    (fields.maxPacketLifeTime === undefined || isUint16(fields.maxPacketLifeTime)) &&
    // webrtc-pc #dom-peerconnection-createdatachannel step 14: not both.
    (fields.maxRetransmits === undefined || fields.maxPacketLifeTime === undefined);
  return ok ? undefined : "reliability";
}

function candidateProblem(value: unknown): string | undefined {
  if (value === null) return undefined;
  if (typeof value !== "object" || Array.isArray(value)) return "candidate";
  const fields = value as Fields;
  const ok =
    isText(fields.candidate, CANDIDATE_CHARACTERS) &&
    isOptionalText(fields.sdpMid) &&
    (fields.sdpMLineIndex === undefined || fields.sdpMLineIndex === null || isUint16(fields.sdpMLineIndex)) &&
    isOptionalText(fields.usernameFragment);
  return ok ? undefined : "candidate";
}

function isText(value: unknown, characters: number): boolean {
  return typeof value === "string" && value.length <= characters;
}

function isName(value: unknown): boolean {
  return typeof value === "string" && value.length > 0 && value.length <= NAME_CHARACTERS;
}

/** RFC 8839 §5.4 ends an ice-ufrag at 256 characters; a mid has no length of its own. */
function isOptionalText(value: unknown): boolean {
  return value === undefined || value === null || isText(value, 256);
}

function isOptionalBoolean(value: unknown): boolean {
  return value === undefined || typeof value === "boolean";
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isUint16(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 65_535;
}

/** Whether a JSON value is short enough to be kept as metadata. */
export function isShortJson(value: unknown, characters = METADATA_CHARACTERS): boolean {
  if (typeof value === "string" && value.length > characters) return false;
  return typeof value !== "object" || value === null || JSON.stringify(value).length <= characters;
}
