/** Decides what each slot gets, and tells what changed: quality to subscribers, demand to publishers. */
import type { Millis } from "@tsunagi/base";
import { cut, ladder, type Step } from "../allocation/ladder.ts";
import { markLastN } from "../audio/last-n.ts";
import type { Publication } from "../publication/publication.ts";
import type { Candidate, RouterEvent } from "../router-port.ts";
import { ALL_LAYERS } from "../subscription/layers.ts";
import type { Slot } from "../subscription/slot.ts";
import type { RoutingContext } from "./context.ts";
import type { Transport } from "./transport.ts";

/** Ladders are made anew this often, and choices at least this often even where nothing is short: rates drift. */
const LADDER_MS = 200;
const CHOOSE_MS = 1_000;
const DEMAND_MS = 500;
/** Layers are switched off only when nobody has wanted them for so long: encoders take a while to start. */
const LESS_AFTER_MS = 3_000;

const NO_STEPS: readonly Step[] = [];

export class LayerChoice {
  readonly #context: RoutingContext;
  readonly #events: RouterEvent[] = [];
  // Of the transport at hand, side by side.
  readonly #slots: Slot[] = [];
  readonly #candidates: Candidate[] = [];

  /** Members, most recent speaker first. */
  readonly #recent: () => readonly string[];

  constructor(context: RoutingContext, recent: () => readonly string[]) {
    this.#context = context;
    this.#recent = recent;
  }

  run(now: Millis, transports: ReadonlyMap<number, Transport>): void {
    for (const transport of transports.values()) {
      if (transport.slots.size === 0) continue;
      if (transport.isStale || now - transport.choseAt >= CHOOSE_MS || transport.downlink.allocationDue(now)) {
        this.#choose(now, transport);
      }
    }
  }

  /** What publishers should send. @param all look at all of them, not only at those of whom something else is wanted */
  demands(now: Millis, publications: ReadonlyMap<string, Publication>, all: boolean): void {
    for (const publication of publications.values()) {
      if (publication.kind !== "video" || !(publication.isDemandStale || (all && now - publication.demandAt >= DEMAND_MS)))
        continue;
      publication.isDemandStale = false;
      publication.demandAt = now;
      this.#demand(now, publication);
    }
  }

  takeEvents(into: RouterEvent[]): void {
    for (const event of this.#events) into.push(event);
    this.#events.length = 0;
    for (const slot of this.#context.changed) {
      const event = slot.quality();
      if (event !== undefined) into.push(event);
    }
    this.#context.changed.clear();
  }

  #choose(now: Millis, transport: Transport): void {
    transport.isStale = false;
    if (transport.lastN !== undefined || transport.hasDormant) {
      markLastN(transport.slots.values(), this.#recent(), transport.lastN);
      transport.hasDormant = transport.lastN !== undefined;
    }
    transport.choseAt = now;
    const slots = this.#slots;
    const candidates = this.#candidates;
    slots.length = 0;
    candidates.length = 0;
    let voices = 0;
    let number = 0;
    for (const slot of transport.slots.values()) {
      number += 1;
      const { publication } = slot;
      if (publication === undefined) {
        slot.aim(now, -1, 0, 0, "none");
      } else if (publication.muted) slot.aim(now, -1, 0, 0, "muted");
      else if (!slot.isWanted) slot.aim(now, -1, 0, 0, slot.paused ? "paused" : "wish");
      else if (slot.isDormant) slot.aim(now, -1, 0, 0, "last-n");
      else if (!slot.decodes(publication)) slot.aim(now, -1, 0, 0, "codec");
      else if (slot.kind === "audio") {
        slot.aim(now, publication.encodings.length > 0 ? 0 : -1, ALL_LAYERS, ALL_LAYERS, "none");
        voices += publication.encodings[0]?.rates.bps ?? 0;
      } else {
        const steps = stepsOf(now, publication);
        const layers = cut(slot.takesSpatial ? steps : steps.filter(({ spatial }) => spatial === 0), slot);
        if (layers.length === 0) {
          slot.aim(now, -1, 0, 0, "waiting");
          continue;
        }
        slots.push(slot);
        candidates.push({ slot: number, priority: slot.priority, layers, current: indexOf(layers, slot) });
      }
    }
    const chosen = transport.downlink.allocate(now, voices, candidates);
    for (let i = 0; i < slots.length; i++) {
      this.#aim(now, slots[i] as Slot, candidates[i]?.layers as readonly Step[], chosen[i] ?? -1);
    }
  }

  #aim(now: Millis, slot: Slot, layers: readonly Step[], chosen: number): void {
    const step = layers[chosen];
    const steps = slot.publication?.steps ?? NO_STEPS;
    if (step === undefined) {
      slot.aim(now, -1, 0, 0, "bandwidth");
      return;
    }
    // What is the highest known of its kind stays open: a layer that is added shall not wait for the next choice, nor need a key frame.
    const isTopSpatial =
      slot.takesSpatial && !steps.some((other) => other.encoding === step.encoding && other.spatial > step.spatial);
    const isTopTemporal = !steps.some(
      (other) => other.encoding === step.encoding && other.spatial === step.spatial && other.temporal > step.temporal,
    );
    const reason = chosen < layers.length - 1 ? "bandwidth" : layers.length < steps.length ? "wish" : "none";
    slot.aim(now, step.encoding, isTopSpatial ? ALL_LAYERS : step.spatial, isTopTemporal ? ALL_LAYERS : step.temporal, reason);
  }

  #demand(now: Millis, publication: Publication): void {
    let most = -1;
    const all = ladder(now, publication.encodings, { screen: publication.isScreen, silent: true });
    for (const slot of publication.subscribers) {
      if (!slot.isWanted || slot.isDormant) continue;
      const best = cut(all, slot).at(-1);
      // Of an encoding in use another may be wanted already; it is kept until the switch.
      most = Math.max(most, slot.current, best?.encoding ?? publication.encodings.length - 1);
    }
    const before = publication.demandTop;
    if (most === before) {
      publication.lessSince = -1;
      return;
    }
    if (most < before) {
      if (publication.lessSince < 0) publication.lessSince = now;
      if (now - publication.lessSince < LESS_AFTER_MS) return;
    }
    publication.lessSince = -1;
    publication.demandTop = most;
    const encodings = publication.encodings.map(({ index }) => index <= most);
    this.#events.push({ type: "demand", transport: publication.transport.index, publication: publication.id, encodings });
  }
}

function stepsOf(now: Millis, publication: Publication): readonly Step[] {
  if (now - publication.stepsAt >= LADDER_MS) {
    publication.stepsAt = now;
    publication.steps = ladder(now, publication.encodings, { screen: publication.isScreen });
  }
  return publication.steps;
}

/** Where what the slot has stands among `layers`; where it is gone, the next lower one; −1: it has nothing. */
function indexOf(layers: readonly Step[], slot: Slot): number {
  let found = -1;
  if (slot.target === -1) return found;
  for (let i = 0; i < layers.length; i++) {
    const step = layers[i] as Step;
    if (step.encoding > slot.target) break;
    if (step.encoding < slot.target || (step.spatial <= slot.layers.targetSpatial && step.temporal <= slot.layers.targetTemporal))
      found = i;
  }
  return found;
}
