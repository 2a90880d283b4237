/**
 * The sections of one skyway-js client's connection to the SFU, and which publication is in which. Sections are never taken away (RFC 8829 §5.2.2);
 * one that is free is used again, but only after the client was told that what was in it has ended: a section that goes from one stream to the
 * next tells its page nothing.
 */
import type { SfuOfferedSection } from "@tsunagi/conference";
import type { Publication, SfuReceive } from "@tsunagi/protocol";
import type { StoredSection, StoredStream } from "./stored.ts";

/** Of one client's connection, the upstream ones included. The SFU gives a member 256 slots. */
export const MAX_SECTIONS = 250;
/** With those of connections that are gone: an SDP has its limits, too. */
const MAX_WITH_TAGS = 400;

type Kind = "audio" | "video";
type Use =
  | { readonly is: "up" }
  | { readonly is: "slot"; readonly publication: string; readonly stream: string }
  /** To be offered inactive. */
  | { readonly is: "ending" }
  | { readonly is: "free" }
  /** Carries nothing but the transport of all. */
  | { readonly is: "tag" }
  | { readonly is: "stopped" };
type Section = { readonly mid: string; readonly kind: Kind; use: Use };

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
    // The client's tracks go where a section of their kind is offered to be received; the first offer must have both.
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
    const sections: SfuOfferedSection[] = [];
    const upstream: { mid: string; kind: Kind }[] = [];
    const slots: SfuReceive[] = [];
    for (const { mid, kind, use } of this.#sections) {
      switch (use.is) {
        case "up":
          sections.push({ mid, kind, direction: mayPublish ? "receive" : "inactive" });
          if (mayPublish) upstream.push({ mid, kind });
          break;
        case "slot":
          sections.push({ mid, kind, direction: "send", stream: use.stream });
          slots.push({ mid, kind, publication: use.publication });
          break;
        case "tag":
        case "stopped":
          sections.push({ mid, kind, direction: use.is });
          break;
        case "ending":
        case "free":
          sections.push({ mid, kind, direction: "inactive" });
          break;
      }
    }
    const msids = Object.fromEntries([...this.#streams.values()].map(({ id, peerId }) => [id, peerId]));
    return { sections, up: upstream, slots, msids };
  }

  /** From the next offer on all sections take the transport of a new one: what was there before is of no use to the client. */
  addTag(): void {
    if (this.#sections.length >= MAX_WITH_TAGS) return;
    for (const section of this.#sections) if (section.use.is === "tag") section.use = { is: "stopped" };
    this.#sections.push({ mid: String(this.#sections.length), kind: "audio", use: { is: "tag" } });
  }

  /** The client has answered this: what was inactive in it can be used again. @returns whether publications wait for that */
  settled({ sections }: Offered): boolean {
    const ended = new Set(sections.filter(({ direction }) => direction === "inactive").map(({ mid }) => mid));
    for (const section of this.#sections) {
      if (section.use.is === "ending" && ended.has(section.mid)) section.use = { is: "free" };
    }
    return this.#waiting().some(([, kind]) =>
      this.#sections.some((section) => section.use.is === "free" && section.kind === kind),
    );
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
      else if (this.#sections.length < MAX_SECTIONS) this.#sections.push({ mid: String(this.#sections.length), kind, use });
    }
  }

  #waiting(): readonly (readonly [publication: string, kind: Kind, stream: string])[] {
    const placed = new Set(this.#sections.map(({ use }) => (use.is === "slot" ? use.publication : undefined)));
    return [...this.#streams.values()].flatMap(({ id, publications }) =>
      [...publications].flatMap(([publication, kind]) => (placed.has(publication) ? [] : [[publication, kind, id] as const])),
    );
  }
}

const up = (mid: string, kind: Kind): Section => ({ mid, kind, use: { is: "up" } });
