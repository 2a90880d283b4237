/** STUN and TURN as one part of the whole: its configuration, its secret in the store, what clients are told, what is counted. */
import type { Log } from "@tsunagi/base";
import { newSecret, type OwnTurn, type SignalingMetrics, type Store, type TlsOptions } from "@tsunagi/server-signaling";
import { startStunServer } from "@tsunagi/server-turn";
import type { Config } from "./config.ts";

export type TurnPorts = { readonly udp?: number; readonly tcp?: number; readonly tls?: number };

export type Turn = {
  readonly ports: TurnPorts;
  /** Ports and the secret that signs now. */
  toldToClients(): OwnTurn;
  /** Adds its counts to the metrics. */
  count(metrics: SignalingMetrics): void;
  close(): Promise<void>;
};

export async function startTurn(
  config: Config["turn"],
  parts: { readonly store: Store; readonly log: Log; readonly tls: TlsOptions | undefined },
): Promise<Turn> {
  const secret = config.secret ?? (await parts.store.setting("turn-secret", newSecret));
  const server = await startStunServer({ host: config.addresses[0], port: config.port, log: parts.log });
  const udp = server.addresses[0]?.port;
  return {
    ports: udp === undefined ? {} : { udp },
    toldToClients: () => ({ udpPort: udp, host: config.host, secret }),
    count(metrics) {
      const counts = (pick: "answered" | "dropped") => () => Object.entries<number>(server.stats()[pick]);
      metrics.addCounts("tsunagi_stun_answers_total", "STUN answers by kind", "kind", counts("answered"));
      metrics.addCounts("tsunagi_stun_drops_total", "STUN datagrams dropped by reason", "reason", counts("dropped"));
    },
    close: () => server.close(),
  };
}
