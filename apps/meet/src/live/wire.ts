/** What a broadcast tells its viewers, in the room's metadata. It comes from somebody else's browser: checked here, trusted nowhere else. */
import { cleanName } from "../call/wire.ts";
import type { Json } from "../sdk.ts";

export type BroadcastNote = { readonly title: string; readonly state: "on" | "over" };

const TITLE_LENGTH = 80;

export { TITLE_LENGTH };

/** A room without a note may still be on the air: from OBS, say. */
export function parseNote(metadata: unknown): BroadcastNote | undefined {
  const note = fieldOf(metadata, "live");
  const state = fieldOf(note, "state");
  if (state !== "on" && state !== "over") return undefined;
  const title = fieldOf(note, "title");
  return { title: typeof title === "string" ? cleanName(title, TITLE_LENGTH) : "", state };
}

export function formatNote({ title, state }: BroadcastNote): Json {
  return { live: { title, state } };
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null && Object.hasOwn(value, name)
    ? (value as Readonly<Record<string, unknown>>)[name]
    : undefined;
}
