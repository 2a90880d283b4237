/**
 * Which layer each slot of a member gets of its estimate. Voices first; then by priority; within one, every slot its lowest layer before any gets
 * a higher one, and then always the one that has least goes up. Down at once, up with head-room and after a while.
 *
 * One for each member: it remembers when a slot changed.
 */
import type { Millis } from "@tsunagi/base";
import type { Candidate } from "../router-port.ts";

export type AllocatorOptions = {
  /** What a layer must leave free before a slot goes up to it. Default 1.1. */
  readonly headRoom?: number;
  /** How long the estimate must have allowed more before a slot goes up. Default 500 ms. */
  readonly steadyMs?: number;
  /** How long not even the lowest layer must fit before a slot gets nothing. Default 1000 ms. */
  readonly patienceMs?: number;
};

/** After a rise that was taken back, the next waits this long, doubled each time, */
const RETRY_MS = 1_500;
const LONGEST_RETRY_MS = 8_000;
/** and this at most where there is no picture at all: that is worse than one that goes again. */
const LONGEST_RETRY_FROM_NOTHING_MS = 2_000;
/** when it was taken back within this; later, the rise was right and something else has changed. */
const FAILED_MS = 5_000;
/** A slot that stood for this long has no past. */
const FORGET_MS = 20_000;

type SlotState = {
  upAt: Millis;
  downAt: Millis;
  retryMs: number;
  /** Since when a higher layer would fit; −1: it does not. */
  fitsSince: Millis;
  /** Since when not even the lowest layer fits; −1: it does. */
  lackSince: Millis;
  /** Of the round in which it was seen last. */
  round: number;
};

export class Allocator {
  readonly #headRoom: number;
  readonly #steadyMs: number;
  readonly #patienceMs: number;
  readonly #slots = new Map<number, SlotState>();
  #round = 0;
  /** By index of the candidate: index in its layers, or −1: nothing. Valid until the next call. */
  readonly chosen: number[] = [];
  readonly #wanted: number[] = [];
  readonly #order: number[] = [];
  /** What all candidates would take at their best, voices included, bits a second. */
  wantedBps = 0;
  /** What the choice takes. */
  usedBps = 0;
  /** When a slot that waits may go up; undefined: none waits. */
  deadline: Millis | undefined;

  constructor(options: AllocatorOptions = {}) {
    this.#headRoom = options.headRoom ?? 1.1;
    this.#steadyMs = options.steadyMs ?? 500;
    this.#patienceMs = options.patienceMs ?? 1_000;
  }

  /**
   * Chooses. The result is `chosen`; nothing is kept of the candidates.
   *
   * @param estimateBps what may be sent to the member
   * @param reservedBps what voices and what cannot be chosen take of it
   * @param lastingBps the estimate but for a passing low: lowest layers that are sent stay as long as they fit in this
   */
  allocate(
    now: Millis,
    estimateBps: number,
    reservedBps: number,
    candidates: readonly Candidate[],
    lastingBps = estimateBps,
  ): readonly number[] {
    const { chosen } = this;
    const wanted = this.#wanted;
    const order = this.#order;
    const count = candidates.length;
    chosen.length = count;
    wanted.length = count;
    order.length = count;
    this.wantedBps = reservedBps;
    for (let index = 0; index < count; index += 1) {
      const candidate = candidates[index] as Candidate;
      chosen[index] = -1;
      order[index] = index;
      this.wantedBps += peak(candidate);
    }
    // Those that are sent now come first among equals, so that a weak link shows the same few, not one after the other.
    order.sort((a, b) => {
      const left = candidates[a] as Candidate;
      const right = candidates[b] as Candidate;
      return right.priority - left.priority || Number(right.current >= 0) - Number(left.current >= 0) || left.slot - right.slot;
    });
    // What fits without regard to the past, then what the past allows of it.
    this.#fill(estimateBps - reservedBps, Math.max(estimateBps, lastingBps) - reservedBps, candidates);
    for (let index = 0; index < count; index += 1) wanted[index] = chosen[index] as number;
    this.usedBps = reservedBps;
    this.deadline = undefined;
    this.#round += 1;
    for (let index = 0; index < count; index += 1) {
      const candidate = candidates[index] as Candidate;
      const pick = this.#held(now, candidate, wanted[index] as number);
      chosen[index] = pick;
      this.usedBps += candidate.layers[pick]?.bps ?? 0;
    }
    if (this.#slots.size > count)
      for (const [slot, state] of this.#slots) if (state.round !== this.#round) this.#slots.delete(slot);
    return chosen;
  }

  /** Fills `chosen`, group after group of one priority. */
  #fill(budgetBps: number, lastingBps: number, candidates: readonly Candidate[]): void {
    const { chosen } = this;
    const order = this.#order;
    const headRoom = this.#headRoom;
    let left = budgetBps;
    let lasting = lastingBps;
    for (let from = 0; from < order.length; ) {
      const { priority } = candidates[order[from] as number] as Candidate;
      let to = from;
      while (to < order.length && (candidates[order[to] as number] as Candidate).priority === priority) to += 1;
      for (let at = from; at < to; at += 1) {
        const index = order[at] as number;
        const candidate = candidates[index] as Candidate;
        const lowest = candidate.layers[0];
        if (lowest === undefined || needed(candidate, 0, headRoom) > (candidate.current >= 0 ? lasting : left)) continue;
        chosen[index] = 0;
        left -= lowest.bps;
        lasting -= lowest.bps;
      }
      const before = left;
      left = this.#raise(left, candidates, from, to, headRoom);
      lasting -= before - left;
      from = to;
    }
  }

  /** Always the one that has least goes up to its next layer that fits, until none does. What is left. */
  #raise(budgetBps: number, candidates: readonly Candidate[], from: number, to: number, headRoom: number): number {
    const { chosen } = this;
    const order = this.#order;
    let left = budgetBps;
    for (;;) {
      let best = -1;
      let bestNext = -1;
      let bestBps = Number.POSITIVE_INFINITY;
      for (let at = from; at < to; at += 1) {
        const index = order[at] as number;
        const candidate = candidates[index] as Candidate;
        const has = chosen[index] as number;
        if (has < 0) continue;
        const bps = candidate.layers[has]?.bps ?? 0;
        if (bps >= bestBps) continue;
        const next = nextFitting(candidate, has, left + bps, headRoom);
        if (next < 0) continue;
        best = index;
        bestNext = next;
        bestBps = bps;
      }
      if (best < 0) return left;
      left += bestBps - ((candidates[best] as Candidate).layers[bestNext]?.bps ?? 0);
      chosen[best] = bestNext;
    }
  }

  /** The layer that the slot's past allows: down at once, up only when that has fitted for a while. */
  #held(now: Millis, candidate: Candidate, fits: number): number {
    let state = this.#slots.get(candidate.slot);
    if (state === undefined) {
      state = { upAt: -Infinity, downAt: -Infinity, retryMs: RETRY_MS, fitsSince: -1, lackSince: -1, round: 0 };
      this.#slots.set(candidate.slot, state);
    }
    state.round = this.#round;
    const current = Math.min(candidate.current, candidate.layers.length - 1);
    if (fits >= 0 || current < 0) state.lackSince = -1;
    if (fits < 0 && current >= 0) {
      // Nothing at all is worse than a queue that is emptied, or a moment's wrong estimate.
      if (state.lackSince < 0) state.lackSince = now;
      const due = state.lackSince + this.#patienceMs;
      if (now < due) {
        this.#wait(due);
        return 0;
      }
    }
    if (fits < current) {
      state.fitsSince = -1;
      state.retryMs = now - state.upAt < FAILED_MS ? Math.min(LONGEST_RETRY_MS, state.retryMs * 2) : RETRY_MS;
      state.downAt = now;
      return fits;
    }
    if (fits === current) {
      state.fitsSince = -1;
      if (now - state.downAt > FORGET_MS) state.retryMs = RETRY_MS;
      return current;
    }
    // Something instead of nothing, at first or after a pause: at once, but from the lowest up where it was taken away before.
    if (current < 0 && state.downAt === Number.NEGATIVE_INFINITY) {
      state.upAt = now;
      return fits;
    }
    if (state.fitsSince < 0) state.fitsSince = now;
    const retryMs = current < 0 ? Math.min(state.retryMs, LONGEST_RETRY_FROM_NOTHING_MS) : state.retryMs;
    const due = Math.max(state.fitsSince + this.#steadyMs, state.downAt + retryMs);
    if (now < due) {
      this.#wait(due);
      return current;
    }
    state.fitsSince = -1;
    state.upAt = now;
    return fits;
  }

  #wait(until: Millis): void {
    if (this.deadline === undefined || until < this.deadline) this.deadline = until;
  }
}

/** What must be free for a layer: itself, and head-room where it is not sent already. */
function needed(candidate: Candidate, layer: number, headRoom: number): number {
  const bps = candidate.layers[layer]?.bps ?? 0;
  return layer > candidate.current ? bps * headRoom : bps;
}

/** The next layer above `has` that fits; steps that cost more than one further up are left out by going on. −1: none. */
function nextFitting(candidate: Candidate, has: number, budgetBps: number, headRoom: number): number {
  for (let next = has + 1; next < candidate.layers.length; next += 1) {
    if (needed(candidate, next, headRoom) <= budgetBps) return next;
  }
  return -1;
}

function peak(candidate: Candidate): number {
  let bps = 0;
  for (const layer of candidate.layers) if (layer.bps > bps) bps = layer.bps;
  return bps;
}
