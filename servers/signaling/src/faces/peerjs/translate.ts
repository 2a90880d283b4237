/** Between PeerJS's payloads and the conference core's messages, for calls with peers of other kinds and for the core's own books. */
import type { JsonValue } from "@tsunagi/base";
import type { CoreMessage, Relayed } from "@tsunagi/conference";
import {
  CANDIDATE_CHARACTERS,
  type Candidate,
  type ConnectionKind,
  LABEL_CHARACTERS,
  METADATA_CHARACTERS,
  NAME_CHARACTERS,
  type Serialization,
} from "@tsunagi/protocol";
import type { RelayType } from "./frames.ts";

type Fields = Readonly<Record<string, unknown>>;
export type RelayMessage = Extract<CoreMessage, { readonly to: string; readonly connection: string }>;
export type OfferMessage = Extract<RelayMessage, { readonly type: "offer" }>;

/** A mid or an ICE user fragment (RFC 8839 §5.4). */
const SHORT_TEXT = 256;

/** How PeerJS's words for serializations are called elsewhere. Both generations of BinaryPack are one format to the client. */
const SERIALIZATIONS: ReadonlyMap<unknown, Serialization> = new Map<unknown, Serialization>([
  ["raw", "raw"],
  ["json", "json"],
  ["binary", "binary"],
  ["binary-utf8", "binary"],
]);

/**
 * What a client's OFFER, ANSWER or CANDIDATE says to the core.
 *
 * @returns undefined: it does not have the form that the client library gives it
 */
export function toCore(type: RelayType, to: string, payload: unknown): RelayMessage | undefined {
  if (!isFields(payload)) return undefined;
  const connection = payload.connectionId;
  if (typeof connection !== "string" || connection === "" || connection.length > NAME_CHARACTERS) return undefined;
  if (type === "CANDIDATE") {
    const candidate = candidateOf(payload.candidate);
    return candidate === undefined ? undefined : { type: "candidate", to, connection, candidate };
  }
  const sdp = isFields(payload.sdp) ? payload.sdp.sdp : undefined;
  if (typeof sdp !== "string") return undefined;
  if (type === "ANSWER") return { type: "answer", to, connection, sdp };
  if (type !== "OFFER" || (payload.type !== "media" && payload.type !== "data")) return undefined;
  const offer = { type: "offer", to, connection, kind: payload.type, sdp, framing: "peerjs" } as const;
  const metadata = payload.metadata === undefined ? {} : { metadata: payload.metadata as JsonValue };
  if (payload.type === "media") return { ...offer, ...metadata };
  const serialization = SERIALIZATIONS.get(payload.serialization);
  return {
    ...offer,
    ...metadata,
    ...(typeof payload.label === "string" ? { label: payload.label } : {}),
    ...(serialization === undefined ? {} : { serialization }),
    reliability: { ordered: payload.reliable === true },
  };
}

/** Whether peers of other kinds may be given the offer: what the native face would refuse from its own clients must not get round it. */
export function isWithinLimits(offer: OfferMessage): boolean {
  if (offer.kind === "data" && offer.serialization === undefined) return false;
  if (offer.label !== undefined && offer.label.length > LABEL_CHARACTERS) return false;
  return offer.metadata === undefined || JSON.stringify(offer.metadata).length <= METADATA_CHARACTERS;
}

/** What another kind of peer says, as a frame's type and payload; undefined: PeerJS has no word for it. */
export function fromCore(
  message: Relayed["message"],
  kind: ConnectionKind,
): { readonly type: RelayType; readonly payload: Fields } | undefined {
  const common = { type: kind, connectionId: message.connection };
  switch (message.type) {
    case "offer": {
      const payload = { sdp: { type: "offer", sdp: message.sdp }, ...common, metadata: message.metadata };
      if (kind === "media") return { type: "OFFER", payload };
      const { label = message.connection, serialization = "binary", reliability } = message;
      return { type: "OFFER", payload: { ...payload, label, serialization, reliable: reliability?.ordered !== false } };
    }
    case "answer":
      return { type: "ANSWER", payload: { sdp: { type: "answer", sdp: message.sdp }, ...common } };
    case "candidate":
      // The client has no word for "no more of them", and takes an empty one for a broken one.
      return message.candidate === null ? undefined : { type: "CANDIDATE", payload: { candidate: message.candidate, ...common } };
    default:
      return undefined;
  }
}

function candidateOf(value: unknown): Candidate | null | undefined {
  if (value === null) return null;
  if (!isFields(value)) return undefined;
  const { candidate, sdpMid, sdpMLineIndex, usernameFragment } = value;
  if (typeof candidate !== "string" || candidate.length > CANDIDATE_CHARACTERS) return undefined;
  if (!isOptionalText(sdpMid) || !isOptionalText(usernameFragment)) return undefined;
  if (sdpMLineIndex !== undefined && sdpMLineIndex !== null && !isIndex(sdpMLineIndex)) return undefined;
  return { candidate, sdpMid, sdpMLineIndex, usernameFragment };
}

function isOptionalText(value: unknown): value is string | null | undefined {
  return value === undefined || value === null || (typeof value === "string" && value.length <= SHORT_TEXT);
}

function isIndex(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 65_535;
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
