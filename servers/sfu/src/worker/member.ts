/** One member of a room on this worker. */
import type { MediaDirections } from "@tsunagi/protocol";
import type { PublicationInit } from "@tsunagi/sfu";
import type { SfuLimits } from "../options.ts";
import { CONTROL_PER_SECOND } from "./control.ts";
import { RateLimit } from "./rate-limit.ts";
import type { Session } from "./session.ts";

export class Member {
  readonly peerId: string;
  directions: MediaDirections = { publish: true, subscribe: true, data: true };
  /** Of the highest epoch. */
  current: Session | undefined;
  /** The one before, until the current one is connected. */
  previous: Session | undefined;
  /** What the router has of this member, by ID. */
  readonly published = new Map<string, { readonly init: PublicationInit; readonly session: Session }>();
  /** Ends `previous` when the current one does not connect. */
  cancelTakeover: (() => void) | undefined;
  readonly controlRate = new RateLimit(CONTROL_PER_SECOND);
  readonly #messages: readonly [RateLimit, RateLimit];
  readonly #bytes: readonly [RateLimit, RateLimit];

  constructor(peerId: string, limits: SfuLimits) {
    this.peerId = peerId;
    this.#messages = [new RateLimit(limits.dataMessages), new RateLimit(limits.dataMessages)];
    this.#bytes = [new RateLimit(limits.dataBytes), new RateLimit(limits.dataBytes)];
  }

  get sessions(): readonly Session[] {
    return [this.current, this.previous].filter((session) => session !== undefined);
  }

  mayRelay(now: number, lossy: boolean, bytes: number): boolean {
    const at = lossy ? 1 : 0;
    return this.#messages[at].take(now) && this.#bytes[at].take(now, bytes);
  }
}
