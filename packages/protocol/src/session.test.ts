import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SessionCounter } from "./session.ts";

describe("SessionCounter", () => {
  it("sends again after a resume what was not confirmed, in order", () => {
    const counter = new SessionCounter();
    for (const text of ["a", "b", "c", "d"]) counter.send(text);
    expect(counter.confirm(1)).toBe(true);
    expect(counter.resume(2)).toEqual(["c", "d"]);
    expect(counter.resume(4)).toEqual([]);
  });

  it("refuses numbers that cannot be", () => {
    const counter = new SessionCounter();
    counter.send("a");
    expect(counter.confirm(2)).toBe(false);
    expect(counter.confirm(1)).toBe(true);
    expect(counter.confirm(0)).toBe(false);
    expect(counter.resume(0)).toBeUndefined();
  });

  it("asks for an ack after 32 messages, counted from the last one", () => {
    const counter = new SessionCounter();
    const due = Array.from({ length: 40 }, () => counter.receive());
    expect(due.indexOf(true)).toBe(31);
    expect(counter.acknowledge()).toBe(40);
    expect(counter.receive()).toBe(false);
  });

  it("says when too much piles up, by number and by size", () => {
    const byNumber = new SessionCounter({ messages: 2 });
    expect([byNumber.send("a"), byNumber.send("b"), byNumber.send("c")]).toEqual([true, true, false]);
    const bySize = new SessionCounter({ characters: 4 });
    expect([bySize.send("abc"), bySize.send("de")]).toEqual([true, false]);
    bySize.confirm(1);
    expect(bySize.send("fg")).toBe(true);
  });

  it("starts over when the other end lost the session, and hands back what was never confirmed", () => {
    const counter = new SessionCounter();
    counter.send("a");
    counter.send("b");
    counter.receive();
    counter.confirm(1);
    expect(counter.restart()).toEqual(["b"]);
    expect([counter.sent, counter.received]).toEqual([0, 0]);
    expect(counter.resume(0)).toEqual([]);
  });

  it("delivers each message once and in order over a link that is cut anywhere", () => {
    /** What happens next: an end sends, something arrives at an end, an end confirms, or the link is cut and resumed. */
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.record({ act: fc.constant("send" as const), end: fc.nat({ max: 1 }) }) },
      { weight: 4, arbitrary: fc.record({ act: fc.constant("arrive" as const), end: fc.nat({ max: 1 }) }) },
      { weight: 1, arbitrary: fc.record({ act: fc.constant("confirm" as const), end: fc.nat({ max: 1 }) }) },
      { weight: 1, arbitrary: fc.record({ act: fc.constant("cut" as const), end: fc.constant(0) }) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const make = () => ({
          counter: new SessionCounter(),
          wire: [] as (string | number)[],
          sent: [] as string[],
          got: [] as string[],
        });
        const ends = [make(), make()] as const;
        const end = (index: number) => ends[index === 0 ? 0 : 1];
        // `wire` holds what is under way to that end.
        const arrive = (index: number) => {
          const [to, from] = [end(index), end(1 - index)];
          const item = to.wire.shift();
          if (item === undefined) return;
          if (typeof item === "number") expect(to.counter.confirm(item)).toBe(true);
          else {
            to.got.push(item);
            if (to.counter.receive()) from.wire.push(to.counter.acknowledge());
          }
        };
        const cut = () => {
          for (const each of ends) each.wire = [];
          // Each end's number reaches the other with resume and resumed.
          const numbers = [ends[0].counter.received, ends[1].counter.received] as const;
          for (const index of [0, 1] as const) {
            const again = end(index).counter.resume(numbers[index === 0 ? 1 : 0]);
            expect(again).toBeDefined();
            end(1 - index).wire.push(...(again ?? []));
          }
        };
        let serial = 0;
        for (const { act, end: index } of steps) {
          if (act === "send") {
            serial += 1;
            const text = `m${serial}`;
            end(index).sent.push(text);
            end(index).counter.send(text);
            end(1 - index).wire.push(text);
          } else if (act === "arrive") arrive(index);
          else if (act === "confirm") end(1 - index).wire.push(end(index).counter.acknowledge());
          else cut();
        }
        cut();
        for (const index of [0, 1]) while (end(index).wire.length > 0) arrive(index);
        expect(ends[1].got).toEqual(ends[0].sent);
        expect(ends[0].got).toEqual(ends[1].sent);
      }),
      { numRuns: 500 },
    );
  });
});
