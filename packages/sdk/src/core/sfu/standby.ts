/**
 * Which encodings of own publications are on. What the SFU says that somebody watches; and for a while the lowest one of what nobody watches, since
 * an encoder that has to be started costs the next one who comes a good part of a second.
 */
import type { Clock } from "@tsunagi/base";

/** About 150 kbit/s for so long after the last watcher, or after somebody came. */
const STANDBY_MS = 30_000;
const LOWEST: readonly boolean[] = [true];
const NONE: readonly boolean[] = [];

export type StandbyHost = {
  readonly clock: Clock;
  /** Low to high; those that are not named are off. */
  readonly activate: (publication: string, encodings: readonly boolean[]) => void;
  /** Somebody is there who could watch. */
  readonly inCompany: () => boolean;
};

export class Standby {
  readonly #host: StandbyHost;
  /** What nobody watches, with how to stop what waits until it is switched off; undefined: it is off. */
  readonly #unwatched = new Map<string, (() => void) | undefined>();

  constructor(host: StandbyHost) {
    this.#host = host;
  }

  demanded(publication: string, encodings: readonly boolean[]): void {
    if (encodings.includes(true)) {
      this.forget(publication);
      this.#host.activate(publication, encodings);
    } else this.#wait(publication);
  }

  /** Who comes will want to see something. */
  memberJoined(): void {
    for (const publication of this.#unwatched.keys()) this.#wait(publication);
  }

  memberLeft(): void {
    if (this.#host.inCompany()) return;
    for (const publication of this.#unwatched.keys()) this.#off(publication);
  }

  /** It has ended, or all of it is on for another reason. */
  forget(publication: string): void {
    this.#unwatched.get(publication)?.();
    this.#unwatched.delete(publication);
  }

  stop(): void {
    for (const publication of [...this.#unwatched.keys()]) this.forget(publication);
  }

  #wait(publication: string): void {
    this.#unwatched.get(publication)?.();
    this.#unwatched.set(publication, undefined);
    if (!this.#host.inCompany()) {
      this.#host.activate(publication, NONE);
      return;
    }
    this.#host.activate(publication, LOWEST);
    this.#unwatched.set(
      publication,
      this.#host.clock.after(STANDBY_MS, () => this.#off(publication)),
    );
  }

  #off(publication: string): void {
    this.#unwatched.get(publication)?.();
    this.#unwatched.set(publication, undefined);
    this.#host.activate(publication, NONE);
  }
}
