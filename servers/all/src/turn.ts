/** STUN and TURN as one part of the whole: its configuration, its secret in the store, what clients are told, what is counted. */
import type { Log } from "@tsunagi/base";
import { newSecret, type OwnTurn, type RunningSignaling, type Store, type TlsOptions } from "@tsunagi/server-signaling";
import { type RunningTurnServer, SHARED_PORT_ALPN, type SharedPort, shareHttpPort, startTurnServer } from "@tsunagi/server-turn";
import { turnPolicy } from "@tsunagi/turn";
import type { Config } from "./config.ts";
import { relayPortRange } from "./turn-config.ts";

/** All the connections of a big room are made at once. */
const BURST_SECONDS = 4;

type TurnConfig = Config["turn"];

/** Those of what is off are absent. */
export type TurnPorts = {
  /** STUN and TURN. */
  readonly udp?: number | undefined;
  readonly tcp?: number | undefined;
  readonly tls?: number | undefined;
  /** The HTTP port, where TURN is served on it too. */
  readonly shared?: number | undefined;
};

export class Turn {
  readonly #server: RunningTurnServer;
  /** Used while the configuration names none. */
  readonly #madeSecret: string;
  readonly #secure: boolean;
  #ownPorts: readonly number[] = [];
  #config: TurnConfig;
  #shared: SharedPort | undefined;
  #sharedPort: number | undefined;

  private constructor(server: RunningTurnServer, madeSecret: string, config: TurnConfig, secure: boolean) {
    this.#server = server;
    this.#madeSecret = madeSecret;
    this.#config = config;
    this.#secure = secure;
  }

  /** @throws {CodedError} `turn.port.*`, `turn.policy.*`, `turn.option.*` */
  static async start(
    config: TurnConfig,
    parts: {
      readonly store: Store;
      readonly log: Log;
      readonly tls: TlsOptions | undefined;
    },
  ): Promise<Turn> {
    const { store, log, tls } = parts;
    const madeSecret = await store.setting("turn-secret", newSecret);
    const server = await startTurnServer({
      port: config.port,
      tcp: config.tcp,
      tlsPort: config.tlsPort,
      tls: tls && { cert: tls.cert, key: tls.key },
      addresses: someOf(config.addresses),
      relayAddresses: someOf(config.relayAddresses),
      externalAddresses: config.externalAddresses,
      relayPorts: relayPortRange(config.relayPorts),
      alternate: config.alternateAddress === undefined ? undefined : { address: config.alternateAddress },
      policy: policyOf(config, madeSecret, []),
      rateLimit: {
        perSecond: config.limits.requestsPerSecondPerSource,
        burst: BURST_SECONDS * config.limits.requestsPerSecondPerSource,
        maxSources: config.limits.sources,
      },
      log,
    });
    return new Turn(server, madeSecret, config, tls !== undefined);
  }

  get ports(): TurnPorts {
    const { port, tlsPort } = this.#server;
    return { udp: port, tcp: this.#config.tcp ? port : undefined, tls: tlsPort, shared: this.#sharedPort };
  }

  /** Ports as clients reach them, and the secret that signs now. */
  toldToClients(): OwnTurn {
    const { udp, tcp, tls } = this.ports;
    const shared = this.#sharedPort;
    const { host, relay } = this.#config;
    return {
      udpPort: udp,
      // What passes to the HTTP port passes where nothing else does.
      tcpPort: shared !== undefined && !this.#secure ? shared : tcp,
      tlsPort: shared !== undefined && this.#secure ? shared : tls,
      host,
      secret: relay ? (this.#config.secret ?? this.#madeSecret) : undefined,
    };
  }

  /** The signalling server is there: adds the metrics, and shares its port where that is wanted. */
  join(signaling: RunningSignaling): void {
    for (const metric of this.#server.metrics) signaling.metrics.add(metric);
    if (!this.#config.shareHttpPort) return;
    this.#shared = shareHttpPort(signaling.httpServer, this.#server);
    this.#sharedPort = signaling.address.port;
  }

  /** UDP ports of this machine that relays may reach: the SFU's. */
  allowPorts(ports: readonly number[]): void {
    this.#ownPorts = ports;
    this.configure(this.#config);
  }

  /** Users, secrets, limits, allow and deny change now; the rest of it at the next start. @throws {CodedError} `turn.policy.*` */
  configure(config: TurnConfig): void {
    const { secret, previousSecrets, users, allow, deny, limits, credentialLifetimeS } = config;
    const next = { ...this.#config, secret, previousSecrets, users, allow, deny, limits, credentialLifetimeS };
    this.#server.configure(policyOf(next, this.#madeSecret, this.#ownPorts));
    this.#config = next;
  }

  /** For new connections. */
  setTls(pair: { readonly cert: string; readonly key: string }): Promise<void> {
    return this.#server.setTls(pair);
  }

  /** For the operator, as JSON: no addresses and no names. */
  state(): Record<string, unknown> {
    return { ports: this.ports, sharedPort: this.#shared?.stats(), ...(this.#server.dump() as object) };
  }

  /** No new allocations; those that live go on. */
  drain(): void {
    this.#server.drain();
  }

  async close(): Promise<void> {
    this.#shared?.close();
    await this.#server.close();
  }
}

/** What the HTTP server must name in its TLS handshake when its port is shared. */
export function sharedAlpn(config: Config): readonly string[] | undefined {
  return config.turn.enabled && config.turn.shareHttpPort ? SHARED_PORT_ALPN : undefined;
}

function policyOf(config: TurnConfig, madeSecret: string, ownPorts: readonly number[]) {
  const { requestsPerSecondPerSource: _heldBySockets, ...limits } = config.limits;
  const { realm, secret = madeSecret, previousSecrets, users, allow, deny, mobility, tcpRelays, relay } = config;
  // Without a secret and without users nobody gets an allocation.
  const who = relay ? { secrets: [secret, ...previousSecrets], users } : {};
  return turnPolicy({ realm, ...who, allow, deny, ownPorts, limits, mobility, tcpRelays });
}

/** An empty list in the configuration is the default. */
function someOf(addresses: readonly string[]): readonly string[] | undefined {
  return addresses.length === 0 ? undefined : addresses;
}
