/** STUN and TURN as one part of the whole: its configuration, its secret in the store, what clients are told, what is counted. */
import type { Log } from "@tsunagi/base";
import { newSecret, type OwnTurn, type RunningSignaling, type Store, type TlsOptions } from "@tsunagi/server-signaling";
import { type RunningStunServer, startStunServer } from "@tsunagi/server-turn";
import type { Config } from "./config.ts";

type TurnConfig = Config["turn"];

/** Those of what is off are absent. */
export type TurnPorts = {
  /** STUN and TURN. */
  readonly udp?: number | undefined;
  readonly tcp?: number | undefined;
  readonly tls?: number | undefined;
};

export class Turn {
  readonly #server: RunningStunServer;
  readonly #config: TurnConfig;
  readonly ports: TurnPorts;

  private constructor(server: RunningStunServer, config: TurnConfig) {
    this.#server = server;
    this.#config = config;
    this.ports = { udp: server.addresses[0]?.port };
  }

  static async start(
    config: TurnConfig,
    { store, log }: { readonly store: Store; readonly log: Log; readonly tls: TlsOptions | undefined },
  ): Promise<Turn> {
    await store.setting("turn-secret", newSecret);
    return new Turn(await startStunServer({ host: config.addresses[0], port: config.port, log }), config);
  }

  toldToClients(): OwnTurn {
    return { udpPort: this.ports.udp, host: this.#config.host };
  }

  join(signaling: RunningSignaling): void {
    const counts = (pick: "answered" | "dropped") => () => Object.entries<number>(this.#server.stats()[pick]);
    const type = "counter";
    signaling.metrics.add({
      name: "tsunagi_stun_answers_total",
      help: "STUN answers by kind",
      type,
      label: "kind",
      read: counts("answered"),
    });
    signaling.metrics.add({
      name: "tsunagi_stun_drops_total",
      help: "Dropped by reason",
      type,
      label: "reason",
      read: counts("dropped"),
    });
  }

  configure(_config: TurnConfig): void {}

  state(): Record<string, unknown> {
    return { ports: this.ports, stats: this.#server.stats() };
  }

  drain(): void {}

  close(): Promise<void> {
    return this.#server.close();
  }
}

export function sharedAlpn(_config: Config): readonly string[] | undefined {
  return undefined;
}
