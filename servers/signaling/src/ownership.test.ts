import { silentLog } from "@tsunagi/base";
import { type AdminCommand, MemoryBus, MemoryDirectory, peerKey, roomKey } from "@tsunagi/conference";
import { FakeClock, settle } from "@tsunagi/testkit";
import { describe, expect, it } from "vitest";
import { Ownership } from "./ownership.ts";

async function cluster() {
  const clock = new FakeClock();
  const directory = new MemoryDirectory({ now: () => clock.now() });
  const bus = new MemoryBus();
  const commands: [string, AdminCommand][] = [];
  const node = (name: string) =>
    Ownership.open({
      node: name,
      directory,
      bus,
      clock,
      log: silentLog,
      command: (command) => {
        commands.push([name, command]);
        return true;
      },
    });
  return { clock, directory, commands, one: await node("one"), two: await node("two") };
}

describe("Ownership", () => {
  it("lets a peer ID live on one node only, until its session is over", async () => {
    const { one, two } = await cluster();
    expect(await one.claimPeer("a", "x")).toBe(true);
    expect(await two.claimPeer("a", "x")).toBe(false);
    expect(await two.claimPeer("b", "x")).toBe(true);
    one.observe({ type: "peer.closed", appId: "a", peerId: "x", at: 0, reason: "left" });
    expect(await two.claimPeer("a", "x")).toBe(true);
  });

  it("follows rooms", async () => {
    const { one, directory } = await cluster();
    one.observe({ type: "room.created", appId: "a", room: "tea", mode: "mesh", at: 0 });
    await settle();
    expect(await directory.lookUp(roomKey("a", "tea"))).toBe("one");
    one.observe({ type: "room.closed", appId: "a", room: "tea", at: 0, reason: "left", startedAt: 0, durationMs: 0, peers: [] });
    await settle();
    expect(await directory.lookUp(roomKey("a", "tea"))).toBeUndefined();
  });

  it("hands commands to the node where it is", async () => {
    const { one, two, commands } = await cluster();
    await two.claimPeer("a", "x");
    const command = { type: "disconnect-peer", appId: "a", peerId: "x" } as const;
    expect(await one.command(command)).toBe(true);
    expect(commands).toEqual([["two", command]]);
    await two.close();
    expect(await one.command(command)).toBe(false);
  });

  it("keeps its lease while it lives, and loses everything when it stops", async () => {
    const { one, two, clock, directory } = await cluster();
    await one.claimPeer("a", "x");
    await two.claimPeer("a", "y");
    await clock.advanceAsync(120_000);
    expect(await directory.lookUp(peerKey("a", "x"))).toBe("one");
    await two.close();
    await clock.advanceAsync(31_000);
    expect(await directory.lookUp(peerKey("a", "y"))).toBeUndefined();
    await one.close();
    expect(clock.pending).toBe(0);
  });
});
