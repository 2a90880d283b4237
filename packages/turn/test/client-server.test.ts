/** The client core against the server core, over links that lose, delay, double and reorder. */
import { describe, expect, it } from "vitest";
import { ECHO_PEER, SimulatedNetwork } from "./simulated-network.ts";

const BAD_LINK = { latencyMs: 40, jitterMs: 60, loss: 0.15, reorder: 0.1, duplicate: 0.05 } as const;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

describe("client and server", () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8])("allocate, permit, bind and relay over a bad network (seed %i)", async (seed) => {
    const network = new SimulatedNetwork({ ...BAD_LINK, seed });
    const near = network.client({ sha256: seed % 2 === 0 });
    const far = network.client();
    const nearRelay = await near.allocated();
    const farRelay = await far.allocated();
    near.act((core, now) => core.bindChannel(now, farRelay));
    far.act((core, now) => core.permit(now, [nearRelay]));
    await near.until("bound");
    await far.until("permitted");
    for (let n = 0; n < 100; n++) {
      near.send(farRelay, `to far ${n}`);
      far.send(nearRelay, `to near ${n}`);
      await network.clock.advanceAsync(20);
    }
    await network.clock.advanceAsync(1000);
    // Two lossy links in a row, and some of it twice.
    for (const { received } of [near, far]) {
      expect(new Set(received).size).toBeGreaterThan(50);
      expect(new Set(received).size).toBeLessThanOrEqual(100);
    }
    // It never left the server.
    expect(network.relayedToPeers).toBe(0);
    near.act((core, now) => core.close(now));
    far.act((core, now) => core.close(now));
    await near.until("ended");
    await far.until("ended");
    await network.clock.advanceAsync(2 * HOUR);
    expect(network.openRelays).toBe(0);
  });

  it.each(["udp", "tcp"] as const)("keep an allocation for five hours over %s, past its credential's end", async (transport) => {
    const network = new SimulatedNetwork(transport === "udp" ? { ...BAD_LINK, loss: 0.05 } : { latencyMs: 40 });
    const client = network.client({ transport });
    const other = network.client({ transport });
    await client.allocated();
    await other.allocated();
    for (const each of [client, other]) each.act((core, now) => core.bindChannel(now, ECHO_PEER));
    await client.until("bound");
    for (let minute = 0; minute < 300; minute++) {
      client.send(ECHO_PEER, `${minute}`);
      await network.clock.advanceAsync(MINUTE);
    }
    expect(client.events.filter(({ type }) => type === "ended" || type === "refused" || type === "failed")).toEqual([]);
    expect(new Set(client.received).size).toBeGreaterThan(transport === "tcp" ? 299 : 250);
    expect(network.server.stats().allocations.now).toBe(2);
    // The last minutes too.
    expect(client.received.some((text) => Number(text) > 290)).toBe(true);
  });

  it("end together when the client goes away", async () => {
    const network = new SimulatedNetwork();
    const udp = network.client();
    const tcp = network.client({ transport: "tls" });
    await udp.allocated();
    await tcp.allocated();
    tcp.drop();
    await network.clock.advanceAsync(100);
    expect(network.openRelays).toBe(1);
    udp.drop();
    await network.clock.advanceAsync(11 * MINUTE);
    expect(network.openRelays).toBe(0);
  });

  it("relay ordered and whole over TCP", async () => {
    const network = new SimulatedNetwork({ latencyMs: 20, jitterMs: 30 });
    const client = network.client({ transport: "tcp" });
    await client.allocated();
    client.act((core, now) => core.bindChannel(now, ECHO_PEER));
    await client.until("bound");
    const sent = Array.from({ length: 200 }, (_, n) => "x".repeat(n));
    for (const text of sent) client.send(ECHO_PEER, text);
    await network.clock.advanceAsync(1000);
    expect(client.received).toEqual(sent);
  });

  it("agree on families, even ports, reservations and lifetimes", async () => {
    const network = new SimulatedNetwork();
    const both = network.client({ allocate: { families: [4, 6], lifetimeS: 1200 } });
    both.act((core, now) => core.start(now));
    const { relayed, lifetimeS } = await both.until("allocated");
    expect(relayed.map(({ family }) => family)).toEqual([4, 6]);
    expect(lifetimeS).toBe(1200);
    const credential = network.credential("pair");
    const even = network.client({ ...credential, allocate: { evenPort: { reserveNext: true } } });
    even.act((core, now) => core.start(now));
    const first = await even.until("allocated");
    expect((first.relayed[0]?.port ?? 1) % 2).toBe(0);
    const next = network.client({ ...credential, allocate: { reservationToken: first.reservationToken } });
    expect((await next.allocated()).port).toBe((first.relayed[0]?.port ?? 0) + 1);
  });

  it("move to another address without losing the relay", async () => {
    const network = new SimulatedNetwork({ latencyMs: 20 });
    const client = network.client({ allocate: { mobility: true } });
    await client.allocated();
    client.act((core, now) => core.bindChannel(now, ECHO_PEER));
    await client.until("bound");
    client.move();
    await client.until("refreshed");
    client.send(ECHO_PEER, "from elsewhere");
    await network.clock.advanceAsync(200);
    expect(client.received).toEqual(["from elsewhere"]);
    expect(network.openRelays).toBe(1);
  });

  it("connect to a peer by TCP", async () => {
    const network = new SimulatedNetwork({ latencyMs: 20 });
    const client = network.client({ transport: "tcp", allocate: { relayTransport: "tcp" } });
    await client.allocated();
    client.act((core, now) => core.permit(now, [ECHO_PEER]));
    await client.until("permitted");
    client.act((core, now) => core.connect(now, ECHO_PEER));
    const { connection } = await client.until("connected");
    const data = await client.dataConnection(connection);
    data.send("hello");
    await network.clock.advanceAsync(100);
    expect(data.received).toEqual(["hello"]);
  });

  it.each([
    ["a wrong password", { username: "alice", password: "looking-glass" }],
    ["an unknown user", { username: "carol", password: "wonderland" }],
    ["an expired credential", "expired"],
    ["another's secret", "forged"],
  ] as const)("refuse %s with 401", async (_, credential) => {
    const network = new SimulatedNetwork();
    const options =
      credential === "expired"
        ? network.credential("late", -10)
        : credential === "forged"
          ? { ...network.credential("eve"), password: "Zm9yZ2Vk" }
          : credential;
    for (const sha256 of [true, false]) {
      const client = network.client({ ...options, sha256 });
      client.act((core, now) => core.start(now));
      expect(await client.until("ended")).toMatchObject({ reason: "refused", code: 401 });
    }
    expect(network.openRelays).toBe(0);
  });

  it("let a static user in by each mechanism, by name and by hash", async () => {
    const network = new SimulatedNetwork();
    const user = { username: "alice", password: "wonderland" };
    for (const options of [{ sha256: true }, { sha256: false }, { anonymous: true }])
      expect((await network.client({ ...user, ...options }).allocated()).port).toBeGreaterThanOrEqual(50_000);
  });

  it("refuse peers inside with 403, and go on", async () => {
    const network = new SimulatedNetwork();
    const client = network.client();
    await client.allocated();
    const inside = { family: 4, address: "127.0.0.1", port: 80 } as const;
    client.act((core, now) => core.permit(now, [inside]));
    expect(await client.until("refused")).toMatchObject({ request: "permission", code: 403, peers: [inside] });
    client.act((core, now) => core.bindChannel(now, ECHO_PEER));
    await client.until("bound");
    client.send(ECHO_PEER, "still here");
    await network.clock.advanceAsync(100);
    expect(client.received).toEqual(["still here"]);
  });
});
