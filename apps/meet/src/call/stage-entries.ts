/** What stands on the stage: who has a tile, which of them is large, and in which layout. */
import type { Participant } from "./model.ts";
import type { TileSource } from "./tile.tsx";

/** `grid`: all equal. `speaker`: one large, the others beside it. `spotlight`: one alone. */
export type Layout = "grid" | "speaker" | "spotlight";

export const LAYOUTS: readonly Layout[] = ["grid", "speaker", "spotlight"];

export function nextLayout(layout: Layout): Layout {
  return LAYOUTS[(LAYOUTS.indexOf(layout) + 1) % LAYOUTS.length] ?? "grid";
}

export type StageEntry = { readonly key: string; readonly participant: Participant; readonly source: TileSource };

/** Screens first, so that they lead; listeners send nothing and have no tile. */
export function stageEntries(participants: readonly Participant[], self: Participant | undefined): readonly StageEntry[] {
  const entry = (participant: Participant, source: TileSource): StageEntry => ({
    key: `${participant.id}/${source}`,
    participant,
    source,
  });
  const cameras = participants.filter(({ receiveOnly }) => !receiveOnly).map((each) => entry(each, "camera"));
  const screens = participants.filter(({ screen }) => screen !== null).map((each) => entry(each, "screen"));
  return [...screens, ...cameras, ...(self === undefined ? [] : [entry(self, "camera")])];
}

/** Whose tile is large: the pinned one, else a screen, else whose turn it is to speak. */
export function chooseFocus(
  entries: readonly StageEntry[],
  pinned: string | undefined,
  speaker: string | undefined,
): string | undefined {
  const there = (key: string | undefined) => key !== undefined && entries.some((each) => each.key === key);
  if (there(pinned)) return pinned;
  const screen = entries.find(({ source }) => source === "screen");
  if (screen !== undefined) return screen.key;
  const speaking = speaker === undefined ? undefined : `${speaker}/camera`;
  return there(speaking) ? speaking : entries[0]?.key;
}
