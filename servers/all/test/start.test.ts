/** Everything in one process, as `tsunagi start` and main.ts run it. */
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { type RunningServer, startAll } from "../src/index.ts";

const undo: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

async function dataDir(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "tsunagi-all-"));
  undo.push(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

async function start(directory: string, more: object = {}): Promise<RunningServer> {
  const server = await startAll({
    config: {
      dataDir: directory,
      http: { address: "127.0.0.1", port: 0 },
      turn: { addresses: ["127.0.0.1"], port: 0, tlsPort: 0 },
      sfu: { enabled: false },
      ...more,
    },
  });
  undo.push(() => server.close());
  return server;
}

it("makes a first app once, and tells the web app its key", async () => {
  const directory = await dataDir();
  const first = await start(directory, { firstApp: { name: "mine" } });
  expect(first).toMatchObject({ madeDefaultApp: true, defaultApp: { name: "mine" }, addresses: { http: { secure: false } } });
  expect(first.addresses.turn.udp).toBeGreaterThan(0);
  const config = await (await fetch(`http://127.0.0.1:${first.addresses.http.port}/config.json`)).json();
  expect(config).toMatchObject({ key: first.defaultApp.key });
  await first.drain();
  await expect(fetch(`http://127.0.0.1:${first.addresses.http.port}/healthz`)).rejects.toThrow();
  const second = await start(directory);
  expect(second).toMatchObject({ madeDefaultApp: false, defaultApp: { id: first.defaultApp.id, key: first.defaultApp.key } });
});

it("says which port is taken, and leaves nothing running", async () => {
  const taken = createServer();
  await new Promise<void>((done) => taken.listen(0, "127.0.0.1", done));
  undo.push(() => new Promise((done) => taken.close(done)));
  const address = taken.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const directory = await dataDir();
  await expect(start(directory, { http: { address: "127.0.0.1", port } })).rejects.toMatchObject({ code: "server.port.in-use" });
  // The store was closed again: another start can have it.
  await start(directory);
});

it("serves https with a certificate from the local CA, which can be fetched", async () => {
  const server = await start(await dataDir(), { tls: { enabled: true } });
  expect(server.addresses.http.secure).toBe(true);
  const { get } = await import("node:https");
  const body = await new Promise<string>((done, failed) => {
    get({ host: "127.0.0.1", port: server.addresses.http.port, path: "/ca.crt", ca: server.tls?.caCertificate }, (response) => {
      let text = "";
      response.on("data", (chunk) => {
        text += String(chunk);
      });
      response.on("end", () => done(text));
    }).on("error", failed);
  });
  expect(body).toBe(server.tls?.caCertificate);
});
