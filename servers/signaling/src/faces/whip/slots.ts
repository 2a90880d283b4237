/** Which publications a WHEP viewer gets in its sections: one member's picture and sound, as long as that member publishes. */
import type { Publication, SfuReceive } from "@tsunagi/protocol";

/** A screen says more than the camera beside it. */
const RANK: Readonly<Record<string, number>> = { screen: 0, "screen-audio": 0 };

/**
 * @param before what the sections hold now: what is still published stays where it is
 * @param publications of others, oldest first
 * @param from the member that is wanted; undefined: whoever published first
 */
export function assignSlots(
  before: readonly SfuReceive[],
  publications: readonly Publication[],
  from: string | undefined,
): readonly SfuReceive[] {
  const wanted = publications.filter(({ peerId }) => from === undefined || peerId === from);
  const live = new Map(wanted.map((publication) => [publication.id, publication]));
  const kept = before.map((slot) =>
    slot.publication !== null && live.has(slot.publication) ? slot : { ...slot, publication: null },
  );
  // The picture stays with the sound it came with.
  const held = kept.flatMap(({ publication }) => live.get(publication ?? "") ?? []);
  const leader = held[0] ?? best(wanted);
  const taken = new Set(held.map(({ id }) => id));
  const queue = wanted
    .filter(({ id }) => !taken.has(id))
    .sort((a, b) => distance(a, leader) - distance(b, leader) || rank(a) - rank(b));
  return kept.map((slot) => {
    if (slot.publication !== null) return slot;
    const at = queue.findIndex(({ kind }) => kind === slot.kind);
    const [next] = at < 0 ? [] : queue.splice(at, 1);
    return next === undefined ? slot : { ...slot, publication: next.id };
  });
}

export function sameSlots(a: readonly SfuReceive[], b: readonly SfuReceive[]): boolean {
  return a.length === b.length && a.every(({ publication }, index) => publication === b[index]?.publication);
}

/** Whose stream is shown first: one with a picture. */
function best(publications: readonly Publication[]): Publication | undefined {
  const pictures = publications.filter(({ kind }) => kind === "video");
  return [...pictures].sort((a, b) => rank(a) - rank(b))[0] ?? publications[0];
}

function distance(publication: Publication, leader: Publication | undefined): number {
  if (leader === undefined || publication.peerId !== leader.peerId) return 2;
  return publication.stream === leader.stream ? 0 : 1;
}

function rank({ source }: Publication): number {
  return RANK[source] ?? 1;
}
