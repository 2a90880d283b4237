/** What a viewer should be told about a broadcast, from what the room shows. */
import type { Publication } from "../sdk.ts";
import type { BroadcastNote } from "./wire.ts";

export type OnAir =
  /** Nobody has begun yet. */
  | "waiting"
  | "live"
  /** Whoever broadcasts is here, but nothing comes. */
  | "interrupted"
  | "over";

export type Scene = {
  /** Whose broadcast it is, as far as known; kept after the media stops. */
  readonly publisher: string | undefined;
  readonly publisherHere: boolean;
  readonly publishing: boolean;
  readonly note: BroadcastNote | undefined;
  readonly seenLive: boolean;
};

export function onAir({ publisherHere, publishing, note, seenLive }: Scene): OnAir {
  if (publishing) return "live";
  if (note?.state === "over") return "over";
  if (!seenLive) return publisherHere ? "interrupted" : "waiting";
  return publisherHere ? "interrupted" : "over";
}

/** Who broadcasts: the one before while it sends, else who sends a picture, else who sends at all. The server's own faces come first. */
export function choosePublisher(publications: Iterable<Publication>, before: string | undefined): string | undefined {
  const all = [...publications];
  if (all.some(({ peerId }) => peerId === before)) return before;
  const rank = ({ peerId, kind }: Publication) => (peerId.startsWith("whip-") ? 0 : 2) + (kind === "video" ? 0 : 1);
  return all.reduce<Publication | undefined>(
    (best, each) => (best === undefined || rank(each) < rank(best) ? each : best),
    undefined,
  )?.peerId;
}
