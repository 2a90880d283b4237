/** Picture IDs and TL0PICIDX of a slot over all that is put into it: they go on from one stream to the next, and close up where pictures are left out. */
import { NONE, type PayloadInfo } from "@tsunagi/rtp";
import { Renumbering } from "../codec/renumbering.ts";
import type { CodecName } from "../router-port.ts";

/** How far back pictures can come late. */
const PICTURES = 128;

export class Pictures {
  readonly #numbers: Renumbering;
  #offset = 0;
  #last = -1;
  #tl0Offset = 0;
  #lastTl0 = -1;

  constructor(start: number) {
    this.#numbers = new Renumbering(PICTURES, 0x8000 + start);
  }

  /** Another stream begins. @param picture extended, −1: none */
  begin(info: PayloadInfo, picture: number): void {
    if (picture >= 0) {
      this.#numbers.restart(picture, Math.max(this.#numbers.next, this.#last + 1));
      this.#offset = this.#last < 0 ? 0 : this.#last + 1 - picture;
    }
    if (info.tl0PicIdx >= 0) this.#tl0Offset = this.#lastTl0 < 0 ? 0 : this.#lastTl0 + 1 - info.tl0PicIdx;
  }

  /**
   * What `picture` becomes. VP8 receivers wait for every picture ID, so that those left out must not be missed; with VP9 and AV1 references are
   * told as distances, which must stay.
   */
  keep(codec: CodecName, picture: number): number {
    if (picture < 0) return NONE;
    const kept = codec === "vp8" ? this.#numbers.keep(picture) : picture + this.#offset;
    if (kept < 0) return NONE;
    if (kept > this.#last) this.#last = kept;
    return kept;
  }

  skip(picture: number): void {
    if (picture >= 0) this.#numbers.skip(picture);
  }

  keepTl0(tl0PicIdx: number): number {
    if (tl0PicIdx < 0) return NONE;
    const kept = (tl0PicIdx + this.#tl0Offset) & 0xff;
    if (this.#lastTl0 < 0 || ((kept - this.#lastTl0) & 0xff) < 0x80) this.#lastTl0 = kept;
    return kept;
  }
}
