/** The SFU as a part of everything: its worker, its port, what is counted, and that it goes with the rest. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { type RunningServer, startAll } from "../src/index.ts";

const undo: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

async function start(sfu: object): Promise<RunningServer> {
  const dataDir = await mkdtemp(join(tmpdir(), "tsunagi-sfu-"));
  undo.push(() => rm(dataDir, { recursive: true, force: true }));
  const turn = { addresses: ["127.0.0.1"], port: 0, tlsPort: 0 };
  const server = await startAll({ config: { dataDir, http: { address: "127.0.0.1", port: 0 }, turn, sfu } });
  undo.push(() => server.close());
  return server;
}

it("is on with the others, and counted", async () => {
  const server = await start({ port: 0, workers: 1, address: "127.0.0.1" });
  expect(server.addresses.sfu).toEqual([expect.any(Number)]);
  expect(server.addresses.sfu[0]).toBeGreaterThan(1_024);
  const metrics = await (await fetch(`http://127.0.0.1:${server.addresses.http.port}/metrics`)).text();
  expect(metrics).toContain('tsunagi_sfu_worker_up{worker="0"} 1');
  expect(metrics).toContain("tsunagi_sfu_negotiations_total 0");
  const [port] = server.addresses.sfu;
  await expect(start({ port, workers: 1, address: "127.0.0.1" })).rejects.toMatchObject({ code: "media.plane.port" });
});

it("can be off", async () => {
  const server = await start({ enabled: false });
  expect(server.addresses.sfu).toEqual([]);
});
