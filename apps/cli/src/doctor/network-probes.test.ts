/** The probes against real sockets on loopback. */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from "node:net";
import { startTurnServer } from "@tsunagi/server-turn";
import { turnPolicy } from "@tsunagi/turn";
import { afterEach, describe, expect, it } from "vitest";
import { networkProbes } from "./network-probes.ts";

const probes = networkProbes({ timeoutMs: 300, caFile: "/nowhere/ca.crt" });
const open: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of open.splice(0)) await close();
});

async function listening(server: Server): Promise<URL> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => sockets.add(socket.on("error", () => {})));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  open.push(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise((resolve) => server.close(resolve));
  });
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
}

describe("HTTP", () => {
  it("brings status, date and body", async () => {
    const url = await listening(createServer((_, response) => response.end("fine")));
    expect(await probes.get(url)).toMatchObject({ type: "response", status: 200, body: "fine", dateMs: expect.any(Number) });
  });

  it("gives up after the timeout when nothing is said, or when the answer never ends", async () => {
    const silent = createTcpServer();
    expect(await probes.get(await listening(silent))).toEqual({ type: "timeout" });
    const endless = createServer((_, response) => void response.write("x"));
    expect(await probes.get(await listening(endless))).toEqual({ type: "timeout" });
    expect(await probes.upgrade(await listening(createTcpServer()))).toEqual({
      type: "timeout",
    });
  });

  it("tells a closed port and a foreign program", async () => {
    const server = createTcpServer((socket) => socket.end("220 mail.example ESMTP\r\n"));
    const url = await listening(server);
    expect(await probes.get(url)).toMatchObject({ type: "foreign" });
    expect(await probes.upgrade(url)).toMatchObject({ type: "foreign" });
    expect(await probes.certificate(url)).toMatchObject({ type: "foreign" });
    await open.pop()?.();
    expect(await probes.get(url)).toEqual({ type: "refused" });
  });

  it("tells a WebSocket from an ordinary answer and from a wrong one", async () => {
    const plain = createServer((_, response) => response.writeHead(404).end());
    expect(await probes.upgrade(await listening(plain))).toEqual({ type: "answered", status: 404 });
    const wrong = createServer();
    wrong.on("upgrade", (_, socket) => {
      socket.on("error", () => {});
      socket.write(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: no\r\n\r\n",
      );
    });
    expect(await probes.upgrade(await listening(wrong))).toMatchObject({ type: "foreign" });
  });
});

describe("STUN", () => {
  it("learns the address", async () => {
    const server = await startTurnServer({ port: 0, tcp: false, addresses: ["127.0.0.1"], policy: turnPolicy() });
    open.push(() => server.close());
    const port = server.addresses[0]?.port ?? 0;
    expect(await probes.stun("localhost", port, 4)).toMatchObject({
      type: "mapped",
      address: "127.0.0.1",
      rttMs: expect.any(Number),
    });
    expect(await probes.stun("127.0.0.1", port, 6)).toEqual({ type: "no-address" });
  });

  it("tells silence from a closed port", async () => {
    const silent = createSocket("udp4");
    silent.bind(0, "127.0.0.1");
    await once(silent, "listening");
    const { port } = silent.address();
    expect(await probes.stun("127.0.0.1", port, 4)).toEqual({ type: "silent" });
    silent.close();
    await once(silent, "close");
    expect(await probes.stun("127.0.0.1", port, 4)).toEqual({ type: "unreachable" });
  });

  it("does not take any datagram for an answer", async () => {
    const babble = createSocket("udp4");
    babble.on("message", (_, from) => babble.send("hello", from.port, from.address));
    babble.bind(0, "127.0.0.1");
    await once(babble, "listening");
    open.push(() => babble.close());
    expect(await probes.stun("127.0.0.1", babble.address().port, 4)).toEqual({ type: "silent" });
  });
});

describe("ports of this machine", () => {
  it("tells free from taken", async () => {
    const url = await listening(createServer());
    expect(await probes.localPort("tcp", Number(url.port))).toBe("taken");
    expect(await probes.localPort("tcp", 0)).toBe("free");
    const socket = createSocket("udp4");
    socket.bind(0);
    await once(socket, "listening");
    open.push(() => socket.close());
    expect(await probes.localPort("udp", socket.address().port)).toBe("taken");
    expect(await probes.localPort("udp", 0)).toBe("free");
  });
});
