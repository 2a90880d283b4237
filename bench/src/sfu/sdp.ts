/** Descriptions in the form browsers write them: what a member offers, and what it answers. */
import { AUDIO_SSRC, EXTENSION_ID, OPUS, VIDEO_RTX_SSRC, VIDEO_SSRC, VP8, VP8_RTX } from "./scenarios.ts";
import { type Side, sideLines } from "./transport-client.ts";

export const TRANSPORT_SEQUENCE_URI = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";

export type Section = {
  readonly mid: string;
  readonly kind: "audio" | "video";
  /** Who sends in it, if it is ours. */
  readonly sender: number | undefined;
};

/** The sections in which a member sends. */
export function sendSections(member: number, audio: boolean, video: boolean): readonly Section[] {
  const kinds = [...(audio ? (["audio"] as const) : []), ...(video ? (["video"] as const) : [])];
  return kinds.map((kind, at) => ({ mid: `${at}`, kind, sender: member }));
}

/** @param dataAt where the application section stands, which stays there in later offers; undefined: there is none */
export function offerSdp(side: Side, sections: readonly Section[], dataAt?: number): string {
  const mids = sections.map(({ mid }) => mid);
  if (dataAt !== undefined) mids.splice(dataAt, 0, `${dataAt}`);
  const lines = [
    "v=0",
    "o=- 4611731400430051336 2 IN IP4 127.0.0.1",
    "s=-",
    "t=0 0",
    `a=group:BUNDLE ${mids.join(" ")}`,
    "a=extmap-allow-mixed",
  ];
  const parts = sections.map((section) => sectionLines(side, section));
  if (dataAt !== undefined) parts.splice(dataAt, 0, dataLines(side, `${dataAt}`));
  return `${[...lines, ...parts.flat()].join("\r\n")}\r\n`;
}

function dataLines(side: Side, mid: string): readonly string[] {
  const head = ["m=application 9 UDP/DTLS/SCTP webrtc-datachannel", "c=IN IP4 0.0.0.0", ...sideLines(side)];
  return [...head, `a=mid:${mid}`, "a=sctp-port:5000", "a=max-message-size:262144"];
}

function sectionLines(side: Side, { mid, kind, sender }: Section): readonly string[] {
  const audio = kind === "audio";
  const extensions: readonly (readonly [number, string])[] = [
    ...(audio ? ([[EXTENSION_ID.audioLevel, "urn:ietf:params:rtp-hdrext:ssrc-audio-level"]] as const) : []),
    [EXTENSION_ID.absSendTime, "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"],
    [EXTENSION_ID.transportSequence, TRANSPORT_SEQUENCE_URI],
    [EXTENSION_ID.mid, "urn:ietf:params:rtp-hdrext:sdes:mid"],
  ];
  return [
    `m=${kind} 9 UDP/TLS/RTP/SAVPF ${audio ? OPUS : `${VP8} ${VP8_RTX}`}`,
    "c=IN IP4 0.0.0.0",
    "a=rtcp:9 IN IP4 0.0.0.0",
    ...sideLines(side),
    "a=ice-options:trickle",
    `a=mid:${mid}`,
    ...extensions.map(([id, uri]) => `a=extmap:${id} ${uri}`),
    sender === undefined ? "a=recvonly" : "a=sendonly",
    ...(sender === undefined ? [] : [`a=msid:stream${sender} ${kind}${sender}`]),
    "a=rtcp-mux",
    "a=rtcp-rsize",
    ...(audio
      ? [`a=rtpmap:${OPUS} opus/48000/2`, `a=rtcp-fb:${OPUS} transport-cc`, `a=fmtp:${OPUS} minptime=10;useinbandfec=1`]
      : [
          `a=rtpmap:${VP8} VP8/90000`,
          ...["goog-remb", "transport-cc", "ccm fir", "nack", "nack pli"].map((kindOf) => `a=rtcp-fb:${VP8} ${kindOf}`),
          `a=rtpmap:${VP8_RTX} rtx/90000`,
          `a=fmtp:${VP8_RTX} apt=${VP8}`,
        ]),
    ...(sender === undefined ? [] : ssrcLines(kind, sender)),
  ];
}

function ssrcLines(kind: "audio" | "video", member: number): readonly string[] {
  const cname = (ssrc: number) => `a=ssrc:${ssrc} cname:member${member}`;
  if (kind === "audio") return [cname(AUDIO_SSRC(member))];
  const [ssrc, rtx] = [VIDEO_SSRC(member), VIDEO_RTX_SSRC(member)];
  return [`a=ssrc-group:FID ${ssrc} ${rtx}`, cname(ssrc), cname(rtx)];
}

/** Takes everything that is offered, to receive it. */
export function answerSdp(side: Side, offer: string): string {
  const [session = "", ...sections] = offer.split(/^(?=m=)/m);
  const bundle = /^a=group:BUNDLE.*$/m.exec(session)?.[0].trim();
  const lines = ["v=0", "o=- 4611731400430051337 2 IN IP4 127.0.0.1", "s=-", "t=0 0", ...(bundle === undefined ? [] : [bundle])];
  for (const section of sections) {
    const taken = section.split(/\r?\n/).filter((line) => /^(m=|a=(mid|rtpmap|fmtp|rtcp-fb|extmap):)/.test(line));
    const [media = "", ...rest] = taken;
    lines.push(media, "c=IN IP4 127.0.0.1", ...sideLines(side), ...side.candidates.map((candidate) => `a=${candidate}`));
    lines.push(...rest, "a=recvonly", "a=rtcp-mux", "a=rtcp-rsize");
  }
  return `${lines.join("\r\n")}\r\n`;
}

/** The ID that a description gives the transport-wide extension. */
export function transportSequenceId(sdp: string): number | undefined {
  const [, id] =
    /^a=extmap:(\d+)\S* http:\/\/www\.ietf\.org\/id\/draft-holmer-rmcat-transport-wide-cc-extensions-01/m.exec(sdp) ?? [];
  return id === undefined ? undefined : Number(id);
}
