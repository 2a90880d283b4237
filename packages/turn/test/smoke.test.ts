import { attributeOf } from "@tsunagi/stun";
import { expect, it } from "vitest";
import { TURN_ATTRIBUTES } from "../src/index.ts";
import { codeOf, PEER, World } from "./world.ts";

it("works", () => {
  const world = new World();
  for (const algorithm of ["md5", "sha256"] as const) {
    const alice = world.client({ algorithm });
    const { relay, relayed } = alice.allocated();
    expect(relayed.port).toBeGreaterThan(50_000);
    expect(codeOf(alice.permit(PEER))).toBeUndefined();
    alice.send("hello");
    expect(world.shell.toPeer.at(-1)).toMatchObject({ relay, address: PEER.address, port: PEER.port, payload: "hello" });
    world.fromPeer(relay, "back");
    const [data] = alice.take().slice(-1);
    expect(data && attributeOf(data, TURN_ATTRIBUTES.DATA)).toEqual(new TextEncoder().encode("back"));
    expect(data && attributeOf(data, TURN_ATTRIBUTES.XOR_PEER_ADDRESS)).toEqual(PEER);
    expect(codeOf(alice.bind(0x4000))).toBeUndefined();
    alice.sendChannel(0x4000, "ch");
    expect(world.shell.toPeer.at(-1)).toMatchObject({ payload: "ch" });
    world.fromPeer(relay, "back2");
    expect(world.shell.channelData.at(-1)).toMatchObject({ channel: 0x4000, payload: "back2" });
    expect(codeOf(alice.refresh(0))).toBeUndefined();
    expect(codeOf(alice.refresh(0))).toBe(437);
  }
  expect(world.server.stats().allocations.now).toBe(0);
});
