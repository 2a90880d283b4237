/** One RTCPeerConnection with the SFU: its senders, its slots, its channels, and the offers over it, one at a time. */
import type {
  Publication,
  SfuAnswer,
  SfuControlEvent,
  SfuData,
  SfuDescription,
  SfuReceive,
  SfuSend,
  SfuWish,
} from "@tsunagi/protocol";
import { sortCodecs } from "../media/media-options.ts";
import { type EncodingParameters, listen, type PeerConnectionPort, type SendParameters, type TransceiverPort } from "../ports.ts";
import type { RoomView } from "../room/room-media.ts";
import { Channels } from "./channels.ts";
import { packDescription, unpackDescription } from "./description.ts";
import { encodingsFor, hintFor } from "./encodings.ts";
import { forwardedCodecs } from "./forwarded-codecs.ts";
import { Health } from "./health.ts";
import type { OwnTrack } from "./own-tracks.ts";
import type { Wanted } from "./subscription.ts";
import { Wishes } from "./wishes.ts";

/** Beyond what is needed now, so that not each one who comes costs an offer. */
const MAX_SPARE = 4;
/** A mid section stays in the description for good, so there is an end (sfu-offer). */
const MAX_SLOTS = 256;
/** From the answer to the first connection: straight to the SFU, and where a relay and slow DNS may be needed. */
const DIRECT_MS = 4_000;
const RELAY_MS = 8_000;
const DEPENDENCY_DESCRIPTOR = "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension";
/** Repairs of what is lost: not codecs of their own. */
const REPAIRS: readonly string[] = ["video/rtx", "audio/rtx"];

export type Slot = {
  readonly transceiver: TransceiverPort;
  readonly kind: "audio" | "video";
  publication: string | null;
  /** How many publications it has had: its track may still show the end of the one before. */
  uses: number;
};

type Sender = { readonly transceiver: TransceiverPort; readonly layout: string; busy: Promise<unknown> };

export type TransportHost = {
  readonly room: RoomView;
  /** What is to be sent, and what is to be received, from now on. */
  readonly own: () => readonly OwnTrack[];
  readonly wanted: () => readonly Publication[];
  readonly expectsFlow: () => boolean;
  readonly request: (
    offer: SfuDescription & {
      readonly epoch: number;
      readonly send: readonly SfuSend[];
      readonly receive: readonly SfuReceive[];
    },
  ) => Promise<SfuAnswer>;
  readonly onNegotiated: (transport: SfuTransport) => void;
  readonly onConnected: (transport: SfuTransport) => void;
  /** It cannot be saved: another one is needed. */
  readonly onLost: (transport: SfuTransport, why: string, error?: unknown) => void;
  readonly onControlOpen: (transport: SfuTransport) => void;
  readonly onControl: (transport: SfuTransport, event: SfuControlEvent) => void;
  readonly onData: (data: SfuData) => void;
  /** What is wanted of a publication in a slot. */
  readonly wishOf: (publication: string) => Wanted | undefined;
};

export class SfuTransport {
  readonly epoch: number;
  readonly pc: PeerConnectionPort;
  readonly channels: Channels;
  readonly health: Health;
  readonly wishes: Wishes;
  readonly #host: TransportHost;
  readonly #senders = new Map<string, Sender>();
  readonly #slots: Slot[] = [];
  readonly #ends: (() => void)[];
  #offering = false;
  #again = false;
  #closed = false;
  #wasConnected = false;
  #answered = false;

  /** @param direct without STUN and TURN: the SFU learns the client's address from its checks (RFC 8445 §7.3.1.3), so that it needs neither */
  constructor(epoch: number, direct: boolean, host: TransportHost) {
    this.epoch = epoch;
    this.#host = host;
    const { room } = host;
    const { platform } = room.host;
    const { e2ee, iceTransportPolicy } = room.options;
    const transforms = e2ee?.encodedInsertableStreams === true ? { encodedInsertableStreams: true } : {};
    const policy = iceTransportPolicy ?? room.host.iceTransportPolicy;
    const config = room.host.config(policy);
    const servers = direct && config.iceTransportPolicy !== "relay" ? { iceServers: [] } : {};
    this.pc = platform.peerConnections.create({ ...config, ...servers, ...transforms });
    this.channels = new Channels(this.pc, room.log, {
      onControlOpen: () => host.onControlOpen(this),
      onControl: (event) => host.onControl(this, event),
      onData: host.onData,
    });
    this.health = new Health({
      clock: platform.clock,
      pc: this.pc,
      expectsFlow: host.expectsFlow,
      signalOpen: room.host.signalOpen,
      probe: room.host.probe,
      connectMs: direct ? DIRECT_MS : RELAY_MS,
      onLost: (why) => this.#lost(why),
    });
    this.wishes = new Wishes({
      clock: platform.clock,
      // The SFU knows slots only from the answer on.
      isOpen: () => this.channels.controlOpen && !this.#offering,
      read: () => this.#readWishes(),
      send: (request) => this.channels.request(request),
    });
    this.#ends = [listen(this.pc, "connectionstatechange", () => this.#onState())];
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** It is connected, or was: it should come to life again by itself or is lost. */
  get wasConnected(): boolean {
    return this.#wasConnected;
  }

  get connected(): boolean {
    return this.pc.connectionState === "connected";
  }

  get slots(): readonly Slot[] {
    return this.#slots;
  }

  /** No more can be received at once. */
  get full(): boolean {
    return this.#slots.length >= MAX_SLOTS;
  }

  slotOf(publication: string): Slot | undefined {
    return this.#slots.find((slot) => slot.publication === publication);
  }

  slotByMid(mid: string): Slot | undefined {
    return this.#slots.find(({ transceiver }) => transceiver.mid === mid);
  }

  /** Brings slots in step with what is wanted. True: an offer is needed for some of it. */
  assign(): boolean {
    const wanted = new Map(this.#host.wanted().map((publication) => [publication.id, publication]));
    for (const slot of this.#slots) {
      if (slot.publication === null) continue;
      if (!wanted.delete(slot.publication)) this.#fill(slot, null);
    }
    const missing = [...wanted.values()].filter((publication) => {
      const free = this.#slots.find(({ kind, publication: id }) => id === null && kind === publication.kind);
      if (free !== undefined) this.#fill(free, publication);
      return free === undefined;
    });
    if (this.full) return false;
    for (const kind of ["audio", "video"] as const) {
      const needed = missing.filter((publication) => publication.kind === kind);
      const exist = this.#slots.filter((slot) => slot.kind === kind).length;
      const spare = exist === 0 || needed.length === 0 ? 0 : Math.min(MAX_SPARE, exist >> 1);
      for (let count = 0; count < needed.length + spare && this.#slots.length < MAX_SLOTS; count++) {
        this.#addSlot(kind, needed[count]);
      }
    }
    return missing.length > 0;
  }

  /** Offers what is wanted now; while an offer waits for its answer, once more after that. */
  negotiate(): void {
    if (this.#closed) return;
    if (this.#offering) {
      this.#again = true;
      return;
    }
    this.#offering = true;
    this.#again = false;
    this.#negotiate().then(
      () => {
        this.#offering = false;
        if (this.#closed) return;
        this.health.negotiated();
        this.wishes.changed(true);
        this.#host.onNegotiated(this);
        if (this.#again) this.negotiate();
      },
      (error: unknown) => {
        this.#offering = false;
        this.#lost("an offer failed", error);
      },
    );
  }

  /** Which encodings of an own publication are wanted, low to high; undefined: all. */
  setActive(publication: string, encodings: readonly boolean[] | undefined): void {
    const sender = this.#senders.get(publication);
    if (sender === undefined) return;
    this.#change(sender, (parameters) => {
      let changed = false;
      for (const [index, encoding] of parameters.encodings.entries()) {
        const active = encodings?.[index] ?? encodings === undefined;
        if ((encoding.active ?? true) !== active) changed = true;
        encoding.active = active;
      }
      return changed;
    });
  }

  /** Sends the publication's track from now on. False: that needs an offer. */
  async replaceTrack(own: OwnTrack): Promise<boolean> {
    const sender = this.#senders.get(own.id);
    if (sender === undefined || sender.layout !== layoutOf(this.#encodings(own))) return false;
    return sender.transceiver.sender.replaceTrack(own.track).then(
      () => true,
      (error: unknown) => {
        this.#host.room.log.info({ error }, "a track is replaced by negotiation");
        this.#stop(own.id, sender);
        return false;
      },
    );
  }

  /** Bitrates and preferences of the room's options. */
  configure(): void {
    for (const own of this.#host.own()) {
      const sender = this.#senders.get(own.id);
      if (sender !== undefined) this.#configure(sender, own);
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.wishes.stop();
    this.health.stop();
    this.channels.release();
    for (const end of this.#ends) end();
    this.pc.close();
  }

  // ---- Offers ------------------------------------------------------------------------------------------------------------------

  async #negotiate(): Promise<void> {
    const { pc } = this;
    const own = this.#host.own();
    this.#syncSenders(own);
    this.assign();
    // What comes in a section before its answer is applied, Firefox never takes.
    const held = new Set(this.#answered ? this.#slots.filter(({ transceiver }) => transceiver.mid === null) : []);
    await pc.setLocalDescription();
    if (this.#closed) return;
    const sdp = pc.localDescription?.sdp ?? "";
    const send: SfuSend[] = [];
    for (const each of own) {
      const mid = this.#senders.get(each.id)?.transceiver.mid;
      const { id, peerId: _, ...rest } = each.publication;
      if (mid === undefined || mid === null) continue;
      send.push({ ...rest, mid, publication: id });
      each.offered = true;
    }
    const receive: SfuReceive[] = [];
    for (const slot of this.#slots) {
      const { kind, publication } = slot;
      const { mid } = slot.transceiver;
      if (mid === null) continue;
      const hold = held.has(slot);
      receive.push({ mid, kind, publication, ...(hold && { held: true }) });
      this.wishes.offered(mid, hold ? null : publication);
    }
    const { compression } = this.#host.room.host.platform;
    const description = await packDescription(sdp, compression);
    if (this.#closed) return;
    const answer = await unpackDescription(
      await this.#host.request({ epoch: this.epoch, ...description, send, receive }),
      compression,
    );
    if (this.#closed) return;
    await pc.setRemoteDescription({ type: "answer", sdp: answer });
    this.#answered = true;
    if (!this.#closed) this.configure();
  }

  #syncSenders(own: readonly OwnTrack[]): void {
    const kept = new Set(own.map(({ id }) => id));
    for (const [id, sender] of this.#senders) if (!kept.has(id)) this.#stop(id, sender);
    for (const each of own) {
      const encodings = this.#encodings(each);
      const layout = layoutOf(encodings);
      const sender = this.#senders.get(each.id);
      if (sender?.layout === layout) {
        const { sender: rtp } = sender.transceiver;
        if (rtp.track !== each.track) void rtp.replaceTrack(each.track).catch(() => {});
        continue;
      }
      // Another camera, of which there should be more or fewer sizes: the same publication goes on in another section.
      if (sender !== undefined) this.#stop(each.id, sender);
      this.#senders.set(each.id, { transceiver: this.#addSender(each, encodings), layout, busy: Promise.resolve() });
    }
  }

  #addSender(own: OwnTrack, encodings: EncodingParameters[]): TransceiverPort {
    const { room } = this.#host;
    const { track, publication } = own;
    const hint = hintFor(track, publication.source, room.options);
    if (track.contentHint !== hint) track.contentHint = hint;
    const stream = room.tracks.get(track as never);
    const init = { direction: "sendonly" as const, ...(stream === undefined ? {} : { streams: [stream] }) };
    const transceiver = this.#try(
      () => this.pc.addTransceiver(track, { ...init, ...(encodings.length === 0 ? {} : { sendEncodings: encodings }) }),
      // webrtc-svc: a mode that none of the browser's codecs has is an error.
      () => this.pc.addTransceiver(track, { ...init, sendEncodings: encodings.map(({ scalabilityMode: _, ...rest }) => rest) }),
    );
    this.#preferCodecs(transceiver, publication.kind, true);
    if (encodings.some(({ scalabilityMode }) => scalabilityMode !== undefined)) takeDescriptors(transceiver);
    room.options.e2ee?.onSender(transceiver.sender, publication);
    return transceiver;
  }

  #encodings({ track, publication }: OwnTrack): EncodingParameters[] {
    return encodingsFor(track, publication.source, this.#host.room.options);
  }

  #readWishes(): readonly SfuWish[] {
    const wishes: SfuWish[] = [];
    for (const { transceiver, publication } of this.#slots) {
      if (transceiver.mid === null) continue;
      const wanted = publication === null ? undefined : this.#host.wishOf(publication);
      wishes.push({ mid: transceiver.mid, publication, ...wanted });
    }
    return wishes;
  }

  #stop(id: string, { transceiver }: Sender): void {
    this.#senders.delete(id);
    transceiver.stop();
  }

  #addSlot(kind: "audio" | "video", publication: Publication | undefined): void {
    const transceiver = this.pc.addTransceiver(kind, { direction: "recvonly" });
    this.#preferCodecs(transceiver, kind, false);
    if (kind === "video") takeDescriptors(transceiver);
    const slot: Slot = { transceiver, kind, publication: null, uses: 0 };
    this.#slots.push(slot);
    if (publication !== undefined) this.#fill(slot, publication);
  }

  #fill(slot: Slot, publication: Publication | null): void {
    slot.publication = publication?.id ?? null;
    if (publication !== null) slot.uses += 1;
    this.#host.room.options.e2ee?.onReceiver(slot.transceiver.receiver, publication);
  }

  /** In slots all stay that the SFU forwards, so that any publication fits in. */
  #preferCodecs(transceiver: TransceiverPort, kind: "audio" | "video", sending: boolean): void {
    const { options, host, log } = this.#host.room;
    const preferred = sending ? (kind === "audio" ? options.audioCodec : options.videoCodec) : undefined;
    const codecs = host.platform.peerConnections.codecs(kind);
    if (codecs === undefined) return;
    const allowed = options.e2ee?.codecs;
    const names = allowed && [...allowed, ...REPAIRS].map((name) => name.toLowerCase());
    const usable = forwardedCodecs(codecs).filter(
      ({ mimeType }) => names === undefined || names.includes(mimeType.toLowerCase()),
    );
    try {
      transceiver.setCodecPreferences?.(sortCodecs(usable, kind, preferred ?? []));
    } catch (error) {
      log.warn({ error, preferred }, "the browser refused the codec preference");
    }
  }

  // ---- Sending -----------------------------------------------------------------------------------------------------------------

  #configure(sender: Sender, own: OwnTrack): void {
    const { options } = this.#host.room;
    const { publication } = own;
    const wanted = this.#encodings(own);
    const preference = options.degradationPreference ?? (publication.source === "screen" ? "maintain-resolution" : undefined);
    this.#change(sender, (parameters) => {
      let changed = false;
      if (preference !== undefined && publication.kind === "video" && parameters.degradationPreference !== preference) {
        parameters.degradationPreference = preference;
        changed = true;
      }
      for (const [index, encoding] of parameters.encodings.entries()) {
        const { maxBitrate } = wanted[index] ?? {};
        if (encoding.maxBitrate === maxBitrate) continue;
        if (maxBitrate === undefined) delete encoding.maxBitrate;
        else encoding.maxBitrate = maxBitrate;
        changed = true;
      }
      return changed;
    });
  }

  /** One change after another: parameters that were read before another change are refused (webrtc-pc, setParameters). */
  #change(sender: Sender, change: (parameters: SendParameters) => boolean): void {
    sender.busy = sender.busy.then(async () => {
      if (this.#closed) return;
      const parameters = sender.transceiver.sender.getParameters();
      if (!change(parameters)) return;
      await sender.transceiver.sender.setParameters(parameters).catch((error: unknown) => {
        this.#host.room.log.warn({ error }, "the browser refused the sending parameters");
      });
    });
  }

  // ---- State -------------------------------------------------------------------------------------------------------------------

  #onState(): void {
    this.health.stateChanged();
    if (!this.connected) return;
    this.#wasConnected = true;
    this.#host.onConnected(this);
  }

  #lost(why: string, error?: unknown): void {
    if (this.#closed) return;
    this.#host.onLost(this, why, error);
  }

  #try<T>(first: () => T, second: () => T): T {
    try {
      return first();
    } catch (error) {
      this.#host.room.log.info({ error }, "the browser refused the encodings");
      return second();
    }
  }
}

/** What cannot be changed while a section lives. */
function layoutOf(encodings: readonly EncodingParameters[]): string {
  return encodings.map(({ rid, scalabilityMode }) => `${rid} ${scalabilityMode}`).join();
}

/** Chromium offers them by itself only where it sends several layers; without them a receiver cannot put AV1's spatial layers together. */
function takeDescriptors(transceiver: TransceiverPort): void {
  const extensions = transceiver.getHeaderExtensionsToNegotiate?.();
  if (!extensions?.some(({ uri }) => uri === DEPENDENCY_DESCRIPTOR)) return;
  transceiver.setHeaderExtensionsToNegotiate?.(
    extensions.map((each) => (each.uri === DEPENDENCY_DESCRIPTOR ? { ...each, direction: "sendrecv" } : each)),
  );
}
