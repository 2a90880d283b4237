/** Decides what each slot gets, and tells what changed: quality to subscribers, demand to publishers. */
import type { Millis } from "@tsunagi/base";
import type { Publication } from "../publication/publication.ts";
import type { RouterEvent } from "../router-port.ts";
import type { Slot } from "../subscription/slot.ts";
import type { RoutingContext } from "./context.ts";
import type { Transport } from "./transport.ts";

export class Allocator {
  readonly #context: RoutingContext;

  constructor(context: RoutingContext) {
    this.#context = context;
  }

  run(now: Millis, transports: ReadonlyMap<number, Transport>, _publications: ReadonlyMap<string, Publication>): void {
    for (const transport of transports.values()) {
      for (const slot of transport.slots.values()) this.#choose(now, slot);
    }
  }

  report(into: RouterEvent[]): void {
    for (const slot of this.#context.changed) into.push(qualityOf(slot));
    this.#context.changed.clear();
  }

  #choose(now: Millis, slot: Slot): void {
    const { publication } = slot;
    if (publication === undefined) slot.aim(now, -1, 0, 0, "none");
    else if (publication.muted) slot.aim(now, -1, 0, 0, "muted");
    else if (!slot.isWanted) slot.aim(now, -1, 0, 0, "paused");
    else
      slot.aim(
        now,
        publication.encodings.findLastIndex((encoding) => encoding.isLive(now)),
        7,
        7,
        "waiting",
      );
  }
}

function qualityOf(slot: Slot): RouterEvent {
  const encoding = slot.publication?.encodings[slot.current];
  return {
    type: "quality",
    transport: slot.transport.index,
    mid: slot.mid,
    publication: slot.publication?.id ?? null,
    layer:
      encoding === undefined
        ? null
        : { encoding: encoding.index, spatial: slot.spatial, temporal: slot.temporal, bps: Math.round(encoding.rates.bps) },
    reason: slot.reason,
  };
}
