/** What a payload descriptor tells, for all codecs in one reused object. Offsets are absolute in the bytes read. */

/** Spatial IDs are 3 bits with VP9; more than any stream has. */
const HIGHEST_SPATIAL = 7;

export class PayloadInfo {
  /** First packet of a key frame (of the base layer where there are several). */
  keyframe = false;
  /** First packet of a frame (with spatial layers: of one layer's frame). */
  startOfFrame = false;
  /** Last packet of a frame where the descriptor tells; else the marker does. */
  endOfFrame = false;
  temporalId = 0;
  spatialId = 0;
  /** −1: none. */
  pictureId = -1;
  /** Where the picture ID stands, 0: nowhere; 7 or 15 bits. With AV1 it is the frame number of the dependency descriptor, 16 bits. */
  pictureIdAt = 0;
  pictureIdBits = 0;
  /** −1: none. */
  tl0PicIdx = -1;
  tl0PicIdxAt = 0;
  /** Highest temporal layer that can be gone up to with this frame (VP8 Y, VP9 U, AV1 switch indication); −1: none. */
  switchTo = -1;
  /** VP9: depends on a frame of the spatial layer below of the same picture. */
  interLayer = false;
  /** VP9, AV1: depends on an earlier picture. */
  interPicture = false;
  /** VP9, AV1: the highest spatial layer that cannot be decoded without this frame; its own where no layer above refers to it. */
  neededUpTo = HIGHEST_SPATIAL;
  /** No other frame depends on it. */
  discardable = false;
  /** VP9: spatial layers that the stream says to have; 0: not told here. */
  spatialLayers = 0;
  /** Pixels of the picture; 0: not told here. With spatial layers the largest. */
  width = 0;
  height = 0;
  /** Where the descriptor ends and the codec's own data begins. */
  dataAt = 0;

  clear(): void {
    this.keyframe = false;
    this.startOfFrame = false;
    this.endOfFrame = false;
    this.temporalId = 0;
    this.spatialId = 0;
    this.pictureId = -1;
    this.pictureIdAt = 0;
    this.pictureIdBits = 0;
    this.tl0PicIdx = -1;
    this.tl0PicIdxAt = 0;
    this.switchTo = -1;
    this.interLayer = false;
    this.interPicture = false;
    this.neededUpTo = HIGHEST_SPATIAL;
    this.discardable = false;
    this.spatialLayers = 0;
    this.width = 0;
    this.height = 0;
    this.dataAt = 0;
  }
}
