/** What of one room comes from other workers and goes to them: publishers there are transports here, and what is wanted there counts here. */
import { CodedError, type Millis } from "@tsunagi/base";
import type { PublicationInit, RouterPort } from "@tsunagi/sfu";
import type { PlacedPublication, RoomPeer } from "../messages.ts";
import type { Outlet, PipedData, PipedDemand } from "../pipe/outlets.ts";
import type { WorkerCounters } from "./counters.ts";

/** RFC 3550 §6.4.1: of a publisher's RTCP only sender reports are for its subscribers. */
const SENDER_REPORT = 200;

export type RoomPipesParts = {
  readonly router: RouterPort;
  readonly counters: WorkerCounters;
  readonly now: () => Millis;
  /** An index for a publisher elsewhere that no transport of the plane has. */
  readonly allocate: (path: string, remoteIndex: number) => number;
  readonly free: (index: number) => void;
  /** A publication from elsewhere is there, or is not any more. */
  readonly onPublished: (publication: PlacedPublication) => void;
  readonly onUnpublished: (id: string) => void;
};

/** Which encodings of publications are wanted. */
export type Demands = readonly (readonly [publication: string, encodings: readonly boolean[]])[];

type Piped = { readonly publication: PlacedPublication; readonly index: number };

export class RoomPipes {
  readonly #parts: RoomPipesParts;
  readonly #outlets = new Set<Outlet>();
  /** Publishers elsewhere, by worker's path and their index there. */
  readonly #indexes = new Map<string, number>();
  readonly #piped = new Map<string, Piped>();
  readonly #wantedHere = new Map<string, readonly boolean[]>();
  readonly #wantedThere = new Map<Outlet, Map<string, readonly boolean[]>>();

  constructor(parts: RoomPipesParts) {
    this.#parts = parts;
  }

  get hasOutlets(): boolean {
    return this.#outlets.size > 0;
  }

  /** @returns what publishers here are to be told: all may be wanted by who has said nothing yet */
  addOutlet(outlet: Outlet): Demands {
    return this.#change(() => this.#outlets.add(outlet));
  }

  removeOutlet(outlet: Outlet): Demands {
    return this.#change(() => {
      this.#outlets.delete(outlet);
      this.#wantedThere.delete(outlet);
    });
  }

  /** A packet of a client here. */
  forward(index: number, packet: Uint8Array): void {
    const type = packet[1] ?? 0;
    // RFC 5761 §4: 192 to 223 are RTCP.
    if (type >= 192 && type <= 223 && type !== SENDER_REPORT) return;
    for (const outlet of this.#outlets) if (!outlet.packet(index, packet)) this.#parts.counters.drop("pipe-full");
  }

  forwardData(data: PipedData): void {
    for (const outlet of this.#outlets) if (!outlet.data(data)) this.#parts.counters.drop("pipe-full");
  }

  /** A packet of a client elsewhere: its transport here. */
  indexOf(path: string, remoteIndex: number): number | undefined {
    return this.#indexes.get(`${remoteIndex} ${path}`);
  }

  initOf(id: string): PublicationInit | undefined {
    return this.#piped.get(id)?.publication.init;
  }

  /** Takes what is published elsewhere now. */
  setPeers(peers: readonly RoomPeer[]): void {
    const { router, now, onPublished, onUnpublished } = this.#parts;
    const wanted = new Map(peers.flatMap(({ path, publications }) => publications.map((each) => [each.init.id, { path, each }])));
    const used = new Set<number>();
    for (const { path, each } of wanted.values()) used.add(this.#transport(path, each));
    for (const [id, { each, path }] of wanted) {
      const known = this.#piped.get(id);
      const index = this.#transport(path, each);
      if (known?.index === index && JSON.stringify(known.publication) === JSON.stringify(each)) continue;
      try {
        router.publish(now(), index, each.init);
      } catch (error) {
        if (!(error instanceof CodedError)) throw error;
        this.#parts.counters.drop("pipe-refused");
        continue;
      }
      this.#piped.set(id, { publication: each, index });
      onPublished(each);
    }
    for (const id of [...this.#piped.keys()]) {
      if (wanted.has(id)) continue;
      this.#piped.delete(id);
      router.unpublish(now(), id);
      onUnpublished(id);
    }
    for (const [key, index] of this.#indexes) {
      if (used.has(index)) continue;
      this.#indexes.delete(key);
      router.removeTransport(now(), index);
      this.#parts.free(index);
    }
  }

  /** A publication that is here now although it was elsewhere: it is nobody else's to end. */
  forget(id: string): void {
    this.#piped.delete(id);
  }

  /** @returns what the publisher is to be told, or undefined: as before */
  demandHere(publication: string, encodings: readonly boolean[]): readonly boolean[] | undefined {
    const before = this.#demanded(publication, encodings);
    this.#wantedHere.set(publication, encodings);
    const after = this.#demanded(publication, encodings);
    return this.#outlets.size === 0 || String(before) !== String(after) ? after : undefined;
  }

  demandThere(outlet: Outlet, { publication, encodings }: PipedDemand): readonly boolean[] | undefined {
    const before = this.#demanded(publication, encodings);
    const wanted = this.#wantedThere.get(outlet) ?? new Map<string, readonly boolean[]>();
    wanted.set(publication, encodings);
    this.#wantedThere.set(outlet, wanted);
    const after = this.#demanded(publication, encodings);
    return String(before) === String(after) ? undefined : after;
  }

  unpublished(id: string): void {
    this.#wantedHere.delete(id);
    for (const wanted of this.#wantedThere.values()) wanted.delete(id);
  }

  close(): void {
    for (const index of this.#indexes.values()) this.#parts.free(index);
    this.#indexes.clear();
  }

  #change(act: () => void): Demands {
    const all = () => [...this.#wantedHere].map(([id, here]) => [id, this.#demanded(id, here)] as const);
    const before = new Map(all());
    act();
    return all().filter(([id, encodings]) => String(before.get(id)) !== String(encodings));
  }

  /** Where nothing was said yet, all is wanted. */
  #demanded(publication: string, like: readonly boolean[]): readonly boolean[] {
    const all = [
      this.#wantedHere.get(publication),
      ...[...this.#outlets].map((outlet) => this.#wantedThere.get(outlet)?.get(publication)),
    ];
    return like.map((_, at) => all.some((wanted) => wanted?.[at] ?? true));
  }

  #transport(path: string, { index: remote, init }: PlacedPublication): number {
    const key = `${remote} ${path}`;
    const known = this.#indexes.get(key);
    if (known !== undefined) return known;
    const index = this.#parts.allocate(path, remote);
    this.#indexes.set(key, index);
    this.#parts.router.addTransport(this.#parts.now(), index, init.peerId);
    return index;
  }
}
