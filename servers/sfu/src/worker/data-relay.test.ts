import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { dataText, deliver, MAX_LOSSY, parseData } from "./data-relay.ts";

describe("data by topic", () => {
  it("is read, and sent on with who it is from", () => {
    const message = parseData('{"topic":"pointer","data":{"x":1},"to":["bob"],"from":"mallory"}', true);
    expect(message).toEqual({ topic: "pointer", data: { x: 1 }, to: ["bob"] });
    if (message !== undefined)
      expect(JSON.parse(dataText(message, "alice"))).toEqual({ topic: "pointer", data: { x: 1 }, from: "alice" });
  });

  it("is nothing else", () => {
    expect(parseData(`{"topic":"t","data":"${"x".repeat(MAX_LOSSY)}"}`, true)).toBeUndefined();
    expect(parseData(`{"topic":"t","data":"${"x".repeat(MAX_LOSSY)}"}`, false)).toBeDefined();
    expect(parseData(new Uint8Array(4), false)).toBeUndefined();
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        const read = parseData(text, false);
        if (read !== undefined) expect(typeof read.topic).toBe("string");
      }),
      { numRuns: 200 },
    );
  });

  it("is dropped for a slow receiver only where it may be lost", () => {
    const sent: string[] = [];
    const channel = {
      label: "",
      bufferedAmount: 100_000,
      send: (text: string | Uint8Array) => sent.push(String(text)) > 0,
      close() {},
    };
    expect(deliver(channel, "a", true)).toBe(false);
    expect(deliver(channel, "b", false)).toBe(true);
    expect(sent).toEqual(["b"]);
  });
});
