/** STUN and TURN as part of the whole: what clients are told works, the configuration is what the relay does, and SIGHUP changes it. */
import { X509Certificate } from "node:crypto";
import { createSocket } from "node:dgram";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect as connectTcp } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { type Log, secureRandom, silentLog } from "@tsunagi/base";
import { nodeStunCrypto } from "@tsunagi/stun/node";
import { TurnClient, type TurnClientOutput } from "@tsunagi/turn/client";
import { afterEach, expect, it } from "vitest";
import { WebSocket } from "ws";
import { loadConfig } from "../src/config.ts";
import { type RunningServer, startAll } from "../src/index.ts";
import { ensureTls } from "../src/tls.ts";

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

async function start(more: object = {}, log: Log = silentLog): Promise<RunningServer & { readonly dataDir: string }> {
  const dataDir = await mkdtemp(join(tmpdir(), "tsunagi-turn-"));
  undo.push(() => rm(dataDir, { recursive: true, force: true }));
  const { turn = {}, ...rest } = more as { turn?: object };
  const http = { address: "127.0.0.1", port: 0 };
  const base = { addresses: ["127.0.0.1"], port: 0, tlsPort: 0 };
  const server = await startAll({ config: { dataDir, http, turn: { ...base, ...turn }, sfu: { enabled: false }, ...rest }, log });
  undo.push(() => server.close());
  return { ...server, dataDir };
}

type IceServer = { readonly urls: readonly string[]; readonly username?: string; readonly credential?: string };

/** As a client is told at open. */
function tell(server: RunningServer): Promise<readonly IceServer[]> {
  const { port, secure } = server.addresses.http;
  const socket = new WebSocket(`${secure ? "wss" : "ws"}://127.0.0.1:${port}/v1`, { ca: server.tls?.caCertificate });
  undo.push(() => socket.terminate());
  return new Promise((resolve, reject) => {
    socket.on("error", reject);
    socket.on("open", () => socket.send(JSON.stringify({ type: "open", version: 1, key: server.defaultApp.key })));
    socket.on("message", (data) => resolve((JSON.parse(String(data)) as { iceServers: IceServer[] }).iceServers));
  });
}

/** What a client that stays is told unasked. */
function newsOf(server: RunningServer): Promise<readonly IceServer[]> {
  const socket = new WebSocket(`ws://127.0.0.1:${server.addresses.http.port}/v1`);
  undo.push(() => socket.terminate());
  return new Promise((resolve) => {
    socket.on("open", () => socket.send(JSON.stringify({ type: "open", version: 1, key: server.defaultApp.key })));
    socket.on("message", (data) => {
      const message = JSON.parse(String(data)) as { type: string; iceServers: IceServer[] };
      if (message.type === "ice-servers-changed") resolve(message.iceServers);
    });
  });
}

type Account = { readonly username: string; readonly password: string };

async function accountOf(server: RunningServer): Promise<Account> {
  const turn = (await tell(server)).find(({ username }) => username !== undefined);
  return { username: turn?.username ?? "", password: turn?.credential ?? "" };
}

type Way = { readonly transport: "udp" | "tcp" | "tls"; readonly port: number | undefined; readonly ca?: string | undefined };

/** Allocates and goes on to refresh nothing. @returns the lifetime, or the code of the refusal */
function allocate(way: Way, account: Account): Promise<number | { readonly refused: number }> {
  const { transport, port = 0, ca } = way;
  const client = new TurnClient({ ...account, transport, crypto: nodeStunCrypto, random: secureRandom, keepAlive: false });
  return new Promise((resolve, reject) => {
    const perform = (send: (bytes: Uint8Array) => void, outputs: readonly TurnClientOutput[]) => {
      for (const output of outputs) {
        if (output.type === "send") send(output.bytes);
        if (output.type === "allocated") resolve(output.lifetimeS);
        if (output.type === "ended") resolve({ refused: output.reason === "refused" ? output.code : 0 });
      }
    };
    const now = () => performance.now();
    if (transport === "udp") {
      const socket = createSocket("udp4");
      undo.push(() => socket.close());
      const send = (bytes: Uint8Array) => socket.send(bytes, port, "127.0.0.1");
      socket.on("message", (bytes) => perform(send, client.received(now() as never, bytes)));
      perform(send, client.start(now() as never));
      return;
    }
    const socket =
      transport === "tcp"
        ? connectTcp(port, "127.0.0.1")
        : connectTls({ port, host: "127.0.0.1", ca: ca === undefined ? [] : [ca] });
    undo.push(() => socket.destroy());
    const send = (bytes: Uint8Array) => void socket.write(bytes);
    socket.on("error", reject);
    socket.on("data", (bytes) => perform(send, client.received(now() as never, bytes)));
    socket.on(transport === "tcp" ? "connect" : "secureConnect", () => perform(send, client.start(now() as never)));
  });
}

it("tells clients of STUN and TURN over UDP and TCP, with credentials that its relay takes", async () => {
  const server = await start();
  const { udp = 0, tcp, tls } = server.addresses.turn;
  expect({ tcp, tls }).toEqual({ tcp: udp, tls: undefined });
  expect(await tell(server)).toMatchObject([
    { urls: [`stun:127.0.0.1:${udp}`] },
    { urls: [`turn:127.0.0.1:${udp}?transport=udp`, `turn:127.0.0.1:${udp}?transport=tcp`], expiresAt: expect.any(Number) },
  ]);
  const account = await accountOf(server);
  expect(await allocate({ transport: "udp", port: udp }, account)).toBe(600);
  expect(await allocate({ transport: "tcp", port: tcp }, account)).toBe(600);
  expect(await allocate({ transport: "udp", port: udp }, { ...account, password: "wrong" })).toEqual({ refused: 401 });
});

it("keeps the secret that it made, so that credentials outlive a restart, and shows counts and state without names", async () => {
  const server = await start();
  const account = await accountOf(server);
  await server.close();
  const config = {
    dataDir: server.dataDir,
    http: { port: 0 },
    turn: { addresses: ["127.0.0.1"], port: 0 },
    sfu: { enabled: false },
  };
  const again = await startAll({ config });
  undo.push(() => again.close());
  expect(await allocate({ transport: "udp", port: again.addresses.turn.udp }, account)).toBe(600);
  const at = `http://127.0.0.1:${again.addresses.http.port}`;
  const metrics = await (await fetch(`${at}/metrics`)).text();
  expect(metrics).toMatch(/^tsunagi_turn_relays\{transport="udp"\} 1$/m);
  const token = (await readFile(join(server.dataDir, "admin-token"), "utf8")).trim();
  const state = await (await fetch(`${at}/admin/v1/turn`, { headers: { authorization: `Bearer ${token}` } })).text();
  expect(JSON.parse(state)).toMatchObject({ ports: { udp: again.addresses.turn.udp } });
  expect(state).not.toContain(account.username.split(":")[1]);
});

it("serves TURN over TLS with the certificate of https, and over the HTTP port where that is wanted", async () => {
  const server = await start({ tls: { enabled: true }, turn: { shareHttpPort: true } });
  const { port } = server.addresses.http;
  const [, turn] = await tell(server);
  expect(turn?.urls).toContain(`turns:127.0.0.1:${port}?transport=tcp`);
  const account = await accountOf(server);
  const ca = server.tls?.caCertificate;
  expect(await allocate({ transport: "tls", port: server.addresses.turn.tls, ca }, account)).toBe(600);
  expect(await allocate({ transport: "tls", port, ca }, account)).toBe(600);
  // And HTTP goes on beside it: `tell` came by WebSocket.
  expect(await tell(server)).toHaveLength(2);
});

it("shares a plain HTTP port as well", async () => {
  const server = await start({ turn: { shareHttpPort: true } });
  const { port } = server.addresses.http;
  expect((await tell(server))[1]?.urls).toContain(`turn:127.0.0.1:${port}?transport=tcp`);
  expect(await allocate({ transport: "tcp", port }, await accountOf(server))).toBe(600);
  expect((await fetch(`http://127.0.0.1:${port}/healthz`)).status).toBe(200);
});

it("relays for nobody where it is a STUN server alone, and tells nobody of TURN", async () => {
  const server = await start({ turn: { relay: false, users: { camera: "password" } } });
  expect(await tell(server)).toEqual([{ urls: [`stun:127.0.0.1:${server.addresses.turn.udp}`] }]);
  const port = server.addresses.turn.udp;
  expect(await allocate({ transport: "udp", port }, { username: "camera", password: "password" })).toEqual({ refused: 401 });
});

it("takes a renewed certificate for https and TURN, and keeps the old one when the files do not fit", async () => {
  const files = await mkdtemp(join(tmpdir(), "tsunagi-pem-"));
  undo.push(() => rm(files, { recursive: true, force: true }));
  const tls = { certFile: join(files, "cert.pem"), keyFile: join(files, "key.pem") };
  const make = async (name: string) => {
    const names = { dns: ["localhost"], ip: ["127.0.0.1"] };
    const { cert, key } = await ensureTls({ directory: join(files, name), names });
    return { cert, key, shown: new X509Certificate(cert).fingerprint256 };
  };
  const [first, second] = [await make("first"), await make("second")];
  await Promise.all([writeFile(tls.certFile, first.cert), writeFile(tls.keyFile, first.key)]);
  const errors: unknown[] = [];
  const server = await start({ tls }, { ...silentLog, error: (fields: unknown) => void errors.push(fields) });
  const shownAt = (port = 0) =>
    new Promise<string>((resolve, reject) => {
      const socket = connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false }, () => {
        resolve(socket.getPeerCertificate().fingerprint256);
        socket.destroy();
      }).on("error", reject);
    });
  const shown = () => Promise.all([shownAt(server.addresses.http.port), shownAt(server.addresses.turn.tls)]);
  expect(await shown()).toEqual([first.shown, first.shown]);
  await writeFile(tls.certFile, second.cert);
  expect(server.reload(() => server.config)).toBe(false);
  expect(errors).toEqual([{ code: "config.value.invalid" }]);
  await writeFile(tls.keyFile, second.key);
  expect(server.reload(() => server.config)).toBe(true);
  await expect.poll(shown).toEqual([second.shown, second.shown]);
});

it("takes the users, secrets and limits of a changed configuration while it runs, and of a broken one nothing", async () => {
  const entries: { readonly fields: unknown; readonly message: string }[] = [];
  const note = (fields: unknown, message: string) => void entries.push({ fields, message });
  const server = await start({ turn: { users: { old: "password" } } }, { ...silentLog, info: note, warn: note, error: note });
  const port = server.addresses.turn.udp;
  const account = await accountOf(server);
  const news = newsOf(server);
  const user = (username: string) => allocate({ transport: "udp", port }, { username, password: "password" });
  expect([await user("old"), await user("new")]).toEqual([600, { refused: 401 }]);
  await expect.poll(() => server.signaling.host.sessions).toBeGreaterThan(1);

  const file = join(server.dataDir, "tsunagi.config.yaml");
  const reload = async (turn: string) => {
    await writeFile(
      file,
      `http: { port: 0, address: 127.0.0.1 }\ndataDir: ${server.dataDir}\nsfu: { enabled: false }\nturn: ${turn}`,
    );
    entries.length = 0;
    return server.reload(() => loadConfig({ file }));
  };
  const addresses = 'addresses: ["127.0.0.1"], port: 0, tlsPort: 0';
  expect(await reload(`{ ${addresses}, users: { new: password }, secret: another-secret-altogether }`)).toBe(true);
  expect([await user("old"), await user("new")]).toEqual([{ refused: 401 }, 600]);
  expect(await allocate({ transport: "udp", port }, account)).toEqual({ refused: 401 });
  // Clients that are there have been told, and newcomers are.
  const { username = "", credential: password = "" } = (await news)[1] ?? {};
  expect(await allocate({ transport: "udp", port }, { username, password })).toBe(600);
  expect(await allocate({ transport: "udp", port }, await accountOf(server))).toBe(600);
  expect(entries).toEqual([
    { fields: { changed: ["turn.secret", "turn.users"] }, message: "the configuration was reloaded" },
    ...entries.slice(1).filter(({ message }) => /allocation/i.test(message)),
  ]);

  expect(await reload("{ secret: do-not-show-this-one, users: [nonsense")).toBe(false);
  expect(entries).toMatchObject([
    { fields: { code: "config.file.malformed" }, message: expect.stringContaining("the old one stays") },
  ]);
  expect(entries[0]?.message).not.toContain("do-not-show");
  expect(await reload(`{ ${addresses}, users: { third: password }, allow: [10.0.0.0/40] }`)).toBe(false);
  expect(entries).toMatchObject([{ fields: { code: "config.value.invalid" } }]);
  expect([await user("new"), await user("third")]).toEqual([600, { refused: 401 }]);

  expect(await reload(`{ ${addresses}, users: { new: password }, relayPorts: 50000-50100 }`)).toBe(true);
  expect(entries).toContainEqual({
    fields: { settings: ["turn.relayPorts"] },
    message: "these settings change at the next start",
  });
});
