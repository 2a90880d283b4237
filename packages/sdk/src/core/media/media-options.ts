/** How media is sent and received: the options of calls and rooms, changeable while they run. */
import type { Log } from "@tsunagi/base";
import type {
  CodecCapability,
  DegradationPreference,
  MediaStreamTrackPort,
  PeerConnectionFactory,
  PeerConnectionPort,
  SenderPort,
} from "../ports.ts";

export type MediaOptions = {
  /** In order of preference: "VP8", "VP9", "H264", "AV1", or a list; the rest stays behind them as a way out. */
  readonly videoCodec?: string | readonly string[] | undefined;
  /** "opus", "PCMU", "PCMA", "G722", or a list. */
  readonly audioCodec?: string | readonly string[] | undefined;
  /** bit/s. */
  readonly videoMaxBitrate?: number | undefined;
  /** bit/s. */
  readonly audioMaxBitrate?: number | undefined;
  /** What to give up first when bandwidth or CPU is short. */
  readonly degradationPreference?: DegradationPreference | undefined;
  /** What a track shows or carries, for the encoder. `motion`, `detail`, `text` go to video tracks, `speech`, `music` to audio. */
  readonly contentHint?: "motion" | "detail" | "text" | "speech" | "music" | "" | undefined;
  /** Default true: can receive video, whether or not this side sends it. */
  readonly videoReceiveEnabled?: boolean | undefined;
  readonly audioReceiveEnabled?: boolean | undefined;
  /** Default: the peer's. False: Vanilla ICE. Cannot be changed later. */
  readonly trickle?: boolean | undefined;
  readonly iceTransportPolicy?: "all" | "relay" | undefined;
};

export type MediaKind = "audio" | "video";

const VIDEO_HINTS: readonly string[] = ["motion", "detail", "text"];
const AUDIO_HINTS: readonly string[] = ["speech", "music"];

export function kindOf(track: MediaStreamTrackPort): MediaKind {
  return track.kind === "audio" ? "audio" : "video";
}

export function receives(options: MediaOptions, kind: MediaKind): boolean {
  return (kind === "audio" ? options.audioReceiveEnabled : options.videoReceiveEnabled) !== false;
}

export function applyContentHint(track: MediaStreamTrackPort, options: MediaOptions): void {
  const hint = options.contentHint;
  if (hint === undefined) return;
  if (hint === "" || (kindOf(track) === "audio" ? AUDIO_HINTS : VIDEO_HINTS).includes(hint)) track.contentHint = hint;
}

/** The platform's codecs, the preferred ones first; retransmission and redundancy formats keep their place behind them. */
export function sortCodecs(
  codecs: readonly CodecCapability[],
  kind: MediaKind,
  preferred: string | readonly string[],
): CodecCapability[] {
  const order = (typeof preferred === "string" ? [preferred] : preferred).map((name) => `${kind}/${name}`.toLowerCase());
  const rank = (codec: CodecCapability) => {
    const index = order.indexOf(codec.mimeType.toLowerCase());
    return index < 0 ? order.length : index;
  };
  return codecs.toSorted((a, b) => rank(a) - rank(b));
}

export function applyCodecPreferences(
  pc: PeerConnectionPort,
  options: MediaOptions,
  factory: PeerConnectionFactory,
  log: Log,
): void {
  for (const transceiver of pc.getTransceivers()) {
    const kind = kindOf(transceiver.receiver.track);
    const preferred = kind === "audio" ? options.audioCodec : options.videoCodec;
    const codecs = preferred === undefined ? undefined : factory.codecs(kind);
    if (preferred === undefined || codecs === undefined || transceiver.direction === "stopped") continue;
    try {
      transceiver.setCodecPreferences?.(sortCodecs(codecs, kind, preferred));
    } catch (error) {
      log.warn({ error, preferred }, "the browser refused the codec preference");
    }
  }
}

/** Bitrate limits and degradation preference of one sender; no call when nothing would change. */
export async function applySendParameters(sender: SenderPort, options: MediaOptions, log: Log): Promise<void> {
  if (sender.track === null) return;
  const kind = kindOf(sender.track);
  const maxBitrate = kind === "audio" ? options.audioMaxBitrate : options.videoMaxBitrate;
  const parameters = sender.getParameters();
  let changed = false;
  for (const encoding of parameters.encodings) {
    if (encoding.maxBitrate === maxBitrate) continue;
    if (maxBitrate === undefined) delete encoding.maxBitrate;
    else encoding.maxBitrate = maxBitrate;
    changed = true;
  }
  const preference = kind === "video" ? options.degradationPreference : undefined;
  if (preference !== undefined && parameters.degradationPreference !== preference) {
    parameters.degradationPreference = preference;
    changed = true;
  }
  if (!changed) return;
  await sender.setParameters(parameters).catch((error: unknown) => {
    log.warn({ error }, "the browser refused the sending parameters");
  });
}

/** Makes the next frame one that needs none before it. */
export async function sendKeyFrame(sender: SenderPort): Promise<void> {
  const parameters = sender.getParameters();
  let known = false;
  await sender.setParameters(parameters, {
    // Read by browsers that know it.
    get encodingOptions() {
      known = true;
      return parameters.encodings.map(() => ({ keyFrame: true }));
    },
  });
  // Firefox: an encoding that begins anew does so with a key frame.
  for (const active of known ? [] : [false, true]) {
    const next = sender.getParameters();
    for (const [index, encoding] of next.encodings.entries()) {
      if (parameters.encodings[index]?.active !== false) encoding.active = active;
    }
    await sender.setParameters(next);
  }
}
