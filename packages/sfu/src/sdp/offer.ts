/** Reads a client's offer: bounded, and with nothing trusted that is not checked (RFC 8866, 8829, 9143, 8842, 8841). */
import { ProtocolError } from "@tsunagi/base";
import { type MediaDescription, parse, type SessionDescription } from "sdp-transform";
import type { Codec, Extensions, PublicationInit } from "../router-port.ts";
import { codecsOf } from "./codecs.ts";
import { encodingsOf } from "./encodings.ts";
import { extensionsOf } from "./extensions.ts";
import { DEFAULT_SDP_LIMITS, type SdpLimits } from "./limits.ts";

/** What the client needs us to know of its end of the connection. */
export type ClientTransport = {
  readonly iceUfrag: string;
  readonly icePwd: string;
  readonly fingerprint: { readonly algorithm: string; readonly value: string };
  readonly setup: "actpass" | "active" | "passive";
  readonly sctp: { readonly port: number; readonly maxMessageSize: number } | undefined;
};

export type OfferedSection = {
  readonly mid: string;
  /** As on the m-line, to be repeated in the answer. */
  readonly type: string;
  readonly protocol: string;
  readonly payloads: string;
} & (
  | { readonly kind: "audio" | "video"; readonly media: OfferedMedia }
  | { readonly kind: "data" }
  /** Stopped by the client, or of a kind that is not ours. */
  | { readonly kind: "rejected" }
);

export type OfferedMedia = {
  readonly direction: "sendrecv" | "sendonly" | "recvonly" | "inactive";
  readonly codecs: readonly Codec[];
  readonly extensions: { readonly sends: Extensions; readonly receives: Extensions };
  readonly encodings: PublicationInit["encodings"];
  readonly reducedSizeRtcp: boolean;
};

export type Offer = {
  readonly transport: ClientTransport;
  readonly sections: readonly OfferedSection[];
  readonly extmapAllowMixed: boolean;
};

/** RFC 5888 §5: a token. */
const MID = /^[\w.!#$%&'*+^`{|}~-]{1,32}$/;
/** RFC 8841 §6.1: what a missing line means. */
const DEFAULT_MESSAGE_SIZE = 65_536;

/** @throws {ProtocolError} `sfu.offer.malformed` */
export function parseOffer(sdp: string, limits: SdpLimits = DEFAULT_SDP_LIMITS): Offer {
  const session = read(sdp, limits);
  const bundle = bundleOf(session);
  const sections: OfferedSection[] = [];
  const mids = new Set<string>();
  for (const media of session.media) {
    checkSizes(media, limits);
    const section = sectionOf(media, limits);
    if (mids.has(section.mid)) throw malformed(`two sections are named ${section.mid}`);
    mids.add(section.mid);
    if (section.kind !== "rejected" && session.media.length > 1 && !bundle.includes(section.mid)) {
      throw malformed("all sections must be in one BUNDLE group");
    }
    sections.push(section);
  }
  return {
    transport: transportOf(session, sections, bundle),
    sections,
    extmapAllowMixed: "extmapAllowMixed" in session || session.media.some((media) => "extmapAllowMixed" in media),
  };
}

function read(sdp: string, limits: SdpLimits): SessionDescription {
  if (sdp.length > limits.length) throw malformed(`it has ${sdp.length} characters; ${limits.length} are allowed`);
  let sections = 0;
  let lineStart = 0;
  for (let at = sdp.indexOf("\n"); at !== -1; at = sdp.indexOf("\n", lineStart)) {
    if (at - lineStart > limits.lineLength) throw malformed("a line is too long");
    if (sdp.startsWith("m=", lineStart)) sections++;
    lineStart = at + 1;
  }
  if (sdp.length - lineStart > limits.lineLength) throw malformed("a line is too long");
  if (sections === 0) throw malformed("it has no media section");
  if (sections > limits.sections) throw malformed(`it has ${sections} sections; ${limits.sections} are allowed`);
  try {
    return parse(sdp);
  } catch (cause) {
    throw malformed("it cannot be read as SDP", cause);
  }
}

function checkSizes(media: MediaDescription, limits: SdpLimits): void {
  const tooMany =
    media.rtp.length > limits.payloadTypes ||
    (media.rtcpFb?.length ?? 0) > limits.payloadTypes * 8 ||
    (media.ext?.length ?? 0) > limits.extensions ||
    (media.rids?.length ?? 0) > limits.encodings * 2 ||
    (media.ssrcs?.length ?? 0) > limits.ssrcLines ||
    (media.ssrcGroups?.length ?? 0) > limits.ssrcLines;
  if (tooMany) throw malformed("a section has too many lines of a kind");
}

function sectionOf(media: MediaDescription, limits: SdpLimits): OfferedSection {
  // The parser makes numbers of what looks like one.
  const mid = String(media.mid ?? "");
  if (!MID.test(mid)) throw malformed("a section has no mid, or one that is not a token");
  const head = { mid, type: token(String(media.type)), protocol: token(String(media.protocol)), payloads: payloadsOf(media) };
  // Port 0 alone stops a section; with bundle-only it is in use on the group's port (RFC 9143 §6).
  if (media.port === 0 && media.bundleOnly === undefined) return { ...head, kind: "rejected" };
  if (media.type === "application") {
    if (!/^(?:UDP|TCP)\/DTLS\/SCTP$/.test(head.protocol)) return { ...head, kind: "rejected" };
    return { ...head, kind: "data" };
  }
  if (media.type !== "audio" && media.type !== "video") return { ...head, kind: "rejected" };
  if (!/^(?:UDP|TCP)\/TLS\/RTP\/SAVPF?$/.test(head.protocol)) throw malformed("media must be DTLS-SRTP (UDP/TLS/RTP/SAVPF)");
  if (media.rtcpMux === undefined) throw malformed("RTP and RTCP must share a port (rtcp-mux)");
  const sends = extensionsOf(media, "sends");
  const direction = media.direction ?? "sendrecv";
  return {
    ...head,
    kind: media.type,
    media: {
      direction,
      codecs: codecsOf(media, media.type),
      extensions: { sends, receives: extensionsOf(media, "receives") },
      encodings: encodingsOf(media, sends.rid !== undefined && sends.mid !== undefined, limits),
      reducedSizeRtcp: media.rtcpRsize !== undefined,
    },
  };
}

function transportOf(
  session: SessionDescription,
  sections: readonly OfferedSection[],
  bundle: readonly string[],
): ClientTransport {
  // All share the transport of the group's first section (RFC 9143 §7.2.1); attributes may stand at the session's level.
  const first = bundle[0] ?? sections.find((section) => section.kind !== "rejected")?.mid;
  const media = session.media[sections.findIndex((section) => section.mid === first)];
  const ufrag = media?.iceUfrag ?? session.iceUfrag;
  const password = media?.icePwd ?? session.icePwd;
  const fingerprint = media?.fingerprint ?? session.fingerprint;
  const setup = media?.setup ?? session.setup ?? "actpass";
  if (ufrag === undefined || password === undefined || fingerprint === undefined)
    throw malformed("it has no ICE or DTLS parameters");
  if (setup !== "actpass" && setup !== "active" && setup !== "passive") throw malformed("its setup attribute is unknown");
  const data = session.media[sections.findIndex((section) => section.kind === "data")];
  return {
    iceUfrag: String(ufrag),
    icePwd: String(password),
    fingerprint: { algorithm: String(fingerprint.type), value: String(fingerprint.hash) },
    setup,
    sctp:
      data === undefined
        ? undefined
        : { port: Number(data.sctpPort ?? 5_000), maxMessageSize: Number(data.maxMessageSize ?? DEFAULT_MESSAGE_SIZE) },
  };
}

function bundleOf(session: SessionDescription): readonly string[] {
  const groups = (session.groups ?? []).filter((group) => group.type === "BUNDLE");
  return groups.length === 0 ? [] : String(groups[0]?.mids).split(" ");
}

/** Payload types of the m-line, or `webrtc-datachannel`: repeated in the answer, so nothing else may be in it. */
function payloadsOf(media: MediaDescription): string {
  const payloads = String(media.payloads ?? "");
  if (!/^[\w -]{1,600}$/.test(payloads)) throw malformed("a media line is not well-formed");
  return payloads;
}

function token(value: string): string {
  if (!/^[A-Za-z0-9/+.-]{1,40}$/.test(value)) throw malformed("a media line is not well-formed");
  return value;
}

function malformed(what: string, cause?: unknown): ProtocolError {
  return new ProtocolError("sfu.offer.malformed", `The offer cannot be used: ${what}.`, cause === undefined ? {} : { cause });
}
