import { expect, it } from "vitest";
import { SentPackets } from "./sent-packets.ts";

it("finds what was sent lately, and nothing else", () => {
  const sent = new SentPackets(16);
  for (let i = 0; i < 20; i++) sent.source[sent.note(100 + i)] = i;
  expect(sent.find(103)).toBe(-1);
  expect(sent.source[sent.find(104)]).toBe(4);
  expect(sent.find(120)).toBe(-1);
  sent.clear();
  expect(sent.find(119)).toBe(-1);
});
