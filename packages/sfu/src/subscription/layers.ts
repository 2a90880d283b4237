/** Which spatial and temporal layers of an encoding a slot sends on, and when it may go from one to another. */
import type { PayloadInfo } from "@tsunagi/rtp";
import type { LayerBonds } from "../publication/layer-bonds.ts";

export const ALL_LAYERS = 7;

export class Layers {
  /** What is to be sent. */
  targetSpatial = ALL_LAYERS;
  targetTemporal = ALL_LAYERS;
  /** What is sent. */
  spatial = ALL_LAYERS;
  temporal = ALL_LAYERS;
  /** Since the last key frame, frames of the spatial layers below this one were kept back: they cannot be gone down to. */
  #lowest = 0;
  /** Highest extended sequence number of what was left out; −1: nothing yet. */
  #leftOutAt = -1;

  /** A key frame begins another stream. */
  begin(): void {
    this.#leftOutAt = -1;
    this.#toTarget();
  }

  /** Only a key frame leads to the layers that are wanted. */
  get awaitsKeyframe(): boolean {
    return this.targetSpatial < this.#lowest;
  }

  /**
   * A frame begins: layers may go up where nothing that was left out is needed, and down where nothing was.
   *
   * @param isShort of bandwidth
   */
  move(info: PayloadInfo, extended: number, isShort: boolean): void {
    if (info.keyframe) {
      // Where its first packet came late, what belongs to it may have been left out already.
      if (extended > this.#leftOutAt) this.#toTarget();
      return;
    }
    // Until the key frame comes that the way down needs, a full link is spared pictures.
    if (isShort && this.awaitsKeyframe) this.temporal = 0;
    else if (this.temporal > this.targetTemporal) this.temporal = this.targetTemporal;
    else if (this.temporal < this.targetTemporal && info.switchTo > this.temporal) {
      if (info.temporalId <= this.temporal) this.temporal = Math.min(this.targetTemporal, info.switchTo);
      else if (info.temporalId <= this.targetTemporal) this.temporal = info.temporalId;
    }
    if (this.spatial > this.targetSpatial) {
      if (info.spatialId === 0 && !this.awaitsKeyframe) this.spatial = this.targetSpatial;
    } else if (info.spatialId === this.spatial + 1 && info.spatialId <= this.targetSpatial && !info.interPicture) {
      this.spatial = info.spatialId;
    }
  }

  /** `send` it, `leave` it out, or that, too, and ask for a key frame: it would be needed, but what it refers to was left out. */
  choose(info: PayloadInfo, extended: number, bonds: LayerBonds): "send" | "leave" | "lack" {
    const { spatialId } = info;
    if (info.temporalId > this.temporal || spatialId > this.spatial) return this.#leave(extended);
    const top = Math.min(this.spatial, bonds.top);
    if (spatialId < top && bonds.spares(info, top)) {
      if (spatialId >= this.#lowest) this.#lowest = spatialId + 1;
      return this.#leave(extended);
    }
    if (spatialId >= this.#lowest || !info.interPicture) return "send";
    // The layer above has been switched off, or needs those below all of a sudden.
    this.#leave(extended);
    return "lack";
  }

  #leave(extended: number): "leave" {
    if (extended > this.#leftOutAt) this.#leftOutAt = extended;
    return "leave";
  }

  #toTarget(): void {
    this.spatial = this.targetSpatial;
    this.temporal = this.targetTemporal;
    this.#lowest = 0;
  }
}
