import type { Publication, SfuReceive } from "@tsunagi/protocol";
import { describe, expect, it } from "vitest";
import { assignSlots, sameSlots } from "./slots.ts";

const publication = (id: string, peerId: string, kind: "audio" | "video", more: Partial<Publication> = {}): Publication => ({
  id,
  peerId,
  kind,
  source: kind === "video" ? "camera" : "microphone",
  stream: "s",
  muted: false,
  ...more,
});
const EMPTY: readonly SfuReceive[] = [
  { mid: "0", kind: "audio", publication: null },
  { mid: "1", kind: "video", publication: null },
];
const ids = (slots: readonly SfuReceive[]) => slots.map((slot) => slot.publication);

describe("assignSlots", () => {
  it("gives a viewer the picture and sound of one member", () => {
    const all = [publication("a1", "a", "audio"), publication("b1", "b", "audio"), publication("b2", "b", "video")];
    expect(ids(assignSlots(EMPTY, all, undefined))).toEqual(["b1", "b2"]);
    expect(ids(assignSlots(EMPTY, all, "a"))).toEqual(["a1", null]);
    expect(ids(assignSlots(EMPTY, [], undefined))).toEqual([null, null]);
  });

  it("keeps what is shown while it lasts, and then goes on with the next", () => {
    const [b1, b2] = [publication("b1", "b", "audio"), publication("b2", "b", "video")];
    const [c1, c2] = [publication("c1", "c", "audio"), publication("c2", "c", "video")];
    const first = assignSlots(EMPTY, [b1, b2], undefined);
    expect(ids(assignSlots(first, [c1, c2, b1, b2], undefined))).toEqual(["b1", "b2"]);
    expect(ids(assignSlots(first, [c1, c2], undefined))).toEqual(["c1", "c2"]);
    // The sound ends, the picture goes on: what is left of the same member comes before others.
    const b3 = publication("b3", "b", "audio", { stream: "other" });
    expect(ids(assignSlots(first, [c1, c2, b2, b3], undefined))).toEqual(["b3", "b2"]);
  });

  it("prefers a screen to the camera beside it, and fills more sections with more", () => {
    const all = [
      publication("a1", "a", "video"),
      publication("a2", "a", "video", { source: "screen", stream: "screen" }),
      publication("b1", "b", "video"),
    ];
    expect(ids(assignSlots(EMPTY, all, undefined))).toEqual([null, "a2"]);
    const more: readonly SfuReceive[] = [...EMPTY, { mid: "2", kind: "video", publication: null }];
    expect(ids(assignSlots(more, all, undefined))).toEqual([null, "a2", "a1"]);
  });

  it("knows when nothing has changed", () => {
    const all = [publication("b2", "b", "video")];
    const once = assignSlots(EMPTY, all, undefined);
    expect(sameSlots(once, assignSlots(once, all, undefined))).toBe(true);
    expect(sameSlots(once, EMPTY)).toBe(false);
  });
});
