import { once } from "node:events";
import { createServer, type Server as HttpServer } from "node:http";
import { createServer as createHttpsServer, get as httpsGet } from "node:https";
import { type AddressInfo, connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { bindingRequest, decodeMessage, mappedAddressOf } from "@tsunagi/stun";
import { turnPolicy } from "@tsunagi/turn";
import fastify from "fastify";
import { afterEach, describe, expect, it } from "vitest";
import WebSocket, { WebSocketServer } from "ws";
import { selfSigned } from "../test/certificate.ts";
import { PASSWORD, TestClient, tcpWire, tlsWire, USER } from "../test/turn-client.ts";
import { firstBytes } from "./first-bytes.ts";
import type { RunningTurnServer } from "./options.ts";
import { SHARED_PORT_ALPN, type SharedPort, type SharedPortOptions, shareHttpPort } from "./shared-port.ts";
import { startTurnServer } from "./turn-server.ts";

const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close();
});

async function turnServer(): Promise<RunningTurnServer> {
  const turn = await startTurnServer({
    port: 0,
    tlsPort: false,
    addresses: ["127.0.0.1"],
    policy: turnPolicy({ users: { [USER]: PASSWORD }, allow: ["127.0.0.1"] }),
    streams: { firstMessageMs: 300 },
  });
  open.push(turn);
  return turn;
}

type Shared = { readonly port: number; readonly shared: SharedPort; readonly turn: RunningTurnServer };

/** A fastify application with a WebSocket beside it, as the signalling server is. */
async function application(secure: boolean, options: SharedPortOptions = {}): Promise<Shared> {
  const tls = secure ? { https: { ...(await selfSigned()), ALPNProtocols: [...SHARED_PORT_ALPN] } } : {};
  const app = fastify(tls as object);
  app.get("/hello", async (request) => ({ hello: request.protocol, from: request.ip }));
  app.post("/echo", async (request) => request.body);
  const webSockets = new WebSocketServer({ server: app.server });
  webSockets.on("connection", (socket) => socket.on("message", (data) => socket.send(`echo ${String(data)}`)));
  await app.listen({ port: 0, host: "127.0.0.1" });
  const turn = await turnServer();
  const shared = shareHttpPort(app.server, turn, options);
  open.push({
    async close() {
      shared.close();
      webSockets.close();
      for (const socket of webSockets.clients) socket.terminate();
      await app.close();
    },
  });
  return { port: (app.server.address() as AddressInfo).port, shared, turn };
}

const text = (port: number, path = "/hello"): Promise<string> =>
  new Promise((resolve, reject) => {
    httpsGet({ host: "127.0.0.1", port, path, rejectUnauthorized: false, agent: false }, (response) => {
      let body = "";
      response.on("data", (chunk) => {
        body += chunk;
      });
      response.on("end", () => resolve(body));
    }).on("error", reject);
  });

async function rawTcp(port: number): Promise<Socket> {
  const socket = connect({ port, host: "127.0.0.1" });
  open.push({ close: () => socket.destroy() });
  socket.on("error", () => {});
  await once(socket, "connect");
  return socket;
}

async function echoed(socket: WebSocket): Promise<string> {
  open.push({ close: () => socket.terminate() });
  await once(socket, "open");
  socket.send("hello");
  const [answer] = (await once(socket, "message")) as [Buffer];
  return answer.toString();
}

describe("firstBytes", () => {
  it("tells the three apart", () => {
    expect([0x16, 0x00, 0x01, 0x03].map(firstBytes)).toEqual(["tls", "turn", "turn", "turn"]);
    const methods = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "CONNECT", "PRI * HTTP/2.0", "\r\nGET"];
    expect(methods.map((method) => firstBytes(method.charCodeAt(0)))).toEqual(methods.map(() => "http"));
  });
});

describe("a port shared by HTTP and TURN", () => {
  it("serves HTTP, WebSockets and TURN", async () => {
    const { port, shared } = await application(false);
    const response = await fetch(`http://127.0.0.1:${port}/hello`);
    expect(await response.json()).toEqual({ hello: "http", from: "127.0.0.1" });
    const body = "x".repeat(500_000);
    const init = { method: "POST", body, headers: { "content-type": "text/plain" } };
    expect(await (await fetch(`http://127.0.0.1:${port}/echo`, init)).text()).toBe(body);
    expect(await echoed(new WebSocket(`ws://127.0.0.1:${port}/`))).toBe("echo hello");
    const wire = await tcpWire(port);
    open.push(wire);
    expect(await new TestClient(wire).allocate()).toMatchObject({ address: "127.0.0.1" });
    expect(shared.stats()).toMatchObject({ turn: 1, silent: 0 });
  });

  it("serves a request that comes in pieces, and a second one on the same connection", async () => {
    const { port } = await application(false);
    const socket = await rawTcp(port);
    let answers = "";
    socket.on("data", (chunk) => {
      answers += chunk;
    });
    for (const character of "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n") {
      socket.write(character);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await expect.poll(() => answers.match(/"hello":"http"/g)?.length).toBe(1);
    socket.write("GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    await once(socket, "close");
    expect(answers.match(/"hello":"http"/g)?.length).toBe(2);
  });

  it("takes a STUN message that comes byte by byte", async () => {
    const { port } = await application(false);
    const socket = await rawTcp(port);
    socket.setNoDelay(true);
    for (const byte of bindingRequest(new Uint8Array(12))) {
      socket.write(Uint8Array.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
    const [answer] = (await once(socket, "data")) as [Buffer];
    expect(mappedAddressOf(decodeMessage(answer))?.port).toBe(socket.localPort);
  });

  it("serves HTTPS, WebSockets and TURN over TLS, with and without ALPN, and TURN without TLS", async () => {
    const { port, shared, turn } = await application(true);
    expect(await text(port)).toBe('{"hello":"https","from":"127.0.0.1"}');
    expect(await echoed(new WebSocket(`wss://127.0.0.1:${port}/`, { rejectUnauthorized: false }))).toBe("echo hello");
    for (const alpn of [["stun.turn"], undefined, ["http/1.1"]]) {
      const wire = await tlsWire(port, alpn);
      open.push(wire);
      expect(await new TestClient(wire).allocate()).toMatchObject({ address: "127.0.0.1" });
    }
    expect(turn.stats().core.allocations.byTransport.tls).toBe(3);
    const plain = await tcpWire(port);
    open.push(plain);
    await new TestClient(plain).allocate();
    expect(turn.stats().core.allocations.byTransport.tcp).toBe(1);
    expect(shared.stats().turn).toBe(4);
  });

  it("serves many at once", async () => {
    const { port } = await application(true);
    const https = Array.from({ length: 20 }, () => text(port));
    const turns = Array.from({ length: 20 }, async () => {
      const wire = await tlsWire(port);
      open.push(wire);
      return new TestClient(wire).allocate();
    });
    expect(new Set(await Promise.all(https))).toEqual(new Set(['{"hello":"https","from":"127.0.0.1"}']));
    expect(new Set((await Promise.all(turns)).map((relayed) => relayed.port)).size).toBe(20);
  });

  it("closes who says nothing, before TLS and after it, and who says a part of a message", async () => {
    const { port, shared } = await application(true, { firstByteMs: 200 });
    const silent = await rawTcp(port);
    const halfStun = await rawTcp(port);
    halfStun.write(bindingRequest(new Uint8Array(12)).subarray(0, 7));
    const afterTls = connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false });
    open.push({ close: () => afterTls.destroy() });
    afterTls.on("error", () => {});
    const all = [silent, halfStun, afterTls];
    for (const socket of all) socket.resume();
    await Promise.all(all.map((socket) => once(socket, "close")));
    expect(shared.stats()).toMatchObject({ timedOut: 2, silent: 0, turn: 1 });
  });

  it("closes further connections while too many say nothing", async () => {
    const { port, shared } = await application(false, { silent: 2 });
    await Promise.all([rawTcp(port), rawTcp(port)]);
    await expect.poll(() => shared.stats().silent).toBe(2);
    const third = connect({ port, host: "127.0.0.1" });
    third.on("error", () => {});
    third.resume();
    await once(third, "close");
    expect(shared.stats()).toMatchObject({ silent: 2, refused: 1 });
  });

  it("leaves garbage to the HTTP server, which ends it", async () => {
    for (const secure of [false, true]) {
      const { port } = await application(secure);
      const socket = await rawTcp(port);
      socket.resume();
      socket.write(Buffer.from([0xff, 0xfe, 0x80, 0x00, 0x16, 0x01]));
      socket.write("\r\n\r\n");
      await once(socket, "close");
      const hello = await rawTcp(port);
      hello.resume();
      hello.write(Buffer.from("160301000501ffffffff", "hex"));
      hello.end();
      await once(hello, "close");
    }
  });

  it("gives the port back to HTTP alone", async () => {
    const { port, shared } = await application(false);
    shared.close();
    shared.close();
    expect((await fetch(`http://127.0.0.1:${port}/hello`)).status).toBe(200);
    const socket = await rawTcp(port);
    socket.write(bindingRequest(new Uint8Array(12)));
    const [answer] = (await once(socket, "data")) as [Buffer];
    expect(answer.toString("latin1")).toContain("HTTP/1.1 400");
  });

  it("stands before servers of node:http and node:https alike", async () => {
    const turn = await turnServer();
    const servers: HttpServer[] = [
      createServer((_, response) => response.end("plain")),
      createHttpsServer(await selfSigned(), (_, response) => response.end("secure")),
    ];
    const answers: string[] = [];
    for (const [index, server] of servers.entries()) {
      const shared = shareHttpPort(server, turn);
      server.listen(0, "127.0.0.1");
      await once(server, "listening");
      open.push({ close: () => server.close() }, shared, { close: () => server.closeAllConnections() });
      const { port } = server.address() as AddressInfo;
      answers.push(index === 0 ? await (await fetch(`http://127.0.0.1:${port}/`)).text() : await text(port, "/"));
      const wire = index === 0 ? await tcpWire(port) : await tlsWire(port);
      open.push(wire);
      await new TestClient(wire).allocate();
    }
    expect(answers).toEqual(["plain", "secure"]);
  });
});
