import type { SfuControlRequest, SfuWish } from "@tsunagi/protocol";
import { FakeClock } from "@tsunagi/testkit";
import { expect, it } from "vitest";
import { Wishes } from "./wishes.ts";

function setUp() {
  const clock = new FakeClock();
  const sent: SfuControlRequest[] = [];
  const state = { open: true, slots: [] as SfuWish[] };
  const wishes = new Wishes({ clock, read: () => state.slots, isOpen: () => state.open, send: (request) => sent.push(request) });
  return { clock, sent, state, wishes };
}
const free = { maxWidth: null, maxHeight: null, maxFrameRate: null, paused: false, priority: 0 };

it("gathers sizes, hurries with what is in a slot, and says each change once", () => {
  const { clock, sent, state, wishes } = setUp();
  state.slots = [{ mid: "1", publication: "p", ...free, maxWidth: 300 }];
  wishes.changed(false);
  state.slots = [{ mid: "1", publication: "p", ...free, maxWidth: 320 }];
  wishes.changed(false);
  clock.advance(99);
  expect(sent).toEqual([]);
  clock.advance(1);
  expect(sent.splice(0)).toEqual([{ type: "receive", slots: [{ mid: "1", publication: "p", maxWidth: 320 }] }]);
  state.slots = [{ mid: "1", publication: null }];
  wishes.changed(false);
  wishes.changed(true);
  clock.advance(0);
  expect(sent.splice(0)).toEqual([{ type: "receive", slots: [{ mid: "1", publication: null }] }]);
  clock.advance(1_000);
  wishes.changed(true);
  clock.advance(1_000);
  expect(sent).toEqual([]);
});

it("does not say what an offer has said, and says all of it when the channel opens", () => {
  const { clock, sent, state, wishes } = setUp();
  wishes.offered("1", "p");
  state.slots = [{ mid: "1", publication: "p", ...free }];
  wishes.changed(true);
  clock.advance(0);
  expect(sent).toEqual([]);
  state.open = false;
  state.slots = [{ mid: "1", publication: "q", ...free, priority: 2 }];
  wishes.changed(true);
  clock.advance(200);
  expect(sent).toEqual([]);
  state.open = true;
  wishes.flush();
  expect(sent).toEqual([{ type: "receive", slots: [{ mid: "1", publication: "q", priority: 2 }] }]);
  wishes.changed(false);
  wishes.stop();
  clock.advance(200);
  expect(sent).toHaveLength(1);
});
