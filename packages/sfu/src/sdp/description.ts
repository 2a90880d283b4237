/** Writes a description of ours, offer or answer, from what was decided (RFC 8866, 8829 §5, 8843, 8853). */
import { EXTENSION_URI, type ExtensionKind } from "@tsunagi/rtp";
import type { Codec, Extensions } from "../router-port.ts";
import { ENCODING_NAME } from "./codecs.ts";

/** Our end of the connection. */
export type OwnTransport = {
  readonly iceUfrag: string;
  readonly icePwd: string;
  readonly fingerprint: { readonly algorithm: string; readonly value: string };
  readonly setup: "actpass" | "active" | "passive";
  readonly candidates: readonly {
    readonly foundation: string;
    readonly protocol: "udp" | "tcp";
    readonly priority: number;
    readonly address: string;
    readonly port: number;
  }[];
  readonly sctpPort: number;
  readonly maxMessageSize: number;
};

export type OwnSection = { readonly mid: string; readonly type: string; readonly protocol: string; readonly payloads: string } & (
  | { readonly kind: "rejected" }
  | { readonly kind: "data" }
  | {
      readonly kind: "media";
      readonly direction: "sendrecv" | "sendonly" | "recvonly" | "inactive";
      readonly codecs: readonly Codec[];
      readonly extensions: Extensions;
      readonly reducedSizeRtcp: boolean;
      /** Of what we receive. */
      readonly rids: readonly string[];
      /** Of what we send. */
      readonly stream:
        | { readonly id: string; readonly track: string; readonly ssrc: number; readonly rtxSsrc: number | undefined }
        | undefined;
      /** Of a section that is not in the BUNDLE group: its own transport, where nothing is any more. */
      readonly apart?: Pick<OwnTransport, "iceUfrag" | "icePwd" | "fingerprint"> | undefined;
    }
);

export type OwnDescription = {
  readonly sessionId: number;
  readonly version: number;
  readonly transport: OwnTransport;
  readonly sections: readonly OwnSection[];
  readonly extmapAllowMixed: boolean;
  /** RFC 8445 §2.5: the client leads ICE although we offer. */
  readonly iceLite: boolean;
  /** Of the section whose transport the BUNDLE group has; undefined: its first one. */
  readonly tag: string | undefined;
};

/** Of all that we send (RFC 7022): it is one clock's. */
const CNAME = "tsunagi";

export function formatDescription(description: OwnDescription): string {
  const { transport, sections } = description;
  const isBundled = (section: OwnSection) =>
    section.kind !== "rejected" && (section.kind !== "media" || section.apart === undefined);
  const used = sections.filter(isBundled).map((section) => section.mid);
  const tag = description.tag ?? used[0];
  const bundled = [...used.filter((mid) => mid === tag), ...used.filter((mid) => mid !== tag)];
  const lines = ["v=0", `o=- ${description.sessionId} ${description.version} IN IP4 0.0.0.0`, "s=-", "t=0 0"];
  if (description.iceLite) lines.push("a=ice-lite");
  if (bundled.length > 0) lines.push(`a=group:BUNDLE ${bundled.join(" ")}`);
  if (description.extmapAllowMixed) lines.push("a=extmap-allow-mixed");
  lines.push("a=msid-semantic:WMS *");
  for (const section of sections) {
    if (section.kind === "rejected") {
      lines.push(
        `m=${section.type} 0 ${section.protocol} ${section.payloads}`,
        "c=IN IP4 0.0.0.0",
        `a=mid:${section.mid}`,
        "a=inactive",
      );
      continue;
    }
    if (section.kind === "data") {
      lines.push(`m=${section.type} 9 ${section.protocol} ${section.payloads}`);
      pushTransport(lines, transport, section.mid, section.mid === tag);
      lines.push(`a=sctp-port:${transport.sctpPort}`, `a=max-message-size:${transport.maxMessageSize}`);
    } else {
      lines.push(`m=${section.type} 9 ${section.protocol} ${payloadTypes(section.codecs)}`);
      pushTransport(lines, { ...transport, ...section.apart }, section.mid, section.mid === tag);
      lines.push(`a=${section.direction}`, "a=rtcp-mux");
      if (section.reducedSizeRtcp) lines.push("a=rtcp-rsize");
      for (const [kind, id] of Object.entries(section.extensions))
        lines.push(`a=extmap:${id} ${EXTENSION_URI[kind as ExtensionKind]}`);
      for (const codec of section.codecs) pushCodec(lines, codec);
      if (section.rids.length > 0) {
        for (const rid of section.rids) lines.push(`a=rid:${rid} recv`);
        lines.push(`a=simulcast:recv ${section.rids.join(";")}`);
      }
      if (section.stream !== undefined) pushStream(lines, section.stream);
    }
  }
  return `${lines.join("\r\n")}\r\n`;
}

function pushTransport(lines: string[], transport: OwnTransport, mid: string, isTag: boolean): void {
  lines.push(
    "c=IN IP4 0.0.0.0",
    `a=mid:${mid}`,
    `a=ice-ufrag:${transport.iceUfrag}`,
    `a=ice-pwd:${transport.icePwd}`,
    `a=fingerprint:${transport.fingerprint.algorithm} ${transport.fingerprint.value}`,
    `a=setup:${transport.setup}`,
  );
  // All sections share one transport: candidates of the one that gives it are those of all (RFC 9143 §7.2.2).
  if (!isTag) return;
  for (const each of transport.candidates) {
    const tcp = each.protocol === "tcp" ? " tcptype passive" : "";
    lines.push(`a=candidate:${each.foundation} 1 ${each.protocol} ${each.priority} ${each.address} ${each.port} typ host${tcp}`);
  }
  lines.push("a=end-of-candidates");
}

function payloadTypes(codecs: readonly Codec[]): string {
  return codecs.flatMap((codec) => (codec.rtx === undefined ? [codec.payloadType] : [codec.payloadType, codec.rtx])).join(" ");
}

function pushCodec(lines: string[], codec: Codec): void {
  const { payloadType: type, feedback } = codec;
  const channels = codec.channels > 1 ? `/${codec.channels}` : "";
  lines.push(`a=rtpmap:${type} ${ENCODING_NAME[codec.name]}/${codec.clockRate}${channels}`);
  if (codec.fmtp !== "") lines.push(`a=fmtp:${type} ${codec.fmtp}`);
  if (feedback.transportCc) lines.push(`a=rtcp-fb:${type} transport-cc`);
  if (feedback.remb) lines.push(`a=rtcp-fb:${type} goog-remb`);
  if (feedback.nack) lines.push(`a=rtcp-fb:${type} nack`);
  if (feedback.pli) lines.push(`a=rtcp-fb:${type} nack pli`);
  if (feedback.fir) lines.push(`a=rtcp-fb:${type} ccm fir`);
  if (codec.rtx !== undefined) lines.push(`a=rtpmap:${codec.rtx} rtx/${codec.clockRate}`, `a=fmtp:${codec.rtx} apt=${type}`);
}

function pushStream(lines: string[], stream: { id: string; track: string; ssrc: number; rtxSsrc: number | undefined }): void {
  lines.push(`a=msid:${stream.id} ${stream.track}`);
  if (stream.rtxSsrc !== undefined) lines.push(`a=ssrc-group:FID ${stream.ssrc} ${stream.rtxSsrc}`);
  lines.push(`a=ssrc:${stream.ssrc} cname:${CNAME}`);
  if (stream.rtxSsrc !== undefined) lines.push(`a=ssrc:${stream.rtxSsrc} cname:${CNAME}`);
}
