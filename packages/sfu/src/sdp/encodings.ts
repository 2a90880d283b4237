/** The encodings of a section in which the client sends: by RID (RFC 8851, 8853) or by SSRC (RFC 5576). */
import { ProtocolError } from "@tsunagi/base";
import type { MediaDescription } from "sdp-transform";
import type { PublicationInit } from "../router-port.ts";
import type { SdpLimits } from "./limits.ts";

type Encodings = PublicationInit["encodings"];

/** RFC 8852 §3.1: letters and digits; 16 are what a one-byte header extension holds. */
const RID = /^[A-Za-z0-9]{1,16}$/;

/** @throws {ProtocolError} `sfu.offer.malformed` */
export function encodingsOf(media: MediaDescription, hasRidExtension: boolean, limits: SdpLimits): Encodings {
  const rids = ridsOf(media);
  if (rids.length > limits.encodings) {
    throw new ProtocolError("sfu.offer.malformed", `A section has ${rids.length} encodings; ${limits.encodings} are allowed.`);
  }
  const ssrcs = ssrcsOf(media);
  if (rids.length === 0) {
    const first = ssrcs[0];
    return [{ rid: undefined, ssrc: first?.ssrc, rtxSsrc: first?.rtxSsrc }];
  }
  // Where packets carry their RID, that is surer than the order of lines.
  if (hasRidExtension) return rids.map((rid) => ({ rid, ssrc: undefined, rtxSsrc: undefined }));
  return rids.map((rid, at) => ({ rid, ssrc: ssrcs[at]?.ssrc, rtxSsrc: ssrcs[at]?.rtxSsrc }));
}

/** In the order of the simulcast line, low to high by custom. */
function ridsOf(media: MediaDescription): readonly string[] {
  const { simulcast } = media;
  if (simulcast === undefined) return [];
  const list = simulcast.dir1 === "send" ? simulcast.list1 : simulcast.dir2 === "send" ? simulcast.list2 : undefined;
  if (list === undefined) return [];
  const offered = new Set((media.rids ?? []).filter((rid) => rid.direction === "send").map((rid) => String(rid.id)));
  const rids: string[] = [];
  for (const stream of String(list).split(";")) {
    // Of alternatives the first; a tilde says that it is paused for now (RFC 8853 §5.1).
    const rid = (stream.split(",")[0] ?? "").replace(/^~/, "");
    if (!RID.test(rid) || !offered.has(rid) || rids.includes(rid)) {
      throw new ProtocolError("sfu.offer.malformed", "A simulcast line names an encoding that no RID line describes.");
    }
    rids.push(rid);
  }
  return rids;
}

function ssrcsOf(media: MediaDescription): readonly { readonly ssrc: number; readonly rtxSsrc: number | undefined }[] {
  const valid = (value: number): boolean => Number.isInteger(value) && value > 0 && value <= 0xffff_ffff;
  const rtxOf = new Map<number, number>();
  for (const group of media.ssrcGroups ?? []) {
    const [ssrc, rtx] = String(group.ssrcs).split(" ").map(Number);
    if (group.semantics === "FID" && ssrc !== undefined && rtx !== undefined && valid(ssrc) && valid(rtx)) rtxOf.set(ssrc, rtx);
  }
  const repairs = new Set(rtxOf.values());
  const ids = [...new Set((media.ssrcs ?? []).map((line) => Number(line.id)))];
  return ids.filter((id) => valid(id) && !repairs.has(id)).map((ssrc) => ({ ssrc, rtxSsrc: rtxOf.get(ssrc) }));
}
