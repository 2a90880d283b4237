/**
 * The sections of one skyway-js client's connection to the SFU, and which publication is in which. Sections are never taken away (RFC 8829 §5.2.2);
 * one that is free is used again, but only after the client was told that what was in it has ended: a section that goes from one stream to the
 * next tells its page nothing.
 *
 * The client may send in all of them. Which one a track of its gets is the browser's choice: the first transceiver of that kind which has never
 * sent (webrtc-pc #dom-rtcpeerconnection-addtrack), and that may be a slot's; tracks that were there before are given to the first sections that
 * are offered for them (RFC 8829 §5.10).
 */
import type { SfuOfferedSection, SfuTransportParameters } from "@tsunagi/conference";
import type { Publication, SfuReceive } from "@tsunagi/protocol";
import type { StoredSection, StoredStream } from "./stored.ts";

/** Of one client's connection, the upstream ones included. The SFU gives a member 256 slots. */
export const MAX_SECTIONS = 250;
/** With those of connections that are gone: an SDP has its limits, too. */
const MAX_WITH_TAGS = 400;

/** Sections of one kind in which the client has sent: more than these tracks, or changes of mind, are not looked for. */
const MAX_OF_KIND = 64;

type Kind = "audio" | "video";
const KINDS: readonly Kind[] = ["audio", "video"];
type Use =
  | { readonly is: "up" }
  | { readonly is: "slot"; readonly publication: string; readonly stream: string }
  /** To be offered inactive. */
  | { readonly is: "ending" }
  | { readonly is: "free" }
  /** Carries the transport of all, and mostly nothing else. */
  | { readonly is: "tag" }
  /** Was that. Firefox is to have that transport until nothing is on it any more. */
  | { readonly is: "relic"; readonly transport: SfuTransportParameters }
  | { readonly is: "stopped" };
type Section = {
  readonly mid: string;
  readonly kind: Kind;
  use: Use;
  /** The client has sent in it: no track that is added later gets there. */
  sent: boolean;
};

/** What one member sends as one MediaStream: a publication session. */
type Stream = { readonly id: string; readonly peerId: string; readonly publications: Map<string, Kind> };

/** An offer as it was made: what its answer is about. */
export type Offered = {
  readonly sections: readonly SfuOfferedSection[];
  /** Those that the client may send in. */
  readonly up: readonly { readonly mid: string; readonly kind: Kind }[];
  readonly slots: readonly SfuReceive[];
  /** Stream IDs and whose they are: all that there are. */
  readonly msids: Readonly<Record<string, string>>;
};

export class Layout {
  readonly #newId: () => string;
  readonly #sections: Section[];
  /** By publisher and its own name for the stream. */
  readonly #streams: Map<string, Stream>;
  /** What the others publish: publication → key of its stream. */
  readonly #publications = new Map<string, string>();
  /** Known from before a restart, and not seen since. */
  readonly #unconfirmed = new Set<string>();

  constructor(
    newId: () => string,
    stored?: { readonly sections: readonly StoredSection[]; readonly streams: readonly StoredStream[] },
  ) {
    this.#newId = newId;
    this.#streams = new Map(
      (stored?.streams ?? []).map(({ key, id, peerId, publications }) => [
        key,
        { id, peerId, publications: new Map(publications) },
      ]),
    );
    for (const [key, { publications }] of this.#streams) {
      for (const id of publications.keys()) {
        this.#publications.set(id, key);
        this.#unconfirmed.add(id);
      }
    }
    // A client without these would never send: the first offer must have both kinds.
    this.#sections = (stored?.sections ?? [up("0", "audio"), up("1", "video")]).map((section) => ({ ...section }));
  }

  /** @returns whether an offer should follow */
  publish({ id, peerId, kind, stream: name }: Publication): boolean {
    const key = JSON.stringify([peerId, name]);
    const before = this.#publications.get(id);
    const isSame = before === key && this.#streams.get(key)?.publications.get(id) === kind;
    // It is to be asked for again: the SFU did not know it when the section was offered last.
    if (isSame) return this.#unconfirmed.delete(id);
    if (before !== undefined) this.unpublish(id);
    const stream = this.#streams.get(key) ?? { id: this.#newId(), peerId, publications: new Map<string, Kind>() };
    this.#streams.set(key, stream);
    stream.publications.set(id, kind);
    this.#publications.set(id, key);
    return true;
  }

  /** Whether the other kind may be about to come: both should be in one offer, or the page sees half a stream. */
  isHalf(id: string): boolean {
    const stream = this.#streams.get(this.#publications.get(id) ?? "");
    return new Set(stream?.publications.values()).size < 2;
  }

  /** @returns whether an offer should follow */
  unpublish(id: string): boolean {
    const key = this.#publications.get(id);
    if (key === undefined) return false;
    this.#publications.delete(id);
    this.#unconfirmed.delete(id);
    const stream = this.#streams.get(key);
    stream?.publications.delete(id);
    if (stream?.publications.size === 0) this.#streams.delete(key);
    for (const section of this.#sections) {
      if (section.use.is === "slot" && section.use.publication === id) section.use = { is: "ending" };
    }
    return true;
  }

  memberLeft(peerId: string): boolean {
    const gone = [...this.#streams.values()].filter((stream) => stream.peerId === peerId);
    for (const { publications } of gone) for (const id of [...publications.keys()]) this.unpublish(id);
    return gone.length > 0;
  }

  /** Publications of before the restart that have not come back. @returns whether an offer should follow */
  dropUnconfirmed(): boolean {
    const gone = [...this.#unconfirmed];
    for (const id of gone) this.unpublish(id);
    return gone.length > 0;
  }

  /** @param mayPublish else nothing is received, and the client sends nothing */
  offer(mayPublish: boolean): Offered {
    this.#fill();
    if (mayPublish) this.#keepSpare();
    const sections: SfuOfferedSection[] = [];
    const upstream: { mid: string; kind: Kind }[] = [];
    const slots: SfuReceive[] = [];
    for (const { mid, kind, use } of this.#sections) {
      if (use.is === "tag" || use.is === "stopped") {
        sections.push({ mid, kind, direction: use.is });
        if (use.is === "tag" && mayPublish) upstream.push({ mid, kind });
        continue;
      }
      if (use.is === "relic") {
        sections.push({ mid, kind, direction: "relic", transport: use.transport });
        continue;
      }
      if (mayPublish) upstream.push({ mid, kind });
      if (use.is === "slot") {
        sections.push({ mid, kind, direction: mayPublish ? "both" : "send", stream: use.stream });
        slots.push({ mid, kind, publication: use.publication });
      } else {
        sections.push({ mid, kind, direction: mayPublish ? "receive" : "inactive" });
      }
    }
    const msids = Object.fromEntries([...this.#streams.values()].map(({ id, peerId }) => [id, peerId]));
    return { sections, up: upstream, slots, msids };
  }

  /**
   * From the next offer on all sections take the transport of a new one: what was there before is of no use to the client.
   *
   * @param fingerprint of the transport of now: Firefox keeps that one for a section of its own. Where it ended together with the others' leaving it,
   *   a busy machine might tell them of that first, and then they never send again. All sections must restart ICE, this one, too.
   */
  addTag(fingerprint?: string): void {
    if (this.#sections.length >= MAX_WITH_TAGS) return;
    for (const section of this.#sections) {
      if (section.use.is === "relic") section.use = { is: "stopped" };
      if (section.use.is !== "tag") continue;
      if (section.sent) section.use = { is: "up" };
      else if (fingerprint === undefined) section.use = { is: "stopped" };
      else {
        const transport = { iceUfrag: this.#newId(), icePwd: this.#newId() + this.#newId(), fingerprint };
        section.use = { is: "relic", transport };
      }
    }
    this.#push("audio", { is: "tag" });
  }

  /** The client sends in this one. */
  sentIn(mid: string): void {
    const section = this.#sections.find((each) => each.mid === mid);
    if (section !== undefined) section.sent = true;
  }

  /** The client has answered this: what was not sent in it can be used again. @returns whether another offer should follow */
  settled({ sections, up }: Offered): boolean {
    const shown = new Set(sections.flatMap(({ mid, direction }) => (direction === "send" || direction === "both" ? [mid] : [])));
    const ended = new Set(sections.flatMap(({ mid }) => (shown.has(mid) ? [] : [mid])));
    let hasRelic = false;
    for (const section of this.#sections) {
      if (section.use.is === "ending" && ended.has(section.mid)) section.use = { is: "free" };
      // All others have left its transport.
      if (section.use.is !== "relic") continue;
      section.use = { is: "stopped" };
      hasRelic = true;
    }
    const waits = this.#waiting().some(([, kind]) =>
      this.#sections.some((section) => section.use.is === "free" && section.kind === kind),
    );
    // It may have further tracks.
    return hasRelic || waits || (up.length > 0 && KINDS.some((kind) => !this.#hasSpare(kind)));
  }

  get size(): number {
    return this.#sections.length;
  }

  stored(): { readonly sections: StoredSection[]; readonly streams: StoredStream[] } {
    return {
      sections: this.#sections.map((section) => ({ ...section })),
      streams: [...this.#streams].map(([key, { id, peerId, publications }]) => ({
        key,
        id,
        peerId,
        publications: [...publications],
      })),
    };
  }

  /** Gives publications that have no section one. */
  #fill(): void {
    for (const [publication, kind, stream] of this.#waiting()) {
      const use = { is: "slot", publication, stream } as const;
      const free = this.#sections.find((section) => section.kind === kind && section.use.is === "free");
      if (free !== undefined) free.use = use;
      else if (this.#sections.length < MAX_SECTIONS) this.#push(kind, use);
    }
  }

  /** For a track more than the client has shown so far. */
  #keepSpare(): void {
    for (const kind of KINDS) if (!this.#hasSpare(kind)) this.#push(kind, { is: "free" });
  }

  /** Or can have none. */
  #hasSpare(kind: Kind): boolean {
    if (this.#sections.length >= MAX_SECTIONS) return true;
    const all = this.#sections.filter((section) => section.kind === kind);
    if (all.filter(({ sent }) => sent).length >= MAX_OF_KIND) return true;
    return all.some(({ sent, use }) => !sent && (use.is === "slot" || use.is === "ending" || use.is === "free"));
  }

  #push(kind: Kind, use: Use): void {
    this.#sections.push({ mid: String(this.#sections.length), kind, use, sent: false });
  }

  #waiting(): readonly (readonly [publication: string, kind: Kind, stream: string])[] {
    const placed = new Set(this.#sections.map(({ use }) => (use.is === "slot" ? use.publication : undefined)));
    return [...this.#streams.values()].flatMap(({ id, publications }) =>
      [...publications].flatMap(([publication, kind]) => (placed.has(publication) ? [] : [[publication, kind, id] as const])),
    );
  }
}

const up = (mid: string, kind: Kind): Section => ({ mid, kind, use: { is: "up" }, sent: false });
