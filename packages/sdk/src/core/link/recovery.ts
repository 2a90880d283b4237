/**
 * When to repair a link, and when to give it up.
 *
 * Repairs are ICE restarts; after some of them a new RTCPeerConnection. Only the impolite side offers restarts, so that two ends that
 * notice the same loss do not collide; the polite side asks for one, again at each attempt. It never offers one itself, even where the
 * other side cannot be reached: that offer would meet the other side's own once it is back, and Chromium shows no frame of the remote
 * videos any more after the rollback.
 */
import type { Clock } from "@tsunagi/base";

/** ICE calls a pair disconnected after a short silence that often ends by itself. */
const DISCONNECTED_PATIENCE_MS = 1_000;
/** The first connection may need a relay and slow DNS. */
const FIRST_CONNECT_PATIENCE_MS = 8_000;
/** Between attempts, as long as signalling is there. */
const ATTEMPT_EVERY_MS = [2_000, 3_000, 5_000];
/** When a TURN server could not be reached: it may be back at any moment. */
const UNREACHED_EVERY_MS = 3_000;
/** A stalled flow whose server answers: the other end may have moved, or only stopped sending. */
const STALL_PATIENCE_MS = 750;
/** After signalling came back over a new path: how long media may take to show that its own path still works. */
const PROGRESS_PATIENCE_MS = 400;
/** Of the time without connectivity, only that with signalling counts: without it nothing can be repaired. */
const RENEW_AFTER_MS = 20_000;
const FAIL_AFTER_MS = 45_000;
const TICK_MS = 500;

export type RecoveryOptions = {
  readonly clock: Clock;
  readonly polite: boolean;
  /** Whether messages reach the server now. */
  readonly signalOpen: () => boolean;
  /** Whether the server answers; a dead socket is replaced. */
  readonly probe: () => Promise<boolean>;
  /** When something last came in, and whether something regularly did; undefined while not connected. */
  readonly flow: () => { readonly progressAt: number; readonly active: boolean } | undefined;
  /** Gathering has ended without an answer from some STUN or TURN server. */
  readonly shortOfServers: () => boolean;
  /** Offers an ICE restart. */
  readonly restart: () => void;
  /** Asks the other side for one. */
  readonly askRestart: () => void;
  readonly renew: () => void;
  readonly fail: () => void;
};

type Trouble = { nextAt: number; attempts: number; renewed: boolean; countedMs: number; tickAt: number };

export class Recovery {
  readonly #options: RecoveryOptions;
  #trouble: Trouble | undefined;
  #cancelTick: (() => void) | undefined;
  readonly #cancels = new Set<() => void>();
  #restartedAt = Number.NEGATIVE_INFINITY;

  constructor(options: RecoveryOptions) {
    this.#options = options;
  }

  /** ICE and DTLS are connected. */
  healthy(): void {
    this.#trouble = undefined;
    this.#cancelTick?.();
    this.#cancelTick = undefined;
  }

  /** The first descriptions are exchanged: from now on it should connect. */
  connecting(): void {
    this.#enter(FIRST_CONNECT_PATIENCE_MS);
  }

  disconnected(): void {
    this.#enter(DISCONNECTED_PATIENCE_MS);
  }

  failed(): void {
    this.#enter(0);
  }

  /** What was flowing in has stopped. */
  stalled(): void {
    if (this.#trouble !== undefined) return;
    const since = this.#options.clock.now();
    void this.#options.probe().then((alive) => {
      // Not alive: signalling comes back first, and then asks through signalResumed.
      if (alive) this.#after(STALL_PATIENCE_MS, () => this.#restartUnlessProgress(since));
    });
  }

  /** Signalling is back. `doubtful`: its path had gone silent, so the media's may be gone too. */
  signalResumed(doubtful: boolean): void {
    const { clock, flow } = this.#options;
    if (this.#trouble !== undefined) {
      this.#trouble.attempts = 0;
      this.#trouble.nextAt = clock.now();
      this.#tick();
      return;
    }
    const state = flow();
    // An idle data connection shows nothing by itself: it is restarted on a doubt only, which costs little.
    if (state === undefined || !(state.active || doubtful)) return;
    const since = clock.now();
    // It stood still already before signalling noticed: nothing more is to be learnt by waiting.
    const stood = doubtful && since - state.progressAt > STALL_PATIENCE_MS;
    this.#after(stood ? 0 : PROGRESS_PATIENCE_MS, () => this.#restartUnlessProgress(since));
  }

  /** The other side asks for a restart, or the application does. */
  requested(): void {
    if (this.#options.clock.now() - this.#restartedAt < TICK_MS) return;
    this.#attempt();
  }

  close(): void {
    this.healthy();
    for (const cancel of this.#cancels) cancel();
    this.#cancels.clear();
  }

  #enter(patienceMs: number): void {
    const now = this.#options.clock.now();
    // A restart that is just under way gets its time.
    const nextAt = Math.max(now + patienceMs, this.#restartedAt + DISCONNECTED_PATIENCE_MS);
    if (this.#trouble !== undefined) {
      this.#trouble.nextAt = Math.min(this.#trouble.nextAt, nextAt);
    } else {
      this.#trouble = { nextAt, attempts: 0, renewed: false, countedMs: 0, tickAt: now };
    }
    this.#tick();
  }

  #tick(): void {
    const trouble = this.#trouble;
    if (trouble === undefined) return;
    this.#cancelTick?.();
    const { clock } = this.#options;
    const now = clock.now();
    if (this.#options.signalOpen()) {
      trouble.countedMs += now - trouble.tickAt;
      if (trouble.countedMs >= FAIL_AFTER_MS) {
        this.close();
        this.#options.fail();
        return;
      }
      const early = now - this.#restartedAt >= UNREACHED_EVERY_MS && this.#options.shortOfServers();
      if (early || now >= trouble.nextAt) this.#repair(trouble, now);
    }
    trouble.tickAt = now;
    if (this.#trouble !== trouble) return;
    const untilNext = trouble.nextAt > now ? trouble.nextAt - now : TICK_MS;
    this.#cancelTick = clock.after(Math.min(TICK_MS, untilNext), () => this.#tick());
  }

  #repair(trouble: Trouble, now: number): void {
    trouble.nextAt = now + (ATTEMPT_EVERY_MS[Math.min(trouble.attempts, ATTEMPT_EVERY_MS.length - 1)] ?? TICK_MS);
    trouble.attempts += 1;
    if (trouble.countedMs >= RENEW_AFTER_MS && !trouble.renewed) {
      trouble.renewed = true;
      this.#options.renew();
      return;
    }
    this.#attempt();
  }

  #attempt(): void {
    this.#restartedAt = this.#options.clock.now();
    if (this.#options.polite) this.#options.askRestart();
    else this.#options.restart();
  }

  #restartUnlessProgress(since: number): void {
    const state = this.#options.flow();
    if (this.#trouble !== undefined || state === undefined || state.progressAt > since) return;
    if (this.#options.signalOpen()) this.#attempt();
  }

  #after(delayMs: number, callback: () => void): void {
    const cancel = this.#options.clock.after(delayMs, () => {
      this.#cancels.delete(cancel);
      callback();
    });
    this.#cancels.add(cancel);
  }
}
