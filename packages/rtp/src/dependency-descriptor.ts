/**
 * The dependency descriptor (RTP Payload Format For AV1, appendix A): to which layers a frame belongs, and whether a receiver can begin with a layer at
 * this frame. Only what an SFU needs is kept: of frame differences the largest; chains are read over.
 */
import { u16 } from "./bytes.ts";
import type { PayloadInfo } from "./payload/info.ts";

/** Limits of the syntax: 6 bits of template ID, 5 bits of decode target count. */
const MAX_TEMPLATES = 64;
const MAX_TARGETS = 32;
const MANDATORY = 3;
/** Decode target indications (A.8.3.4): 0 not present, 1 discardable, 2 switch, 3 required. */
const NOT_PRESENT = 0;
const SWITCH = 2;

/** The structure that came with the last key frame of a stream; later descriptors name its templates. */
export class DependencyStructure {
  isKnown = false;
  idOffset = 0;
  templates = 0;
  targets = 0;
  readonly templateSpatial = new Uint8Array(MAX_TEMPLATES);
  readonly templateTemporal = new Uint8Array(MAX_TEMPLATES);
  /** How many frames back the furthest one is that a template's frames refer to; 0: they refer to none. */
  readonly templateReach = new Uint8Array(MAX_TEMPLATES);
  readonly indications = new Uint8Array(MAX_TEMPLATES * MAX_TARGETS);
  /** Highest layers of each decode target. */
  readonly targetSpatial = new Uint8Array(MAX_TARGETS);
  readonly targetTemporal = new Uint8Array(MAX_TARGETS);
  spatialLayers = 0;
  /** Of the largest spatial layer; 0: not told. */
  width = 0;
  height = 0;

  reset(): void {
    this.isKnown = false;
  }
}

// The bit reader: one descriptor at a time.
let source: Uint8Array = new Uint8Array(0);
let bit = 0;
let lastBit = 0;

function take(count: number): number {
  let value = 0;
  for (let i = 0; i < count; i++) {
    const byte = bit < lastBit ? (source[bit >> 3] as number) : 0;
    value = (value << 1) | ((byte >> (7 - (bit & 7))) & 1);
    bit += 1;
  }
  return value;
}

/** Non-symmetric unsigned (A.8.1). */
function takeBelow(limit: number): number {
  let width = 0;
  for (let rest = limit; rest > 0; rest >>= 1) width += 1;
  const short = (1 << width) - limit;
  const value = take(width - 1);
  if (value < short) return value;
  return (value << 1) - short + take(1);
}

/**
 * Fills layers, frame limits and switching points of `into`, and `pictureId` with the frame number.
 *
 * @param at where the extension's value starts
 * @returns false where it is cut short, or names a template that is not known
 */
export function readDependencyDescriptor(
  bytes: Uint8Array,
  at: number,
  length: number,
  structure: DependencyStructure,
  into: PayloadInfo,
): boolean {
  if (length < MANDATORY) return false;
  const first = bytes[at] as number;
  into.startOfFrame = (first & 0x80) !== 0;
  into.endOfFrame = (first & 0x40) !== 0;
  into.pictureId = u16(bytes, at + 1);
  into.pictureIdBits = 16;
  source = bytes;
  bit = (at + MANDATORY) * 8;
  lastBit = (at + length) * 8;
  let customIndications = false;
  let customDifferences = false;
  if (length > MANDATORY) {
    const hasStructure = take(1) === 1;
    const hasActive = take(1) === 1;
    customIndications = take(1) === 1;
    customDifferences = take(1) === 1;
    take(1);
    if (hasStructure) {
      readStructure(structure);
      if (bit > lastBit) {
        structure.isKnown = false;
        return false;
      }
      into.width = structure.width;
      into.height = structure.height;
      into.spatialLayers = structure.spatialLayers;
    }
    if (hasActive) take(structure.targets);
  }
  if (!structure.isKnown) return false;
  const template = ((first & 0x3f) + MAX_TEMPLATES - structure.idOffset) % MAX_TEMPLATES;
  if (template >= structure.templates) return false;
  into.spatialId = structure.templateSpatial[template] as number;
  into.temporalId = structure.templateTemporal[template] as number;
  into.switchTo = -1;
  into.discardable = true;
  into.neededUpTo = into.spatialId;
  for (let target = 0; target < structure.targets; target++) {
    const told = customIndications ? take(2) : (structure.indications[template * MAX_TARGETS + target] as number);
    if (told === NOT_PRESENT) continue;
    if (told > 1) into.discardable = false;
    const spatial = structure.targetSpatial[target] as number;
    if (spatial > into.neededUpTo) into.neededUpTo = spatial;
    if (told !== SWITCH || spatial !== into.spatialId) continue;
    const temporal = structure.targetTemporal[target] as number;
    if (temporal > into.switchTo) into.switchTo = temporal;
  }
  // Frames are numbered over all layers: those of the same picture are no further back than there are layers below.
  const reach = customDifferences ? takeReach() : (structure.templateReach[template] as number);
  into.interPicture = reach > into.spatialId;
  return bit <= lastBit;
}

/** Custom frame differences (A.8.2.5): in 4, 8 or 12 bits each. @returns the largest */
function takeReach(): number {
  let reach = 0;
  for (let size = take(2); size > 0 && bit <= lastBit; size = take(2)) reach = Math.max(reach, take(size * 4) + 1);
  return reach;
}

function readStructure(structure: DependencyStructure): void {
  structure.isKnown = true;
  structure.idOffset = take(6);
  structure.targets = take(5) + 1;
  structure.width = 0;
  structure.height = 0;
  let spatial = 0;
  let temporal = 0;
  let count = 0;
  for (;;) {
    structure.templateSpatial[count] = spatial;
    structure.templateTemporal[count] = temporal;
    count += 1;
    const next = take(2);
    if (next === 3 || count === MAX_TEMPLATES || bit > lastBit) break;
    if (next === 1) temporal += 1;
    else if (next === 2) {
      temporal = 0;
      spatial += 1;
    }
  }
  structure.templates = count;
  structure.spatialLayers = spatial + 1;
  structure.targetSpatial.fill(0);
  structure.targetTemporal.fill(0);
  for (let template = 0; template < count; template++) {
    for (let target = 0; target < structure.targets; target++) {
      const told = take(2);
      structure.indications[template * MAX_TARGETS + target] = told;
      if (told === NOT_PRESENT) continue;
      const s = structure.templateSpatial[template] as number;
      const t = structure.templateTemporal[template] as number;
      if (s > (structure.targetSpatial[target] as number)) structure.targetSpatial[target] = s;
      if (t > (structure.targetTemporal[target] as number)) structure.targetTemporal[target] = t;
    }
  }
  for (let template = 0; template < count; template++) {
    let reach = 0;
    while (take(1) === 1) reach = Math.max(reach, take(4) + 1);
    structure.templateReach[template] = reach;
  }
  const chains = takeBelow(structure.targets + 1);
  if (chains > 0) {
    for (let target = 0; target < structure.targets; target++) takeBelow(chains);
    for (let i = 0; i < count * chains && bit <= lastBit; i++) take(4);
  }
  if (take(1) === 1) {
    for (let s = 0; s <= spatial; s++) {
      structure.width = take(16) + 1;
      structure.height = take(16) + 1;
    }
  }
}
