/** A track that is received from an SFU room, with the quality that is wanted of it. */
import type { Publication, SfuControlEvent, SfuLayer } from "@tsunagi/protocol";
import type { MediaStreamTrack, VideoElement } from "../ports.ts";
import type { RoomStream } from "../room/room-events.ts";

/** Pixels as rendered times the device pixel ratio. */
export type QualityLimits = {
  readonly maxWidth?: number | undefined;
  readonly maxHeight?: number | undefined;
  readonly maxFrameRate?: number | undefined;
};
/** `auto`: as large as the watched elements show it; without any, no limit. */
export type WantedQuality = "auto" | "high" | "medium" | "low" | QualityLimits;
/** `limit`: this side receives as much as it may; it comes when something else is unsubscribed. */
export type QualityReasonOfLayer = Extract<SfuControlEvent, { readonly type: "quality" }>["reason"] | "limit";

/** By name: no limit, half and a quarter of a 1280 × 720 camera. */
const NAMED: Readonly<Record<"high" | "medium" | "low", QualityLimits>> = {
  high: {},
  medium: { maxWidth: 640, maxHeight: 360 },
  low: { maxWidth: 320, maxHeight: 180 },
};

export type SubscriptionHost = {
  /** What is wanted has changed: it is told to the SFU, gathered with other changes. */
  readonly changed: (subscription: Subscription) => void;
  /** Follows an element's size as rendered; undefined where the platform has no elements. */
  readonly watchElement: ((element: VideoElement, onSize: (width: number, height: number) => void) => () => void) | undefined;
};

/** What goes into a slot's wish. */
export type Wanted = {
  readonly maxWidth: number | null;
  readonly maxHeight: number | null;
  readonly maxFrameRate: number | null;
  readonly paused: boolean;
  readonly priority: number;
};

export class Subscription {
  readonly #host: SubscriptionHost;
  readonly #sizes = new Map<object, readonly [width: number, height: number]>();
  readonly #ends = new Set<() => void>();
  #publication: Publication;
  #quality: WantedQuality = "auto";
  #paused = false;
  #priority = 0;
  /** Set by the room's media; null while no slot has it. */
  track: MediaStreamTrack | null = null;
  stream: RoomStream | null = null;
  /** What is sent now; null: nothing, for {@link reason}. */
  layer: SfuLayer | null = null;
  reason: QualityReasonOfLayer = "waiting";

  constructor(publication: Publication, host: SubscriptionHost) {
    this.#publication = publication;
    this.#host = host;
  }

  get publication(): Publication {
    return this.#publication;
  }

  get paused(): boolean {
    return this.#paused;
  }

  get priority(): number {
    return this.#priority;
  }

  get quality(): WantedQuality {
    return this.#quality;
  }

  /** What the SFU is asked for. */
  get wanted(): Wanted {
    const limits = this.#quality === "auto" ? this.#rendered() : this.#limits();
    return {
      maxWidth: limits.maxWidth ?? null,
      maxHeight: limits.maxHeight ?? null,
      maxFrameRate: limits.maxFrameRate ?? null,
      paused: this.#paused,
      priority: this.#priority,
    };
  }

  setQuality(quality: WantedQuality): void {
    this.#quality = quality;
    this.#host.changed(this);
  }

  /** Nothing is sent until `resume()`. */
  pause(): void {
    this.#setPaused(true);
  }

  resume(): void {
    this.#setPaused(false);
  }

  /** −10 to 10: those with a higher one get bandwidth first. Default 0. */
  setPriority(priority: number): void {
    this.#priority = Math.max(-10, Math.min(10, Math.round(priority)));
    this.#host.changed(this);
  }

  /** Quality `auto` follows this element's size and visibility until the returned function is called; of several the largest counts. */
  watch(element: VideoElement): () => void {
    const { watchElement } = this.#host;
    if (watchElement === undefined || this.#publication.kind !== "video") return () => {};
    const key = {};
    const stop = watchElement(element, (width, height) => {
      this.#sizes.set(key, [width, height]);
      this.#host.changed(this);
    });
    const end = () => {
      if (!this.#ends.delete(end)) return;
      stop();
      this.#sizes.delete(key);
      this.#host.changed(this);
    };
    this.#ends.add(end);
    return end;
  }

  // ---- Called by the room's media ----------------------------------------------------------------------------------------------

  /** @internal */
  updated(publication: Publication): void {
    this.#publication = publication;
  }

  /** @internal */
  release(): void {
    for (const end of [...this.#ends]) end();
    this.track = null;
    this.stream = null;
    this.layer = null;
    this.reason = "none";
  }

  #setPaused(paused: boolean): void {
    if (this.#paused === paused) return;
    this.#paused = paused;
    this.#host.changed(this);
  }

  #limits(): QualityLimits {
    return typeof this.#quality === "string" ? NAMED[this.#quality as keyof typeof NAMED] : this.#quality;
  }

  #rendered(): QualityLimits {
    if (this.#sizes.size === 0) return {};
    let [maxWidth, maxHeight] = [0, 0];
    for (const [width, height] of this.#sizes.values()) {
      maxWidth = Math.max(maxWidth, width);
      maxHeight = Math.max(maxHeight, height);
    }
    return { maxWidth, maxHeight };
  }
}
