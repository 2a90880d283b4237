/**
 * What our own offers hold: all that the router forwards, in the order that we would have it. A client that answers keeps our payload types, and
 * mostly our order (RFC 3264 §6.1), so that VP8 comes first: every client has it, and it needs no licence.
 */
import type { ExtensionKind } from "@tsunagi/rtp";
import type { Codec, CodecName, Extensions } from "../router-port.ts";

const AUDIO_FEEDBACK = { nack: false, pli: false, fir: false, transportCc: true, remb: false } as const;
const VIDEO_FEEDBACK = { nack: true, pli: true, fir: true, transportCc: true, remb: false } as const;

const OPUS = 111;

const audio = (name: CodecName, payloadType: number, fmtp: string): Codec => ({
  name,
  payloadType,
  clockRate: 48_000,
  channels: 2,
  fmtp,
  rtx: undefined,
  feedback: AUDIO_FEEDBACK,
});

/** Its retransmissions have the payload type after its own (RFC 4588 §8.1). */
const video = (name: CodecName, payloadType: number, fmtp: string): Codec => ({
  name,
  payloadType,
  clockRate: 90_000,
  channels: 1,
  fmtp,
  rtx: payloadType + 1,
  feedback: VIDEO_FEEDBACK,
});

/** RFC 6184 §8.1; the levels need not be the same both ways. */
const h264 = (profile: string): string => `level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=${profile}`;

const VIDEO: readonly Codec[] = [
  video("vp8", 96, ""),
  video("vp9", 98, "profile-id=0"),
  video("h264", 102, h264("42e01f")),
  video("h264", 106, h264("42001f")),
  video("av1", 104, "level-idx=5;profile=0;tier=0"),
];

/** RED's block types are Opus and Opus again (RFC 2198 §5). */
const RED = audio("red", 112, `${OPUS}/${OPUS}`);

const AUDIO: Readonly<Record<"receive" | "send", readonly Codec[]>> = {
  // Silence need not be sent (RFC 7587 §6.1): that is for the receiver to ask.
  receive: [audio("opus", OPUS, "minptime=10;useinbandfec=1;usedtx=1"), RED],
  send: [audio("opus", OPUS, "minptime=10;useinbandfec=1"), RED],
};

export function ownCodecs(kind: "audio" | "video", direction: "receive" | "send"): readonly Codec[] {
  return kind === "audio" ? AUDIO[direction] : VIDEO;
}

/** One ID for one kind in all sections of a BUNDLE group (RFC 9143 §9.1). */
const IDS: Readonly<Partial<Record<ExtensionKind, number>>> = {
  mid: 4,
  "abs-send-time": 2,
  "transport-sequence": 3,
  "audio-level": 1,
  "video-orientation": 13,
  "dependency-descriptor": 8,
};
const OF_ONE_KIND: Readonly<Partial<Record<ExtensionKind, "audio" | "video">>> = {
  "audio-level": "audio",
  "video-orientation": "video",
  "dependency-descriptor": "video",
};

export function ownExtensions(kind: "audio" | "video"): Extensions {
  const fit = Object.entries(IDS).filter(([name]) => (OF_ONE_KIND[name as ExtensionKind] ?? kind) === kind);
  return Object.fromEntries(fit);
}
