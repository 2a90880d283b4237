/** A place in which a member receives one publication after the other: chooses what goes on, and numbers it anew. */
import type { Millis } from "@tsunagi/base";
import {
  type CanonicalPacket,
  difference16,
  type ExtensionIds,
  extensionIds,
  NONE,
  type PayloadInfo,
  type SendList,
} from "@tsunagi/rtp";
import { matchCodec, readStored } from "../codec/codec.ts";
import { Renumbering, UNKNOWN } from "../codec/renumbering.ts";
import type { Encoding } from "../publication/encoding.ts";
import type { Publication } from "../publication/publication.ts";
import type { Codec, RouterEvent, SlotInit, SlotWish } from "../router-port.ts";
import type { RoutingContext } from "../routing/context.ts";
import type { Transport } from "../routing/transport.ts";
import { Layers } from "./layers.ts";
import { Pictures } from "./pictures.ts";
import { RequestLimit } from "./request-limit.ts";
import { SentPackets } from "./sent-packets.ts";
import { Timeline } from "./timeline.ts";

/** How far back packets can be repeated or come late: a second of video at 500 packets a second, and 2 s of audio. */
const VIDEO_RING = 512;
const AUDIO_RING = 128;
/** A repeat that is lost, too, is asked for again after a round trip; never more often than this. */
const MIN_REPEAT_MS = 10;
const MAX_REPEATS = 10;
/** What is repeated to probe a link: of the packets sent last one that is worth it. */
const PROBE_LOOK_BACK = 32;
const PROBE_BYTES = 300;
/** Who begins to watch is given a key frame of this age and what came since: the next is not asked for sooner (publication/keyframe-requests.ts). */
const RECENT_MS = 500;
export type Reason = "bandwidth" | "wish" | "paused" | "muted" | "last-n" | "codec" | "waiting" | "none";

export class Slot {
  readonly transport: Transport;
  readonly mid: string;
  readonly kind: "audio" | "video";
  readonly ssrc: number;
  readonly rtxSsrc: number | undefined;
  readonly ids: ExtensionIds;
  readonly #init: SlotInit;
  readonly #codecs: readonly Codec[];
  readonly #context: RoutingContext;

  publication: Publication | undefined;
  /** What was asked for; it may not be there yet. */
  wanted: string | null = null;
  /** The receiver's own name for what the publication is coded in; undefined: it cannot decode it. */
  codec: Codec | undefined;
  /** The publication sends RED, which the receiver does not know: it gets the primary alone. */
  takesPrimary = false;
  /** The publication's codec that `codec` was found for. */
  #matched: Codec | undefined;

  // Wishes.
  maxWidth = Number.POSITIVE_INFINITY;
  maxHeight = Number.POSITIVE_INFINITY;
  maxFrameRate = Number.POSITIVE_INFINITY;
  paused = false;
  /** Left out by last-N. */
  isDormant = false;
  priority = 0;

  /** What is to be sent; −1: nothing. */
  target = -1;
  reason: Reason = "none";
  /** What is sent; −1: nothing (yet). */
  current = -1;
  readonly layers = new Layers();

  readonly #sequences: Renumbering;
  readonly #pictures: Pictures;
  /** Made with the first packet: many slots are never used. */
  #sent: SentPackets | undefined;
  readonly #timeline: Timeline;
  #repeatSequence = 1;
  /** The splice is due: with the next packet another stream begins. */
  #fresh = true;
  readonly keyframeRequests = new RequestLimit();
  /** The last packet ended a picture. */
  #atPictureEnd = false;
  /** What was told of it last. */
  #told = "";
  /** It was told of a layer whose rate was not known yet. */
  lacksRate = false;
  sentAt: Millis = Number.NEGATIVE_INFINITY;
  packets = 0;
  octets = 0;
  repeats = 0;
  fractionLost = 0;
  /** Of the sender report sent last. */
  reportMiddle = 0;
  reportAt: Millis = Number.NEGATIVE_INFINITY;

  constructor(context: RoutingContext, transport: Transport, init: SlotInit) {
    this.#context = context;
    this.transport = transport;
    this.mid = init.mid;
    this.kind = init.kind;
    this.ssrc = init.ssrc;
    this.rtxSsrc = init.rtxSsrc;
    this.ids = extensionIds(init.extensions);
    this.#init = init;
    this.#codecs = init.codecs;
    const video = init.kind === "video";
    // Extended numbers start at one turn, so that the SSRC's low bits can begin anywhere and nothing gets below 0.
    this.#sequences = new Renumbering(video ? VIDEO_RING : AUDIO_RING, 0x10000 + (init.ssrc & 0x7fff));
    this.#pictures = new Pictures(init.ssrc & 0x3fff);
    this.#timeline = new Timeline(video ? 90_000 : 48_000);
  }

  is(init: SlotInit): boolean {
    return JSON.stringify(init) === JSON.stringify(this.#init);
  }

  /** Takes over the fields that are there. The publication is the router's matter. */
  wish(wish: SlotWish): void {
    if (wish.maxWidth !== undefined) this.maxWidth = wish.maxWidth;
    if (wish.maxHeight !== undefined) this.maxHeight = wish.maxHeight;
    if (wish.maxFrameRate !== undefined) this.maxFrameRate = wish.maxFrameRate;
    if (wish.paused !== undefined) this.paused = wish.paused;
    if (wish.priority !== undefined) this.priority = Math.max(-10, Math.min(10, wish.priority));
  }

  /** Whether any of a publication is wanted here at all. */
  get isWanted(): boolean {
    return !this.paused && this.maxWidth > 0 && this.maxHeight > 0;
  }

  /** AV1's spatial layers cannot be put together without the dependency descriptor: who did not negotiate it gets the lowest alone. */
  get takesSpatial(): boolean {
    return this.codec?.name !== "av1" || this.ids["dependency-descriptor"] !== 0;
  }

  bind(publication: Publication | undefined): void {
    this.publication = publication;
    this.target = -1;
    this.codec = undefined;
    this.#matched = undefined;
    this.restart();
  }

  /** What was sent before is over: the next packet begins anew. */
  restart(): void {
    this.current = -1;
    this.#fresh = true;
    this.#sent?.clear();
    this.#context.changed.add(this);
  }

  aim(now: Millis, encoding: number, spatial: number, temporal: number, reason: Reason): void {
    // Sound has one layer: the same aim again changes nothing, and large rooms have thousands of such slots.
    if (this.kind === "audio" && encoding === this.target && reason === this.reason && this.#told !== "") return;
    this.#context.changed.add(this);
    this.target = encoding;
    this.layers.targetSpatial = spatial;
    this.layers.targetTemporal = temporal;
    this.reason = reason;
    if (encoding === -1) {
      if (this.current !== -1) this.restart();
      return;
    }
    if (this.kind === "video") this.#askKeyframe(now);
  }

  /** What is to be told of it, where that has changed. */
  quality(): RouterEvent | undefined {
    const encoding = this.publication?.encodings[this.current];
    const reason: Reason = this.target !== -1 && encoding === undefined ? "waiting" : this.reason;
    const spatial = encoding === undefined ? -1 : Math.min(this.layers.spatial, Math.max(0, encoding.rates.topSpatial(0)));
    const temporal =
      encoding === undefined ? -1 : Math.min(this.layers.temporal, encoding.rates.topTemporal(0, Math.max(0, spatial)));
    const told = `${this.publication?.id} ${encoding?.index} ${spatial} ${temporal} ${reason}`;
    const bps = Math.round(encoding?.rates.upTo(spatial, temporal) ?? 0);
    if (told === this.#told && !(this.lacksRate && bps > 0)) return undefined;
    this.#told = told;
    this.lacksRate = encoding !== undefined && bps === 0;
    const layer = encoding === undefined ? null : { encoding: encoding.index, spatial, temporal, bps };
    const publication = this.publication?.id ?? null;
    return { type: "quality", transport: this.transport.index, mid: this.mid, publication, layer, reason };
  }

  /** What is aimed at begins with a key frame: another encoding, or a spatial layer above. */
  #askKeyframe(now: Millis): void {
    const encoding = this.publication?.encodings[this.target];
    if (encoding === undefined) return;
    if (this.target !== this.current) {
      // One that came a moment ago serves as well as one that is yet to be made.
      if (this.#fresh && encoding.keyframeAt >= 0 && now - encoding.keyframes.cameAt <= RECENT_MS) {
        this.#replay(now, encoding, encoding.keyframeAt, encoding.keyframeAt);
      }
      if (this.target !== this.current) encoding.keyframes.want(now, true);
      return;
    }
    const { awaitsKeyframe, targetSpatial, spatial } = this.layers;
    if (awaitsKeyframe) encoding.keyframes.want(now, true);
    else if (targetSpatial > spatial && encoding.rates.topSpatial(now) > spatial) encoding.keyframes.want(now, false);
  }

  /** Whether the receiver decodes what the publication is sent in, as far as that is known. */
  decodes(publication: Publication): boolean {
    const { [this.current]: current } = publication.encodings;
    const encoding = current?.codec !== undefined ? current : publication.encodings.find(({ codec }) => codec !== undefined);
    if (encoding === undefined) return true;
    if (encoding.codec !== this.#matched) this.#match(encoding);
    return this.codec !== undefined;
  }

  /** Whether it is to be given the audio packet that is at hand; `takesPrimary` and `codec` hold then. */
  wantsAudio(encoding: Encoding): boolean {
    if (this.target === -1) return false;
    if (encoding.codec !== this.#matched) this.#match(encoding);
    return true;
  }

  forwardAudio(now: Millis, encoding: Encoding, packet: CanonicalPacket, extended: number): void {
    if (this.codec === undefined) {
      this.#context.drops["no-codec"] += 1;
      return;
    }
    let marker = NONE;
    if (this.#fresh || this.current !== encoding.index) {
      this.#splice(now, encoding, packet.timestamp, extended);
      // A talkspurt begins (RFC 3551 §4.1).
      marker = 1;
    }
    const sequence = this.#sequences.keep(extended);
    if (sequence === UNKNOWN) {
      this.#context.drops["too-old"] += 1;
      return;
    }
    this.#emit(now, encoding, packet, extended, sequence, marker, NONE, NONE);
  }

  /** @param picture extended picture ID, −1: none */
  forwardVideo(
    now: Millis,
    encoding: Encoding,
    packet: CanonicalPacket,
    extended: number,
    info: PayloadInfo,
    picture: number,
  ): void {
    if (this.target === -1) return;
    if (encoding.index === this.current && encoding.codec !== this.#matched) {
      // The publisher changed its codec in the middle: go on with a key frame of the new one.
      this.restart();
      if (!info.keyframe) encoding.keyframes.want(now, true);
    }
    if (encoding.index !== this.current) {
      if (encoding.index !== this.target) return;
      if (!info.keyframe) {
        if (this.current === -1) this.#context.drops["waiting-for-key-frame"] += 1;
        return;
      }
      if (encoding.codec !== this.#matched) this.#match(encoding);
      if (this.codec === undefined) {
        this.#context.drops["no-codec"] += 1;
        return;
      }
      this.#switch(now, encoding, packet.timestamp, extended, info, picture);
      if (extended < encoding.sequences.highest) {
        // The key frame's first packet came late: the rest of it is here already.
        this.#send(now, encoding, packet, extended, info, picture);
        this.#replay(now, encoding, extended + 1, encoding.sequences.highest);
        return;
      }
    }
    this.#send(now, encoding, packet, extended, info, picture);
  }

  /** What was received of these numbers, out of the store. */
  #replay(now: Millis, encoding: Encoding, from: number, to: number): void {
    const info = this.#context.scratch;
    for (let extended = from; extended <= to; extended++) {
      const packet = encoding.store.get(extended);
      // Nobody was there to miss it when it was given up.
      if (packet === undefined && !encoding.nack.awaits(extended)) encoding.keyframes.want(now, true);
      if (packet === undefined || encoding.codec === undefined || !readStored(encoding, packet, info)) continue;
      const picture = info.pictureId < 0 ? -1 : encoding.extendPicture(info.pictureId, info.pictureIdBits);
      this.forwardVideo(now, encoding, packet, extended, info, picture);
    }
  }

  #send(now: Millis, encoding: Encoding, packet: CanonicalPacket, extended: number, info: PayloadInfo, picture: number): void {
    const { layers } = this;
    if (info.startOfFrame) {
      const { spatial, temporal } = layers;
      layers.move(info, extended, this.reason === "bandwidth");
      if (spatial !== layers.spatial || temporal !== layers.temporal) this.#context.changed.add(this);
    }
    const choice = layers.choose(info, extended, encoding.bonds);
    if (choice === "lack") encoding.keyframes.want(now, true);
    if (choice !== "send") {
      this.#leaveOut(now, extended, packet.timestamp, info, picture);
      return;
    }
    const sequence = this.#sequences.keep(extended);
    if (sequence === UNKNOWN) {
      this.#context.drops["too-old"] += 1;
      return;
    }
    const pictureId = this.#pictures.keep(encoding.codec?.name ?? "vp8", picture);
    const tl0 = this.#pictures.keepTl0(info.tl0PicIdx);
    // The layers above are cut off: the picture ends here, unless it is one of before the cut, and this came late.
    const isEnd = info.endOfFrame && info.spatialId === layers.spatial;
    const marker = isEnd && !this.#sent?.goesOn(sequence, this.#sequences.next, this.#timeline.map(packet.timestamp)) ? 1 : NONE;
    this.#emit(now, encoding, packet, extended, sequence, marker, pictureId, tl0);
  }

  /** A number that carries nothing. */
  passOver(now: Millis, encoding: Encoding, extended: number): void {
    if (encoding.index !== this.current || this.#fresh) return;
    const kept = this.#sequences.skip(extended);
    if (kept !== UNKNOWN) this.#fill(now, kept, this.#timeline.last);
  }

  /** Sends again what the receiver misses. @returns bytes sent */
  repeat(now: Millis, sequence16: number, rttMs: number): number {
    const { drops } = this.#context;
    const next = this.#sequences.next;
    const sequence = next + difference16(sequence16, next & 0xffff);
    const sent = this.#sent;
    const place = sent?.find(sequence) ?? -1;
    // Another encoding has begun since, with a key frame: nothing before that is needed any more, and a link that is full has no room for it.
    const isUseful = sent !== undefined && place >= 0 && sent.encoding[place] === this.current;
    const encoding = isUseful ? this.publication?.encodings[this.current] : undefined;
    const store = this.takesPrimary ? encoding?.primaries : encoding?.store;
    const packet = store?.get(sent?.source[place] as number);
    if (sent === undefined || packet === undefined || this.codec === undefined) {
      drops["repeat-unknown"] += 1;
      return 0;
    }
    const times = sent.repeats[place] as number;
    const since = now - (sent.at[place] as number);
    if (times >= MAX_REPEATS || since < MIN_REPEAT_MS || (times > 0 && since < rttMs * 0.8)) {
      drops["repeat-too-soon"] += 1;
      return 0;
    }
    sent.repeats[place] = times + 1;
    sent.at[place] = now;
    const { downlink } = this.transport;
    const { list } = this.#context.output;
    // A receiver that only receives knows no round trip, and asks again after 100 ms only: a repeat that is lost, too, is a picture that stands.
    const copies = downlink.spares && this.rtxSsrc !== undefined && this.codec.rtx !== undefined ? 2 : 1;
    let total = 0;
    for (let copy = 0; copy < copies; copy++) {
      const bytes = this.#addRepeat(list, packet, this.codec, sent, place, sequence);
      downlink.send(now, list, bytes, "rtx");
      this.repeats += 1;
      total += bytes;
    }
    return total;
  }

  /** For probes: repeats what was sent last (RFC 4588), or pads behind the end of a picture. @returns bytes; 0: neither can be */
  addPadding(_now: Millis, list: SendList, _bytes: number): number {
    const sent = this.#sent;
    if (this.codec === undefined || sent === undefined) return 0;
    const { padding } = this.#context;
    if (this.rtxSsrc !== undefined && this.codec.rtx !== undefined) {
      for (let sequence = this.#sequences.next - 1, end = sequence - PROBE_LOOK_BACK; sequence > end; sequence--) {
        const place = sent.find(sequence);
        const encoding = place < 0 ? undefined : this.publication?.encodings[sent.encoding[place] as number];
        const packet = encoding?.store.get(sent.source[place] as number);
        if (packet !== undefined && packet.payloadLength >= PROBE_BYTES) {
          return this.#addRepeat(list, packet, this.codec, sent, place, sequence);
        }
      }
      // Nothing to repeat, as when all is paused: bare padding, as browsers do it.
      const sequence = this.#repeatSequence++ & 0xffff;
      list.add(this.transport.index, padding, this.rtxSsrc, sequence, this.#timeline.last, this.codec.rtx, this.ids);
      return padding.wireLength;
    }
    if (this.current === -1 || !this.#atPictureEnd) return 0;
    const sequence = this.#sequences.insert() & 0xffff;
    list.add(this.transport.index, padding, this.ssrc, sequence, this.#timeline.last, this.codec.payloadType, this.ids);
    return padding.wireLength;
  }

  /** @returns bytes */
  #addRepeat(list: SendList, packet: CanonicalPacket, codec: Codec, sent: SentPackets, place: number, sequence: number): number {
    const rtx = this.rtxSsrc !== undefined && codec.rtx !== undefined;
    const at = list.add(
      this.transport.index,
      packet,
      rtx ? (this.rtxSsrc as number) : this.ssrc,
      rtx ? this.#repeatSequence++ & 0xffff : sequence & 0xffff,
      sent.timestamp[place] as number,
      rtx ? (codec.rtx as number) : codec.payloadType,
      this.ids,
    );
    if (rtx) list.originalSequence[at] = sequence & 0xffff;
    list.marker[at] = sent.marker[place] as number;
    list.pictureId[at] = sent.pictureId[place] as number;
    list.tl0PicIdx[at] = sent.tl0PicIdx[place] as number;
    return packet.wireLength + (rtx ? 2 : 0);
  }

  /** RTP timestamp of this slot at `ntpMs` of the publisher's clock; undefined: not known. */
  timestampAt(ntpMs: number): number | undefined {
    const encoding = this.publication?.encodings[this.current];
    if (encoding === undefined || !encoding.clock.known) return undefined;
    return this.#timeline.map(encoding.clock.toTimestamp(ntpMs));
  }

  #match(encoding: Encoding): void {
    this.#matched = encoding.codec;
    const sent = encoding.codec;
    this.codec = sent === undefined ? undefined : matchCodec(sent, this.#codecs);
    this.takesPrimary = false;
    if (this.codec === undefined && sent?.name === "red") {
      this.codec = matchCodec({ ...sent, name: "opus" }, this.#codecs);
      this.takesPrimary = this.codec !== undefined;
    }
    this.#context.changed.add(this);
  }

  #splice(now: Millis, encoding: Encoding, timestamp: number, extended: number): void {
    const before = this.#fresh ? undefined : this.publication?.encodings[this.current]?.clock;
    this.#timeline.splice(now, timestamp, before, encoding.clock);
    this.#sequences.restart(extended);
    this.#fresh = false;
    this.current = encoding.index;
    // Other clocks hold from here on: the receiver should know at once, or it would keep step by those of before.
    this.reportAt = Number.NEGATIVE_INFINITY;
    this.reportMiddle = 0;
    this.#context.changed.add(this);
  }

  #switch(now: Millis, encoding: Encoding, timestamp: number, extended: number, info: PayloadInfo, picture: number): void {
    this.#splice(now, encoding, timestamp, extended);
    this.layers.begin();
    this.#pictures.begin(info, picture);
  }

  #leaveOut(now: Millis, extended: number, timestamp: number, info: PayloadInfo, picture: number): void {
    this.#context.drops.layer += 1;
    if (info.temporalId > this.layers.temporal) this.#pictures.skip(picture);
    const kept = this.#sequences.skip(extended);
    // It came late and its place is waited for.
    if (kept !== UNKNOWN) this.#fill(now, kept, this.#timeline.map(timestamp));
  }

  /** Sends padding in the place of something that is not wanted. */
  #fill(now: Millis, sequence: number, timestamp: number): void {
    if (this.codec === undefined) return;
    const { filler } = this.#context;
    const { list } = this.#context.output;
    const { payloadType } = this.codec;
    list.add(this.transport.index, filler, this.ssrc, sequence & 0xffff, timestamp, payloadType, this.ids);
    this.transport.downlink.send(now, list, filler.wireLength, "media");
  }

  #emit(
    now: Millis,
    encoding: Encoding,
    packet: CanonicalPacket,
    extended: number,
    sequence: number,
    marker: number,
    pictureId: number,
    tl0: number,
  ): void {
    const { list } = this.#context.output;
    const timestamp = this.#timeline.map(packet.timestamp);
    this.#timeline.sent(now, timestamp);
    const bytes = packet.wireLength;
    const at = list.add(
      this.transport.index,
      packet,
      this.ssrc,
      sequence & 0xffff,
      timestamp,
      // Callers have checked it.
      (this.codec as Codec).payloadType,
      this.ids,
    );
    list.marker[at] = marker;
    list.pictureId[at] = pictureId;
    list.tl0PicIdx[at] = tl0;
    this.#sent ??= new SentPackets(this.kind === "video" ? VIDEO_RING : AUDIO_RING);
    this.#sent.note(now, sequence, extended, encoding.index, list, at);
    this.#atPictureEnd = marker === NONE ? packet.marker : marker === 1;
    this.packets += 1;
    this.octets += packet.payloadLength;
    this.sentAt = now;
    this.transport.downlink.send(now, list, bytes, this.kind === "audio" ? "audio" : "media");
  }
}
