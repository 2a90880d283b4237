/**
 * What makes a reliable connection outlive its channel: both ends count the frames they receive, keep those they sent until they are
 * confirmed, and on a new channel go on where the other end is. Positions are implied, since such a channel neither loses nor reorders;
 * only `hello` and `ack` carry a number, modulo 2^32.
 */
import { ACK_EVERY_BYTES, ACK_EVERY_FRAMES, WINDOW_BYTES, WINDOW_FRAMES } from "./limits.ts";

/** What goes into the channel: text is a whole JSON message. */
export type ChannelData = string | Uint8Array<ArrayBuffer>;

export type Sendable = {
  readonly data: ChannelData;
  readonly bytes: number;
  /** Called once the other end has it. */
  readonly onConfirmed?: (() => void) | undefined;
};

export class FrameSession {
  readonly #kept: Sendable[] = [];
  #keptBytes = 0;
  /** How many of the kept ones were handed to the current channel. */
  #handed = 0;
  #sent = 0;
  #received = 0;
  #acked = 0;
  #unackedBytes = 0;

  /** Whether another frame may be sent before more is confirmed. */
  get open(): boolean {
    return this.#keptBytes < WINDOW_BYTES && this.#kept.length < WINDOW_FRAMES;
  }

  /** Bytes sent and not confirmed. */
  get unconfirmedBytes(): number {
    return this.#keptBytes;
  }

  /** Keeps a new frame; it comes out of {@link FrameSession.next} after those before it. */
  push(frame: Sendable): void {
    this.#kept.push(frame);
    this.#keptBytes += frame.bytes;
    this.#sent = (this.#sent + 1) >>> 0;
  }

  /** The next kept frame that the current channel has not got; call {@link FrameSession.handed} after handing it over. */
  next(): Sendable | undefined {
    return this.#kept[this.#handed];
  }

  handed(): void {
    this.#handed += 1;
  }

  /** Notes a received frame. True: confirm now. */
  receive(bytes: number): boolean {
    this.#received = (this.#received + 1) >>> 0;
    this.#unackedBytes += bytes;
    return this.#unackedBytes >= ACK_EVERY_BYTES || (this.#received - this.#acked) >>> 0 >= ACK_EVERY_FRAMES;
  }

  /** The number for an `ack` or `hello` that is sent now. */
  acknowledge(): number {
    this.#acked = this.#received;
    this.#unackedBytes = 0;
    return this.#received;
  }

  /** The other end has `received` frames. False: it cannot have, the number is wrong. */
  confirm(received: number): boolean {
    const left = (this.#sent - received) >>> 0;
    const count = this.#kept.length - left;
    if (count < 0) return false;
    const gone = this.#kept.splice(0, count);
    this.#handed = Math.max(0, this.#handed - count);
    for (const frame of gone) this.#keptBytes -= frame.bytes;
    for (const frame of gone) frame.onConfirmed?.();
    return true;
  }

  /** A new channel: everything that is still kept will be handed over again. */
  rewind(): void {
    this.#handed = 0;
  }

  /** The other end never confirms anything: forget what was kept. */
  release(): void {
    this.#kept.splice(0, this.#handed);
    this.#handed = 0;
    this.#keptBytes = this.#kept.reduce((sum, frame) => sum + frame.bytes, 0);
  }
}
