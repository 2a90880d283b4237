/** What a client's answer says of each section: enough to tell the core what it sends and receives. The SFU reads it again, and strictly. */
import { parse } from "sdp-transform";

const MAX_CHARACTERS = 1_000_000;
const MAX_SECTIONS = 400;

export type ReadAnswer = {
  readonly iceUfrag: string;
  /** By Firefox: it names itself in the origin line. */
  readonly isMozilla: boolean;
  /** By mid. */
  readonly sections: ReadonlyMap<string, { readonly sends: boolean; readonly receives: boolean }>;
};

/** @returns undefined: it is no answer */
export function readAnswer(sdp: string): ReadAnswer | undefined {
  if (sdp.length > MAX_CHARACTERS || !sdp.startsWith("v=0")) return undefined;
  let session: ReturnType<typeof parse>;
  try {
    session = parse(sdp);
  } catch {
    return undefined;
  }
  if (session.media.length === 0 || session.media.length > MAX_SECTIONS) return undefined;
  const sections = new Map<string, { sends: boolean; receives: boolean }>();
  for (const media of session.media) {
    if (media.mid === undefined) return undefined;
    // Port 0 alone stops a section; with bundle-only it is in use on the group's port (RFC 9143 §6).
    const isRejected = media.port === 0 && media.bundleOnly === undefined;
    const direction = isRejected ? "inactive" : (media.direction ?? session.direction ?? "sendrecv");
    sections.set(String(media.mid), {
      sends: direction === "sendonly" || direction === "sendrecv",
      receives: direction === "recvonly" || direction === "sendrecv",
    });
  }
  const iceUfrag = session.media.find((media) => media.iceUfrag !== undefined)?.iceUfrag ?? session.iceUfrag;
  if (iceUfrag === undefined) return undefined;
  return { iceUfrag: String(iceUfrag), isMozilla: String(session.origin?.username).startsWith("mozilla"), sections };
}

/** Of our end, in an offer of ours: all sections of the BUNDLE group have the same. */
export function readFingerprint(offer: string): string | undefined {
  const tag = /^a=group:BUNDLE (\S+)/m.exec(offer)?.[1];
  const section = offer.split(/^(?=m=)/m).find((each) => tag !== undefined && midOf(each) === tag);
  return /^a=fingerprint:(.+?)\r?$/m.exec(section ?? "")?.[1];
}

/** An answer with one section less: the SFU knows of one transport only. */
export function without(sdp: string, mid: string | undefined): string {
  if (mid === undefined) return sdp;
  const sections = sdp.split(/^(?=m=)/m);
  return sections.map((each) => (midOf(each) === mid ? each.replace(/^(m=\S+) \d+/, "$1 0") : each)).join("");
}

const midOf = (section: string): string | undefined => /^a=mid:(.+?)\r?$/m.exec(section)?.[1];
