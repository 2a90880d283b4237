import type { Publication } from "@tsunagi/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Layout, MAX_SECTIONS } from "./layout.ts";

const layout = () => {
  let next = 0;
  return new Layout(() => `s${next++}`);
};
const publication = (id: string, peerId: string, kind: "audio" | "video", stream = "main"): Publication => ({
  id,
  peerId,
  kind,
  source: "other",
  stream,
  muted: false,
});

describe("the sections of a connection", () => {
  it("show whose streams are in them, one for each stream of each member", () => {
    const one = layout();
    expect(one.publish(publication("a", "alice", "audio"))).toBe(true);
    expect([one.isHalf("a"), one.isHalf("unknown")]).toEqual([true, true]);
    expect(one.publish(publication("b", "alice", "video"))).toBe(true);
    expect(one.isHalf("a")).toBe(false);
    expect(one.publish(publication("c", "alice", "video", "screen"))).toBe(true);
    expect(one.publish(publication("d", "bob", "video"))).toBe(true);
    // Muted, say.
    expect(one.publish({ ...publication("d", "bob", "video"), muted: true })).toBe(false);
    expect(one.offer(true).msids).toEqual({ s0: "alice", s1: "alice", s2: "bob" });
    // It goes to another stream.
    expect(one.publish(publication("d", "bob", "video", "other"))).toBe(true);
    expect(one.offer(true).slots.map(({ mid, publication }) => `${mid} ${publication}`)).toEqual(["2 a", "3 b", "4 c", "6 d"]);
    expect(one.unpublish("d")).toBe(true);
    expect([one.unpublish("d"), one.memberLeft("bob")]).toEqual([false, false]);
    expect(one.offer(true).msids).toEqual({ s0: "alice", s1: "alice" });
  });

  it("are not endless: what finds no place gets one when it is free", () => {
    const one = layout();
    for (let at = 0; at < MAX_SECTIONS; at++) one.publish(publication(`v${at}`, `m${at}`, "video"));
    const full = one.offer(true);
    expect([full.sections.length, full.slots.length]).toEqual([MAX_SECTIONS, MAX_SECTIONS - 2]);
    expect(one.settled(full)).toBe(false);
    one.memberLeft("m0");
    const ended = one.offer(true);
    expect(ended.slots).toHaveLength(MAX_SECTIONS - 3);
    expect(one.settled(ended)).toBe(true);
    const again = one.offer(true);
    expect(again.slots.find(({ mid }) => mid === "2")?.publication).toBe(`v${MAX_SECTIONS - 2}`);
  });

  it("take the transport of one more when theirs is of no use, which is not endless either", () => {
    const one = layout();
    for (let at = 0; at < 1_000; at++) one.addTag();
    const { sections } = one.offer(true);
    expect(sections).toHaveLength(400);
    expect(sections.filter(({ direction }) => direction === "tag")).toEqual([{ mid: "399", kind: "audio", direction: "tag" }]);
  });

  it("take what a client sends in the one whose transport is all sections'", () => {
    const one = layout();
    one.addTag();
    const { up } = one.offer(true);
    expect(up.map(({ mid }) => mid)).toContain("2");
    one.sentIn("2");
    one.addTag("sha-256 AA");
    expect(one.offer(true).sections.filter(({ mid }) => mid === "2")).toEqual([
      { mid: "2", kind: "audio", direction: "receive" },
    ]);
    expect(one.offer(false).up).toEqual([]);
  });

  it("stay in their order, with their kind, and never go from one stream straight to another", () => {
    const step = fc.record({
      peer: fc.constantFrom("a", "b", "c"),
      kind: fc.constantFrom("audio" as const, "video" as const),
      what: fc.constantFrom("publish", "unpublish", "leave", "offer"),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const one = layout();
        let before = one.offer(true).sections;
        for (const { peer, kind, what } of steps) {
          if (what === "publish") one.publish(publication(`${peer} ${kind}`, peer, kind));
          else if (what === "unpublish") one.unpublish(`${peer} ${kind}`);
          else if (what === "leave") one.memberLeft(peer);
          else {
            const offer = one.offer(true);
            one.settled(offer);
            for (const [at, section] of before.entries()) {
              const now = offer.sections[at];
              expect([now?.mid, now?.kind]).toEqual([section.mid, section.kind]);
              if (section.direction === "send" && now?.direction === "send") expect(now.stream).toBe(section.stream);
            }
            for (const { stream, direction } of offer.sections) {
              if (direction === "send") expect(offer.msids).toHaveProperty(stream ?? "");
            }
            before = offer.sections;
          }
        }
      }),
      { numRuns: 200 },
    );
  });
});
