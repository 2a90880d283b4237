/** The probes against the real TURN server on loopback. */
import { createSocket } from "node:dgram";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer as createTcpServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensureTls } from "@tsunagi/server-all/tls";
import { type RunningTurnServer, startTurnServer, type TurnServerOptions } from "@tsunagi/server-turn";
import { turnPolicy } from "@tsunagi/turn";
import { afterEach, describe, expect, it } from "vitest";
import { WebSocketServer } from "ws";
import { relayProbes } from "./relay-probes.ts";
import { turnPort } from "./turn-port.ts";
import type { TurnTarget } from "./turn-session.ts";

const USER = { username: "alice", password: "wonderland" } as const;
const HOST = "127.0.0.1";
const open: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

const probes = (caFile = "/nowhere/ca.crt") => relayProbes({ timeoutMs: 1500, interfaces: () => [], caFile });

async function server(options: Partial<TurnServerOptions> = {}): Promise<RunningTurnServer> {
  const running = await startTurnServer({
    port: 0,
    tlsPort: 0,
    addresses: [HOST],
    policy: turnPolicy({ users: { [USER.username]: USER.password } }),
    ...options,
  });
  open.push(() => running.close());
  return running;
}

const target = (transport: TurnTarget["transport"], port: number, more: Partial<TurnTarget> = {}): TurnTarget => ({
  transport,
  address: HOST,
  port,
  ...USER,
  ...more,
});

function listening(server: Server): Promise<number> {
  open.push(() => server.close());
  return new Promise((resolve) => server.listen(0, HOST, () => resolve((server.address() as AddressInfo).port)));
}

/** As good as sure to be free a moment later: the system gives its numbers in no order. */
function freePort(): Promise<number> {
  const socket = createSocket("udp4");
  return new Promise((resolve) => {
    socket.bind(0, HOST, () => {
      const { port } = socket.address();
      socket.close(() => resolve(port));
    });
  });
}

describe("relay", () => {
  it("comes back over UDP and TCP, with the times, and leaves nothing behind", async () => {
    const running = await server();
    for (const transport of ["udp", "tcp"] as const) {
      const echo = await probes().relay(target(transport, running.port));
      expect(echo).toMatchObject({ type: "echoed", relayed: { address: HOST }, mapped: { address: HOST } });
      if (echo.type === "echoed") expect(echo.echoMs).toBeLessThan(1000);
    }
    expect(running.stats().core.allocations.now).toBe(0);
  });

  it("comes back over TLS when the certificate is for the name, and says so when it is not", async () => {
    const folder = mkdtempSync(join(tmpdir(), "relay-"));
    open.push(() => rmSync(folder, { recursive: true }));
    const { cert, key } = await ensureTls({ directory: folder });
    const caFile = join(folder, "ca.crt");
    const running = await server({ tls: { cert, key } });
    const place = target("tls", running.tlsPort ?? 0, { name: "localhost" });
    expect(await probes(caFile).relay(place)).toMatchObject({ type: "echoed" });
    expect(await probes().relay(place)).toMatchObject({ type: "failed", failure: { why: "certificate" } });
    expect(await probes(caFile).relay({ ...place, name: "b.example" })).toMatchObject({ failure: { why: "certificate" } });
  });

  it("goes where a server that stops sends it, and not round and round", async () => {
    const next = await server();
    const alternate = (port: number) =>
      turnPolicy({ users: { alice: USER.password }, alternateServer: { family: 4, address: HOST, port } });
    const stopping = await server({ policy: alternate(next.port) });
    stopping.drain();
    const echo = await probes().relay(target("udp", stopping.port));
    expect(echo).toMatchObject({ type: "echoed", target: { port: next.port } });
    stopping.configure(alternate(stopping.port));
    expect(await probes().relay(target("tcp", stopping.port))).toMatchObject({ type: "failed", failure: { why: "alternate" } });
  });

  it("tells why not", async () => {
    const running = await server();
    const wrong = { password: "looking-glass" };
    expect(await probes().relay(target("udp", running.port, wrong))).toMatchObject({ failure: { why: "refused", code: 401 } });
    const full = await server({ policy: turnPolicy({ users: { alice: USER.password }, limits: { allocationsPerUser: 1 } }) });
    expect(await probes().relay(target("tcp", full.port))).toMatchObject({ failure: { why: "refused", code: 486 } });
    const free = await server();
    await free.close();
    expect(await probes().relay(target("udp", free.port))).toMatchObject({ failure: { why: "closed" } });
    expect(await probes().relay(target("tcp", free.port))).toMatchObject({ failure: { why: "closed" } });
    const silent = await listening(createTcpServer(() => {}));
    expect(await probes().relay(target("tcp", silent))).toMatchObject({ failure: { why: "timeout" } });
    const http = await listening(createHttpServer());
    expect(await probes().relay(target("tcp", http))).toMatchObject({ failure: { why: "foreign" } });
  });
});

describe("turnPort", () => {
  it("knows a TURN server from silence, a closed port and another program", async () => {
    const running = await server();
    const { port } = running;
    expect(await turnPort(HOST, port, "udp", 1000)).toEqual({ type: "turn" });
    expect(await turnPort("localhost", port, "tcp", 1000)).toEqual({ type: "turn" });
    const silent = createSocket("udp4");
    await new Promise<void>((resolve) => silent.bind(0, HOST, () => resolve()));
    expect(await turnPort(HOST, silent.address().port, "udp", 300)).toEqual({ type: "silent" });
    silent.close();
    expect(await turnPort(HOST, await listening(createHttpServer()), "tcp", 1000)).toEqual({ type: "foreign" });
    expect(await turnPort(HOST, await listening(createTcpServer(() => {})), "tcp", 300)).toEqual({ type: "silent" });
    await running.close();
    for (const transport of ["udp", "tcp"] as const)
      expect(await turnPort(HOST, port, transport, 1000)).toEqual({ type: "closed" });
    expect(await turnPort("nowhere.invalid", port, "udp", 1000)).toEqual({ type: "no-address" });
  });
});

describe("nat", () => {
  it("knows of no NAT by the server's two addresses", async () => {
    const running = await server({
      addresses: ["127.0.0.1", "127.0.0.2"],
      alternate: { address: "127.0.0.2", primary: HOST, port: await freePort() },
    });
    expect(await probes().nat({ family: 4, address: HOST, port: running.port })).toMatchObject({
      type: "discovered",
      isTranslated: false,
      mapping: "endpoint-independent",
      filtering: "endpoint-independent",
    });
  });

  it("knows the address alone by a server with one", async () => {
    const running = await server();
    expect(await probes().nat({ family: 4, address: HOST, port: running.port })).toMatchObject({ type: "unsupported" });
  });
});

describe("session", () => {
  /** Answers the first message with `reply`. */
  async function signaling(reply: object | undefined, onMessage: (text: string) => void = () => {}): Promise<URL> {
    const http = createHttpServer((_, response) => response.end(JSON.stringify({ key: "of the page" })));
    const sockets = new WebSocketServer({ server: http, path: "/v1" });
    sockets.on("connection", (socket) => {
      socket.on("message", (data) => {
        onMessage(String(data));
        if (reply !== undefined) socket.send(JSON.stringify(reply));
      });
    });
    open.push(() => {
      for (const socket of sockets.clients) socket.terminate();
    });
    return new URL(`http://${HOST}:${await listening(http)}`);
  }

  it("reads the servers, and says goodbye", async () => {
    const heard: { type: string; key?: string; token?: string }[] = [];
    const iceServers = [{ urls: "stun:a" }, { urls: ["turn:a"], username: "u", credential: "c" }, { nonsense: 1 }];
    const url = await signaling({ type: "opened", iceServers, iceTransportPolicy: "relay" }, (text) =>
      heard.push(JSON.parse(text)),
    );
    expect(await probes().key(url)).toEqual({ type: "key", key: "of the page" });
    expect(await probes().session(url, "k", "t")).toMatchObject({
      type: "opened",
      iceServers: [{ urls: ["stun:a"] }, { urls: ["turn:a"], username: "u", credential: "c" }],
      isRelayOnly: true,
    });
    await expect.poll(() => heard.length).toBe(2);
    expect(heard).toMatchObject([{ type: "open", version: 1, key: "k", token: "t" }, { type: "bye" }]);
  });

  it("brings the server's refusal, and tells silence from it", async () => {
    const bye = { type: "bye", code: "auth.key.unknown", message: "no such key", retry: false };
    expect(await probes().session(await signaling(bye), "k", undefined)).toMatchObject({
      type: "refused",
      code: "auth.key.unknown",
    });
    expect(await probes().session(await signaling(undefined), "k", undefined)).toEqual({
      type: "unreachable",
      detail: "no answer",
    });
    expect(await probes().session(new URL(`http://${HOST}:1`), "k", undefined)).toMatchObject({ type: "unreachable" });
    expect(await probes().key(new URL(`http://${HOST}:1`))).toMatchObject({ type: "none" });
  });
});
