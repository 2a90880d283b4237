import { CanonicalPacket, extensionIds, SendList } from "@tsunagi/rtp";
import { expect, it } from "vitest";
import { SentPackets } from "./sent-packets.ts";

it("finds what was sent lately, and nothing else", () => {
  const sent = new SentPackets(16);
  const list = new SendList();
  const at = list.add(1, new CanonicalPacket(), 2, 3, 90_000, 96, extensionIds({}));
  list.tl0PicIdx[at] = 7;
  for (let i = 0; i < 20; i++) sent.note(1_000 + i, 100 + i, i, 2, list, at);
  expect(sent.find(103)).toBe(-1);
  const place = sent.find(104);
  expect([sent.source[place], sent.encoding[place], sent.timestamp[place], sent.tl0PicIdx[place], sent.at[place]]).toEqual([
    4, 2, 90_000, 7, 1_004,
  ]);
  expect(sent.find(120)).toBe(-1);
  sent.clear();
  expect(sent.find(119)).toBe(-1);
});

it("tells whether a picture went on behind a packet, whatever is missing between", () => {
  const sent = new SentPackets(16);
  const list = new SendList();
  for (const [sequence, timestamp] of [
    [100, 1],
    [103, 1],
    [104, 2],
  ] as const) {
    sent.note(0, sequence, 0, 0, list, list.add(1, new CanonicalPacket(), 2, 3, timestamp, 96, extensionIds({})));
  }
  expect(sent.goesOn(101, 105, 1)).toBe(true);
  expect(sent.goesOn(103, 105, 1)).toBe(false);
  expect(sent.goesOn(104, 105, 2)).toBe(false);
});
