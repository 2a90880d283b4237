/**
 * Who speaks in a room, how loud all are, and who spoke last (last-N).
 *
 * After the idea of dominant speaker identification (Volfin and Cohen, 2012), made simpler: a speaker is compared over a short and a long window;
 * a cough has no long one. Another one takes over when the first is silent, or is clearly less of a speaker for half a second.
 *
 * Of a router: `join` and `leave` with each member; keep `voice(peerId)` with each audio publication and call `heard` with each packet's
 * level; `tick` at `deadline`; `recent` says whose video is shown under last-N.
 */
import type { Millis } from "@tsunagi/base";
import { Voice } from "./voice.ts";

/** Voices are looked at this often; */
const LOOK_MS = 100;
/** and this is told at most so often. */
const TELL_MS = 250;
/** Speech in this many of the last 10 slices makes a speaker where nobody speaks, */
const SPEAKS = 4;
/** and this many where another one does, who must be exceeded by this factor and step, */
const INSISTS = 8;
const FACTOR = 1.3;
const STEP = 3;
/** and must have had this long. */
const HOLD_MS = 1_000;
/** After so much silence nobody is the speaker. */
const SILENT_MS = 3_000;
/** Loudness must change by this to be told. */
const CHANGE = 6;
/** At most so many are told of: the loudest. */
const MOST = 20;

export type SpeakersChange = {
  readonly active: string | null;
  /** Who is heard, most recent speaker first. Who is not in it is silent. */
  readonly levels: readonly (readonly [peerId: string, level: number])[];
};

export class Speakers {
  readonly #voices = new Map<string, Voice>();
  /** Active first, then by when they spoke last, then as they came. */
  #order: Voice[] = [];
  #recent: string[] = [];
  #active: Voice | undefined;
  #activeSince: Millis = Number.NEGATIVE_INFINITY;
  #lookedAt: Millis = Number.NEGATIVE_INFINITY;
  #toldAt: Millis = Number.NEGATIVE_INFINITY;
  #told = new Map<string, number>();
  #toldActive: string | null = null;
  #recentChanged = false;

  get active(): string | null {
    return this.#active?.peerId ?? null;
  }

  /** All members, the one who speaks first, then who spoke last. */
  get recent(): readonly string[] {
    return this.#recent;
  }

  /** When `tick` is due; undefined: the room is empty. */
  get deadline(): Millis | undefined {
    return this.#voices.size === 0 ? undefined : Math.max(0, this.#lookedAt + LOOK_MS);
  }

  /** The voice of a member; one for all of its tracks. Joins it where it has not. */
  voice(peerId: string): Voice {
    let voice = this.#voices.get(peerId);
    if (voice === undefined) {
      voice = new Voice(peerId);
      this.#voices.set(peerId, voice);
      this.#order.push(voice);
      this.#recent.push(peerId);
      this.#recentChanged = true;
    }
    return voice;
  }

  join(peerId: string): void {
    this.voice(peerId);
  }

  leave(peerId: string): void {
    const voice = this.#voices.get(peerId);
    if (voice === undefined) return;
    this.#voices.delete(peerId);
    this.#order = this.#order.filter((other) => other !== voice);
    this.#recent = this.#recent.filter((other) => other !== peerId);
    this.#recentChanged = true;
    if (this.#active === voice) this.#active = undefined;
  }

  /** Whether `recent` is another than when this was asked last. */
  takeRecentChanged(): boolean {
    const changed = this.#recentChanged;
    this.#recentChanged = false;
    return changed;
  }

  /** Looks at all voices; what to tell the members, or undefined: nothing new. */
  tick(now: Millis): SpeakersChange | undefined {
    if (now - this.#lookedAt < LOOK_MS) return undefined;
    this.#lookedAt = now;
    let loudest: Voice | undefined;
    let reorder = false;
    for (const voice of this.#voices.values()) {
      if (!voice.look(now)) continue;
      if (voice.activity >= SPEAKS && (loudest === undefined || voice.score > loudest.score)) loudest = voice;
      if (voice.activity >= INSISTS) {
        voice.spokeAt = now;
        reorder = true;
      }
    }
    if (this.#choose(now, loudest)) reorder = true;
    if (reorder) this.#reorder();
    return this.#tell(now);
  }

  #choose(now: Millis, challenger: Voice | undefined): boolean {
    const active = this.#active;
    if (active !== undefined && active.activity > 0) active.spokeAt = now;
    if (challenger === undefined || challenger === active) {
      if (active === undefined || now - active.spokeAt < SILENT_MS) return false;
      this.#active = undefined;
      return true;
    }
    if (active !== undefined && active.activity > 0) {
      if (now - this.#activeSince < HOLD_MS || challenger.activity < INSISTS) return false;
      if (challenger.score < active.score * FACTOR + STEP) return false;
    }
    this.#active = challenger;
    this.#activeSince = now;
    challenger.spokeAt = now;
    return true;
  }

  #reorder(): void {
    const active = this.#active;
    this.#order.sort((a, b) => (a === active ? -1 : b === active ? 1 : a.spokeAt === b.spokeAt ? 0 : b.spokeAt - a.spokeAt));
    let same = true;
    for (let at = 0; at < this.#order.length && same; at += 1) same = this.#order[at]?.peerId === this.#recent[at];
    if (same) return;
    this.#recent = this.#order.map(({ peerId }) => peerId);
    this.#recentChanged = true;
  }

  #tell(now: Millis): SpeakersChange | undefined {
    if (now - this.#toldAt < TELL_MS) return undefined;
    let changed = this.active !== this.#toldActive;
    let heard = 0;
    for (const voice of this.#order) {
      const before = this.#told.get(voice.peerId) ?? 0;
      if (voice.loudness > 0) heard += 1;
      if (Math.abs(voice.loudness - before) >= CHANGE || (voice.loudness === 0) !== (before === 0)) changed = true;
    }
    for (const peerId of this.#told.keys()) if (!this.#voices.has(peerId)) changed = true;
    if (!changed) return undefined;
    let audible = this.#order.filter(({ loudness }) => loudness > 0);
    if (heard > MOST) {
      const least = audible.map(({ loudness }) => loudness).sort((a, b) => b - a)[MOST - 1] ?? 0;
      audible = audible.filter(({ loudness }) => loudness >= least).slice(0, MOST);
    }
    this.#told = new Map(audible.map(({ peerId, loudness }) => [peerId, loudness]));
    this.#toldActive = this.active;
    this.#toldAt = now;
    return { active: this.active, levels: audible.map(({ peerId, loudness }) => [peerId, Math.round(loudness)] as const) };
  }
}
