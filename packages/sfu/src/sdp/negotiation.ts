/**
 * One client's negotiation over the life of its transport: which section is which publication or slot, and the answer to each of its offers; or
 * our own offers, to a client that only answers. SSRCs of slots stay the same from one description to the next.
 */
import { assertNever, ProtocolError } from "@tsunagi/base";
import type { Codec, PublicationInit, SlotInit } from "../router-port.ts";
import { formatDescription, type OwnSection, type OwnTransport } from "./description.ts";
import type { Offer, OfferedSection } from "./offer.ts";
import { ownCodecs, ownExtensions } from "./own-codecs.ts";

/** A section in which the client sends, as it says itself. */
export type WantedPublication = {
  readonly mid: string;
  readonly publication: string;
  readonly kind: "audio" | "video";
  readonly source: string;
  readonly muted: boolean;
};
/** A section in which it receives. Slots with one `stream` are played in step. */
export type WantedSlot = { readonly mid: string; readonly kind: "audio" | "video"; readonly stream?: string | undefined };

/** A section of our own offer. */
export type OwnOfferSection = {
  readonly mid: string;
  readonly kind: "audio" | "video";
  /**
   * As we do: `receive` what the client sends; `send` out of a slot; `both`: a slot, and what it sends besides; `inactive`: kept, to be used again;
   * `tag`: `receive`, and its transport is all sections' (RFC 9143 §7.2.1), for clients that cannot begin DTLS anew on the one that they have;
   * `relic`: one that was that, alone on the transport that it had; `stopped`: for good.
   */
  readonly direction: "receive" | "send" | "both" | "inactive" | "tag" | "relic" | "stopped";
  /** Of `relic`: its transport's. */
  readonly transport?: { readonly iceUfrag: string; readonly icePwd: string; readonly fingerprint: string } | undefined;
  /** Of `send` and `both`: what the client's MediaStream is named. */
  readonly stream?: string | undefined;
};

export type Decision = {
  readonly publications: readonly PublicationInit[];
  readonly slots: readonly SlotInit[];
  readonly answer: (transport: OwnTransport) => string;
};

/** Sections whose SSRCs are remembered: well over what one description has. Who names others each time shall not fill the memory. */
const MAX_SLOTS = 2_048;

export class Negotiation {
  readonly #random: () => number;
  readonly #sessionId: number;
  readonly #ssrcs = new Map<string, { readonly ssrc: number; readonly rtxSsrc: number }>();
  readonly #used = new Set<number>();
  #version = 0;

  /** @param random 32 bits each, for SSRCs and the session's number */
  constructor(random: () => number) {
    this.#random = random;
    this.#sessionId = random();
  }

  /** @throws {ProtocolError} `sfu.offer.section`, `sfu.offer.codec` */
  decide(peerId: string, offer: Offer, send: readonly WantedPublication[], receive: readonly WantedSlot[]): Decision {
    const sends = byMid(send);
    const receives = byMid(receive);
    const publications: PublicationInit[] = [];
    const slots: SlotInit[] = [];
    const sections: OwnSection[] = [];
    for (const each of offer.sections) {
      const up = sends.get(each.mid);
      const down = receives.get(each.mid);
      sends.delete(each.mid);
      receives.delete(each.mid);
      const publication = up === undefined ? undefined : publicationOf(each, peerId, up);
      if (publication !== undefined) publications.push(publication);
      const slot = down === undefined ? undefined : { init: this.#slotOf(each, down), stream: down.stream };
      if (slot !== undefined) slots.push(slot.init);
      if (publication !== undefined) sections.push(receiving(each, publication, slot));
      else sections.push(slot === undefined ? idle(each) : sending(each, slot));
    }
    const [missing] = [...sends.keys(), ...receives.keys()];
    if (missing !== undefined) throw section(`The offer has no section ${missing}.`);
    const { extmapAllowMixed } = offer;
    return {
      publications,
      slots,
      answer: (transport) => {
        this.#version++;
        const sessionId = this.#sessionId;
        return formatDescription({
          sessionId,
          version: this.#version,
          transport,
          sections,
          extmapAllowMixed,
          iceLite: false,
          tag: undefined,
        });
      },
    };
  }

  /** Describes these sections with all that we can do. The client's answer is then decided on as if it were its own offer. */
  offer(sections: readonly OwnOfferSection[], transport: OwnTransport): string {
    this.#version++;
    return formatDescription({
      sessionId: this.#sessionId,
      version: this.#version,
      // RFC 8829 §5.2.2: who begins DTLS is settled once, but an offer leaves it open.
      transport: { ...transport, setup: "actpass" },
      sections: sections.map((each) => this.#offered(each)),
      tag: sections.find(({ direction }) => direction === "tag")?.mid,
      extmapAllowMixed: true,
      // Not only what it is: the one who leads takes a new path at once, where the other waits for the old one to fail.
      iceLite: true,
    });
  }

  #offered({ mid, kind, direction, stream, transport }: OwnOfferSection): OwnSection {
    const head = { mid, type: kind, protocol: "UDP/TLS/RTP/SAVPF", payloads: "" };
    const codecs = ownCodecs(kind, direction === "send" ? "send" : "receive");
    const own = { ...head, kind: "media", codecs, reducedSizeRtcp: true, rids: [] } as const;
    const extensions = ownExtensions(kind);
    switch (direction) {
      case "receive":
      case "tag":
        // What is sent here next is another source: sequence numbers of the one before must not be gone back on (RFC 3711 §3.3.2).
        this.#ssrcs.delete(mid);
        return { ...own, direction: "recvonly", extensions, stream: undefined };
      case "send":
      case "both": {
        const { ssrc, rtxSsrc } = this.#ssrcsOf(mid);
        const id = stream ?? `slot-${mid}`;
        const hasRtx = codecs.some((codec) => codec.rtx !== undefined);
        const described = { id, track: `${id}-${kind}-${mid}`, ssrc, rtxSsrc: hasRtx ? rtxSsrc : undefined };
        return { ...own, direction: direction === "send" ? "sendonly" : "sendrecv", extensions, stream: described };
      }
      case "inactive":
        this.#ssrcs.delete(mid);
        return { ...own, direction: "inactive", extensions, stream: undefined };
      case "relic": {
        if (transport === undefined) throw section(`Nothing is said of the transport of section ${mid}.`);
        const { iceUfrag, icePwd } = transport;
        const [algorithm = "", value = ""] = transport.fingerprint.split(" ");
        const apart = { iceUfrag, icePwd, fingerprint: { algorithm, value } };
        return { ...own, direction: "inactive", extensions: {}, stream: undefined, apart };
      }
      case "stopped":
        return { ...head, payloads: String(codecs[0]?.payloadType ?? 0), kind: "rejected" };
      default:
        return assertNever(direction);
    }
  }

  #slotOf(offered: OfferedSection, wanted: WantedSlot): SlotInit {
    const media = mediaOf(offered, wanted.kind);
    if (media.direction !== "recvonly" && media.direction !== "sendrecv") {
      throw section(`The client does not receive in section ${offered.mid}.`);
    }
    const codecs = forwardable(offered.mid, media.codecs);
    const ssrcs = this.#ssrcsOf(offered.mid);
    return {
      mid: offered.mid,
      kind: wanted.kind,
      ssrc: ssrcs.ssrc,
      rtxSsrc: codecs.some((codec) => codec.rtx !== undefined) ? ssrcs.rtxSsrc : undefined,
      codecs,
      extensions: media.extensions.receives,
    };
  }

  #ssrcsOf(mid: string): { readonly ssrc: number; readonly rtxSsrc: number } {
    const ssrcs = this.#ssrcs.get(mid) ?? { ssrc: this.#ssrc(), rtxSsrc: this.#ssrc() };
    // Last of all, so that what was not used for longest stands first.
    this.#ssrcs.delete(mid);
    this.#ssrcs.set(mid, ssrcs);
    if (this.#ssrcs.size > MAX_SLOTS) this.#forgetFirst();
    return ssrcs;
  }

  #forgetFirst(): void {
    const [first] = this.#ssrcs;
    if (first === undefined) return;
    const [mid, { ssrc, rtxSsrc }] = first;
    this.#ssrcs.delete(mid);
    this.#used.delete(ssrc);
    this.#used.delete(rtxSsrc);
  }

  #ssrc(): number {
    for (;;) {
      const ssrc = this.#random() >>> 0;
      if (ssrc === 0 || this.#used.has(ssrc)) continue;
      this.#used.add(ssrc);
      return ssrc;
    }
  }
}

function publicationOf(offered: OfferedSection, peerId: string, wanted: WantedPublication): PublicationInit {
  const media = mediaOf(offered, wanted.kind);
  if (media.direction !== "sendonly" && media.direction !== "sendrecv") {
    throw section(`The client does not send in section ${offered.mid}.`);
  }
  const codecs = forwardable(offered.mid, media.codecs);
  return {
    id: wanted.publication,
    peerId,
    kind: wanted.kind,
    source: wanted.source,
    mid: offered.mid,
    codecs,
    extensions: media.extensions.sends,
    encodings: media.encodings,
    muted: wanted.muted,
  };
}

/** @throws {ProtocolError} `sfu.offer.section` */
function byMid<Wanted extends { readonly mid: string }>(wanted: readonly Wanted[]): Map<string, Wanted> {
  const named = new Map(wanted.map((each) => [each.mid, each]));
  if (named.size < wanted.length) throw section("A section is named twice.");
  return named;
}

function mediaOf(offered: OfferedSection, kind: "audio" | "video") {
  if (offered.kind !== kind) throw section(`Section ${offered.mid} of the offer is not ${kind}.`);
  return offered.media;
}

function forwardable(mid: string, codecs: readonly Codec[]): readonly Codec[] {
  // RED alone carries nothing.
  if (codecs.some((codec) => codec.name !== "red")) return codecs;
  throw new ProtocolError("sfu.offer.codec", `None of the codecs offered in section ${mid} can be forwarded.`, {
    remedy: "Offer Opus for audio, and VP8, VP9, H.264 or AV1 for video.",
  });
}

type Slot = { readonly init: SlotInit; readonly stream: string | undefined };

/** @param slot where the client sends and receives in one section */
function receiving(offered: OfferedSection, publication: PublicationInit, slot: Slot | undefined): OwnSection {
  const rids = publication.encodings.flatMap((encoding) => (encoding.rid === undefined ? [] : [encoding.rid]));
  // Discontinuous transmission is asked for by the receiver (RFC 7587 §6.1); only a voice has silences worth it.
  const codecs =
    publication.source === "microphone"
      ? publication.codecs.map((codec) =>
          codec.name === "opus" ? { ...codec, fmtp: withParameter(codec.fmtp, "usedtx=1") } : codec,
        )
      : publication.codecs;
  return media(offered, {
    direction: slot === undefined ? "recvonly" : "sendrecv",
    codecs,
    extensions: { ...publication.extensions, ...slot?.init.extensions },
    rids,
    stream: slot === undefined ? undefined : streamOf(slot),
  });
}

function sending(offered: OfferedSection, slot: Slot): OwnSection {
  const { codecs, extensions } = slot.init;
  return media(offered, { direction: "sendonly", codecs, extensions, stream: streamOf(slot) });
}

function streamOf({ init, stream }: Slot): NonNullable<MediaSection["stream"]> {
  const { mid, kind, ssrc, rtxSsrc } = init;
  return { id: stream ?? `slot-${mid}`, track: `slot-${mid}-${kind}`, ssrc, rtxSsrc };
}

/** A section that is in the offer and not used. */
function idle(offered: OfferedSection): OwnSection {
  if (offered.kind === "data" || offered.kind === "rejected") return { ...head(offered), kind: offered.kind };
  if (offered.media.codecs.length === 0) return { ...head(offered), kind: "rejected" };
  return media(offered, { direction: "inactive", codecs: offered.media.codecs, extensions: {} });
}

type MediaSection = Extract<OwnSection, { kind: "media" }>;

function media(
  offered: OfferedSection,
  decided: Pick<MediaSection, "direction" | "codecs" | "extensions"> & Partial<Pick<MediaSection, "rids" | "stream">>,
): OwnSection {
  const reducedSizeRtcp = "media" in offered && offered.media.reducedSizeRtcp;
  return { ...head(offered), kind: "media", reducedSizeRtcp, rids: [], stream: undefined, ...decided };
}

const head = ({ mid, type, protocol, payloads }: OfferedSection) => ({ mid, type, protocol, payloads });

function withParameter(fmtp: string, parameter: string): string {
  return fmtp.split(";").includes(parameter) ? fmtp : fmtp === "" ? parameter : `${fmtp};${parameter}`;
}

const section = (message: string): ProtocolError => new ProtocolError("sfu.offer.section", message);
