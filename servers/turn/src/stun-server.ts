/** The STUN Binding responder on UDP. All decisions are in `answerBinding` and `RateLimit`; this performs them. */
import { type Clock, type Log, silentLog, systemClock } from "@tsunagi/base";
import { answerBinding, transportAddress } from "@tsunagi/stun";
import { type DropReason, StunCounters, type StunMetrics, type StunStats } from "./counters.ts";
import { closeAll, type Listening, listen } from "./listen.ts";
import { RateLimit, type RateLimitOptions } from "./rate-limit.ts";
import { sourceKey } from "./source-key.ts";

export type StunServerOptions = {
  /** An address of this machine to listen on; default all, IPv4 and IPv6. */
  readonly host?: string | undefined;
  /** Default 3478; 0 takes a free one, the same for both families. */
  readonly port?: number | undefined;
  readonly log?: Log | undefined;
  /** Called beside the server's own counters, for Prometheus say. */
  readonly metrics?: StunMetrics | undefined;
  /** For one source: an IPv4 address or an IPv6 /64. */
  readonly rateLimit?: RateLimitOptions | undefined;
  /** A SOFTWARE attribute in answers; default none, which keeps them small and tells no version. */
  readonly software?: string | undefined;
  readonly clock?: Clock | undefined;
};

export type RunningStunServer = {
  readonly addresses: readonly { readonly family: 4 | 6; readonly address: string; readonly port: number }[];
  stats(): StunStats;
  /** Idempotent. */
  close(): Promise<void>;
};

/** @throws {CodedError} `turn.port.in-use`, `turn.port.denied`, `turn.port.failed` */
export async function startStunServer(options: StunServerOptions = {}): Promise<RunningStunServer> {
  const log = options.log ?? silentLog;
  const clock = options.clock ?? systemClock;
  const rate = new RateLimit(options.rateLimit);
  const counters = new StunCounters();
  const listening = await listen(options.host, options.port ?? 3478, log);

  for (const { socket, family } of listening) {
    const drop = (reason: DropReason) => {
      counters.dropped(reason);
      options.metrics?.dropped(reason, family);
    };
    socket.on("error", (error) => log.warn({ error: error.message }, "STUN socket error"));
    socket.on("message", (bytes, remote) => {
      // Port 0 cannot be answered; an unspecified source only comes from a forged packet.
      if (remote.port === 0) return drop("source");
      const source = transportAddress(remote.address, remote.port);
      if (!rate.allows(clock.now(), sourceKey(source))) return drop("rate");
      const answer = answerBinding(bytes, source, { software: options.software });
      if (answer.type === "drop") return drop(answer.reason);
      socket.send(answer.bytes, remote.port, remote.address, (error) => {
        if (error !== null) return drop("send");
        counters.answered(answer.kind);
        options.metrics?.answered(answer.kind, family);
      });
    });
  }

  const addresses = listening.map(({ socket, family }) => ({
    family,
    address: socket.address().address,
    port: socket.address().port,
  }));
  log.info({ addresses }, "STUN answers on UDP");
  return { addresses, stats: () => counters.stats(), close: closeOnce(listening) };
}

function closeOnce(listening: readonly Listening[]): () => Promise<void> {
  let closed: Promise<void> | undefined;
  return () => {
    closed ??= closeAll(listening);
    return closed;
  };
}
