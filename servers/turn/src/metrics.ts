/** What Prometheus is told. Read when it is scraped; nothing is kept here. */
import type { TurnServer } from "@tsunagi/turn";
import type { TurnMetric } from "./options.ts";
import type { ShellCounters } from "./stats.ts";

export function turnMetrics(_core: TurnServer, counters: ShellCounters): readonly TurnMetric[] {
  return [
    {
      name: "tsunagi_turn_connections",
      help: "Open TCP and TLS connections of clients",
      type: "gauge",
      label: undefined,
      read: () => [["", counters.open]],
    },
    {
      name: "tsunagi_turn_received_total",
      help: "Messages from clients by kind",
      type: "counter",
      label: "kind",
      read: () => [
        ["stun", counters.received.stun],
        ["channel-data", counters.received.channelData],
        ["other", counters.received.other],
      ],
    },
    {
      name: "tsunagi_turn_socket_drops_total",
      help: "Thrown away at the sockets, by reason",
      type: "counter",
      label: "reason",
      read: () => Object.entries(counters.dropped),
    },
    {
      name: "tsunagi_turn_connections_ended_total",
      help: "Ended TCP and TLS connections of clients by reason",
      type: "counter",
      label: "reason",
      read: () => Object.entries(counters.ended),
    },
    {
      name: "tsunagi_turn_relays",
      help: "Open relay sockets by transport",
      type: "gauge",
      label: "transport",
      read: () => [
        ["udp", counters.relays.udp],
        ["tcp", counters.relays.tcp],
      ],
    },
    {
      name: "tsunagi_turn_relays_failed_total",
      help: "Relays that could not be opened",
      type: "counter",
      label: undefined,
      read: () => [["", counters.relays.failed]],
    },
  ];
}
