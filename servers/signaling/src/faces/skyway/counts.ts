/** What the face counts, for the metrics. */
import type { ForeignMetric } from "../../metrics.ts";
import { CLIENT_EVENTS } from "./events.ts";

export type CountSources = {
  readonly sockets: () => Iterable<readonly [transport: string, count: number]>;
  readonly sessions: () => number;
  readonly buffered: () => number;
};

export class SkywayCounts {
  readonly #received = new Map<string, number>();
  readonly #refused = new Map<string, number>();
  readonly #sources: CountSources;

  constructor(sources: CountSources) {
    this.#sources = sources;
  }

  /** Events are named by clients: those that are not known count together. */
  received(event: string): void {
    add(this.#received, CLIENT_EVENTS.has(event) ? event : "other");
  }

  /** Codes are of our own list. */
  refused(code: string): void {
    add(this.#refused, code);
  }

  get metrics(): readonly ForeignMetric[] {
    const { sockets, sessions, buffered } = this.#sources;
    const gauge = { type: "gauge", label: undefined } as const;
    return [
      {
        name: "tsunagi_skyway_sockets",
        help: "Connections of skyway-js clients now, by transport",
        type: "gauge",
        label: "transport",
        read: sockets,
      },
      {
        name: "tsunagi_skyway_sessions",
        help: "Sessions of skyway-js clients, those in their grace time included",
        ...gauge,
        read: () => [["", sessions()]],
      },
      {
        name: "tsunagi_skyway_buffered_bytes",
        help: "Bytes kept for skyway-js clients: under way, or waiting",
        ...gauge,
        read: () => [["", buffered()]],
      },
      {
        name: "tsunagi_skyway_messages_total",
        help: "Events received of skyway-js clients",
        type: "counter",
        label: "event",
        read: () => this.#received,
      },
      {
        name: "tsunagi_skyway_refusals_total",
        help: "Refusals to skyway-js clients by error code",
        type: "counter",
        label: "code",
        read: () => this.#refused,
      },
    ];
  }
}

function add(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
