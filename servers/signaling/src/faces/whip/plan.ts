/** What an offer is for: which sections are sent to the room, which receive from it. The SFU reads the offer again, and strictly. */
import type { MediaSource, SfuReceive, SfuSend } from "@tsunagi/protocol";
import { parse } from "sdp-transform";
import { whipError } from "./errors.ts";

/** Sections of one offer that are looked at. One camera and its sound are two. */
const MAX_SECTIONS = 32;
const MAX_CHARACTERS = 262_144;

export type OfferedSection = {
  readonly mid: string;
  readonly kind: "audio" | "video";
  readonly sends: boolean;
  readonly receives: boolean;
};
/** ICE credentials of the client, by which a trickled fragment is known (RFC 8840 §9). */
export type Offered = { readonly sections: readonly OfferedSection[]; readonly iceUfrag: string; readonly icePwd: string };

/** @throws {CodedError} `whip.offer.malformed` */
export function readOffer(sdp: string): Offered {
  if (sdp.length > MAX_CHARACTERS || !sdp.startsWith("v=0")) throw malformed("it is too long, or does not begin with v=0");
  let session: ReturnType<typeof parse>;
  try {
    session = parse(sdp);
  } catch (cause) {
    throw whipError("whip.offer.malformed", undefined, { cause });
  }
  if (session.media.length > MAX_SECTIONS) throw malformed(`it has more than ${MAX_SECTIONS} sections`);
  const sections: OfferedSection[] = [];
  for (const media of session.media) {
    if (media.type !== "audio" && media.type !== "video") continue;
    // Port 0 alone stops a section; with bundle-only it is in use on the group's port (RFC 9143 §6).
    if (media.port === 0 && media.bundleOnly === undefined) continue;
    if (media.mid === undefined) throw malformed("a section has no mid");
    const direction = media.direction ?? "sendrecv";
    sections.push({
      mid: String(media.mid),
      kind: media.type,
      sends: direction === "sendonly" || direction === "sendrecv",
      receives: direction === "recvonly" || direction === "sendrecv",
    });
  }
  const first = session.media[0];
  const iceUfrag = first?.iceUfrag ?? session.iceUfrag;
  const icePwd = first?.icePwd ?? session.icePwd;
  if (sections.length === 0) throw malformed("it has no section of audio or video");
  if (iceUfrag === undefined || icePwd === undefined) throw malformed("it has no ICE credentials");
  return { sections, iceUfrag: String(iceUfrag), icePwd: String(icePwd) };
}

/** @throws {CodedError} `whip.offer.direction` */
export function planIngest({ sections }: Offered, stream: string, newId: () => string): readonly SfuSend[] {
  const send = sections
    .filter(({ sends }) => sends)
    .map(({ mid, kind }) => {
      // Sound of a broadcast is no voice that may be cut off where it is soft, as that of a microphone is.
      const source: MediaSource = kind === "video" ? "camera" : "other";
      return { mid, kind, source, stream, muted: false, publication: newId() };
    });
  if (send.length === 0) throw whipError("whip.offer.direction", "the offer sends nothing: use sendonly sections");
  return send;
}

/** @throws {CodedError} `whip.offer.direction` */
export function planEgress({ sections }: Offered): readonly SfuReceive[] {
  const receive = sections.filter(({ receives }) => receives).map(({ mid, kind }) => ({ mid, kind, publication: null }));
  if (receive.length === 0) throw whipError("whip.offer.direction", "the offer receives nothing: use recvonly sections");
  return receive;
}

function malformed(what: string): Error {
  return whipError("whip.offer.malformed", `the offer cannot be used: ${what}`);
}
