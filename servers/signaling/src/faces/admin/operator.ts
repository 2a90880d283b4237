/** The operator's side of a signalling server in one object: admin face, webhooks, history. */
import type { Clock, Log } from "@tsunagi/base";
import type { ConferenceEvent } from "@tsunagi/conference";
import type { FastifyInstance } from "fastify";
import { Counter, Gauge, type Registry } from "prom-client";
import type { SignalingParts } from "../../server.ts";
import { CallRecorder, callRecordOf } from "../../store/call-recorder.ts";
import type { Store } from "../../store/store.ts";
import type { GuardOptions } from "../../webhooks/guard.ts";
import { type WebhookHooks, WebhookService } from "../../webhooks/service.ts";
import { httpTransport, type WebhookTransport } from "../../webhooks/transport.ts";
import { adminFace } from "./face.ts";
import { AdminToken } from "./token.ts";

export type OperatorOptions = {
  readonly store: Store;
  readonly version: string;
  readonly log: Log;
  readonly clock?: Clock | undefined;
  /** Where `admin-token` is written when the first start makes one. */
  readonly dataDir?: string | undefined;
  /** A token of the operator's own instead. */
  readonly adminToken?: string | undefined;
  readonly webhooks?: GuardOptions | undefined;
  /** State of the TURN server in the same process; undefined while there is none. */
  readonly turn?: (() => Record<string, unknown> | undefined) | undefined;
  /** For tests. */
  readonly transport?: WebhookTransport | undefined;
};

export class Operator {
  readonly token: AdminToken;
  readonly #options: OperatorOptions;
  readonly #recorder: CallRecorder;
  #droppedRecords = 0;
  #webhooks: WebhookService | undefined;

  private constructor(options: OperatorOptions, token: AdminToken) {
    this.token = token;
    this.#options = options;
    const { clock, log } = options;
    const onDropped = (count: number) => {
      this.#droppedRecords += count;
    };
    this.#recorder = new CallRecorder(options.store, { clock, log, onDropped });
  }

  static async open(options: OperatorOptions): Promise<Operator> {
    const { store, dataDir, adminToken: given, clock } = options;
    return new Operator(options, await AdminToken.open({ store, dataDir, given, clock }));
  }

  /** The `routes` of `startSignaling`. */
  readonly routes = async (http: FastifyInstance, parts: SignalingParts): Promise<void> => {
    const guard = this.#options.webhooks ?? {};
    const { apps: registry, host, ownership, sfu, store, clock, log } = parts;
    const webhooks = new WebhookService({
      registry,
      clock,
      log,
      transport: this.#options.transport ?? httpTransport(guard),
      hooks: webhookMetrics(parts.metrics.registry, () => webhooks.size),
    });
    this.#webhooks = webhooks;
    new Counter({
      name: "tsunagi_call_records_dropped_total",
      help: "Call records lost because the store did not take them",
      registers: [parts.metrics.registry],
      collect: collectTotal(() => this.#droppedRecords),
    });
    const { conference } = host;
    await adminFace(http, {
      store,
      registry,
      webhooks,
      guard,
      clock,
      log,
      version: this.#options.version,
      token: this.token,
      turn: this.#options.turn ?? (() => undefined),
      live: {
        peers: (...args) => conference.peers(...args),
        peer: (...args) => conference.peer(...args),
        rooms: (...args) => conference.rooms(...args),
        connections: (...args) => conference.connections(...args),
        counts: () => conference.counts(),
        command: (command) => ownership.command(command),
        sfuDump: sfu && ((appId, room) => sfu.dump(appId, room)),
      },
    });
  };

  /** The `onEvent` of `startSignaling`. */
  readonly onEvent = (event: ConferenceEvent): void => {
    this.#webhooks?.publish(event);
    const record = callRecordOf(event);
    if (record !== undefined) this.#recorder.record(record);
  };

  /** After the last event and before the store closes. */
  async drain(timeoutMs: number): Promise<void> {
    await Promise.all([this.#webhooks?.drain(timeoutMs), this.#recorder.flush()]);
  }

  /** Drops what waits to be sent, writes what waits to be recorded. */
  async close(): Promise<void> {
    this.#webhooks?.close();
    await this.#recorder.flush();
  }
}

/** Labels are event names, codes and reasons: few, and from our own lists. */
function webhookMetrics(registry: Registry, size: () => WebhookService["size"]): WebhookHooks {
  const registers = [registry];
  const attempts = new Counter({
    name: "tsunagi_webhook_attempts_total",
    help: "Webhook attempts by event and outcome; the outcome of a failure is its code",
    labelNames: ["event", "outcome"],
    registers,
  });
  const dropped = new Counter({
    name: "tsunagi_webhook_dropped_total",
    help: "Webhook deliveries given up, by reason",
    labelNames: ["event", "reason"],
    registers,
  });
  new Gauge({
    name: "tsunagi_webhook_waiting",
    help: "Webhook deliveries that wait",
    registers,
    collect() {
      this.set(size().waiting);
    },
  });
  return {
    onAttempt: ({ type, outcome, code }) => attempts.labels(type, code ?? outcome).inc(),
    onDropped: ({ type, reason }) => dropped.labels(type, reason).inc(),
  };
}

function collectTotal(read: () => number) {
  return function collect(this: Counter): void {
    this.reset();
    this.inc(read());
  };
}
