import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import type { Log } from "@tsunagi/base";
import {
  ATTRIBUTES,
  attributeOf,
  bindingRequest,
  decodeMessage,
  encodeMessage,
  METHOD,
  mappedAddressOf,
  put,
} from "@tsunagi/stun";
import { TURN_ATTRIBUTES, turnPolicy } from "@tsunagi/turn";
import { afterEach, describe, expect, it } from "vitest";
import { selfSigned } from "../test/certificate.ts";
import { PASSWORD, relayedOf, TestClient, tcpWire, tlsWire, USER, udpWire, type Wire } from "../test/turn-client.ts";
import { formatMetrics } from "./metrics-http.ts";
import type { RunningTurnServer, TurnServerOptions } from "./options.ts";
import { startTurnServer } from "./turn-server.ts";

const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close();
});

const POLICY = turnPolicy({ users: { [USER]: PASSWORD }, allow: ["127.0.0.0/8", "::1"] });

async function start(options: Partial<TurnServerOptions> = {}): Promise<RunningTurnServer> {
  const server = await startTurnServer({
    port: 0,
    tlsPort: 0,
    addresses: ["127.0.0.1", "::1"],
    relayPorts: { min: 30_000, max: 39_999 },
    policy: POLICY,
    ...options,
  });
  open.push(server);
  return server;
}

function client(wire: Wire): TestClient {
  open.push(wire);
  return new TestClient(wire);
}

async function peer(host = "127.0.0.1") {
  const socket = createSocket(host.includes(":") ? "udp6" : "udp4");
  open.push({ close: () => socket.close() });
  socket.bind(0, host);
  await once(socket, "listening");
  const heard: { readonly text: string; readonly port: number }[] = [];
  socket.on("message", (bytes, { port }) => heard.push({ text: bytes.toString(), port }));
  const family = host.includes(":") ? (6 as const) : (4 as const);
  return { socket, heard, address: { family, address: host, port: socket.address().port } };
}

describe("Binding", () => {
  it("is answered in both families, from the address that was asked", async () => {
    const { port } = await start();
    for (const host of ["127.0.0.1", "::1"]) {
      const { socket } = await udpWire(port, host);
      open.push({ close: () => socket.close() });
      socket.send(bindingRequest(new Uint8Array(12)), port, host);
      const [answer, from] = (await once(socket, "message")) as [Buffer, { address: string; port: number }];
      expect(mappedAddressOf(decodeMessage(answer))).toMatchObject({ address: host, port: socket.address().port });
      expect(from).toMatchObject({ address: host, port });
    }
  });

  it("is answered from the other address and port where RFC 5780 is served", async () => {
    const second = await peer("127.0.0.2");
    const alternatePort = second.address.port;
    second.socket.close();
    open.pop();
    const { port } = await start({
      addresses: ["127.0.0.1"],
      alternate: { address: "127.0.0.2", port: alternatePort, primary: "127.0.0.1" },
    });
    const { socket } = await udpWire(port);
    open.push({ close: () => socket.close() });
    // CHANGE-REQUEST for both.
    const request = Buffer.from("000100082112a442000102030405060708090a0b0003000400000006", "hex");
    socket.send(request, port, "127.0.0.1");
    const [, from] = (await once(socket, "message")) as [Buffer, { address: string; port: number }];
    expect(from).toMatchObject({ address: "127.0.0.2", port: alternatePort });
  });
});

describe("relaying", () => {
  it.each(["udp", "tcp", "tls"] as const)("passes data both ways for a client by %s", async (transport) => {
    const server = await start(transport === "tls" ? { tls: await selfSigned() } : {});
    const wires = { udp: () => udpWire(server.port), tcp: () => tcpWire(server.port), tls: () => tlsWire(server.tlsPort ?? 0) };
    const alice = client(await wires[transport]());
    const relayed = await alice.allocate();
    expect(relayed).toMatchObject({ family: 4, address: "127.0.0.1" });
    const far = await peer();
    expect((await alice.bind(0x4000, far.address)).class).toBe("success");
    alice.sendData(0x4000, "to the peer");
    await expect.poll(() => far.heard).toEqual([{ text: "to the peer", port: relayed.port }]);
    far.socket.send("and back", relayed.port, relayed.address);
    await expect.poll(() => alice.data).toEqual([{ channel: 0x4000, text: "and back" }]);
    expect(server.stats().core.relayed).toMatchObject({ packetsToPeer: 1, packetsToClient: 1 });
    expect(formatMetrics(server.metrics)).toContain(`tsunagi_turn_allocations{transport="${transport}"} 1\n`);
  });

  it("gives relays of both families, in the range of ports", async () => {
    const server = await start();
    const alice = client(await udpWire(server.port));
    const answer = await alice
      .login()
      .then(() =>
        alice.request(
          METHOD.allocate,
          put(TURN_ATTRIBUTES.REQUESTED_TRANSPORT, 17),
          put(TURN_ATTRIBUTES.ADDITIONAL_ADDRESS_FAMILY, 6),
        ),
      );
    const type = TURN_ATTRIBUTES.XOR_RELAYED_ADDRESS.type;
    const all = answer.attributes
      .filter((each) => each.type === type)
      .map(({ value }) => TURN_ATTRIBUTES.XOR_RELAYED_ADDRESS.decode(value, answer.transactionId));
    expect(all.map(({ address }) => address)).toEqual(["127.0.0.1", "::1"]);
    for (const { port } of all) expect(port >= 30_000 && port <= 39_999).toBe(true);
  });

  it("keeps the next port for a reservation, and frees all ports at the end", async () => {
    // Room for one pair.
    const server = await start({ relayPorts: { min: 30_010, max: 30_011 } });
    const alice = client(await udpWire(server.port));
    await alice.login();
    const evenAndNext = put(TURN_ATTRIBUTES.EVEN_PORT, { reserveNext: true });
    const first = await alice.request(METHOD.allocate, put(TURN_ATTRIBUTES.REQUESTED_TRANSPORT, 17), evenAndNext);
    expect(relayedOf(first).port).toBe(30_010);
    const token = attributeOf(first, TURN_ATTRIBUTES.RESERVATION_TOKEN);
    if (token === undefined) throw new Error("no token");
    const bob = client(await udpWire(server.port));
    expect((await bob.allocate(put(TURN_ATTRIBUTES.RESERVATION_TOKEN, token))).port).toBe(30_011);
    const carol = client(await udpWire(server.port));
    await expect(carol.allocate()).rejects.toThrow("508");
    await alice.request(METHOD.refresh, put(TURN_ATTRIBUTES.LIFETIME, 0));
    expect((await carol.allocate()).port).toBe(30_010);
  });

  it("tries another port where a program has one", async () => {
    const other = createSocket("udp4");
    open.push({ close: () => other.close() });
    other.bind(30_021, "127.0.0.1");
    await once(other, "listening");
    const server = await start({ relayPorts: { min: 30_021, max: 30_022 } });
    expect((await client(await udpWire(server.port)).allocate()).port).toBe(30_022);
    await expect(client(await udpWire(server.port)).allocate()).rejects.toThrow("508");
  });

  it("tells the outside address behind a 1:1 NAT", async () => {
    const server = await start({ externalAddresses: { "127.0.0.1": "203.0.113.7" } });
    expect((await client(await udpWire(server.port)).allocate()).address).toBe("203.0.113.7");
  });

  it("refuses a family that this machine has no relay address of", async () => {
    const server = await start({ relayAddresses: ["127.0.0.1"] });
    await expect(client(await udpWire(server.port)).allocate(put(TURN_ATTRIBUTES.REQUESTED_ADDRESS_FAMILY, 6))).rejects.toThrow(
      "440",
    );
  });

  it("takes the longest Send indication over TCP, but no long message before there is an allocation", async () => {
    const server = await start();
    const wire = await tcpWire(server.port);
    const alice = client(wire);
    await alice.allocate();
    const far = await peer();
    await alice.request(METHOD.createPermission, put(TURN_ATTRIBUTES.XOR_PEER_ADDRESS, far.address));
    const send = encodeMessage({
      class: "indication",
      method: METHOD.send,
      transactionId: new Uint8Array(12),
      attributes: [
        put(TURN_ATTRIBUTES.XOR_PEER_ADDRESS, far.address),
        put(TURN_ATTRIBUTES.DATA, new Uint8Array(60_000).fill(97)),
      ],
    });
    wire.send(send);
    await expect.poll(() => far.heard.map(({ text }) => text.length)).toEqual([60_000]);
    const stranger = await tcpWire(server.port);
    open.push(stranger);
    stranger.send(send);
    stranger.socket.resume();
    await once(stranger.socket, "close");
    await expect.poll(() => server.stats().connections.ended.framing).toBe(1);
  });

  it("drops instead of queueing for a client that does not read", async () => {
    const server = await start({ streams: { bufferBytes: 20_000 } });
    const wire = await tcpWire(server.port);
    const alice = client(wire);
    const relayed = await alice.allocate();
    const far = await peer();
    await alice.bind(0x4000, far.address);
    wire.socket.pause();
    const payload = Buffer.alloc(1200);
    // What the kernel's buffers of both sides take comes first.
    await expect
      .poll(
        () => {
          for (let packet = 0; packet < 200; packet++) far.socket.send(payload, relayed.port, relayed.address);
          return server.stats().dropped["client-buffer"];
        },
        { timeout: 15_000, interval: 20 },
      )
      .toBeGreaterThan(100);
  });

  it("reports what cannot be sent to the client, as ICMP", async () => {
    const server = await start();
    const alice = client(await udpWire(server.port));
    await alice.allocate();
    // No datagram is longer than 65,507 bytes, which ChannelData could carry: RFC 8656 §18.13 has the attribute for it.
    const far = await peer();
    await alice.bind(0x4000, far.address);
    const tcp = client(await tcpWire(server.port));
    await tcp.allocate();
    await tcp.bind(0x4000, far.address);
    tcp.sendData(0x4000, "x".repeat(65_520));
    await expect.poll(() => tcp.indications.length).toBe(1);
    const [indication] = tcp.indications;
    if (indication === undefined) throw new Error("none");
    expect(attributeOf(indication, TURN_ATTRIBUTES.ICMP)).toMatchObject({ type: 3, code: 4 });
  });
});

describe("TCP relays (RFC 6062)", () => {
  async function echoServer(): Promise<{ server: Server; port: number; sockets: Socket[] }> {
    const sockets: Socket[] = [];
    const server = createServer((socket) => {
      sockets.push(socket);
      socket.on("error", () => {});
      socket.on("data", (chunk) => socket.write(chunk));
    });
    open.push({ close: () => server.close() }, { close: () => sockets.map((socket) => socket.destroy()) });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return { server, port: (server.address() as { port: number }).port, sockets };
  }

  async function joined(server: RunningTurnServer, connection: number): Promise<Socket> {
    const wire = await tcpWire(server.port);
    open.push(wire);
    const data = new TestClient(wire);
    await data.login();
    const answer = await data.request(METHOD.connectionBind, put(TURN_ATTRIBUTES.CONNECTION_ID, connection));
    expect(answer.class).toBe("success");
    wire.socket.removeAllListeners("data");
    return wire.socket;
  }

  it("connects to peers from the relayed address, again and again, and still takes theirs", async () => {
    const server = await start();
    const echo = await echoServer();
    const alice = client(await tcpWire(server.port));
    const relayed = await alice.allocateTcp();
    const peerAddress = { family: 4, address: "127.0.0.1", port: echo.port } as const;
    const answer = await alice.request(METHOD.connect, put(TURN_ATTRIBUTES.XOR_PEER_ADDRESS, peerAddress));
    const id = attributeOf(answer, TURN_ATTRIBUTES.CONNECTION_ID) ?? 0;
    const data = await joined(server, id);
    expect(echo.sockets[0]?.remotePort).toBe(relayed.port);
    const large = Buffer.alloc(2_000_000, "abc");
    let back = 0;
    data.on("data", (chunk: Buffer) => {
      back += chunk.length;
    });
    data.write(large);
    await expect.poll(() => back, { timeout: 10_000 }).toBe(large.length);

    await alice.request(METHOD.createPermission, put(TURN_ATTRIBUTES.XOR_PEER_ADDRESS, peerAddress));
    // A peer connects to the relay, whose listener stood aside for a moment.
    const other = connect({ port: relayed.port, host: relayed.address });
    open.push({ close: () => other.destroy() });
    other.on("error", () => {});
    await once(other, "connect");
    await expect.poll(() => alice.indications.length).toBe(1);
    const attempt = alice.indications[0];
    if (attempt === undefined) throw new Error("none");
    const incoming = await joined(server, attributeOf(attempt, TURN_ATTRIBUTES.CONNECTION_ID) ?? 0);
    other.write("hello");
    const [hello] = (await once(incoming, "data")) as [Buffer];
    expect(hello.toString()).toBe("hello");

    // One closes, so does the other.
    other.end();
    await once(incoming, "close");
    data.destroy();
    await expect.poll(() => echo.sockets[0]?.destroyed).toBe(true);
    expect(server.stats().core.relayed.bytesToClient).toBe(2_000_005);
  });

  it("connects to several peers at once, and listens again after all of them", async () => {
    const server = await start();
    const alice = client(await tcpWire(server.port));
    const relayed = await alice.allocateTcp();
    const echoes = await Promise.all(Array.from({ length: 5 }, echoServer));
    const answers = echoes.map(({ port }) => {
      const peerAddress = { family: 4, address: "127.0.0.1", port } as const;
      return alice.request(METHOD.connect, put(TURN_ATTRIBUTES.XOR_PEER_ADDRESS, peerAddress));
    });
    for (const answer of await Promise.all(answers)) expect(answer.class).toBe("success");
    expect(echoes.map(({ sockets }) => sockets[0]?.remotePort)).toEqual(echoes.map(() => relayed.port));
    const anyPort = { family: 4, address: "127.0.0.1", port: 1 } as const;
    await alice.request(METHOD.createPermission, put(TURN_ATTRIBUTES.XOR_PEER_ADDRESS, anyPort));
    const other = connect({ port: relayed.port, host: relayed.address });
    open.push({ close: () => other.destroy() });
    await expect.poll(() => alice.indications.length).toBe(1);
  });

  it("says that a peer cannot be reached", async () => {
    const server = await start();
    const alice = client(await tcpWire(server.port));
    await alice.allocateTcp();
    const echo = await echoServer();
    echo.server.close();
    await once(echo.server, "close");
    const nobody = { family: 4, address: "127.0.0.1", port: echo.port } as const;
    const answer = await alice.request(METHOD.connect, put(TURN_ATTRIBUTES.XOR_PEER_ADDRESS, nobody));
    expect(attributeOf(answer, ATTRIBUTES.ERROR_CODE)?.code).toBe(447);
  });
});

describe("connections", () => {
  const closed = async (wire: { readonly socket: Socket }) => {
    wire.socket.resume();
    await once(wire.socket, "close");
  };

  it("are closed when they say nothing, or no whole message", async () => {
    const server = await start({ streams: { firstMessageMs: 200 } });
    const silent = await tcpWire(server.port);
    const slow = await tcpWire(server.port);
    open.push(silent, slow);
    slow.socket.write(bindingRequest(new Uint8Array(12)).subarray(0, 10));
    await Promise.all([closed(silent), closed(slow)]);
    await expect.poll(() => server.stats().connections.ended["first-message"]).toBe(2);
  });

  it("are closed when idle, but not with an allocation", async () => {
    const server = await start({ streams: { idleMs: 200 } });
    const idle = await tcpWire(server.port);
    const holding = await tcpWire(server.port);
    open.push(idle);
    idle.socket.write(bindingRequest(new Uint8Array(12)));
    const alice = client(holding);
    await alice.allocate();
    await closed(idle);
    await expect.poll(() => server.stats().connections).toMatchObject({ open: 1, ended: { idle: 1 } });
    await alice.request(METHOD.refresh, put(TURN_ATTRIBUTES.LIFETIME, 0));
    await closed(holding);
  });

  it("are closed at garbage, and at what is over the number of one source", async () => {
    const server = await start({ streams: { connectionsPerSource: 2 } });
    const [first, second] = [await tcpWire(server.port), await tcpWire(server.port)];
    open.push(first, second);
    const third = connect({ port: server.port, host: "127.0.0.1" });
    third.on("error", () => {});
    third.resume();
    await once(third, "close");
    first.socket.write("GET / HTTP/1.1\r\n\r\n");
    await closed(first);
    await expect.poll(() => server.stats().connections.ended).toMatchObject({ limit: 1, framing: 1 });
    const fourth = await tcpWire(server.port);
    open.push(fourth);
    fourth.socket.write(bindingRequest(new Uint8Array(12)));
    await once(fourth.socket, "data");
  });

  it("use a new certificate from the next handshake on", async () => {
    const server = await start();
    expect(server.tlsPort).toBeUndefined();
    await server.setTls(await selfSigned("first"));
    await server.setTls(await selfSigned("second"));
    const wire = await tlsWire(server.tlsPort ?? 0, ["stun.turn"]);
    open.push(wire);
    const socket = wire.socket as import("node:tls").TLSSocket;
    expect([socket.getPeerCertificate().subject.CN, socket.alpnProtocol]).toEqual(["second", "stun.turn"]);
  });
});

describe("operation", () => {
  it("counts garbage, and falls silent to a source that asks too much", async () => {
    const server = await start({ rateLimit: { perSecond: 0, burst: 2 } });
    const { socket } = await udpWire(server.port);
    open.push({ close: () => socket.close() });
    const answers: Buffer[] = [];
    socket.on("message", (bytes) => answers.push(bytes));
    socket.send(Buffer.from([0xff, 1, 2]), server.port, "127.0.0.1");
    for (let request = 0; request < 5; request++) {
      socket.send(bindingRequest(new Uint8Array(12).fill(request)), server.port, "127.0.0.1");
    }
    await expect.poll(() => server.stats().dropped).toMatchObject({ garbage: 1, rate: 3 });
    expect(answers.length).toBe(2);
  });

  it("takes new users at once, and no new allocations while it drains", async () => {
    const server = await start({ policy: turnPolicy({ allow: ["127.0.0.1"] }) });
    await expect(client(await udpWire(server.port)).allocate()).rejects.toThrow("401");
    server.configure(POLICY);
    const alice = client(await udpWire(server.port));
    await alice.allocate();
    server.drain();
    await expect(client(await udpWire(server.port)).allocate()).rejects.toThrow("508");
    expect((await alice.request(METHOD.refresh)).class).toBe("success");
  });

  it("writes a line at the end of an allocation, with no address and no user's name", async () => {
    const lines: string[] = [];
    const write = (fields: object, message: string) => lines.push(`${message} ${JSON.stringify(fields)}`);
    const log: Log = { error: write, warn: write, info: write, debug: write };
    const server = await start({ log });
    const alice = client(await udpWire(server.port));
    await alice.allocate();
    lines.splice(0);
    await alice.request(METHOD.refresh, put(TURN_ATTRIBUTES.LIFETIME, 0));
    expect(lines.length).toBe(1);
    expect(lines[0]).toMatch(/^TURN allocation ended .*"reason":"deleted"/);
    expect(lines[0]).not.toMatch(/127\.0\.0\.1|"user":"user"/);
  });

  it("says which port is taken and what to do", async () => {
    const { port } = await start();
    await expect(start({ port })).rejects.toMatchObject({
      code: "turn.port.in-use",
      remedy: expect.stringContaining("another TURN port"),
    });
    await expect(start({ addresses: ["192.0.2.254"] })).rejects.toMatchObject({ code: "turn.port.failed" });
    await expect(start({ relayPorts: { min: 5, max: 4 } })).rejects.toMatchObject({ code: "turn.option.relay-ports" });
  });

  it("frees everything on close, which may be called twice", async () => {
    const server = await start();
    const alice = client(await udpWire(server.port));
    const { port } = await alice.allocate();
    await server.close();
    await server.close();
    const again = createSocket("udp4");
    again.bind(port, "127.0.0.1");
    await once(again, "listening");
    again.close();
    await start({ port: server.port });
  });
});
