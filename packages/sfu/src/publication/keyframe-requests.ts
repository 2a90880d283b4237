/** Gathers what subscribers ask of one encoding: one request at a time, repeated until a key frame comes, never more often than is good. */
import type { Millis } from "@tsunagi/base";

/** A key frame costs as much as a second of video; browsers' encoders answer within a round trip and a frame. */
const INTERVAL_MS = 500;
/** Unanswered requests are repeated more seldom: the encoder may be off, or the path lost, after which this is what it takes to go on. */
const LONGEST_MS = 1_000;
/** What is asked for so soon after one came is already under way. */
const UNDER_WAY_MS = 150;

export class KeyframeRequests {
  #wanted = false;
  #sentAt: Millis = Number.NEGATIVE_INFINITY;
  #cameAt: Millis = Number.NEGATIVE_INFINITY;
  #unanswered = 0;
  sent = 0;

  /** When the last key frame began to arrive. */
  get cameAt(): Millis {
    return this.#cameAt;
  }

  get wanted(): boolean {
    return this.#wanted;
  }

  /** @param fresh someone who has had none yet asks: what came before does not help */
  want(now: Millis, fresh: boolean): void {
    if (!fresh && now - this.#cameAt < UNDER_WAY_MS) return;
    this.#wanted = true;
  }

  came(now: Millis): void {
    this.#cameAt = now;
    this.#wanted = false;
    this.#unanswered = 0;
  }

  /** Nobody wants one any more. */
  cancel(): void {
    this.#wanted = false;
    this.#unanswered = 0;
  }

  /** Whether to ask now; counts as asked then. */
  due(now: Millis): boolean {
    if (!this.#wanted) return false;
    const wait = Math.min(LONGEST_MS, INTERVAL_MS * 2 ** Math.max(0, this.#unanswered - 3));
    if (now - this.#sentAt < wait) return false;
    this.#sentAt = now;
    this.#unanswered += 1;
    this.sent += 1;
    return true;
  }
}
