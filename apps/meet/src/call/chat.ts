/** The chat beside a call: messages, files and comings and goings in one list. */

export type OutgoingState = "waiting" | "sending" | "paused" | "done" | "declined" | "cancelled" | "failed";
export type IncomingState = "offered" | "receiving" | "paused" | "done" | "declined" | "cancelled" | "failed";

export type Delivery = { readonly name: string; readonly state: OutgoingState; readonly sent: number };

export type FileProgress =
  | { readonly direction: "out"; readonly to: Readonly<Record<string, Delivery>>; readonly bytesPerSecond: number }
  | {
      readonly direction: "in";
      readonly state: IncomingState;
      readonly received: number;
      readonly bytesPerSecond: number;
      /** An object URL, once it is whole. */
      readonly url: string | undefined;
    };

type Author = {
  readonly id: string;
  readonly at: number;
  /** `undefined`: written here. */
  readonly from: { readonly id: string; readonly name: string } | undefined;
};

export type ChatItem =
  | (Author & { readonly type: "message"; readonly text: string; readonly failed?: boolean })
  | (Author & { readonly type: "file"; readonly name: string; readonly size: number; readonly progress: FileProgress })
  | (Coming & { readonly type: "joined" })
  | (Coming & { readonly type: "left" });

type Coming = { readonly id: string; readonly at: number; readonly name: string };

/** Items beyond these drop off at the top, so that a long call does not grow without end. Files under way stay. */
const ITEMS = 1000;

export function addItem(items: readonly ChatItem[], item: ChatItem): readonly ChatItem[] {
  if (items.some((other) => other.id === item.id)) return items;
  const next = [...items, item];
  if (next.length <= ITEMS) return next;
  const oldest = next.findIndex((other) => other.type !== "file");
  return oldest < 0 ? next : next.toSpliced(oldest, 1);
}

export function updateFile(
  items: readonly ChatItem[],
  id: string,
  change: (progress: FileProgress) => FileProgress,
): readonly ChatItem[] {
  return items.map((item) => (item.id === id && item.type === "file" ? { ...item, progress: change(item.progress) } : item));
}

/** What others wrote after the first `seen` items. */
export function countUnread(items: readonly ChatItem[], seen: ReadonlySet<string>): number {
  return items.filter(
    (item) => (item.type === "message" || item.type === "file") && item.from !== undefined && !seen.has(item.id),
  ).length;
}

export type OutgoingSummary = {
  readonly state: OutgoingState;
  /** 0 to 1 over all who have not refused. */
  readonly fraction: number;
  readonly waiting: number;
  readonly done: number;
  readonly count: number;
};

/** One file to several people as one line: the state that matters most, and how far it is. */
export function summarise(to: Readonly<Record<string, Delivery>>, size: number): OutgoingSummary {
  const all = Object.values(to);
  const having = (state: OutgoingState) => all.filter((delivery) => delivery.state === state).length;
  const active = all.filter(({ state }) => state === "sending" || state === "paused" || state === "waiting" || state === "done");
  const total = active.length * size;
  const sent = active.reduce((sum, delivery) => sum + (delivery.state === "done" ? size : delivery.sent), 0);
  const order: readonly OutgoingState[] = ["sending", "paused", "waiting", "done", "declined", "cancelled", "failed"];
  const state = order.find((each) => having(each) > 0) ?? "failed";
  return {
    state,
    fraction: total === 0 ? (having("done") > 0 ? 1 : 0) : Math.min(1, sent / total),
    waiting: having("waiting"),
    done: having("done"),
    count: all.length,
  };
}

/** A link's address within a text; everything else stays plain. Only http and https: other schemes could run something. */
export type TextPart = { readonly text: string; readonly href: string | undefined };

export function splitLinks(text: string): readonly TextPart[] {
  const parts: TextPart[] = [];
  let end = 0;
  for (const match of text.matchAll(/https?:\/\/[^\s<>"'、。「」（）]+/g)) {
    // A full stop or bracket after an address belongs to the sentence.
    const href = match[0].replace(/[.,;:!?)\]]+$/, "");
    if (!URL.canParse(href)) continue;
    if (match.index > end) parts.push({ text: text.slice(end, match.index), href: undefined });
    parts.push({ text: href, href });
    end = match.index + href.length;
  }
  if (end < text.length) parts.push({ text: text.slice(end), href: undefined });
  return parts;
}
