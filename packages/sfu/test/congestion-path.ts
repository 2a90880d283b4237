/** A path to one receiver in simulated time: rate, queue, delay, jitter, random loss, blackouts; and its receiver, which gives feedback. */
import { seededRandom } from "@tsunagi/testkit";
import { TransportFeedback } from "../src/feedback/transport-feedback.ts";

export type PathOptions = {
  /** Bits a second, at a time. */
  readonly bps: (now: number) => number;
  /** Queue before the bottleneck, in bytes; more is dropped. */
  readonly queueBytes?: number;
  /** One way. */
  readonly delayMs?: number;
  readonly jitterMs?: number;
  readonly loss?: number;
  readonly feedbackLoss?: number;
  /** Nothing passes, either way. */
  readonly blackout?: (now: number) => boolean;
  /** What arrives at a time is seen only then: a receiver that is kept from its socket. */
  readonly seenAt?: (arrival: number) => number;
  readonly seed?: number;
};

export type Arrival = { readonly at: number; readonly sequence: number; readonly bytes: number; readonly flow: number };

/** The bottleneck, which several flows may share. */
export class Bottleneck {
  readonly #options: PathOptions;
  readonly #random: () => number;
  /** When the last packet in the queue leaves it. */
  #freeAt = 0;
  #lastArrival = 0;
  readonly #flying: Arrival[] = [];
  dropped = 0;

  constructor(options: PathOptions) {
    this.#options = options;
    this.#random = seededRandom(options.seed ?? 1);
  }

  send(now: number, flow: number, sequence: number, bytes: number): void {
    const { queueBytes = 60_000, delayMs = 20, jitterMs = 0, loss = 0, blackout, seenAt } = this.#options;
    const bps = this.#options.bps(now);
    if (blackout?.(now)) return;
    const waiting = (Math.max(0, this.#freeAt - now) * bps) / 8_000;
    if (waiting + bytes > queueBytes) {
      this.dropped += 1;
      return;
    }
    this.#freeAt = Math.max(now, this.#freeAt) + (bytes * 8_000) / bps;
    if (this.#random() < loss) return;
    // Jitter does not change the order.
    const arrival = this.#freeAt + delayMs + this.#random() * jitterMs;
    const at = Math.max(this.#lastArrival, seenAt?.(arrival) ?? arrival);
    this.#lastArrival = at;
    this.#flying.push({ at, sequence, bytes, flow });
  }

  /** What has arrived by `now`. */
  arrived(now: number): Arrival[] {
    let count = 0;
    while (count < this.#flying.length && (this.#flying[count]?.at ?? 0) <= now) count += 1;
    return this.#flying.splice(0, count);
  }

  queueMs(now: number): number {
    return Math.max(0, this.#freeAt - now);
  }
}

/** Whoever is told of feedback. */
export type Sender = { feedback(now: number, packet: Uint8Array): void };

export class Receiver {
  readonly #options: PathOptions;
  readonly #feedback = new TransportFeedback();
  readonly #random: () => number;
  readonly #back: { readonly at: number; readonly packet: Uint8Array }[] = [];
  /** Arrived bytes by time, for rates. */
  readonly arrivals: Arrival[] = [];

  constructor(options: PathOptions) {
    this.#options = options;
    this.#random = seededRandom((options.seed ?? 1) + 99);
  }

  take(arrival: Arrival): void {
    // The receiver's clock is another one.
    this.#feedback.arrived(arrival.at + 123_456, arrival.sequence);
    this.arrivals.push(arrival);
  }

  /** Sends feedback that is due and gives what has come back to the sender. */
  run(now: number, sender: Sender): void {
    const { delayMs = 20, feedbackLoss = 0, blackout } = this.#options;
    if (now + 123_456 >= (this.#feedback.deadline ?? Number.POSITIVE_INFINITY)) {
      for (let packet = this.#feedback.take(1, 2); packet !== undefined; packet = this.#feedback.take(1, 2)) {
        if (!blackout?.(now) && this.#random() >= feedbackLoss) this.#back.push({ at: now + delayMs, packet });
      }
    }
    while (this.#back.length > 0 && (this.#back[0]?.at ?? 0) <= now)
      sender.feedback(now, this.#back.shift()?.packet as Uint8Array);
  }

  /** Bits a second that arrived between two times. */
  bps(from: number, to: number): number {
    let bytes = 0;
    for (const arrival of this.arrivals) if (arrival.at >= from && arrival.at < to) bytes += arrival.bytes;
    return (bytes * 8_000) / (to - from);
  }
}
