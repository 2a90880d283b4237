/** Last-N: of all cameras that a member would get, only those of the members who spoke last. Screens are always shown and do not count. */

/** A slot as this sees it: `subscription/slot.ts` is one. */
export type LastNSlot = {
  readonly kind: "audio" | "video";
  readonly publication: { readonly peerId: string; readonly isScreen: boolean } | undefined;
  /** Left out. */
  isDormant: boolean;
};

/**
 * Marks slots as dormant or not, by who spoke last. Call when a slot, `n` or `Speakers.recent` has changed.
 *
 * @param recent members, most recent speaker first (`Speakers.recent`)
 * @param n how many members' cameras; undefined: all
 * @returns whether any mark changed: layers are then to be chosen anew
 */
export function markLastN(slots: Iterable<LastNSlot>, recent: readonly string[], n: number | undefined): boolean {
  const cameras: LastNSlot[] = [];
  let changed = false;
  for (const slot of slots) {
    if (slot.kind === "video" && slot.publication !== undefined && !slot.publication.isScreen && n !== undefined) {
      cameras.push(slot);
    } else if (slot.isDormant) {
      slot.isDormant = false;
      changed = true;
    }
  }
  if (n === undefined) return changed;
  const subscribed = new Set(cameras.map(({ publication }) => publication?.peerId));
  const shown = new Set<string>();
  for (const peerId of recent) {
    if (shown.size >= n) break;
    if (subscribed.has(peerId)) shown.add(peerId);
  }
  for (const slot of cameras) {
    const { publication } = slot;
    // Members that are not known as speakers at all come last, in the order of the slots.
    if (publication !== undefined && shown.size < n && !recent.includes(publication.peerId)) shown.add(publication.peerId);
    const isDormant = publication !== undefined && !shown.has(publication.peerId);
    if (slot.isDormant === isDormant) continue;
    slot.isDormant = isDormant;
    changed = true;
  }
  return changed;
}
