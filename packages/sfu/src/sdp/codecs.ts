/** The codecs of a section that an SFU can forward, with their retransmission and feedback (RFC 8866 §6.6, 6.15; RFC 4588 §8; RFC 4585 §4.2). */
import type { MediaDescription } from "sdp-transform";
import type { Codec, CodecName } from "../router-port.ts";

/** By name in lower case. ULPFEC, FlexFEC and video RED protect what the SFU itself repairs by retransmission; telephone events have no use here. */
const KNOWN: Readonly<Record<string, { readonly name: CodecName; readonly kind: "audio" | "video" }>> = {
  opus: { name: "opus", kind: "audio" },
  red: { name: "red", kind: "audio" },
  vp8: { name: "vp8", kind: "video" },
  vp9: { name: "vp9", kind: "video" },
  h264: { name: "h264", kind: "video" },
  av1: { name: "av1", kind: "video" },
};

/** As written in an rtpmap. */
export const ENCODING_NAME: Readonly<Record<CodecName, string>> = {
  opus: "opus",
  red: "red",
  vp8: "VP8",
  vp9: "VP9",
  h264: "H264",
  av1: "AV1",
};

/** Longest fmtp that is passed on. */
const MAX_FMTP = 256;
/** RFC 5761 §4: 64 to 95 would be taken for RTCP. */
const isPayloadType = (value: number): boolean =>
  Number.isInteger(value) && value >= 0 && value <= 127 && !(value >= 64 && value <= 95);

/** In the order of the m-line, which is the client's order of preference. */
export function codecsOf(media: MediaDescription, kind: "audio" | "video"): readonly Codec[] {
  const maps = new Map(media.rtp.map((map) => [map.payload, map]));
  const fmtp = new Map(media.fmtp.map((each) => [each.payload, String(each.config)]));
  const rtx = new Map<number, number>();
  for (const map of media.rtp) {
    const apt = nameOf(map) === "rtx" ? /(?:^|;)\s*apt=(\d{1,3})\s*(?:;|$)/.exec(fmtp.get(map.payload) ?? "")?.[1] : undefined;
    if (apt !== undefined && isPayloadType(map.payload)) rtx.set(Number(apt), map.payload);
  }
  const codecs: Codec[] = [];
  const seen = new Set<number>();
  for (const text of String(media.payloads ?? "").split(" ")) {
    const payloadType = Number(text);
    const map = maps.get(payloadType);
    const known = map === undefined ? undefined : KNOWN[nameOf(map)];
    if (map === undefined || known?.kind !== kind || !isPayloadType(payloadType) || seen.has(payloadType)) continue;
    const parameters = fmtp.get(payloadType) ?? "";
    const clockRate = map.rate ?? 0;
    if (parameters.length > MAX_FMTP || clockRate !== (kind === "audio" ? 48_000 : 90_000)) continue;
    seen.add(payloadType);
    codecs.push({
      name: known.name,
      payloadType,
      clockRate,
      channels: kind === "audio" ? Number(map.encoding ?? 1) : 1,
      fmtp: parameters,
      rtx: rtx.get(payloadType),
      feedback: feedbackOf(media, payloadType),
    });
  }
  return codecs;
}

/** The parser makes numbers of what looks like one. */
const nameOf = (map: { readonly codec: string }): string => String(map.codec).toLowerCase();

function feedbackOf(media: MediaDescription, payloadType: number): Codec["feedback"] {
  const has = (type: string, subtype?: string): boolean =>
    (media.rtcpFb ?? []).some(
      (each) => (each.payload === payloadType || each.payload === "*") && each.type === type && each.subtype === subtype,
    );
  const transportCc = has("transport-cc");
  return {
    nack: has("nack"),
    pli: has("nack", "pli"),
    fir: has("ccm", "fir"),
    transportCc,
    // One estimate is enough, and the sender's own is the better one.
    remb: has("goog-remb") && !transportCc,
  };
}
