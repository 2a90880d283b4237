/** Which payload type a receiver gets a codec under, and how packets of a codec are read. */
import {
  type CanonicalPacket,
  type DependencyStructure,
  PayloadInfo,
  readAv1,
  readDependencyDescriptor,
  readH264,
  readOpus,
  readVp8,
  readVp9,
} from "@tsunagi/rtp";
import type { Codec, CodecName } from "../router-port.ts";

/** The one of `offered` that decodes what `sent` is; undefined: none. */
export function matchCodec(sent: Codec, offered: readonly Codec[]): Codec | undefined {
  let close: Codec | undefined;
  for (const codec of offered) {
    if (codec.name !== sent.name || codec.clockRate !== sent.clockRate) continue;
    const fit = fits(sent, codec);
    if (fit === 2) return codec;
    if (fit === 1) close ??= codec;
  }
  return close;
}

/** 2: equal in what matters, 1: will do, 0: does not fit. */
function fits(sent: Codec, codec: Codec): 0 | 1 | 2 {
  switch (sent.name) {
    case "h264": {
      // RFC 6184 §8.1: modes must agree; a profile must be the same, a level need not (receivers decode what they get).
      if (parameter(sent, "packetization-mode", "0") !== parameter(codec, "packetization-mode", "0")) return 0;
      const mine = parameter(sent, "profile-level-id", "42000a");
      const theirs = parameter(codec, "profile-level-id", "42000a");
      if (mine === theirs) return 2;
      // A decoder of the high profile takes the main one, too (H.264 §A.2.4).
      return mine.slice(0, 2) === theirs.slice(0, 2) || (mine.startsWith("4d") && theirs.startsWith("64")) ? 1 : 0;
    }
    case "vp9":
      return parameter(sent, "profile-id", "0") === parameter(codec, "profile-id", "0") ? 2 : 0;
    case "av1":
      return parameter(sent, "profile", "0") === parameter(codec, "profile", "0") ? 2 : 0;
    case "opus":
    case "red":
    case "vp8":
      return 2;
  }
}

function parameter(codec: Codec, name: string, absent: string): string {
  for (const part of codec.fmtp.split(";")) {
    const at = part.indexOf("=");
    if (at > 0 && part.slice(0, at).trim().toLowerCase() === name) {
      return part
        .slice(at + 1)
        .trim()
        .toLowerCase();
    }
  }
  return absent;
}

/** Reads a payload descriptor. @returns false where it is cut short */
export function readPayload(name: CodecName, bytes: Uint8Array, start: number, end: number, into: PayloadInfo): boolean {
  switch (name) {
    case "vp8":
      return readVp8(bytes, start, end, into);
    case "vp9":
      return readVp9(bytes, start, end, into);
    case "h264":
      return readH264(bytes, start, end, into);
    case "av1":
      return readAv1(bytes, start, end, into);
    case "opus":
    case "red":
      return readOpus(bytes, start, end, into);
  }
}

/** With AV1 layers stand there alone. VP8's senders leave the temporal layer out of its own descriptor where they send this one; H.264 has none. */
export function useOfDependencies(name: CodecName): "pass" | "keep" | "leave" {
  if (name === "av1") return "pass";
  return name === "vp8" || name === "h264" ? "keep" : "leave";
}

const dependencies = new PayloadInfo();

/** Adds what the packet's dependency descriptor tells. @returns false: it cannot be read, and all is taken for the lowest layer */
export function addDependencies(
  name: CodecName,
  packet: CanonicalPacket,
  structure: DependencyStructure,
  into: PayloadInfo,
): boolean {
  const { bytes, descriptorAt, descriptorLength } = packet;
  if (name === "av1") return readDependencyDescriptor(bytes, descriptorAt, descriptorLength, structure, into);
  if (!readDependencyDescriptor(bytes, descriptorAt, descriptorLength, structure, dependencies)) return false;
  into.temporalId = dependencies.temporalId;
  into.switchTo = dependencies.switchTo;
  into.discardable = dependencies.discardable;
  return true;
}

/** Reads the descriptor of a packet that was stored, as it was received. @returns false: it cannot be */
export function readStored(
  stream: { readonly codec: Codec | undefined; readonly structure: DependencyStructure },
  packet: CanonicalPacket,
  into: PayloadInfo,
): boolean {
  const name = stream.codec?.name;
  if (name === undefined || !readPayload(name, packet.bytes, packet.payloadStart, packet.length, into)) return false;
  if (packet.descriptorLength > 0) addDependencies(name, packet, stream.structure, into);
  // In place stands what was last sent to someone.
  into.pictureId = packet.pictureId;
  into.pictureIdBits = packet.pictureIdBits;
  into.tl0PicIdx = packet.tl0PicIdx;
  return true;
}
