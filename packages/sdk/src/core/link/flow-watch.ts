/**
 * Notices within a second that what was flowing in has stopped, long before ICE does (RFC 7675 allows 30 s, Chromium takes 2.5 s).
 *
 * Most ticks read only the RTP timestamps of the receivers, which cost next to nothing; getStats is asked when those stand still.
 */
import type { Clock } from "@tsunagi/base";
import type { PeerConnectionPort } from "../ports.ts";
import { selectedPair } from "./candidate-pairs.ts";

const TICK_MS = 250;
/** Nothing has flowed for a while: look less often. */
const IDLE_TICK_MS = 1_000;
/** Longer than the pauses of 1 frame/s screen sharing would be too slow; audio and video never pause this long. */
const STALL_MS = 750;
/** How long after a stall to look closely for the flow to come back. */
const REVIVAL_MS = 60_000;
/** Ticks with progress, one after another, before its end means anything: the checks of an idle pair are no flow. */
const FLOWING_TICKS = 4;

/** Once only: several key frames in a second can make Chromium's receiver wait for 3 s. */
const REVIVED_TICKS = 2;
/** What was missing for less may have been only a look that took long. */
const REVIVED_AFTER_MS = 1_000;

export type FlowWatchOptions = {
  readonly clock: Clock;
  readonly pc: PeerConnectionPort;
  /** Flow stopped. Called once; again only after it has flowed again. */
  readonly onStall: () => void;
  /** Something comes in again after a stall. Told at the second look: the first may have seen a mere check of the path. */
  readonly onRevive: () => void;
};

export class FlowWatch {
  readonly #options: FlowWatchOptions;
  #cancel: (() => void) | undefined;
  #mark: string | undefined;
  #bytes: number | undefined;
  #progressAt: number;
  #ticksWithProgress = 0;
  #flowing = false;
  #stalled = false;
  /** The last progress before the stall, and the first of those looks after it that all saw some. */
  #stalledFrom = 0;
  #resumedAt = 0;
  #stopped = false;

  constructor(options: FlowWatchOptions) {
    this.#options = options;
    this.#progressAt = options.clock.now();
    this.#schedule();
  }

  /** When something last came in. */
  get progressAt(): number {
    return this.#progressAt;
  }

  /** Whether something comes in regularly, or did until it stopped. */
  get active(): boolean {
    return this.#flowing || this.#stalled;
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel?.();
  }

  #schedule(): void {
    const { clock } = this.#options;
    const waiting = this.#stalled && clock.now() - this.#progressAt < REVIVAL_MS;
    const idle = !this.#flowing && !waiting && this.#ticksWithProgress === 0;
    this.#cancel = clock.after(idle ? IDLE_TICK_MS : TICK_MS, () => void this.#tick());
  }

  async #tick(): Promise<void> {
    const progress = await this.#progressed();
    if (this.#stopped) return;
    const now = this.#options.clock.now();
    if (progress) {
      if (this.#ticksWithProgress === 0) this.#resumedAt = now;
      this.#progressAt = now;
      this.#ticksWithProgress += 1;
      const isBack = this.#stalled && this.#ticksWithProgress === REVIVED_TICKS;
      if (isBack && this.#resumedAt - this.#stalledFrom >= REVIVED_AFTER_MS) this.#options.onRevive();
      if (this.#ticksWithProgress >= FLOWING_TICKS) {
        this.#flowing = true;
        this.#stalled = false;
      }
    } else {
      this.#ticksWithProgress = 0;
      if (this.#flowing && now - this.#progressAt >= STALL_MS) {
        this.#flowing = false;
        this.#stalled = true;
        this.#stalledFrom = this.#progressAt;
        this.#options.onStall();
      }
    }
    if (!this.#stopped) this.#schedule();
  }

  async #progressed(): Promise<boolean> {
    const { pc } = this.#options;
    const mark = receiveMark(pc);
    const markMoved = mark !== this.#mark;
    this.#mark = mark;
    if (markMoved && mark !== "") {
      // Not compared again with a value from before the flow.
      this.#bytes = undefined;
      return true;
    }
    const before = this.#bytes;
    const pair = selectedPair(await pc.getStats().catch(() => undefined));
    this.#bytes = pair?.bytesReceived;
    return before !== undefined && this.#bytes !== undefined && this.#bytes > before;
  }
}

/** Changes whenever a receiver got something; empty where nothing is received or the browser does not tell. */
function receiveMark(pc: PeerConnectionPort): string {
  let mark = "";
  for (const { receiver } of pc.getTransceivers()) {
    for (const source of receiver.getSynchronizationSources?.() ?? []) mark += `${source.source}:${source.rtpTimestamp} `;
  }
  return mark;
}
