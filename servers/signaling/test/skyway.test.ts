/** The skyway-js face with skyway-js's own socket library: opening, calls, rooms, loss and return. */
import { createHmac } from "node:crypto";
import { afterEach, describe, expect, it } from "vitest";
import { startTestServer, type TestServer } from "./support/native.ts";
import { SkywayClient, type SkywayClientOptions } from "./support/skyway.ts";

let server: TestServer;
let clients: SkywayClient[] = [];

afterEach(async () => {
  for (const client of clients) client.close();
  clients = [];
  await server.close();
});

function connect(options: SkywayClientOptions = {}, key = server.key): SkywayClient {
  const client = new SkywayClient(server.signaling.address.port, key, options);
  clients.push(client);
  return client;
}

async function open(peerId?: string, options: SkywayClientOptions = {}): Promise<SkywayClient> {
  const client = connect({ ...options, ...(peerId === undefined ? {} : { peerId }) });
  await client.next("OPEN");
  return client;
}

const media = (dst: string, connectionId = "mc_1", more: Record<string, unknown> = {}) => ({
  offer: { type: "offer", sdp: "v=0" },
  dst,
  connectionId,
  connectionType: "media",
  ...more,
});

async function join(client: SkywayClient, roomName: string, roomType = "mesh"): Promise<Record<string, unknown>> {
  client.emit("ROOM_JOIN", { roomName, roomType });
  return client.next("ROOM_USER_JOIN");
}

describe("opening", () => {
  it("gives an ID that fits, or the one asked for, without TURN servers that are dead", async () => {
    server = await startTestServer();
    const client = connect();
    const opened = await client.next("OPEN");
    expect(opened).toEqual({ peerId: expect.stringMatching(/^[A-Za-z0-9]{16}$/) });
    const named = connect({ peerId: "alice" });
    expect(await named.next("OPEN")).toEqual({ peerId: "alice" });
    expect(server.signaling.skyway.face?.sessions).toBe(2);
  });

  it("upgrades to a WebSocket, and serves a client that only polls", async () => {
    server = await startTestServer();
    const alice = await open("alice");
    const bob = await open("bob", { transports: ["polling"] });
    alice.emit("SEND_OFFER", media("bob"));
    expect(await bob.next("OFFER")).toMatchObject({ src: "alice", connectionId: "mc_1" });
    bob.emit("SEND_ANSWER", {
      answer: { type: "answer", sdp: "v=0 a" },
      dst: "alice",
      connectionId: "mc_1",
      connectionType: "media",
    });
    expect(await alice.next("ANSWER")).toMatchObject({ src: "bob", answer: { sdp: "v=0 a" } });
  });
});
