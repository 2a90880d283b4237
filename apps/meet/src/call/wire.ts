/**
 * What two copies of the app tell each other: a member's metadata, and messages through `room.send` or a call's data connection.
 * It comes from other people's browsers, so it is checked here and trusted nowhere else.
 */
import type { Json } from "../sdk.ts";
import { NAME_LENGTH } from "../state/settings.ts";

/** What each member tells of itself; the rest of the app reads tracks, names and icons from it. */
export type Presence = {
  readonly name: string;
  readonly microphone: boolean;
  readonly camera: boolean;
  /** ID of the stream that carries the shared screen. */
  readonly screen: string | undefined;
};

export type WireMessage =
  | { readonly type: "chat"; readonly id: string; readonly text: string }
  /** In a phone call, where there is no member metadata. */
  | { readonly type: "presence"; readonly presence: Presence };

/** Characters of one chat message: well under the server's limit on a message even if each takes 4 bytes. */
export const CHAT_LENGTH = 4000;
const ID_LENGTH = 64;
/** MediaStream IDs are 36 characters; some browsers use up to 38 with braces. */
const STREAM_ID_LENGTH = 128;

type Fields = Readonly<Record<string, unknown>>;

function fieldsOf(value: unknown): Fields | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
}

/** Unknown or damaged metadata gives a nameless member that shows what it sends. */
export function parsePresence(value: unknown): Presence {
  const fields = fieldsOf(value) ?? {};
  const { name, microphone, camera, screen } = fields;
  return {
    name: typeof name === "string" ? cleanName(name) : "",
    microphone: microphone !== false,
    camera: camera !== false,
    screen: typeof screen === "string" && screen !== "" && screen.length <= STREAM_ID_LENGTH ? screen : undefined,
  };
}

export function formatPresence(presence: Presence): Json {
  const { name, microphone, camera, screen } = presence;
  return screen === undefined ? { name, microphone, camera } : { name, microphone, camera, screen };
}

/** `undefined`: not for this app, or damaged; ignored. */
export function parseMessage(value: unknown): WireMessage | undefined {
  const fields = fieldsOf(value);
  switch (fields?.type) {
    case "chat": {
      const { id, text } = fields;
      if (typeof id !== "string" || id === "" || id.length > ID_LENGTH) return undefined;
      if (typeof text !== "string" || text.trim() === "" || text.length > CHAT_LENGTH) return undefined;
      return { type: "chat", id, text };
    }
    case "presence":
      return { type: "presence", presence: parsePresence(fields.presence) };
    default:
      return undefined;
  }
}

export function formatWireMessage(message: WireMessage): Json {
  return message.type === "presence" ? { type: "presence", presence: formatPresence(message.presence) } : message;
}

/** One line, no control or direction-changing characters (they could make one name look like another), cut at `most` characters. */
export function cleanName(name: string, most: number = NAME_LENGTH): string {
  const plain = name.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, " ").trim();
  return [...plain].slice(0, most).join("");
}
