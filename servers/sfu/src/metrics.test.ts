import { expect, it } from "vitest";
import { sfuMetrics } from "./metrics.ts";
import type { Pool } from "./pool/pool.ts";

it("tells of each worker, of sums, and of drops by reason, as they are when asked", () => {
  const worker = (id: number, state: string) => ({
    id,
    state,
    restarts: id + 1,
    stats: { members: 2 * id, transports: 3 * id, load: 0.5, residentBytes: 1_000 },
  });
  const pool = {
    workers: [worker(0, "running"), worker(1, "starting")],
    rooms: 4,
    total: (name: string) => (name === "packetsReceived" ? 7 : 0),
    dropped: () => [["pipe-full", 9]],
  };
  const metrics = sfuMetrics(pool as unknown as Pool);
  const read = (name: string) => [...(metrics.find((each) => each.name === `tsunagi_sfu_${name}`)?.read() ?? [])];
  expect(read("rooms")).toEqual([["", 4]]);
  expect(read("worker_up")).toEqual([
    ["0", 1],
    ["1", 0],
  ]);
  expect(read("worker_members")).toEqual([
    ["0", 0],
    ["1", 2],
  ]);
  expect(read("worker_restarts_total")).toEqual([
    ["0", 1],
    ["1", 2],
  ]);
  expect([read("packets_received_total"), read("dropped_total")]).toEqual([[["", 7]], [["pipe-full", 9]]]);
  pool.rooms = 5;
  expect(read("rooms")).toEqual([["", 5]]);
  // Prometheus' rules: counters end in _total, and no name comes twice.
  for (const { name, type } of metrics) expect([name, name.endsWith("_total")]).toEqual([name, type === "counter"]);
  expect(new Set(metrics.map(({ name }) => name)).size).toBe(metrics.length);
});
