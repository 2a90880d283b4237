/**
 * Key IDs of sender keys, RFC 9605 §5.1: the key generation, and below it the ratchet step. They are each sender's own; whose frame it is, is known
 * from the publication that was asked for, so that the SFU cannot pass off one member's frames as another's.
 */

/** Bits of the ratchet step. After the last step comes a new generation, so steps never wrap. */
const STEP_BITS = 8;
export const MAX_STEP = 2 ** STEP_BITS - 1;

export function kidOf(generation: number, step: number): number {
  return generation * 2 ** STEP_BITS + step;
}
export function generationOf(kid: number): number {
  return Math.floor(kid / 2 ** STEP_BITS);
}
export function stepOf(kid: number): number {
  return kid % 2 ** STEP_BITS;
}
