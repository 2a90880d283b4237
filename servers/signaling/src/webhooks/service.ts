/** The shell of webhooks: events in, HTTP out, the queue's timer, counts and logs. */
import { assertNever, type Clock, type Log, silentLog, systemClock } from "@tsunagi/base";
import type { App, ConferenceEvent, Webhook } from "@tsunagi/conference";
import type { AppRegistry } from "../store/app-registry.ts";
import { newId } from "../store/keys.ts";
import { bodyOf, type WebhookBody } from "./events.ts";
import { type DropReason, type Endpoint, type QueueInput, type QueueOptions, type QueueOutput, WebhookQueue } from "./queue.ts";
import { signWebhook } from "./signature.ts";
import type { Outcome, WebhookTransport } from "./transport.ts";

/** For metrics. Labels are few: no URL, no ID. */
export type WebhookHooks = {
  readonly onAttempt?: (facts: {
    readonly type: string;
    readonly outcome: "delivered" | "failed";
    /** Of a failure. */
    readonly code?: string | undefined;
    readonly durationMs: number;
  }) => void;
  readonly onDropped?: (facts: { readonly type: string; readonly reason: DropReason }) => void;
};

export type WebhookServiceOptions = {
  readonly registry: Pick<AppRegistry, "byId" | "events">;
  readonly transport: WebhookTransport;
  readonly clock?: Clock | undefined;
  readonly log?: Log | undefined;
  readonly random?: (() => number) | undefined;
  readonly hooks?: WebhookHooks | undefined;
  readonly queue?: Partial<QueueOptions> | undefined;
};

export type TestResult = {
  readonly delivered: boolean;
  readonly status?: number | undefined;
  readonly code?: string | undefined;
  readonly message?: string | undefined;
  readonly durationMs: number;
};

export class WebhookService {
  readonly #registry: Pick<AppRegistry, "byId" | "events">;
  readonly #transport: WebhookTransport;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #hooks: WebhookHooks;
  readonly #queue: WebhookQueue;
  readonly #following = new AbortController();
  #timer: { readonly at: number; readonly cancel: () => void } | undefined;
  #idle: (() => void)[] = [];
  /** Endpoints whose overflow was logged. */
  readonly #overflowing = new Set<string>();
  #closed = false;

  constructor(options: WebhookServiceOptions) {
    this.#registry = options.registry;
    this.#transport = options.transport;
    this.#clock = options.clock ?? systemClock;
    this.#log = options.log ?? silentLog;
    this.#hooks = options.hooks ?? {};
    this.#queue = new WebhookQueue(options.random ?? Math.random, options.queue);
    const { signal } = this.#following;
    this.#registry.events.on("changed", (app, previous) => this.#appChanged(app, previous), { signal });
    this.#registry.events.on("removed", (app) => this.#remove(app, app.webhooks), { signal });
  }

  /** For gauges. */
  get size(): WebhookQueue["size"] {
    return this.#queue.size;
  }

  /** Queues the event for each webhook of its app that wants it. Cheap when there is none. */
  publish(event: ConferenceEvent): void {
    const app = this.#registry.byId(event.appId);
    if (app === undefined || app.webhooks.length === 0 || this.#closed) return;
    const wanted = app.webhooks.filter(({ events }) => events.length === 0 || events.includes(event.type));
    for (const webhook of wanted) {
      const id = newId("evt");
      const body = JSON.stringify(bodyOf(id, event, app));
      this.#handle({ type: "enqueue", endpoint: endpointOf(app, webhook), delivery: { id, type: event.type, body } });
    }
  }

  /** One attempt at once, past the queue and without a retry, for the person who sets a webhook up. */
  async test(app: App, webhook: Webhook): Promise<TestResult> {
    const id = newId("evt");
    const at = this.#clock.wallNow();
    const data = { message: "This is a test delivery." };
    const body: WebhookBody = { id, type: "webhook.test", at, app: { id: app.id, name: app.name }, data };
    const startedAt = this.#clock.now();
    const outcome = await this.#send(endpointOf(app, webhook), { id, type: body.type, body: JSON.stringify(body) }, 1);
    const durationMs = Math.round(this.#clock.now() - startedAt);
    if (outcome.type === "delivered") return { delivered: true, status: outcome.status, durationMs };
    const { status, code, message } = outcome;
    return { delivered: false, ...(status === undefined ? {} : { status }), code, message, durationMs };
  }

  /**
   * At shutdown, after the last event: everything that waits gets one attempt. What is left after `timeoutMs` is lost, counted and logged.
   */
  async drain(timeoutMs: number): Promise<void> {
    if (this.#closed) return;
    this.#handle({ type: "drain" });
    if (this.#pending > 0) {
      await new Promise<void>((resolve) => {
        const cancel = this.#clock.after(timeoutMs, resolve);
        this.#idle.push(() => {
          cancel();
          resolve();
        });
      });
    }
    if (this.#pending > 0) this.#log.warn({ deliveries: this.#pending }, "webhook deliveries lost at shutdown");
    this.close();
  }

  close(): void {
    this.#closed = true;
    this.#following.abort();
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  get #pending(): number {
    return this.#queue.size.waiting + this.#queue.size.inFlight;
  }

  #appChanged(app: App, previous: App | undefined): void {
    const now = new Set(app.webhooks.map((webhook) => webhook.id));
    this.#remove(app, previous?.webhooks.filter((webhook) => !now.has(webhook.id)) ?? []);
    for (const webhook of app.webhooks) this.#handle({ type: "update", endpoint: endpointOf(app, webhook) });
  }

  #remove(app: App, webhooks: readonly Webhook[]): void {
    for (const webhook of webhooks) {
      const endpointId = endpointOf(app, webhook).id;
      this.#overflowing.delete(endpointId);
      this.#handle({ type: "remove", endpointId });
    }
  }

  #handle(input: QueueInput): void {
    if (this.#closed) return;
    for (const output of this.#queue.handle(this.#clock.now(), input)) this.#perform(output);
    this.#arm();
    if (this.#idle.length > 0 && this.#pending === 0) for (const resolve of this.#idle.splice(0)) resolve();
  }

  #perform(output: QueueOutput): void {
    switch (output.type) {
      case "send": {
        const { endpoint, delivery, attempt } = output;
        void this.#send(endpoint, delivery, attempt).then((outcome) => {
          const endpointId = endpoint.id;
          if (outcome.type === "delivered") this.#overflowing.delete(endpointId);
          if (outcome.type === "delivered") this.#handle({ type: "result", endpointId, result: { type: "delivered" } });
          else if (outcome.final) this.#handle({ type: "result", endpointId, result: { type: "refused" } });
          else this.#handle({ type: "result", endpointId, result: { type: "failed", retryAfterMs: outcome.retryAfterMs } });
        });
        return;
      }
      case "dropped": {
        const { delivery, reason, endpointId } = output;
        this.#hooks.onDropped?.({ type: delivery.type, reason });
        const facts = { webhook: endpointId, delivery: delivery.id, event: delivery.type, reason };
        // One line when an endpoint's queue starts to overflow, not one an event; removals and shutdown are told by who asked for them.
        const overflows = reason === "overflow" && !this.#overflowing.has(endpointId);
        if (reason === "overflow") this.#overflowing.add(endpointId);
        if (overflows || reason === "exhausted" || reason === "expired" || reason === "refused") {
          this.#log.warn(facts, "webhook delivery dropped");
        } else this.#log.debug(facts, "webhook delivery dropped");
        return;
      }
      default:
        assertNever(output);
    }
  }

  async #send(endpoint: Endpoint, delivery: { id: string; type: string; body: string }, attempt: number): Promise<Outcome> {
    const startedAt = this.#clock.now();
    const seconds = Math.floor(this.#clock.wallNow() / 1_000);
    const outcome = await this.#transport({
      url: endpoint.url,
      body: delivery.body,
      headers: {
        "tsunagi-signature": signWebhook(endpoint.secret, delivery.body, seconds),
        "tsunagi-delivery": delivery.id,
        "tsunagi-event": delivery.type,
        "tsunagi-attempt": String(attempt),
      },
    });
    const durationMs = this.#clock.now() - startedAt;
    const code = outcome.type === "failed" ? outcome.code : undefined;
    this.#hooks.onAttempt?.({ type: delivery.type, outcome: outcome.type, code, durationMs });
    this.#log.debug({ webhook: endpoint.id, delivery: delivery.id, attempt, outcome: outcome.type, code }, "webhook attempt");
    return outcome;
  }

  #arm(): void {
    const at = this.#queue.deadline;
    if (at === this.#timer?.at) return;
    this.#timer?.cancel();
    this.#timer = undefined;
    if (at === undefined) return;
    const cancel = this.#clock.after(Math.max(0, at - this.#clock.now()), () => {
      this.#timer = undefined;
      this.#handle({ type: "tick" });
    });
    this.#timer = { at, cancel };
  }
}

function endpointOf(app: App, webhook: Webhook): Endpoint {
  return { id: `${app.id}/${webhook.id}`, url: webhook.url, secret: webhook.secret };
}
