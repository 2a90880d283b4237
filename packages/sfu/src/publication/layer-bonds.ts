/**
 * What the spatial layers of one encoding have to do with each other between key frames: with `L3T3_KEY` and its like each goes its own way there
 * (K-SVC), so that who is sent an upper layer need not be sent those below.
 *
 * AV1's dependency descriptor promises that a frame which is not of a decode target is never needed for it. VP9's descriptor speaks of one picture
 * only (the Z bit, RFC 9628 §4.2): whether the next one keeps to it is learnt between two key frames, and who breaks it is not trusted again.
 */
import type { PayloadInfo } from "@tsunagi/rtp";
import type { CodecName } from "../router-port.ts";

/** A layer that so many pictures went without is switched off; a single one may have been left out by the encoder. */
const PICTURES_WITHOUT = 3;

export class LayerBonds {
  /** Highest spatial layer that is sent now. */
  top = 0;
  #picturesWithout = 0;
  /** Since the last key frame: layers above needed those below (`bound`), or did not (`free`). */
  #state: "unknown" | "free" | "bound" = "unknown";
  #isErratic = false;

  reset(): void {
    this.top = 0;
    this.#picturesWithout = 0;
    this.#state = "unknown";
    this.#isErratic = false;
  }

  /** Takes note of one packet, in the order of arrival. */
  note(codec: CodecName, info: PayloadInfo, isPictureEnd: boolean): void {
    if (info.keyframe) this.#state = "unknown";
    else if (codec === "vp9" && info.interPicture && info.spatialId < this.top) {
      const told = info.neededUpTo > info.spatialId ? "bound" : "free";
      if (this.#state === "unknown") this.#state = told;
      else if (this.#state !== told) this.#isErratic = true;
    }
    if (isPictureEnd) this.#ended(info.spatialId);
  }

  /** Whether who gets `spatial`, a layer above the frame's own, can do without it and all that will refer to it. */
  spares(info: PayloadInfo, spatial: number): boolean {
    return info.neededUpTo < spatial && !this.#isErratic;
  }

  /** A picture, with this as its highest layer. */
  #ended(spatial: number): void {
    this.#picturesWithout = spatial < this.top ? this.#picturesWithout + 1 : 0;
    if (this.#picturesWithout > 0 && this.#picturesWithout < PICTURES_WITHOUT) return;
    this.top = spatial;
    this.#picturesWithout = 0;
  }
}
