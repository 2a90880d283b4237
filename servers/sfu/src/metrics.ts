/** What Prometheus is told. Read when it is scraped; nothing is kept here but the sums of workers that are gone. */
import type { SfuMetric } from "./options.ts";
import type { Pool } from "./pool/pool.ts";

export function sfuMetrics(pool: Pool): readonly SfuMetric[] {
  const metric = (name: string, help: string, type: SfuMetric["type"], label: string | undefined, read: SfuMetric["read"]) => ({
    name: `tsunagi_sfu_${name}${type === "counter" ? "_total" : ""}`,
    help,
    type,
    label,
    read,
  });
  const perWorker = (value: (worker: Pool["workers"][number]) => number) => () =>
    pool.workers.map((worker) => [String(worker.id), value(worker)] as const);
  const summed = (name: string) => () => [["", pool.total(name)] as const];
  return [
    metric("rooms", "Rooms on the SFU now", "gauge", undefined, () => [["", pool.rooms]]),
    metric(
      "worker_members",
      "Members now, by worker",
      "gauge",
      "worker",
      perWorker((worker) => worker.stats.members),
    ),
    metric(
      "worker_transports",
      "Transports now, by worker",
      "gauge",
      "worker",
      perWorker((worker) => worker.stats.transports),
    ),
    metric(
      "worker_load",
      "Cores in use, by worker",
      "gauge",
      "worker",
      perWorker((worker) => worker.stats.load),
    ),
    metric(
      "worker_resident_bytes",
      "Memory, by worker",
      "gauge",
      "worker",
      perWorker((worker) => worker.stats.residentBytes),
    ),
    metric(
      "worker_up",
      "Whether a worker runs",
      "gauge",
      "worker",
      perWorker((worker) => (worker.state === "running" ? 1 : 0)),
    ),
    metric(
      "worker_restarts",
      "Workers started again after they ended",
      "counter",
      "worker",
      perWorker((worker) => worker.restarts),
    ),
    metric("packets_received", "Packets from clients, RTP and RTCP", "counter", undefined, summed("packetsReceived")),
    metric("bytes_received", "Bytes from clients, RTP and RTCP", "counter", undefined, summed("bytesReceived")),
    metric("packets_sent", "Packets to clients, RTP", "counter", undefined, summed("packetsSent")),
    metric("packets_piped", "Packets from one worker to another", "counter", undefined, summed("packetsPiped")),
    metric("negotiations", "Offers answered", "counter", undefined, summed("negotiations")),
    metric("transports_opened", "Transports opened", "counter", undefined, summed("transportsOpened")),
    metric("transports_connected", "Transports that connected", "counter", undefined, summed("transportsConnected")),
    metric("transports_lost", "Transports whose path was lost, or never was", "counter", undefined, summed("transportsLost")),
    metric("control_messages", "Requests on control channels", "counter", undefined, summed("controlMessages")),
    metric("data_messages", "Messages on data channels", "counter", undefined, summed("dataMessages")),
    metric("dropped", "Packets and messages dropped, by reason", "counter", "reason", () => pool.dropped()),
  ];
}
