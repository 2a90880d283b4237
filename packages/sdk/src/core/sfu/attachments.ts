/** Elements that show a stream (`room.attach`): the stream's subscriptions watch them. */
import type { MediaStream, VideoElement } from "../ports.ts";
import type { Subscription } from "./subscription.ts";

export class Attachments {
  readonly #watched = new Map<VideoElement, Map<Subscription, () => void>>();

  update(attached: ReadonlyMap<VideoElement, MediaStream>, subscriptions: Iterable<Subscription>): void {
    const all = [...subscriptions];
    for (const [element, watches] of this.#watched) {
      const stream = attached.get(element);
      for (const [subscription, stop] of watches) {
        if (stream !== undefined && subscription.stream === stream) continue;
        stop();
        watches.delete(subscription);
      }
      if (stream === undefined) this.#watched.delete(element);
    }
    for (const [element, stream] of attached) {
      const watches = this.#watched.get(element) ?? new Map<Subscription, () => void>();
      this.#watched.set(element, watches);
      for (const subscription of all) {
        if (subscription.stream === stream && !watches.has(subscription)) watches.set(subscription, subscription.watch(element));
      }
    }
  }
}
