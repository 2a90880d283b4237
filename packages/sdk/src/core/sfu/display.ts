/** Puts the tracks of slots into the streams of the others, each at the moment from which there is something to see in it. */
import type { Clock } from "@tsunagi/base";
import type { Publication } from "@tsunagi/protocol";
import { listen, type MediaStreamTrack, type MediaStreamTrackPort } from "../ports.ts";
import type { RemoteStreams } from "./remote-streams.ts";
import type { Subscription } from "./subscription.ts";
import type { SfuTransport, Slot } from "./transport.ts";

/** How long the track of a slot that was in use before waits for the SFU to say that the new publication is in it. */
const SLOT_MS = 500;
/** How long the track of a replaced transport, or of a mesh link, stays in its stream while nothing comes for its successor. */
const SWAP_MS = 1_500;

export type DisplayHost = {
  readonly clock: Clock;
  readonly streams: RemoteStreams;
  readonly subscriptions: ReadonlyMap<string, Subscription>;
  /** Whether the publication can be seen already, over a mesh link. */
  readonly isShown: (publication: Publication) => boolean;
  readonly onBound: (subscription: Subscription) => void;
  /** Why nothing of it comes is another reason now. */
  readonly onLimited: (subscription: Subscription) => void;
  /** All that is wanted comes over this transport. */
  readonly onSettled: (transport: SfuTransport) => void;
};

type Pending = { readonly track: MediaStreamTrackPort; readonly cancel: () => void };

export class Display {
  readonly #host: DisplayHost;
  readonly #pending = new Map<Subscription, Pending>();

  constructor(host: DisplayHost) {
    this.#host = host;
  }

  /** After an answer, a connection, or a change of what is in the slots. */
  show(transport: SfuTransport): void {
    for (const slot of transport.slots) {
      const subscription = this.#host.subscriptions.get(slot.publication ?? "");
      if (subscription !== undefined) this.#showSlot(transport, slot, subscription);
    }
    this.#host.streams.tell();
    this.#tellLimits(transport);
    this.#settle(transport);
  }

  #tellLimits(transport: SfuTransport): void {
    for (const [id, subscription] of this.#host.subscriptions) {
      const limited = transport.full && transport.slotOf(id) === undefined;
      if (limited === (subscription.reason === "limit")) continue;
      subscription.reason = limited ? "limit" : "waiting";
      this.#host.onLimited(subscription);
    }
  }

  /** The SFU says that this publication is in the slot now. */
  announced(transport: SfuTransport, slot: Slot, subscription: Subscription): void {
    // A successor of what is shown waits for its own first packet.
    if (subscription.track !== null || this.#host.isShown(subscription.publication)) return;
    this.#bind(transport, slot, subscription);
    this.#host.streams.tell();
  }

  forget(subscription: Subscription): void {
    this.#pending.get(subscription)?.cancel();
    this.#pending.delete(subscription);
    this.#host.streams.unbind(subscription.publication);
    subscription.release();
  }

  #showSlot(transport: SfuTransport, slot: Slot, subscription: Subscription): void {
    const { track } = slot.transceiver.receiver;
    const waiting = this.#pending.get(subscription);
    // Its section has no answer yet.
    if (slot.transceiver.currentDirection === null) return;
    if (subscription.track === track || waiting?.track === track) return;
    waiting?.cancel();
    this.#pending.delete(subscription);
    const replaces = subscription.track !== null || this.#host.isShown(subscription.publication);
    const bind = () => {
      this.#bind(transport, slot, subscription);
      this.#host.streams.tell();
      this.#settle(transport);
    };
    if (!replaces && slot.uses <= 1) this.#bind(transport, slot, subscription);
    else if (!replaces) this.#wait(subscription, track, SLOT_MS, bind);
    else if (!transport.connected) return;
    else if (!track.muted) this.#bind(transport, slot, subscription);
    else this.#wait(subscription, track, SWAP_MS, bind, "unmute");
  }

  #wait(subscription: Subscription, track: MediaStreamTrackPort, ms: number, then: () => void, event?: string): void {
    const cancelTimer = this.#host.clock.after(ms, then);
    const unlisten = event === undefined ? undefined : listen(track, event, then);
    const cancel = () => {
      cancelTimer();
      unlisten?.();
    };
    this.#pending.set(subscription, { track, cancel });
  }

  #bind(transport: SfuTransport, slot: Slot, subscription: Subscription): void {
    this.#pending.get(subscription)?.cancel();
    this.#pending.delete(subscription);
    const { publication } = subscription;
    if (
      transport.closed ||
      slot.publication !== publication.id ||
      this.#host.subscriptions.get(publication.id) !== subscription
    ) {
      return;
    }
    const track = slot.transceiver.receiver.track as MediaStreamTrack;
    subscription.track = track;
    subscription.stream = this.#host.streams.bind(publication, track);
    this.#host.onBound(subscription);
  }

  #settle(transport: SfuTransport): void {
    if (!transport.connected || this.#pending.size > 0) return;
    for (const [id, subscription] of this.#host.subscriptions) {
      if (subscription.track === null) continue;
      if (subscription.track !== transport.slotOf(id)?.transceiver.receiver.track) return;
    }
    this.#host.onSettled(transport);
  }
}
