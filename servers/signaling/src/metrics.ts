/** Prometheus metrics. Counted in plain numbers on the path of messages, and read when they are scraped. */
import type { Conference, ConferenceEvent } from "@tsunagi/conference";
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";

/** What another part of the process counts, as it hands it over. */
export type ForeignMetric = {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge";
  /** One label or, joined by a comma, two, as are the values then; undefined: a single number, whose value is "". */
  readonly label: string | undefined;
  /** Asked when it is scraped. Values are few. */
  read(): Iterable<readonly [value: string, count: number]>;
};

/** What the native face counts. */
export interface NativeMetrics {
  connected(): void;
  disconnected(): void;
  received(type: string, bytes: number): void;
  sent(type: string): void;
  refused(code: string): void;
}

export type MetricSources = {
  readonly version: string;
  readonly sessions: () => number;
  readonly counts: () => Pick<ReturnType<Conference["counts"]>, "peers" | "rooms" | "calls" | "sfuMembers" | "publications">;
};

const RELAYED: ReadonlySet<string> = new Set(["offer", "answer", "candidate", "restart", "reject", "hangup"]);

export class SignalingMetrics implements NativeMetrics {
  readonly registry = new Registry();
  #connections = 0;
  #accepted = 0;
  #relayBytes = 0;
  readonly #received = new Map<string, number>();
  readonly #sent = new Map<string, number>();
  readonly #refused = new Map<string, number>();
  readonly #calls: Histogram;
  readonly #events: Counter;
  readonly #sfuCommands: Counter;

  constructor(sources: MetricSources) {
    const registers = [this.registry];
    collectDefaultMetrics({ register: this.registry, prefix: "tsunagi_" });
    new Gauge({ name: "tsunagi_build_info", help: "Always 1", labelNames: ["version", "node"], registers })
      .labels(sources.version, process.version)
      .set(1);
    this.#gauge("tsunagi_connections", "Open WebSocket connections", () => this.#connections);
    this.#gauge("tsunagi_sessions", "Sessions, those in their grace time included", sources.sessions);
    this.#gauge("tsunagi_peers", "Peers", () => sources.counts().peers);
    this.#gauge("tsunagi_rooms", "Rooms", () => sources.counts().rooms);
    this.#gauge("tsunagi_calls", "Media and data connections", () => sources.counts().calls);
    this.#gauge("tsunagi_sfu_members", "Members of SFU rooms that have media", () => sources.counts().sfuMembers);
    this.#gauge("tsunagi_publications", "Tracks published in SFU rooms", () => sources.counts().publications);
    this.#sfuCommands = new Counter({
      name: "tsunagi_sfu_commands_total",
      help: "Commands to the SFU by type and outcome; the outcome of a failure is its code",
      labelNames: ["type", "outcome"],
      registers,
    });
    this.#counter("tsunagi_connections_accepted_total", "WebSocket connections accepted", () => this.#accepted);
    this.#counter("tsunagi_relayed_bytes_total", "Bytes of relayed messages received", () => this.#relayBytes);
    this.#byLabel("tsunagi_messages_received_total", "Messages received by type", "type", () => this.#received);
    this.#byLabel(
      "tsunagi_messages_sent_total",
      "Messages of the server's own by type, relays left out",
      "type",
      () => this.#sent,
    );
    this.#byLabel("tsunagi_refusals_total", "Refusals by error code", "code", () => this.#refused);
    this.#events = new Counter({
      name: "tsunagi_events_total",
      help: "Peer, call and room events",
      labelNames: ["event"],
      registers,
    });
    this.#calls = new Histogram({
      name: "tsunagi_call_duration_seconds",
      help: "Answered calls, from answer to end",
      labelNames: ["kind"],
      buckets: [1, 10, 60, 300, 900, 1_800, 3_600, 7_200],
      registers,
    });
  }

  connected(): void {
    this.#connections += 1;
    this.#accepted += 1;
  }

  disconnected(): void {
    this.#connections -= 1;
  }

  received(type: string, bytes: number): void {
    add(this.#received, type);
    if (RELAYED.has(type)) this.#relayBytes += bytes;
  }

  sent(type: string): void {
    add(this.#sent, type);
  }

  refused(code: string): void {
    add(this.#refused, code);
  }

  sfuCommand(type: string, outcome: string): void {
    this.#sfuCommands.labels(type, outcome).inc();
  }

  event(event: ConferenceEvent): void {
    this.#events.labels(event.type).inc();
    if (event.type === "call.ended" && event.answered) this.#calls.labels(event.kind).observe(event.durationMs / 1000);
  }

  add(metric: ForeignMetric): void {
    const { name, help, type, label } = metric;
    const labelNames = label?.split(",") ?? [];
    const labelled = (value: string) => {
      const values = value.split(",");
      return Object.fromEntries(labelNames.map((each, index) => [each, values[index] ?? ""]));
    };
    const registers = [this.registry];
    if (type === "gauge") {
      new Gauge({
        name,
        help,
        labelNames,
        registers,
        collect() {
          this.reset();
          for (const [value, count] of metric.read()) this.set(labelled(value), count);
        },
      });
    } else {
      new Counter({
        name,
        help,
        labelNames,
        registers,
        collect() {
          this.reset();
          for (const [value, count] of metric.read()) this.inc(labelled(value), count);
        },
      });
    }
  }

  #gauge(name: string, help: string, read: () => number): void {
    new Gauge({
      name,
      help,
      registers: [this.registry],
      collect() {
        this.set(read());
      },
    });
  }

  #counter(name: string, help: string, read: () => number): void {
    new Counter({
      name,
      help,
      registers: [this.registry],
      collect() {
        this.reset();
        this.inc(read());
      },
    });
  }

  // Types and codes come from our own lists, so the labels are few.
  #byLabel(name: string, help: string, label: string, read: () => Iterable<readonly [string, number]>): void {
    new Counter({
      name,
      help,
      labelNames: [label],
      registers: [this.registry],
      collect() {
        this.reset();
        for (const [value, count] of read()) this.inc({ [label]: value }, count);
      },
    });
  }
}

function add(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
