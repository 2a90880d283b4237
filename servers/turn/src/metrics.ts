/** What Prometheus is told. Read when it is scraped; nothing is kept here. */
import type { TurnServer } from "@tsunagi/turn";
import type { TurnMetric } from "./options.ts";
import type { ShellCounters } from "./stats.ts";

export function turnMetrics(core: TurnServer, counters: ShellCounters): readonly TurnMetric[] {
  const counter = (name: string, help: string, label: string | undefined, read: TurnMetric["read"]): TurnMetric => ({
    name: `tsunagi_turn_${name}_total`,
    help,
    type: "counter",
    label,
    read,
  });
  const gauge = (name: string, help: string, label: string | undefined, read: TurnMetric["read"]): TurnMetric => ({
    ...counter(name, help, label, read),
    name: `tsunagi_turn_${name}`,
    type: "gauge",
  });
  return [
    gauge("allocations", "Allocations now, by the client's transport", "transport", () =>
      Object.entries(core.stats().allocations.byTransport),
    ),
    gauge("relayed_addresses", "Relayed transport addresses now, by family", "family", () =>
      Object.entries(core.stats().allocations.byFamily).map(([family, count]) => [`ipv${family}`, count]),
    ),
    gauge("users", "Users with an allocation", undefined, () => [["", core.stats().users]]),
    gauge("permissions", "Permissions now", undefined, () => [["", core.stats().permissions]]),
    gauge("channels", "Channels now", undefined, () => [["", core.stats().channels]]),
    counter("allocations", "Allocations made, by the client's transport", "transport", () =>
      Object.entries(core.stats().allocations.total),
    ),
    counter("allocations_ended", "Allocations ended, by reason", "reason", () => Object.entries(core.stats().allocations.ended)),
    counter("relayed_bytes", "Payload bytes relayed, by direction", "direction", () => {
      const { bytesToPeer, bytesToClient } = core.stats().relayed;
      return [
        ["to-peer", bytesToPeer],
        ["to-client", bytesToClient],
      ];
    }),
    counter("relayed_packets", "Packets relayed, by direction", "direction", () => {
      const { packetsToPeer, packetsToClient } = core.stats().relayed;
      return [
        ["to-peer", packetsToPeer],
        ["to-client", packetsToClient],
      ];
    }),
    counter("requests", "Requests by method", "method", () => Object.entries(core.stats().requests)),
    counter("refused", "Error answers by code", "code", () => Object.entries(core.stats().refused)),
    counter("authentication_failures", "Wrong or unknown credentials", undefined, () => [
      ["", core.stats().authenticationFailures],
    ]),
    counter("expired_credentials", "Right credentials that came after their time", undefined, () => [
      ["", core.stats().expiredCredentials],
    ]),
    counter("dropped_packets", "Packets and messages dropped, by reason", "reason", () => [
      ...Object.entries(core.stats().dropped).map(([reason, { packets }]) => [reason, packets] as const),
      ...Object.entries(counters.dropped),
    ]),
    counter("received", "Messages from clients, by kind", "kind", () => [
      ["stun", counters.received.stun],
      ["channel-data", counters.received.channelData],
      ["other", counters.received.other],
    ]),
    gauge("connections", "Open TCP and TLS connections of clients", undefined, () => [["", counters.open]]),
    counter("connections_ended", "Ended TCP and TLS connections of clients, by reason", "reason", () =>
      Object.entries(counters.ended),
    ),
    gauge("relays", "Open relay sockets, by transport", "transport", () => [
      ["udp", counters.relays.udp],
      ["tcp", counters.relays.tcp],
    ]),
    counter("relays_failed", "Relays that could not be opened", undefined, () => [["", counters.relays.failed]]),
  ];
}
