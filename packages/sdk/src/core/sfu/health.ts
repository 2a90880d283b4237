/** Whether a transport to the SFU still carries anything. What is lost is not repaired but replaced (there is no ICE restart), and seamlessly so: a wrong suspicion costs little. */
import type { Clock } from "@tsunagi/base";
import { FlowWatch } from "../link/flow-watch.ts";
import type { PeerConnectionPort } from "../ports.ts";

/** ICE calls a pair disconnected after a silence that often ends by itself. */
const DISCONNECTED_MS = 1_000;
/** A stall that goes on for so long, while the SFU believes that it sends video, is no pause. */
const STALL_MS = 1_000;
/** After signalling came back over a new path: how long media may take to show that its own path still works. */
const PROGRESS_MS = 400;
/** It stood still before signalling noticed: nothing more is to be learnt by waiting. */
const STOOD_MS = 750;

export type HealthOptions = {
  readonly clock: Clock;
  readonly pc: PeerConnectionPort;
  /** Whether something should be coming in now. */
  readonly expectsFlow: () => boolean;
  readonly signalOpen: () => boolean;
  /** Looks whether signalling still works: a new transport needs it, and it shares the path with the one that stalls. */
  readonly probe: () => Promise<boolean>;
  /** How long it may take from the answer to the first connection. */
  readonly connectMs: number;
  readonly onLost: (why: string) => void;
};

export class Health {
  readonly #options: HealthOptions;
  #flow: FlowWatch | undefined;
  #cancel: (() => void) | undefined;
  #stopped = false;
  #connecting = false;

  constructor(options: HealthOptions) {
    this.#options = options;
  }

  /** Descriptions are exchanged: from now on it should connect. */
  negotiated(): void {
    if (this.#connecting || this.#flow !== undefined) return;
    this.#connecting = true;
    this.#after(this.#options.connectMs, "it did not connect in time", () => this.#options.pc.connectionState !== "connected");
  }

  stateChanged(): void {
    if (this.#stopped) return;
    const { clock, pc, onLost } = this.#options;
    switch (pc.connectionState) {
      case "connected":
        this.#cancel?.();
        this.#flow ??= new FlowWatch({ clock, pc, onStall: () => this.#stalled(), onRevive: () => {} });
        return;
      case "disconnected":
        this.#after(DISCONNECTED_MS, "disconnected", () => pc.connectionState !== "connected");
        return;
      case "failed":
        onLost("ICE failed");
        return;
      default:
    }
  }

  /** Signalling is back. `doubtful`: its path had gone silent, so the media's may be gone too. */
  signalResumed(doubtful: boolean): void {
    const flow = this.#flow;
    if (flow === undefined || this.#stopped || !(doubtful || flow.active)) return;
    const now = this.#options.clock.now();
    const stood = doubtful && now - flow.progressAt > STOOD_MS;
    if (!doubtful && !this.#options.expectsFlow()) return;
    this.#after(stood ? 0 : PROGRESS_MS, "nothing comes over it", () => flow.progressAt <= now);
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel?.();
    this.#flow?.stop();
  }

  #stalled(): void {
    const at = this.#flow?.progressAt ?? 0;
    const { expectsFlow, signalOpen, probe } = this.#options;
    void probe();
    this.#after(STALL_MS, "media stands still", () => (this.#flow?.progressAt ?? 0) <= at && expectsFlow() && signalOpen());
  }

  /** One suspicion at a time: the latest knows best. */
  #after(delayMs: number, why: string, confirmed: () => boolean): void {
    this.#cancel?.();
    this.#cancel = this.#options.clock.after(delayMs, () => {
      this.#cancel = undefined;
      if (!this.#stopped && confirmed()) this.#options.onLost(why);
    });
  }
}
