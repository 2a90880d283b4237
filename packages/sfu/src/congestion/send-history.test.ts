import { describe, expect, it } from "vitest";
import { SendHistory } from "./send-history.ts";

describe("the send history", () => {
  it("finds what was sent, over the turn of the sequence number", () => {
    const history = new SendHistory();
    let sequence = -1;
    for (let index = 0; index < 0x1_0010; index += 1) sequence = history.add(index, 1_000 + (index & 0xff), 0);
    expect(sequence).toBe(0xf);
    const place = history.find(0xf);
    expect(history.sentAt[place]).toBe(0x1_000f);
    expect(history.sentAt[history.find(0xffff)]).toBe(0xffff);
    expect(history.bytes[place]).toBe(1_000 + 0xf);
  });

  it("does not find what was never sent, or was forgotten", () => {
    const history = new SendHistory();
    expect(history.find(0)).toBe(-1);
    for (let index = 0; index < 10; index += 1) history.add(index, 100, 0);
    expect(history.find(10)).toBe(-1);
    expect(history.find(9)).toBeGreaterThanOrEqual(0);
    // Slowly sent: the columns stay small.
    for (let index = 0; index < 2_000; index += 1) history.add(10_000 + index * 100, 100, 0);
    expect(history.find(5)).toBe(-1);
    expect(history.sentAt.length).toBe(512);
  });

  it("grows for who is sent much, and keeps what it holds", () => {
    const history = new SendHistory();
    for (let index = 0; index < 6_000; index += 1) history.add(index * 0.25, index & 0x7ff, index % 200);
    expect(history.sentAt.length).toBe(8_192);
    for (const sequence of [0, 511, 512, 4_095, 5_999]) {
      const place = history.find(sequence);
      expect([history.sentAt[place], history.bytes[place], history.cluster[place]]).toEqual([
        sequence * 0.25,
        sequence & 0x7ff,
        sequence % 200,
      ]);
    }
    for (let index = 0; index < 20_000; index += 1) history.add(2_000 + index * 0.1, 100, 0);
    expect(history.sentAt.length).toBe(8_192);
  });
});
