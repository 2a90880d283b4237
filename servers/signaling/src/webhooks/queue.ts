/** Which delivery is sent when: a queue an endpoint, retries with backoff, bounds. Pure; the shell sends and tells the result. */
import { assertNever, type Millis } from "@tsunagi/base";

export type Delivery = {
  readonly id: string;
  readonly type: string;
  /** The JSON text, made once, so that each attempt sends the same bytes. */
  readonly body: string;
};

export type Endpoint = {
  /** App and webhook: the queue's name. */
  readonly id: string;
  readonly url: string;
  readonly secret: string;
};

export type AttemptResult =
  | { readonly type: "delivered" }
  | { readonly type: "failed"; readonly retryAfterMs?: number | undefined }
  /** The receiver or the guard says never: no retry. */
  | { readonly type: "refused" };

/** `overflow`: the queue was full, the oldest went. `exhausted`: all attempts failed. `expired`: waited too long behind others. */
export type DropReason = "overflow" | "exhausted" | "expired" | "refused" | "removed" | "shutdown";

export type QueueInput =
  | { readonly type: "enqueue"; readonly endpoint: Endpoint; readonly delivery: Delivery }
  | { readonly type: "result"; readonly endpointId: string; readonly result: AttemptResult }
  /** Its URL or secret changed: what waits goes there. */
  | { readonly type: "update"; readonly endpoint: Endpoint }
  /** The webhook is gone. */
  | { readonly type: "remove"; readonly endpointId: string }
  /** Shutdown: everything that waits gets one attempt now, and none after that. */
  | { readonly type: "drain" }
  | { readonly type: "tick" };

export type QueueOutput =
  | { readonly type: "send"; readonly endpoint: Endpoint; readonly delivery: Delivery; readonly attempt: number }
  | { readonly type: "dropped"; readonly endpointId: string; readonly delivery: Delivery; readonly reason: DropReason };

export type QueueOptions = {
  /** Attempts of one delivery. Default 8, which spread over about an hour. */
  readonly attempts: number;
  /** Before the second attempt; trebles each time. Default 5,000. */
  readonly firstDelayMs: number;
  /** Default 1,800,000. */
  readonly maxDelayMs: number;
  /** Attempts in which a failing delivery holds back those behind it. Default 3: a receiver's restart keeps the order. */
  readonly orderedAttempts: number;
  /** Longest pause of an endpoint that fails at everything, so that it is tried again soon after it is back. Default 300,000. */
  readonly maxPauseMs: number;
  /** Since it was queued. Default 7,200,000. */
  readonly maxAgeMs: number;
  /** Waiting deliveries of one endpoint. Default 1,000. */
  readonly maxPerEndpoint: number;
  /** Of bodies that wait, over all endpoints. Default 16 Mi. */
  readonly maxCharacters: number;
  /** Attempts under way at once, over all endpoints. Default 32. */
  readonly maxInFlight: number;
};

const DEFAULTS: QueueOptions = {
  attempts: 8,
  firstDelayMs: 5_000,
  maxDelayMs: 1_800_000,
  orderedAttempts: 3,
  maxPauseMs: 300_000,
  maxAgeMs: 7_200_000,
  maxPerEndpoint: 1_000,
  maxCharacters: 16 * 1024 * 1024,
  maxInFlight: 32,
};

type Waiting = {
  readonly delivery: Delivery;
  /** Rises by one a delivery: the order to keep. */
  readonly sequence: number;
  readonly queuedAt: Millis;
  attempts: number;
  dueAt: Millis;
};

type EndpointState = {
  endpoint: Endpoint;
  readonly waiting: Waiting[];
  inFlight: Waiting | undefined;
  /** Attempts that failed since the last that did not. */
  failures: number;
  pausedUntil: Millis;
  removed: boolean;
};

export class WebhookQueue {
  readonly #options: QueueOptions;
  readonly #random: () => number;
  readonly #endpoints = new Map<string, EndpointState>();
  #characters = 0;
  #sequence = 0;
  #waiting = 0;
  #inFlight = 0;
  #draining = false;
  #deadline: Millis | undefined;
  #outputs: QueueOutput[] = [];

  /** @param random in [0, 1): spreads retries, so that a receiver that comes back is not met by all at once */
  constructor(random: () => number, options: Partial<QueueOptions> = {}) {
    this.#random = random;
    this.#options = { ...DEFAULTS, ...options };
  }

  /** When the queue next wants a tick. */
  get deadline(): Millis | undefined {
    return this.#deadline;
  }

  /** Deliveries that wait or are under way, and the characters of those that wait. */
  get size(): { readonly waiting: number; readonly inFlight: number; readonly characters: number; readonly endpoints: number } {
    return { waiting: this.#waiting, inFlight: this.#inFlight, characters: this.#characters, endpoints: this.#endpoints.size };
  }

  handle(now: Millis, input: QueueInput): readonly QueueOutput[] {
    switch (input.type) {
      case "enqueue":
        this.#enqueue(now, input.endpoint, input.delivery);
        break;
      case "result":
        this.#result(now, input.endpointId, input.result);
        break;
      case "update":
        this.#update(now, input.endpoint);
        break;
      case "remove":
        this.#remove(input.endpointId);
        break;
      case "drain":
        this.#draining = true;
        for (const state of this.#endpoints.values()) {
          state.pausedUntil = now;
          for (const waiting of state.waiting) waiting.dueAt = now;
        }
        break;
      case "tick":
        break;
      default:
        assertNever(input);
    }
    this.#startDue(now);
    const outputs = this.#outputs;
    this.#outputs = [];
    return outputs;
  }

  #enqueue(now: Millis, endpoint: Endpoint, delivery: Delivery): void {
    if (this.#draining) {
      this.#outputs.push({ type: "dropped", endpointId: endpoint.id, delivery, reason: "shutdown" });
      return;
    }
    let state = this.#endpoints.get(endpoint.id);
    if (state === undefined) {
      state = { endpoint, waiting: [], inFlight: undefined, failures: 0, pausedUntil: now, removed: false };
      this.#endpoints.set(endpoint.id, state);
    } else this.#update(now, endpoint);
    state.removed = false;
    if (state.waiting.length >= this.#options.maxPerEndpoint) this.#dropWaiting(state, 0, "overflow");
    this.#sequence += 1;
    state.waiting.push({ delivery, sequence: this.#sequence, queuedAt: now, attempts: 0, dueAt: now });
    this.#waiting += 1;
    this.#characters += delivery.body.length;
    while (this.#characters > this.#options.maxCharacters) this.#dropFromFullest();
  }

  #update(now: Millis, endpoint: Endpoint): void {
    const state = this.#endpoints.get(endpoint.id);
    if (state === undefined) return;
    if (state.endpoint.url !== endpoint.url) {
      // Somewhere else now: what the old place did says nothing.
      state.failures = 0;
      state.pausedUntil = now;
      for (const waiting of state.waiting) waiting.dueAt = now;
    }
    state.endpoint = endpoint;
  }

  #result(now: Millis, endpointId: string, result: AttemptResult): void {
    const state = this.#endpoints.get(endpointId);
    const attempted = state?.inFlight;
    if (state === undefined || attempted === undefined) return;
    state.inFlight = undefined;
    this.#inFlight -= 1;
    const { attempts, orderedAttempts, maxPauseMs } = this.#options;
    switch (result.type) {
      case "delivered":
        state.failures = 0;
        state.pausedUntil = now;
        return;
      case "refused":
        this.#drop(state, attempted, "refused");
        return;
      case "failed": {
        state.failures += 1;
        if (state.removed) this.#drop(state, attempted, "removed");
        else if (this.#draining) {
          // It will not answer the next one either: shutting down goes before.
          this.#drop(state, attempted, "shutdown");
          while (state.waiting.length > 0) this.#dropWaiting(state, 0, "shutdown");
          return;
        } else if (attempted.attempts >= attempts) this.#drop(state, attempted, "exhausted");
        else {
          attempted.dueAt =
            now + Math.max(this.#backoff(attempted.attempts), Math.min(result.retryAfterMs ?? 0, this.#options.maxDelayMs));
          this.#putBack(state, attempted);
        }
        // One delivery that a receiver cannot take does not pause the others; a receiver that takes none does.
        if (state.failures >= orderedAttempts) {
          state.pausedUntil = now + Math.min(this.#backoff(state.failures - orderedAttempts + 1), maxPauseMs);
        }
        return;
      }
      default:
        assertNever(result);
    }
  }

  #remove(endpointId: string): void {
    const state = this.#endpoints.get(endpointId);
    if (state === undefined) return;
    state.removed = true;
    while (state.waiting.length > 0) this.#dropWaiting(state, 0, "removed");
  }

  /** Starts what is due and finds the next deadline. */
  #startDue(now: Millis): void {
    let deadline: Millis | undefined;
    for (const [id, state] of this.#endpoints) {
      this.#expire(now, state);
      if (state.inFlight === undefined && state.waiting.length === 0) {
        // An endpoint that fails is remembered while its pause lasts, so that a new event does not start from nothing.
        if (state.removed || state.pausedUntil <= now) {
          this.#endpoints.delete(id);
        } else if (deadline === undefined || state.pausedUntil < deadline) deadline = state.pausedUntil;
        continue;
      }
      const dueAt = this.#nextDue(state);
      if (dueAt === undefined) continue;
      if (dueAt.at <= now) {
        // When all places are taken, the next result starts it.
        if (this.#inFlight < this.#options.maxInFlight) this.#start(state, dueAt.index);
      } else if (deadline === undefined || dueAt.at < deadline) deadline = dueAt.at;
    }
    this.#deadline = deadline;
  }

  #start(state: EndpointState, index: number): void {
    const [next] = state.waiting.splice(index, 1);
    if (next === undefined) return;
    this.#waiting -= 1;
    this.#characters -= next.delivery.body.length;
    next.attempts += 1;
    state.inFlight = next;
    this.#inFlight += 1;
    this.#outputs.push({ type: "send", endpoint: state.endpoint, delivery: next.delivery, attempt: next.attempts });
  }

  /** The delivery to send next: the first in order, but one that failed too often steps aside until its time. */
  #nextDue(state: EndpointState): { readonly index: number; readonly at: Millis } | undefined {
    if (state.inFlight !== undefined) return undefined;
    let earliest: { index: number; at: Millis } | undefined;
    for (const [index, waiting] of state.waiting.entries()) {
      const at = Math.max(waiting.dueAt, state.pausedUntil);
      if (earliest === undefined || at < earliest.at) earliest = { index, at };
      if (waiting.attempts < this.#options.orderedAttempts) break;
    }
    return earliest;
  }

  #expire(now: Millis, state: EndpointState): void {
    const oldest = now - this.#options.maxAgeMs;
    for (let first = state.waiting[0]; first !== undefined && first.queuedAt < oldest; first = state.waiting[0]) {
      this.#dropWaiting(state, 0, "expired");
    }
  }

  /** Where it was: before all that were queued later. */
  #putBack(state: EndpointState, attempted: Waiting): void {
    const at = state.waiting.findIndex((each) => each.sequence > attempted.sequence);
    state.waiting.splice(at < 0 ? state.waiting.length : at, 0, attempted);
    this.#waiting += 1;
    this.#characters += attempted.delivery.body.length;
  }

  #dropWaiting(state: EndpointState, index: number, reason: DropReason): void {
    const [dropped] = state.waiting.splice(index, 1);
    if (dropped === undefined) return;
    this.#waiting -= 1;
    this.#characters -= dropped.delivery.body.length;
    this.#drop(state, dropped, reason);
  }

  #drop(state: EndpointState, dropped: Waiting, reason: DropReason): void {
    this.#outputs.push({ type: "dropped", endpointId: state.endpoint.id, delivery: dropped.delivery, reason });
  }

  /** One endpoint that does not answer pays for the memory that it takes, not the others. */
  #dropFromFullest(): void {
    let fullest: EndpointState | undefined;
    for (const state of this.#endpoints.values()) {
      if (fullest === undefined || state.waiting.length > fullest.waiting.length) fullest = state;
    }
    if (fullest === undefined || fullest.waiting.length === 0) return;
    this.#dropWaiting(fullest, 0, "overflow");
  }

  /** 5 s, 15 s, 45 s, 2¼ min, 6¾ min, 20 min, 30 min: about an hour, each between 0.8 and 1.2 times that. */
  #backoff(attempts: number): number {
    const { firstDelayMs, maxDelayMs } = this.#options;
    const plain = Math.min(firstDelayMs * 3 ** (attempts - 1), maxDelayMs);
    return Math.round(plain * (0.8 + 0.4 * this.#random()));
  }
}
