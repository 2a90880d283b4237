import { expect, it } from "vitest";
import { ownCodecs, ownExtensions } from "./own-codecs.ts";

it("names every codec once, with payload types that are not taken for RTCP, one for one use", () => {
  const codecs = (["audio", "video"] as const).flatMap((kind) => ownCodecs(kind, "receive"));
  const types = codecs.flatMap(({ payloadType, rtx }) => (rtx === undefined ? [payloadType] : [payloadType, rtx]));
  expect(new Set(types).size).toBe(types.length);
  expect(types.every((type) => type >= 96 && type <= 127)).toBe(true);
  expect(codecs.map(({ name }) => name)).toEqual(["opus", "red", "vp8", "vp9", "h264", "h264", "av1"]);
  // What is sent and what is received share a transport.
  const send = (["audio", "video"] as const).flatMap((kind) => ownCodecs(kind, "send"));
  expect(send.map(({ name, payloadType }) => [name, payloadType])).toEqual(
    codecs.map(({ name, payloadType }) => [name, payloadType]),
  );
});

it("gives each header extension one ID in all sections, within the one-byte form", () => {
  const all = { ...ownExtensions("audio"), ...ownExtensions("video") };
  expect(new Set(Object.values(all)).size).toBe(Object.keys(all).length);
  expect(Object.values(all).every((id) => id >= 1 && id <= 14)).toBe(true);
  expect(Object.keys(ownExtensions("audio"))).toContain("audio-level");
  expect(Object.keys(ownExtensions("video"))).not.toContain("audio-level");
});
