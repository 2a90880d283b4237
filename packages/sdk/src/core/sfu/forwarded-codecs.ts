/** Which of a browser's codecs are worth a place in an offer to the SFU: each costs about 250 bytes in each section. */
import type { CodecCapability } from "../ports.ts";

/** Always the same thing, whatever their parameters say. `rtx` repeats what is lost of the others. */
const PLAIN: readonly string[] = ["audio/opus", "audio/red", "video/vp8", "video/rtx"];
/** RFC 6184 §8.1: the first byte of profile-level-id is the profile; this bit of the second makes baseline the constrained one. */
const BASELINE = 0x42;
const HIGH = 0x64;
const CONSTRAINED = 0x40;

/**
 * VP8, VP9 and AV1 of 8 bits and 4:2:0, H.264 as constrained baseline and as high, with their repairs; Opus with its redundancy. Other profiles
 * are ones that hardly any sender makes, or those again with another packetization.
 *
 * @returns all of them where none is known
 */
export function forwardedCodecs(codecs: readonly CodecCapability[]): readonly CodecCapability[] {
  const h264 = codecs.filter((codec) => is(codec, "video/h264") && parameter(codec, "packetization-mode") === "1");
  const baselines = h264.filter((codec) => profileOf(codec)[0] === BASELINE);
  const constrained = baselines.find((codec) => ((profileOf(codec)[1] ?? 0) & CONSTRAINED) !== 0);
  const chosen = [constrained ?? baselines[0], h264.find((codec) => profileOf(codec)[0] === HIGH)];
  const known = codecs.filter((codec) => {
    if (is(codec, "video/vp9")) return (parameter(codec, "profile-id") ?? "0") === "0";
    if (is(codec, "video/av1")) return (parameter(codec, "profile") ?? "0") === "0";
    return chosen.includes(codec) || PLAIN.includes(codec.mimeType.toLowerCase());
  });
  return known.length === 0 ? codecs : known;
}

function is({ mimeType }: CodecCapability, name: string): boolean {
  return mimeType.toLowerCase() === name;
}

function parameter({ sdpFmtpLine = "" }: CodecCapability, name: string): string | undefined {
  for (const part of sdpFmtpLine.split(";")) {
    const [key = "", value = ""] = part.split("=");
    if (key.trim().toLowerCase() === name) return value.trim();
  }
  return undefined;
}

function profileOf(codec: CodecCapability): readonly number[] {
  const text = parameter(codec, "profile-level-id") ?? "";
  return [text.slice(0, 2), text.slice(2, 4)].map((byte) => Number.parseInt(byte, 16));
}
