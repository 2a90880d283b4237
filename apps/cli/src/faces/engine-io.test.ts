import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { packetsOf } from "./engine-io.ts";

describe("packetsOf", () => {
  it.each([
    ['15:0{"sid":"x","a":2:40', undefined],
    ['12:0{"sid":"x"}2:40', ['0{"sid":"x"}', "40"]],
    ["2:40", ["40"]],
    ["5:42あいう2:41", ["42あいう", "41"]],
    ["", undefined],
    ["0:", undefined],
    ["3:40", undefined],
    ["x:40", undefined],
    ["-1:40", undefined],
    ["1e0:4", ["4"]],
    ["<html>", undefined],
  ])("reads %j", (body, expected) => {
    expect(packetsOf(body)).toEqual(expected);
  });

  it("gives back any packets, and never throws", () => {
    const packet = fc.string({ minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(fc.array(packet, { minLength: 1, maxLength: 5 }), (packets) => {
        expect(packetsOf(packets.map((each) => `${each.length}:${each}`).join(""))).toEqual(packets);
      }),
    );
    fc.assert(fc.property(fc.string({ maxLength: 60 }), (body) => void packetsOf(body)));
  });
});
