/**
 * The path of a media packet:
 *
 *   receive → parse → source (SSRC, or MID and RID) → repeat undone → limit → sequence, duplicate, NACK → payload descriptor → store
 *   → each subscriber: layer, renumbering (subscription/slot.ts) → send list
 */
import type { Millis } from "@tsunagi/base";
import { type CanonicalPacket, extensionText, PayloadInfo, RtpView, readRed, u8, u16 } from "@tsunagi/rtp";
import { addDependencies, readPayload, useOfDependencies } from "../codec/codec.ts";
import type { Encoding } from "../publication/encoding.ts";
import type { Publication } from "../publication/publication.ts";
import type { Slot } from "../subscription/slot.ts";
import type { RoutingContext } from "./context.ts";
import type { Source, Transport } from "./transport.ts";

/** More than any path carries whole, and packets are kept: a publisher's memory here shall have a bound. */
const MAX_BYTES = 2_048;
/** A client that changes an encoding's SSRC more often than this plays games. */
const SSRC_CHANGE_MS = 500;

export class MediaIn {
  readonly #context: RoutingContext;
  /** What can be had of a publication has changed; layers are to be chosen now. */
  readonly #touch: (publication: Publication) => void;
  readonly #choose: (now: Millis) => void;
  readonly #view = new RtpView();
  readonly #info = new PayloadInfo();
  readonly #red = { start: 0, payloadType: 0 };

  constructor(context: RoutingContext, touch: (publication: Publication) => void, choose: (now: Millis) => void) {
    this.#context = context;
    this.#touch = touch;
    this.#choose = choose;
  }

  receive(now: Millis, transport: Transport, bytes: Uint8Array): void {
    const view = this.#view;
    const { drops } = this.#context;
    if (bytes.length > MAX_BYTES) {
      drops["too-long"] += 1;
      return;
    }
    if (!view.parse(bytes)) {
      drops.malformed += 1;
      return;
    }
    const sequenceAt = view.extensionOffset(transport.transportSequenceId);
    if (sequenceAt !== 0 && view.extensionLength(transport.transportSequenceId) >= 2) {
      transport.feedback.arrived(now, u16(bytes, sequenceAt));
    }
    const source = transport.sources.get(view.ssrc | 0) ?? this.#learn(now, transport);
    if (source === undefined) {
      drops["unknown-ssrc"] += 1;
      return;
    }
    this.#take(now, source);
  }

  /** An SSRC that is not known yet names itself by MID and RID (RFC 8843 §9.2, RFC 8852). */
  #learn(now: Millis, transport: Transport): Source | undefined {
    const view = this.#view;
    const mid = extensionText(view, transport.midId);
    if (mid === undefined) return this.#learnByPayloadType(now, transport);
    for (const publication of transport.publications) {
      if (publication.init.mid !== mid) continue;
      const repair = publication.repairedCodec(view.payloadType) !== undefined;
      const rid = extensionText(view, repair ? transport.repairedRidId : transport.ridId);
      for (const encoding of publication.encodings) {
        if (encoding.rid !== rid) continue;
        if (!repair && now - encoding.learntAt < SSRC_CHANGE_MS) {
          this.#context.drops["ssrc-changes"] += 1;
          return undefined;
        }
        // Another stream under the same name.
        if (!repair && encoding.ssrc !== -1) this.#restart(now, encoding);
        return transport.learn(now, view.ssrc, encoding, repair);
      }
      return undefined;
    }
    return undefined;
  }

  /** Without a MID the payload type tells, where only one section can have it (RFC 8843 §9.2). */
  #learnByPayloadType(now: Millis, transport: Transport): Source | undefined {
    const { payloadType, ssrc } = this.#view;
    let found: Encoding | undefined;
    let repair = false;
    for (const publication of transport.publications) {
      const repairs = publication.repairedCodec(payloadType) !== undefined;
      if (!repairs && publication.codec(payloadType) === undefined) continue;
      const [encoding] = publication.encodings;
      if (found !== undefined || encoding === undefined || publication.encodings.length > 1) return undefined;
      found = encoding;
      repair = repairs;
    }
    if (found === undefined || (repair ? found.rtxSsrc : found.ssrc) !== -1) return undefined;
    return transport.learn(now, ssrc, found, repair);
  }

  /** What was numbered before is over. */
  #restart(learntAt: Millis, encoding: Encoding): void {
    encoding.begin(learntAt, encoding.ssrc);
    for (const slot of encoding.publication.subscribers) if (slot.current === encoding.index) slot.restart();
    this.#touch(encoding.publication);
  }

  #take(now: Millis, source: Source): void {
    const view = this.#view;
    const { encoding, repair } = source;
    const { publication } = encoding;
    const { drops } = this.#context;
    const codec = repair ? publication.repairedCodec(view.payloadType) : publication.codec(view.payloadType);
    if (codec === undefined) {
      drops["unknown-payload-type"] += 1;
      return;
    }
    let start = view.payloadStart;
    const end = view.payloadEnd;
    if (repair) {
      // Padding on the repair stream is how senders probe; an own sequence number stands first (RFC 4588 §4).
      if (end - start < 2) {
        drops.padding += 1;
        return;
      }
      view.sequence = u16(view.bytes, start);
      start += 2;
    }
    const place = encoding.place(view.sequence, repair);
    if (place === "stray") {
      drops["sequence-jump"] += 1;
      return;
    }
    if (place === "restart") this.#restart(encoding.learntAt, encoding);
    if (encoding.codec !== codec) {
      if (repair) return;
      encoding.setCodec(codec);
    }
    if (!repair) encoding.statistics?.received(now, view.sequence, view.timestamp, view.bytes.length);
    encoding.lastAt = now;
    publication.lastAt = now;
    const extended = encoding.sequences.unwrap(view.sequence);
    encoding.nack.received(now, extended, repair);
    if (!publication.limit.take(now, view.bytes.length)) {
      drops["publication-rate"] += 1;
      return;
    }
    if (start === end) {
      drops.padding += 1;
      this.#passOver(now, encoding, extended);
      return;
    }
    if (publication.muted) {
      drops.muted += 1;
      return;
    }
    if (encoding.store.has(extended)) {
      drops.duplicate += 1;
      return;
    }
    if (encoding.sequences.highest - extended >= encoding.store.size) {
      drops["too-old"] += 1;
      return;
    }
    if (!readPayload(codec.name, view.bytes, start, end, this.#info)) {
      drops.descriptor += 1;
      return;
    }
    const packet = encoding.store.take(now, extended);
    packet.fill(view, publication.ids, useOfDependencies(codec.name), start, end);
    if (publication.kind === "audio") this.#forwardAudio(now, encoding, packet, extended);
    else this.#forwardVideo(now, encoding, packet, extended, start);
  }

  #forwardAudio(now: Millis, encoding: Encoding, packet: CanonicalPacket, extended: number): void {
    const view = this.#view;
    const { publication } = encoding;
    const levelAt = view.extensionOffset(publication.ids["audio-level"]);
    if (levelAt !== 0) publication.voice?.heard(now, u8(view.bytes, levelAt) & 0x7f);
    this.#count(now, encoding, packet.wireLength, 0, 0, false);
    const { subscribers } = publication;
    let primary: CanonicalPacket | undefined;
    for (let i = 0; i < subscribers.length; i++) {
      const slot = subscribers[i] as Slot;
      if (!slot.wantsAudio(encoding)) continue;
      if (!slot.takesPrimary) slot.forwardAudio(now, encoding, packet, extended);
      else {
        primary ??= this.#primary(now, encoding, extended);
        if (primary === undefined) this.#context.drops.descriptor += 1;
        else slot.forwardAudio(now, encoding, primary, extended);
      }
    }
  }

  /** Of the RED packet at hand (RFC 2198). */
  #primary(now: Millis, encoding: Encoding, extended: number): CanonicalPacket | undefined {
    const view = this.#view;
    const { publication } = encoding;
    if (!readRed(view.bytes, view.payloadStart, view.payloadEnd, this.#red)) return undefined;
    if (publication.codec(this.#red.payloadType)?.name !== "opus") return undefined;
    const packet = encoding.primaries.take(now, extended);
    packet.fill(view, publication.ids, "leave", this.#red.start, view.payloadEnd);
    return packet;
  }

  #forwardVideo(now: Millis, encoding: Encoding, packet: CanonicalPacket, extended: number, start: number): void {
    const info = this.#info;
    const name = encoding.codec?.name;
    if (name !== undefined) {
      if (packet.descriptorLength > 0 && !addDependencies(name, packet, encoding.structure, info)) {
        this.#context.drops["descriptor-unknown"] += 1;
      }
      encoding.bonds.note(name, info, packet.marker);
    }
    this.#count(
      now,
      encoding,
      packet.wireLength,
      info.spatialId,
      info.temporalId,
      encoding.bonds.spares(info, info.spatialId + 1),
    );
    let picture = -1;
    if (info.pictureId >= 0) {
      picture = encoding.extendPicture(info.pictureId, info.pictureIdBits);
      if (info.pictureIdBits === 16) packet.describeFrame(info.pictureId);
      else {
        packet.describe(
          info.pictureIdAt - start,
          info.pictureIdBits,
          info.pictureId,
          info.tl0PicIdxAt === 0 ? -1 : info.tl0PicIdxAt - start,
          info.tl0PicIdx,
        );
      }
    }
    if (info.width > 0) {
      encoding.width = info.width;
      encoding.height = info.height;
    }
    if (info.keyframe) encoding.countKeyframe(now, extended, packet.timestamp);
    if (info.startOfFrame) encoding.countFrame(now);
    const { subscribers } = encoding.publication;
    for (let i = 0; i < subscribers.length; i++) {
      (subscribers[i] as Slot).forwardVideo(now, encoding, packet, extended, info, picture);
    }
  }

  /** Counts what is sent of a layer; the first packet of all, or after a stop, is known to the choice of layers at once. */
  #count(now: Millis, encoding: Encoding, bytes: number, spatial: number, temporal: number, isLone: boolean): void {
    const { rates } = encoding;
    rates.add(now, spatial, temporal, bytes, isLone);
    encoding.packets += 1;
    if (!rates.isOff && encoding.packets > 1) return;
    rates.isOff = false;
    this.#touch(encoding.publication);
    this.#choose(now);
  }

  /** A packet that only fills the publisher's numbers is left out of the subscribers'. */
  #passOver(now: Millis, encoding: Encoding, extended: number): void {
    for (const slot of encoding.publication.subscribers) slot.passOver(now, encoding, extended);
  }
}
