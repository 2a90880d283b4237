/** What the PeerJS face counts, for the metrics. */
import type { ForeignMetric } from "../../metrics.ts";

type Gauges = { readonly sockets: () => number; readonly sessions: () => number; readonly waiting: () => number };

export class PeerjsCounts {
  readonly metrics: readonly ForeignMetric[];
  readonly #relayed = new Map<string, number>();
  readonly #ignored = new Map<string, number>();
  readonly #refused = new Map<string, number>();
  #expired = 0;

  constructor({ sockets, sessions, waiting }: Gauges) {
    const gauge = (name: string, help: string, read: () => number): ForeignMetric => ({
      name,
      help,
      type: "gauge",
      label: undefined,
      read: () => [["", read()]],
    });
    this.metrics = [
      gauge("tsunagi_peerjs_sockets", "WebSockets of PeerJS clients", sockets),
      gauge("tsunagi_peerjs_sessions", "PeerJS clients", sessions),
      gauge("tsunagi_peerjs_waiting", "Messages of PeerJS clients for peers that are not there", waiting),
      this.#counter("relayed_total", "Messages of PeerJS clients handed on, by type", "type", () => this.#relayed),
      this.#counter(
        "ignored_total",
        "Frames of PeerJS clients that mean nothing, by what is wrong",
        "reason",
        () => this.#ignored,
      ),
      this.#counter("refusals_total", "PeerJS clients and their calls refused, by reason", "reason", () => this.#refused),
      this.#counter("expired_total", "EXPIRE frames sent", undefined, () => [["", this.#expired]]),
    ];
  }

  relayed(type: string): void {
    add(this.#relayed, type);
  }

  ignored(reason: string): void {
    add(this.#ignored, reason);
  }

  refused(reason: string): void {
    add(this.#refused, reason);
  }

  expired(): void {
    this.#expired += 1;
  }

  // Types and reasons come from our own lists, so the labels are few.
  #counter(name: string, help: string, label: string | undefined, read: ForeignMetric["read"]): ForeignMetric {
    return { name: `tsunagi_peerjs_${name}`, help, type: "counter", label, read };
  }
}

function add(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
