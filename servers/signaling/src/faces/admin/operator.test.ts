import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLog } from "@tsunagi/base";
import { FakeClock } from "@tsunagi/testkit";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type RunningSignaling, startSignaling } from "../../server.ts";
import { openStore } from "../../store/open.ts";
import type { Store } from "../../store/store.ts";
import type { Attempt } from "../../webhooks/transport.ts";
import { Operator } from "./operator.ts";

let dataDir: string;
let store: Store;
let operator: Operator;
let server: RunningSignaling;
const attempts: Attempt[] = [];

beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), "tsunagi-operator-"));
  store = await openStore({ dataDir });
  attempts.length = 0;
  operator = await Operator.open({
    store,
    dataDir,
    version: "1.0.0",
    log: silentLog,
    transport: async (attempt) => {
      attempts.push(attempt);
      return { type: "delivered", status: 200 };
    },
  });
  server = await startSignaling({
    store,
    version: "1.0.0",
    address: "127.0.0.1",
    port: 0,
    routes: operator.routes,
    onEvent: operator.onEvent,
  });
});
afterEach(async () => {
  await server.close();
  await operator.close();
  await store.close();
  rmSync(dataDir, { recursive: true, force: true });
});

const ask = (path: string, method = "GET", body?: object) =>
  fetch(`http://127.0.0.1:${server.address.port}${path}`, {
    method,
    headers: { authorization: `Bearer ${operator.token.created}`, ...(body ? { "content-type": "application/json" } : {}) },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });

it("serves the admin face, sends webhooks and records calls over a running server", async () => {
  const app = (await (await ask("/admin/v1/apps", "POST", { name: "shop" })).json()) as { id: string };
  await ask(`/admin/v1/apps/${app.id}/webhooks`, "POST", { url: "https://example.com/" });
  const facts = { appId: app.id, connection: "mc_1", kind: "media", caller: "a", callee: "b" } as const;
  operator.onEvent({
    ...facts,
    type: "call.ended",
    at: Date.now(),
    reason: "hung-up",
    startedAt: 1,
    answered: true,
    durationMs: 5,
  });
  await operator.drain(1_000);
  expect(attempts.map(({ body }) => JSON.parse(body).type)).toEqual(["call.ended"]);
  const calls = await (await ask(`/admin/v1/apps/${app.id}/calls`)).json();
  expect(calls).toMatchObject({ calls: [{ name: "mc_1", peers: ["a", "b"], reason: "hung-up" }] });
  const metrics = await (await ask("/metrics")).text();
  expect(metrics).toContain('tsunagi_webhook_attempts_total{event="call.ended",outcome="delivered"} 1');
  expect(metrics).toContain("tsunagi_call_records_dropped_total 0");
});

it("takes room names as long as they may be, in the path of a real request", async () => {
  const app = (await (await ask("/admin/v1/apps", "POST", { name: "shop" })).json()) as { id: string };
  const name = "𠮷".repeat(64);
  const answer = await ask(`/admin/v1/apps/${app.id}/rooms/${encodeURIComponent(name)}`);
  expect(await answer.json()).toMatchObject({ code: "admin.room.unknown" });
});

it("leaves nothing running when the port is taken", async () => {
  const clock = new FakeClock();
  const port = server.address.port;
  const starting = startSignaling({ store, version: "1.0.0", address: "127.0.0.1", port, clock });
  await expect(starting).rejects.toMatchObject({ code: "EADDRINUSE" });
  expect(clock.pending).toBe(0);
});
