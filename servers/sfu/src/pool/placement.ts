/** Which worker a member goes to. */

export type Seat = {
  readonly id: number;
  readonly running: boolean;
  readonly load: number;
  readonly members: number;
};

/**
 * Beside the others of its room while their worker has room, since what is sent between workers costs; else on the one with the least to do.
 *
 * @param home workers that the room is on, the first one first
 * @param loadMark share of a core from which on a worker takes no further members while another has less
 * @returns undefined: there is none
 */
export function place(
  seats: readonly Seat[],
  home: readonly number[],
  limits: { readonly loadMark: number; readonly members: number },
): number | undefined {
  const open = seats.filter((seat) => seat.running && seat.members < limits.members);
  const beside = home.flatMap((id) => open.filter((seat) => seat.id === id && seat.load < limits.loadMark));
  if (beside[0] !== undefined) return beside[0].id;
  let best: Seat | undefined;
  for (const seat of open) {
    // Load counts in tenths: of two that idle, the one with fewer members.
    const key = Math.round(seat.load * 10);
    const bestKey = best === undefined ? Number.POSITIVE_INFINITY : Math.round(best.load * 10);
    if (key < bestKey || (key === bestKey && seat.members < (best?.members ?? 0))) best = seat;
  }
  return best?.id;
}
