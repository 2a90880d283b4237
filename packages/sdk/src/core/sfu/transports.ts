/** The transport in use and those that it replaces: when one is lost, the next is made before the last is let go. */
import type { Clock } from "@tsunagi/base";
import type { MemberLinkState } from "../room/room-events.ts";
import type { SfuTransport } from "./transport.ts";

/** Between attempts, the last one again and again. */
const RETRY_MS = [0, 1_000, 2_000, 4_000, 8_000] as const;
/** The replaced one ends with the last swap of a track, and at the latest so long after the new one is connected. */
const OLD_MS = 3_000;
/** Until an offer is tried again that the server will not take as it is; twice as long after each time. */
const HELD_MS = 30_000;
const MAX_HELD_MS = 480_000;
/** Trouble for so long is told as failure, though it is tried on. */
const FAILED_MS = 45_000;

export type TransportsHost = {
  readonly clock: Clock;
  readonly signalOpen: () => boolean;
  /** Makes one, to be offered at once; `direct`: without STUN and TURN. */
  readonly create: (epoch: number, direct: boolean) => SfuTransport;
  readonly onState: (state: MemberLinkState) => void;
};

export class Transports {
  readonly #host: TransportsHost;
  readonly #old = new Set<SfuTransport>();
  #active: SfuTransport | undefined;
  #epoch = -1;
  #attempts = 0;
  #cancelRetry: (() => void) | undefined;
  #cancelOld: (() => void) | undefined;
  #cancelFailed: (() => void) | undefined;
  /** It was lost while signalling was away: to be replaced when that is back. */
  #waits = false;
  /** The server does not take what is offered: that has to change first, or a long time to pass. */
  #held = false;
  #heldMs = HELD_MS;
  #closed = false;
  #everConnected = false;
  /** Until an attempt has failed: most networks let UDP out, and then hundreds of members take no relay each. */
  #direct = true;
  #state: MemberLinkState = "connecting";

  constructor(host: TransportsHost) {
    this.#host = host;
  }

  /** The latest: what is wanted is wanted of it. */
  get active(): SfuTransport | undefined {
    return this.#active;
  }

  get state(): MemberLinkState {
    return this.#state;
  }

  get held(): boolean {
    return this.#held;
  }

  open(): void {
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
    this.#waits = false;
    this.#held = false;
    if (this.#closed) return;
    const before = this.#active;
    // One that never carried anything shows nothing.
    if (before?.wasConnected) this.#old.add(before);
    else before?.close();
    this.#epoch += 1;
    this.#active = this.#host.create(this.#epoch, this.#direct);
    this.#active.negotiate();
    this.#tellState();
  }

  /** The SFU says that the transport of this epoch is gone. */
  reset(epoch: number): void {
    if (epoch < this.#epoch) return;
    this.#attempts = 0;
    this.#retry();
  }

  lost(transport: SfuTransport): void {
    if (transport !== this.#active) {
      // What it showed stays as it is until the new one has the same.
      this.#tellState();
      return;
    }
    if ((this.#cancelRetry !== undefined && !this.#held) || this.#waits) return;
    if (!transport.wasConnected && this.#host.signalOpen()) this.#direct = !this.#direct;
    this.#retry();
    this.#tellState();
  }

  /** What it offered is refused, and would be again. What it had before stays. */
  hold(transport: SfuTransport): void {
    if (transport !== this.#active || this.#closed) return;
    this.#cancelRetry?.();
    this.#held = true;
    this.#cancelRetry = this.#host.clock.after(this.#heldMs, () => this.open());
    this.#heldMs = Math.min(MAX_HELD_MS, this.#heldMs * 2);
    this.#tellState();
  }

  /** An offer was taken. */
  negotiated(): void {
    this.#heldMs = HELD_MS;
  }

  connected(transport: SfuTransport): void {
    if (transport !== this.#active) return;
    this.#attempts = 0;
    this.#everConnected = true;
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
    this.#tellState();
    this.#cancelOld?.();
    this.#cancelOld = this.#old.size === 0 ? undefined : this.#host.clock.after(OLD_MS, () => this.dropOld());
  }

  signalResumed(info: { readonly restored: boolean; readonly doubtful: boolean }): void {
    // A restarted server does not know what its SFU still carries, and one in the same process carries nothing.
    // One that was made over a path that is gone has candidates of that path.
    if (info.restored || this.#waits || this.#active?.connected !== true) {
      this.#attempts = 0;
      this.open();
      return;
    }
    this.#active.health.signalResumed(info.doubtful);
  }

  /** Nothing is shown of them any more. */
  dropOld(): void {
    this.#cancelOld?.();
    this.#cancelOld = undefined;
    for (const old of this.#old) old.close();
    this.#old.clear();
  }

  close(): void {
    this.#closed = true;
    this.#cancelRetry?.();
    this.#cancelFailed?.();
    this.dropOld();
    this.#active?.close();
    this.#active = undefined;
  }

  #retry(): void {
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
    this.#held = false;
    if (!this.#host.signalOpen()) {
      this.#waits = true;
      return;
    }
    const delay = RETRY_MS[Math.min(this.#attempts, RETRY_MS.length - 1)] ?? 0;
    this.#attempts += 1;
    // Also without a delay in a turn of its own: this may come from within the transport.
    this.#cancelRetry = this.#host.clock.after(delay, () => this.open());
  }

  #tellState(): void {
    const works = this.#active?.connected === true || [...this.#old].some((old) => old.connected);
    const state = works ? "connected" : this.#everConnected ? "reconnecting" : "connecting";
    if (works) {
      this.#cancelFailed?.();
      this.#cancelFailed = undefined;
    } else {
      this.#cancelFailed ??= this.#host.clock.after(FAILED_MS, () => this.#tell("failed"));
    }
    if (this.#state !== "failed" || works) this.#tell(state);
  }

  #tell(state: MemberLinkState): void {
    if (this.#state === state || this.#closed) return;
    this.#state = state;
    this.#host.onState(state);
  }
}
