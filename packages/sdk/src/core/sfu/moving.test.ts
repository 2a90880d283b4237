import { describe, expect, it } from "vitest";
import { FakeStream } from "../../../test/support/fake-media.ts";
import { fakeRoom, member } from "../../../test/support/room-view.ts";
import type { MediaStream } from "../ports.ts";
import type { MeshMediaPort } from "../room/room-media.ts";
import { MOVED_TOPIC, Moving } from "./moving.ts";

/** The own membership began at 5. */
function setUp() {
  const room = fakeRoom();
  for (const each of [member("earlier", 1), member("later", 9)]) room.members.set(each.peerId, each);
  const arrived = new Set<string>();
  const dropped: string[] = [];
  const stream = new FakeStream([], "cam");
  const adopted = new WeakSet<object>();
  const mesh = {
    adopted,
    remoteStreams: new Map([["earlier", [stream as unknown as MediaStream]]]),
    dropMember: (peerId: string, end: boolean) => void dropped.push(`${peerId} ${end}`),
  } as Partial<MeshMediaPort> as MeshMediaPort;
  const moving = new Moving(room.view, mesh, (peerId) => arrived.has(peerId));
  const told = () => room.sent.splice(0).map(({ topic, to }) => `${topic} ${to?.join()}`);
  return { ...room, moving, arrived, dropped, stream, adopted, told };
}

describe("a link of the mesh", () => {
  it("goes when both have the other over the SFU, whoever was first, and the later one hangs up", () => {
    const { moving, arrived, dropped, told } = setUp();
    moving.connected();
    expect(told()).toEqual([]);
    arrived.add("earlier");
    moving.check();
    moving.check();
    expect([told(), dropped]).toEqual([[`${MOVED_TOPIC} earlier`], []]);
    moving.heard("earlier");
    expect(dropped).toEqual(["earlier true"]);
    moving.heard("later");
    expect(dropped).toHaveLength(1);
    arrived.add("later");
    moving.check();
    expect([told(), dropped]).toEqual([[`${MOVED_TOPIC} later`], ["earlier true", "later false"]]);
    moving.release();
  });

  it("goes 20 s after the SFU is connected here at the latest", () => {
    const { moving, dropped, clock } = setUp();
    clock.advance(60_000);
    moving.connected();
    clock.advance(15_000);
    // Connected anew: the time goes on.
    moving.connected();
    clock.advance(4_900);
    expect([dropped, clock.pending]).toEqual([[], 1]);
    clock.advance(100);
    expect(dropped).toEqual(["earlier true", "later false"]);
  });

  it("is left alone when the room ends before", () => {
    const { moving, dropped, clock } = setUp();
    moving.connected();
    moving.release();
    clock.advance(60_000);
    expect([dropped, clock.pending]).toEqual([[], 0]);
  });

  it("leaves its stream to the SFU's media, and only what it has", () => {
    const { moving, stream, adopted } = setUp();
    expect(adopted.has(stream)).toBe(false);
    expect(moving.adopt("earlier", "cam")).toBe(stream);
    expect(adopted.has(stream)).toBe(true);
    expect([moving.adopt("earlier", "screen"), moving.adopt("later", "cam")]).toEqual([undefined, undefined]);
    expect([...moving.streams.keys()]).toEqual(["earlier"]);
  });
});
