/** The session with the server in simulated time: opening, refusal, loss, resume, giving up. */
import { CodedError } from "@tsunagi/base";
import { describe, expect, it } from "vitest";
import { Peer } from "../src/core/peer.ts";
import type { SocketFactory, SocketPort } from "../src/core/ports.ts";
import { World } from "./support/world.ts";

/** A server that answers the first message on each socket with this, as a person would type it. */
function scripted(world: World, answer: (hello: Record<string, unknown>, attempt: number) => object | "close" | "silence") {
  const hellos: Record<string, unknown>[] = [];
  const socket = (): SocketPort => {
    const port: SocketPort = {
      bufferedAmount: 0,
      onopen: null,
      onmessage: null,
      onclose: null,
      close() {},
      send(text) {
        const hello = JSON.parse(text) as Record<string, unknown>;
        if (hello.type !== "open" && hello.type !== "resume") return;
        hellos.push(hello);
        const reply = answer(hello, hellos.length);
        if (reply === "silence") return;
        world.clock.after(1, () => (reply === "close" ? port.onclose?.(1006, "") : port.onmessage?.(JSON.stringify(reply))));
      },
    };
    world.clock.after(1, () => port.onopen?.());
    return port;
  };
  return { hellos, socket };
}

function peerOver(world: World, socket: SocketFactory, options: object = {}): { peer: Peer; seen: string[] } {
  const host = world.host();
  const real = world.peer("unused", host);
  real.destroy();
  const peer = new Peer(
    { key: "key", id: "alice", server: "https://server:8443/", ...options },
    {
      clock: world.clock,
      random: (length) => new Uint8Array(length),
      log: { error() {}, warn() {}, info() {}, debug() {} },
      socket,
      peerConnections: world.network.factory(host),
      network: { listen: () => () => {} },
      defaultServer: undefined,
    },
  );
  const seen: string[] = [];
  peer.on("error", ({ code }) => seen.push(code));
  peer.on("close", () => seen.push("close"));
  peer.on("open", () => seen.push("open"));
  peer.on("expiresin", (seconds) => seen.push(`expiresin ${seconds}`));
  return { peer, seen };
}

const OPENED = {
  type: "opened",
  version: 1,
  peerId: "alice",
  resumeToken: "t",
  graceMs: 30_000,
  heartbeatMs: 25_000,
  iceServers: [],
  limits: {},
  permissions: {},
};

describe("a session", () => {
  it("is opened at the server's WebSocket with key, ID and credentials", async () => {
    const world = new World();
    const urls: string[] = [];
    const { hellos, socket } = scripted(world, () => OPENED);
    const noting = (url: string) => {
      urls.push(url);
      return socket();
    };
    const { peer } = peerOver(world, noting, {
      authenticate: async () => ({ token: "fresh" }),
    });
    await world.until(() => peer.open);
    expect(urls).toEqual(["wss://server:8443/v1"]);
    expect(hellos[0]).toMatchObject({ type: "open", version: 1, key: "key", peerId: "alice", token: "fresh" });
    expect([peer.id, peer.state]).toEqual(["alice", "open"]);
    peer.destroy();
  });

  it("that is refused for good ends with the server's code, and is not tried again", async () => {
    const world = new World();
    const bye = { type: "bye", code: "peer.id.taken", message: "taken", retry: false };
    const { hellos, socket } = scripted(world, () => bye);
    const { peer, seen } = peerOver(world, socket);
    await world.run(60_000);
    expect(seen).toEqual(["peer.id.taken", "close"]);
    expect([peer.state, hellos.length, world.clock.pending]).toEqual(["closed", 1, 0]);
    expect(() => peer.call("bob")).toThrow(CodedError);
  });

  it("waits as long as a server that restarts asks for", async () => {
    const world = new World();
    const bye = { type: "bye", code: "server.drain.restart", message: "", retry: true, retryAfterMs: 3_000 };
    const { socket } = scripted(world, (_, attempt) => (attempt === 1 ? bye : OPENED));
    const { peer } = peerOver(world, socket);
    const from = world.clock.now();
    await world.until(() => peer.open);
    expect(world.clock.now() - from).toBeGreaterThanOrEqual(3_000);
    peer.destroy();
  });

  it("gives up a server that was never reached after 30 s, with a remedy", async () => {
    const world = new World();
    const { hellos, socket } = scripted(world, () => "close");
    const { peer, seen } = peerOver(world, socket);
    await world.run(29_000);
    expect(peer.state).toBe("connecting");
    await world.run(5_000);
    expect(seen).toEqual(["signal.server.unreachable", "close"]);
    expect(hellos.length).toBeGreaterThan(15);
    expect(world.clock.pending).toBe(0);
  });

  it("goes on trying for the grace time and two minutes after it was open", async () => {
    const world = new World();
    const { hellos, socket } = scripted(world, (_, attempt) => (attempt === 1 ? OPENED : "silence"));
    const { peer, seen } = peerOver(world, socket);
    await world.until(() => peer.open);
    // The heartbeat of an idle session finds out.
    await world.run(140_000);
    expect(peer.state).toBe("reconnecting");
    expect(hellos[1]).toMatchObject({ type: "resume", resumeToken: "t", received: 0, rooms: [], connections: [] });
    await world.run(70_000);
    expect(seen).toEqual(["open", "signal.server.unreachable", "close"]);
    expect(world.clock.pending).toBe(0);
  });

  it("ends when the application cannot authenticate", async () => {
    const world = new World();
    const { socket } = scripted(world, () => OPENED);
    const { seen } = peerOver(world, socket, { authenticate: () => Promise.reject(new Error("no")) });
    await world.run(1_000);
    expect(seen).toEqual(["signal.credential.failed", "close"]);
  });

  it("takes a malformed message of the server as a broken socket", async () => {
    const world = new World();
    const { hellos, socket } = scripted(world, (_, attempt) => (attempt === 1 ? { type: "opened" } : OPENED));
    const { peer } = peerOver(world, socket);
    await world.until(() => peer.open);
    expect(hellos).toHaveLength(2);
    peer.destroy();
  });

  it("loses no request when the socket goes while it is under way", async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const world = new World(seed);
      const [alice, bob] = [world.peer("alice"), world.peer("bob")];
      await world.until(() => alice.open && bob.open);
      const answers = Promise.all([alice.fetchPeerExists("bob"), alice.fetchPeerExists("nobody")]);
      await world.run(seed * 2);
      world.server.dropSockets();
      await world.run(2_000);
      expect(await answers).toEqual([true, false]);
      expect(await world.end()).toEqual({ timers: [], connections: 0, listeners: 0 });
    }
  });

  it("rejects what is asked of a closed peer", async () => {
    const world = new World();
    const alice = world.peer("alice");
    await world.until(() => alice.open);
    const pending = alice.fetchPeerExists("bob");
    alice.destroy();
    await expect(pending).rejects.toMatchObject({ code: "signal.client.closed" });
    await expect(alice.listAllPeers()).rejects.toMatchObject({ code: "signal.client.closed" });
    expect(await world.end()).toEqual({ timers: [], connections: 0, listeners: 0 });
  });
});
