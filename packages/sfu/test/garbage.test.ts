import { buildNack, buildPli, buildRemb, buildSenderReport, emptySenderReport } from "@tsunagi/rtp";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { audioPacket, extend, isContiguous, Vp8Source, World } from "./support.ts";

const SSRC = 0x80000000 + 2_030;

describe("garbage from a member", () => {
  it("of any kind and in any order throws nothing, and leaves the others' video whole", () => {
    const seeds = [
      ...new Vp8Source({ ssrc: 20, mid: "x", rid: "h" }).frame(true),
      audioPacket("y", 21, 1, 2, [1, 2, 3]),
      buildPli(1, 9),
      buildNack(1, SSRC, [1, 2, 3, 4]),
      buildRemb(1, 1_000, [SSRC]),
      buildSenderReport({ ...emptySenderReport(), ssrc: 20, ntpMs: 1e12 }),
    ];
    const change = fc
      .tuple(fc.constantFrom(...seeds), fc.array(fc.tuple(fc.nat(100), fc.nat(255)), { maxLength: 6 }), fc.nat(30))
      .map(([seed, edits, cut]) => {
        const bytes = seed.slice(0, Math.max(0, seed.length - (cut > 20 ? cut : 0)));
        for (const [at, value] of edits) if (bytes.length > 0) bytes[at % bytes.length] = value;
        return bytes;
      });
    const packets = fc.array(fc.oneof(fc.uint8Array({ maxLength: 60 }), change), { maxLength: 60 });
    fc.assert(
      fc.property(packets, (garbage) => {
        const world = new World();
        for (const member of [1, 2, 3]) world.member(member);
        world.publish(1, { id: "v", kind: "video" });
        world.publish(3, { id: "x", kind: "video", encodings: [{ rid: "h", ssrc: undefined, rtxSsrc: undefined }] });
        world.publish(3, { id: "y", kind: "audio" });
        const source = new Vp8Source({ ssrc: 9, mid: "v" });
        world.receive(1, ...source.frame(true));
        world.subscribe(2, "3", "video", "v");
        world.subscribe(2, "4", "video", "x");
        world.subscribe(2, "5", "audio", "y");
        world.subscribe(3, "3", "video", "v");
        for (const [i, bytes] of garbage.entries()) {
          world.receive(3, bytes);
          if (i % 6 === 0) world.receive(1, ...source.frame());
          world.advance(7);
        }
        const got = (world.rtp.get(2) ?? []).filter(({ ssrc }) => ssrc === SSRC);
        expect(got.length).toBe(2 + 2 * Math.ceil(garbage.length / 6));
        expect(isContiguous(extend(got))).toBe(true);
      }),
      { numRuns: 60 },
    );
  });
});
