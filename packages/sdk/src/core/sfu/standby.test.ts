import { FakeClock } from "@tsunagi/testkit";
import { describe, expect, it } from "vitest";
import { Standby } from "./standby.ts";

function setUp(company = 1) {
  const clock = new FakeClock();
  const world = { company, clock, active: new Map<string, readonly boolean[]>() };
  const standby = new Standby({
    clock,
    activate: (publication, encodings) => world.active.set(publication, encodings),
    inCompany: () => world.company > 0,
  });
  return { ...world, world, standby };
}

describe("standby", () => {
  it("keeps the lowest encoding of what nobody watches for half a minute", () => {
    const { clock, active, standby } = setUp();
    standby.demanded("p", [true, true, false]);
    expect(active.get("p")).toEqual([true, true, false]);
    standby.demanded("p", [false, false, false]);
    expect(active.get("p")).toEqual([true]);
    clock.advance(29_999);
    expect(active.get("p")).toEqual([true]);
    clock.advance(1);
    expect(active.get("p")).toEqual([]);
  });

  it("ends with the next who watches", () => {
    const { clock, active, standby } = setUp();
    standby.demanded("p", [false]);
    standby.demanded("p", [true]);
    clock.advance(60_000);
    expect(active.get("p")).toEqual([true]);
  });

  it("sends nothing while nobody is there, and begins when somebody comes, before anything is asked for", () => {
    const { clock, active, standby, world } = setUp(0);
    standby.demanded("p", [false, false]);
    expect(active.get("p")).toEqual([]);
    world.company = 1;
    standby.memberJoined();
    expect(active.get("p")).toEqual([true]);
    clock.advance(20_000);
    standby.memberJoined();
    clock.advance(20_000);
    expect(active.get("p")).toEqual([true]);
    standby.memberLeft();
    expect(active.get("p")).toEqual([true]);
    world.company = 0;
    standby.memberLeft();
    expect(active.get("p")).toEqual([]);
  });

  it("leaves alone what is watched, what has ended, and all once it is stopped", () => {
    const { clock, active, standby } = setUp();
    standby.demanded("watched", [true, true]);
    for (const publication of ["ended", "other"]) standby.demanded(publication, [false]);
    standby.forget("ended");
    active.clear();
    standby.memberJoined();
    expect([...active.keys()]).toEqual(["other"]);
    standby.stop();
    active.clear();
    clock.advance(60_000);
    standby.memberJoined();
    expect(active.size).toBe(0);
  });
});
