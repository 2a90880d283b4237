/**
 * The description that libdatachannel is given as the client's: one media section, whatever the client's own says, so that its one track
 * carries every SSRC and payload type, and RTCP, both ways (with two sections, packets of an SSRC that no section names are dropped).
 */
import { CodedError } from "@tsunagi/base";
import type { RemoteParameters } from "../port.ts";

/** RFC 8839 §5.4: ice-char, 4 to 256 and 22 to 256 of them. */
const UFRAG = /^[A-Za-z0-9+/]{4,256}$/;
const PASSWORD = /^[A-Za-z0-9+/]{22,256}$/;
/** RFC 8122 §5: a hash function's name and its value in upper-case hex. */
const ALGORITHM = /^sha-(?:1|224|256|384|512)$/i;
const HASH = /^[0-9A-F]{2}(?::[0-9A-F]{2}){19,63}$/i;

/** Of the one media section. */
export const MEDIA_MID = "0";
/** Any: the section's payload types are not looked at when packets come or go. */
export const MEDIA_PAYLOAD_TYPE = 96;
const DATA_MID = "1";

/**
 * The same for a client that has answered an offer of ours: it has chosen its role, and there is no application section (none was offered). The
 * library gets it as an offer, so that it takes the ICE role of the one who answers.
 *
 * @throws {CodedError} `media.transport.parameters`
 */
export function syntheticAnswer(remote: RemoteParameters): string {
  if (remote.setup === "actpass") {
    throw new CodedError("media.transport.parameters", "An answer must choose who begins DTLS.");
  }
  return syntheticOffer({ ...remote, sctp: undefined });
}

/** @throws {CodedError} `media.transport.parameters`: nothing unchecked may reach the native parser */
export function syntheticOffer(remote: RemoteParameters): string {
  const { iceUfrag, icePwd, fingerprint, sctp } = remote;
  if (!UFRAG.test(iceUfrag) || !PASSWORD.test(icePwd)) {
    throw new CodedError("media.transport.parameters", "ICE user fragment or password is not well-formed.");
  }
  if (!ALGORITHM.test(fingerprint.algorithm) || !HASH.test(fingerprint.value)) {
    throw new CodedError("media.transport.parameters", "DTLS fingerprint is not well-formed.");
  }
  const transport = [
    "c=IN IP4 0.0.0.0",
    `a=ice-ufrag:${iceUfrag}`,
    `a=ice-pwd:${icePwd}`,
    `a=fingerprint:${fingerprint.algorithm.toLowerCase()} ${fingerprint.value.toUpperCase()}`,
    `a=setup:${remote.setup}`,
  ];
  const lines = [
    "v=0",
    "o=- 1 1 IN IP4 0.0.0.0",
    "s=-",
    "t=0 0",
    `a=group:BUNDLE ${sctp === undefined ? MEDIA_MID : `${MEDIA_MID} ${DATA_MID}`}`,
    // Video rather than audio: the library marks its packets AF42 then, not EF (RFC 8837 §5), and most of what an SFU sends is video.
    `m=video 9 UDP/TLS/RTP/SAVPF ${MEDIA_PAYLOAD_TYPE}`,
    ...transport,
    `a=mid:${MEDIA_MID}`,
    "a=sendrecv",
    "a=rtcp-mux",
    `a=rtpmap:${MEDIA_PAYLOAD_TYPE} VP8/90000`,
  ];
  if (sctp !== undefined) {
    lines.push(
      "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
      ...transport,
      `a=mid:${DATA_MID}`,
      `a=sctp-port:${whole(sctp.port, 1, 65_535)}`,
      // 0 means any size (RFC 8841 §6.1).
      `a=max-message-size:${whole(sctp.maxMessageSize, 0, 0x7fff_ffff)}`,
    );
  }
  return `${lines.join("\r\n")}\r\n`;
}

/** What our side's description says of itself. */
export function ownParameters(sdp: string): { ufrag: string; password: string; fingerprint: string; active: boolean } {
  const value = (name: string): string => {
    const found = new RegExp(`^a=${name}:(.*?)\\r?$`, "m").exec(sdp)?.[1];
    if (found === undefined) throw new CodedError("media.transport.failed", `The transport has no ${name}.`);
    return found.trim();
  };
  return {
    ufrag: value("ice-ufrag"),
    password: value("ice-pwd"),
    fingerprint: value("fingerprint"),
    active: value("setup") === "active",
  };
}

function whole(value: number, low: number, high: number): number {
  if (!Number.isInteger(value) || value < low || value > high) {
    throw new CodedError("media.transport.parameters", "SCTP port or message size is not well-formed.");
  }
  return value;
}
