/** The media of an SFU room: own publications, subscriptions with their slots, and the transport that carries them. */
import { CodedError, type JsonValue } from "@tsunagi/base";
import type {
  Member,
  Publication,
  PublicationUpdated,
  Published,
  SfuAnswer,
  SfuControlEvent,
  SfuData,
  SfuReset,
  Unpublished,
} from "@tsunagi/protocol";
import { asCoded, serverError } from "../errors.ts";
import { type MediaOptions, receives } from "../media/media-options.ts";
import type { MediaStream, MediaStreamPort, MediaStreamTrackPort, RTCPeerConnection } from "../ports.ts";
import type { MemberLinkState } from "../room/room-events.ts";
import type { MeshMediaPort, RoomView, SfuMediaPort } from "../room/room-media.ts";
import type { ConnectionStats } from "../stats/index.ts";
import { Attachments } from "./attachments.ts";
import { Display } from "./display.ts";
import { loudness } from "./loudness.ts";
import { MemberQuality } from "./member-quality.ts";
import { MemberStats } from "./member-stats.ts";
import { MOVED_TOPIC, Moving } from "./moving.ts";
import { type OwnTrack, OwnTracks } from "./own-tracks.ts";
import { FINAL, REFUSALS } from "./refusals.ts";
import { RemoteStreams } from "./remote-streams.ts";
import { Standby } from "./standby.ts";
import { Subscription } from "./subscription.ts";
import { SfuTransport, type TransportHost } from "./transport.ts";
import { Transports } from "./transports.ts";

/** Changes that come together become one offer. */
const BATCH_MS = 20;
const E2EE_TOPIC = "$e2ee";

export class SfuMedia implements SfuMediaPort {
  readonly #room: RoomView;
  readonly #own: OwnTracks;
  readonly #publications: Map<string, Publication>;
  readonly #subscriptions = new Map<string, Subscription>();
  /** By `subscribe` and `unsubscribe`; the rest follows the room's option. */
  readonly #chosen = new Map<string, boolean>();
  readonly #transports: Transports;
  readonly #streams: RemoteStreams;
  readonly #moving: Moving | undefined;
  readonly #attachments = new Attachments();
  readonly #stats = new MemberStats();
  readonly #quality: MemberQuality;
  readonly #display: Display;
  readonly #standby: Standby;
  /** Own publications that an answer has taken, and those that were refused. */
  readonly #accepted = new Set<string>();
  readonly #refused = new Set<string>();
  /** Codes told since an offer was taken last. */
  readonly #complaints = new Set<string>();
  #cancelBatch: (() => void) | undefined;
  #cancelAssign: (() => void) | undefined;
  #speaker: string | null = null;
  #closed = false;

  constructor(room: RoomView, publications: readonly Publication[], mesh: MeshMediaPort | undefined) {
    this.#room = room;
    this.#publications = new Map(publications.map((publication) => [publication.id, publication]));
    this.#own = new OwnTracks(room);
    this.#moving = mesh && new Moving(room, mesh, (peerId) => this.#hasArrived(peerId));
    this.#streams = new RemoteStreams({
      createStream: () => room.host.platform.peerConnections.createStream(),
      adopt: (peerId, name) => this.#moving?.adopt(peerId, name),
      onStream: (stream) => room.emit("stream", stream),
      onStreamRemoved: (stream) => room.emit("streamremoved", stream),
      onTrackReplaced: (stream, track, old) => room.emit("trackReplaced", { stream, track, old }),
    });
    const { clock } = room.host.platform;
    this.#transports = new Transports({
      clock,
      signalOpen: room.host.signalOpen,
      create: (epoch, direct) => {
        // A new one sends all, until it is told otherwise.
        this.#standby.stop();
        for (const own of this.#own.all) this.#setPaused(own, false);
        return new SfuTransport(epoch, direct, this.#transportHost());
      },
      onState: (state) => this.#onState(state),
    });
    this.#standby = new Standby({
      clock,
      activate: (publication, encodings) => this.#transports.active?.setActive(publication, encodings),
      inCompany: () => room.members.size > 0,
    });
    this.#display = new Display({
      clock,
      streams: this.#streams,
      subscriptions: this.#subscriptions,
      isShown: (publication) => this.#streams.isAdopted(publication),
      onBound: () => {
        this.attachedChanged();
        this.#moving?.check();
      },
      onLimited: (subscription) => room.emit("qualityChanged", subscription),
      onSettled: (transport) => transport === this.#transports.active && this.#transports.dropOld(),
    });
    this.#quality = new MemberQuality({
      clock,
      read: (stats) => this.#readStats(stats, [...room.members.keys()]),
      onChange: (peerId, report) => room.emit("quality", { peerId, ...report }),
    });
    this.#syncSubscriptions();
  }

  get publications(): ReadonlyMap<string, Publication> {
    return this.#publications;
  }

  get ownPublications(): ReadonlyMap<string, Publication> {
    return this.#own.publications;
  }

  get subscriptions(): ReadonlyMap<string, Subscription> {
    return this.#subscriptions;
  }

  get remoteStreams(): ReadonlyMap<string, readonly MediaStream[]> {
    return new Map([...(this.#moving?.streams ?? []), ...this.#streams.byPeer]);
  }

  start(): void {
    const { name, self, members, host, log, options } = this.#room;
    if (self === undefined) return;
    const { clock, random } = host.platform;
    options.e2ee?.start({
      room: name,
      self,
      members,
      clock,
      random,
      log,
      send: (data, to) => host.send({ type: "room-data", room: name, topic: E2EE_TOPIC, data, to }),
      fail: (error) => this.#room.report(asCoded(error, "connection.transport.failed")),
    });
    for (const peerId of members.keys()) this.#room.emit("memberState", { peerId, state: "connecting" });
    this.#transports.open();
  }

  handle(message: Published | Unpublished | PublicationUpdated | SfuReset): void {
    switch (message.type) {
      case "published":
      case "publication-updated": {
        const { publication } = message;
        const known = this.#publications.has(publication.id);
        this.#publications.set(publication.id, publication);
        this.#subscriptions.get(publication.id)?.updated(publication);
        this.#room.emit(known ? "publicationUpdated" : "published", publication);
        if (!known) this.#changed();
        return;
      }
      case "unpublished":
        this.#unpublished([message.publication]);
        return;
      case "sfu-reset":
        this.#transports.reset(message.epoch);
        return;
      default:
        message satisfies never;
    }
  }

  handleTopic(from: string | undefined, topic: string, data: JsonValue): void {
    if (from === undefined) return;
    if (topic === E2EE_TOPIC) this.#room.options.e2ee?.handleData(from, data);
    else if (topic === MOVED_TOPIC) this.#moving?.heard(from);
  }

  memberJoined(member: Member): void {
    this.#room.options.e2ee?.memberJoined(member);
    this.#standby.memberJoined();
    this.#room.emit("memberState", { peerId: member.peerId, state: this.#transports.state });
  }

  memberLeft(peerId: string): void {
    this.#room.options.e2ee?.memberLeft(peerId);
    this.#standby.memberLeft();
    this.#quality.forget(peerId);
    this.#unpublished([...this.#publications.values()].filter((each) => each.peerId === peerId).map(({ id }) => id));
  }

  // ---- What the application wants ----------------------------------------------------------------------------------------------

  subscribe(publicationId: string): void {
    this.#chosen.set(publicationId, true);
    this.#changed();
  }

  unsubscribe(publicationId: string): void {
    this.#chosen.set(publicationId, false);
    this.#changed();
  }

  setLastN(n: number | null): void {
    this.#transports.active?.channels.request({ type: "last-n", n });
  }

  attachedChanged(): void {
    this.#attachments.update(this.#room.attached, this.#subscriptions.values());
  }

  send(data: JsonValue, topic: string, reliable: boolean, to: readonly string[] | undefined): boolean {
    return this.#transports.active?.channels.send(data, topic, reliable, to) === true;
  }

  setMuted(track: MediaStreamTrackPort, muted: boolean): void {
    const own = this.#own.of(track);
    if (own === undefined || own.publication.muted === muted) return;
    this.#own.setMuted(own, muted);
    this.#tellMuted(own);
  }

  addTrack(track: MediaStreamTrackPort, stream: MediaStreamPort): void {
    this.#own.add(track, stream);
    this.#schedule();
  }

  removeTrack(track: MediaStreamTrackPort): void {
    const own = this.#own.remove(track);
    if (own === undefined) return;
    this.#standby.forget(own.id);
    this.#schedule();
  }

  async replaceTrack(old: MediaStreamTrackPort, next: MediaStreamTrackPort | null, stream?: MediaStreamPort): Promise<void> {
    if (next === null) {
      this.removeTrack(old);
      return;
    }
    const muted = this.#own.of(old)?.publication.muted;
    const own = this.#own.replace(old, next, stream);
    if (own === undefined) return;
    if (own.publication.muted !== muted) this.#tellMuted(own);
    const active = this.#transports.active;
    if (active !== undefined && !(await active.replaceTrack(own)) && !this.#closed) this.#schedule();
  }

  replaceStream(before: MediaStreamPort | null, next: MediaStreamPort | null): void {
    const leaving = this.#own.all.filter(({ stream, track }) => stream === before && !this.#room.tracks.has(track));
    const staying = this.#own.all.some(({ stream }) => stream === before);
    if (before !== null && next !== null && staying) this.#own.succeed(before, next);
    for (const track of next?.getTracks() ?? []) {
      const own = this.#own.of(track);
      const index = leaving.findIndex(({ publication }) => publication.kind === track.kind);
      const [replaced] = own === undefined && index >= 0 ? leaving.splice(index, 1) : [];
      const stream = next as MediaStreamPort;
      if (own !== undefined) own.stream = stream;
      else if (replaced === undefined) this.addTrack(track, stream);
      else void this.replaceTrack(replaced.track, track, stream);
    }
    for (const { track } of leaving) this.removeTrack(track);
  }

  async configure(change: MediaOptions): Promise<void> {
    if (change.iceTransportPolicy !== undefined) this.renew("iceTransportPolicy changed");
    else if (change.videoReceiveEnabled !== undefined || change.audioReceiveEnabled !== undefined) this.#changed();
    // Another codec may want other encodings.
    if (change.videoCodec !== undefined || change.audioCodec !== undefined) this.renew("another codec is preferred");
    this.#transports.active?.configure();
  }

  getStats(peerId?: string): Promise<Map<string, ConnectionStats>> {
    const members = [...this.#room.members.keys(), this.#room.self?.peerId ?? ""];
    return this.#readStats(
      this.#stats,
      members.filter((id) => peerId === undefined || id === peerId),
    );
  }

  getPeerConnections(): Map<string, RTCPeerConnection> {
    const pc = this.#transports.active?.pc;
    return new Map(pc === undefined ? [] : [["sfu", pc as RTCPeerConnection]]);
  }

  signalResumed(info: { readonly restored: boolean; readonly doubtful: boolean }): void {
    this.#transports.signalResumed(info);
  }

  renew(why: string): void {
    this.#room.log.info({ why }, "a new connection with the SFU");
    this.#transports.open();
  }

  release(): void {
    this.#closed = true;
    this.#cancelBatch?.();
    this.#cancelAssign?.();
    this.#quality.stop();
    this.#standby.stop();
    this.#moving?.release();
    this.#unpublished([...this.#publications.keys()]);
    this.#transports.close();
    this.#room.options.e2ee?.stop();
  }

  // ---- Publications and subscriptions ------------------------------------------------------------------------------------------

  #unpublished(ids: readonly string[]): void {
    for (const id of ids) {
      const publication = this.#publications.get(id);
      if (publication === undefined) continue;
      this.#publications.delete(id);
      this.#chosen.delete(id);
      this.#syncSubscriptions();
      this.#room.emit("unpublished", publication);
    }
    if (ids.length > 0) this.#changed();
  }

  #wants({ id, kind }: Publication): boolean {
    const { options } = this.#room;
    return (this.#chosen.get(id) ?? options.subscribe !== "manual") && receives(options, kind);
  }

  #syncSubscriptions(): void {
    for (const [id, subscription] of this.#subscriptions) {
      const publication = this.#publications.get(id);
      if (publication !== undefined && this.#wants(publication)) continue;
      this.#subscriptions.delete(id);
      this.#display.forget(subscription);
    }
    for (const [id, publication] of this.#publications) {
      if (this.#subscriptions.has(id) || !this.#wants(publication)) continue;
      const { watchElement } = this.#room.host.platform;
      const changed = () => this.#transports.active?.wishes.changed(false);
      this.#subscriptions.set(id, new Subscription(publication, { changed, watchElement }));
    }
  }

  /** What is to be received has changed: slots are filled anew, by an offer only where there are too few. */
  #changed(): void {
    if (this.#closed) return;
    this.#syncSubscriptions();
    // Hundreds may come in one turn.
    this.#cancelAssign ??= this.#room.host.platform.clock.after(0, () => {
      this.#cancelAssign = undefined;
      const active = this.#transports.active;
      if (active === undefined) return;
      if (active.assign() || this.#transports.held) this.#schedule();
      active.wishes.changed(true);
      this.#display.show(active);
    });
  }

  #schedule(): void {
    if (this.#closed) return;
    this.#cancelBatch ??= this.#room.host.platform.clock.after(BATCH_MS, () => {
      this.#cancelBatch = undefined;
      if (this.#transports.held) this.#transports.open();
      else this.#transports.active?.negotiate();
    });
  }

  #tellMuted({ id, offered, publication: { muted } }: OwnTrack): void {
    if (!offered) return;
    const { name, host, log } = this.#room;
    host
      .request((re) => ({ type: "update-publication", id: re, room: name, publication: id, muted }))
      .catch((error: unknown) => log.warn({ error }, "the others could not be told of a mute"));
  }

  // ---- The transport -----------------------------------------------------------------------------------------------------------

  #transportHost(): TransportHost {
    const room = this.#room;
    return {
      room,
      own: () => (room.self?.receiveOnly === true ? [] : this.#own.all.filter(({ id }) => !this.#refused.has(id))),
      wanted: () => [...this.#subscriptions.values()].map(({ publication }) => publication),
      wishOf: (id) => this.#subscriptions.get(id)?.wanted,
      expectsFlow: () =>
        [...this.#subscriptions.values()].some(({ layer, publication }) => layer !== null && publication.source === "camera"),
      request: (offer) => room.host.request<SfuAnswer>((id) => ({ type: "sfu-offer", id, room: room.name, ...offer })),
      onNegotiated: (transport) => {
        for (const { id, offered } of this.#own.all) if (offered) this.#accepted.add(id);
        this.#transports.negotiated();
        this.#complaints.clear();
        this.#display.show(transport);
      },
      onConnected: (transport) => {
        this.#transports.connected(transport);
        this.#moving?.connected();
        this.#display.show(transport);
      },
      onLost: (transport, why, error) => this.#onLost(transport, why, error),
      onControlOpen: (transport) => {
        transport.wishes.changed(true);
        const { lastN } = room.options;
        if (lastN !== undefined) transport.channels.request({ type: "last-n", n: lastN });
      },
      onControl: (transport, event) => {
        if (transport === this.#transports.active) this.#onControl(transport, event);
      },
      onData: (data) => this.#onData(data),
    };
  }

  #onLost(transport: SfuTransport, why: string, error: unknown): void {
    if (this.#closed) return;
    this.#room.log.info({ why, error }, "the connection with the SFU is lost");
    if (error instanceof CodedError && transport === this.#transports.active) {
      if (REFUSALS.has(error.code)) {
        // Tracks that were taken before are not what it is about.
        for (const { id } of this.#own.all) if (!this.#accepted.has(id)) this.#refused.add(id);
        this.#room.report(error);
      } else if (error.code === "room.member.required" || error.code === "signal.client.closed") return;
      else if (FINAL.has(error.code)) {
        this.#complain(error);
        this.#transports.hold(transport);
        return;
      } else if (error.code === "signal.request.timeout") this.#complain(error);
    }
    this.#transports.lost(transport);
  }

  /** Once, until an offer is taken: what is tried again and again is not told again and again. */
  #complain(error: CodedError): void {
    if (this.#complaints.has(error.code)) return;
    this.#complaints.add(error.code);
    this.#room.report(error);
  }

  #onState(state: MemberLinkState): void {
    for (const own of this.#own.all) if (state !== "connected") this.#setPaused(own, false);
    for (const peerId of this.#room.members.keys()) this.#room.emit("memberState", { peerId, state });
    if (state === "connected") this.#quality.start();
    else this.#quality.disconnected();
  }

  #readStats(stats: MemberStats, members: readonly string[]): Promise<Map<string, ConnectionStats>> {
    const active = this.#transports.active;
    const memberOf = (mid: string) => this.#publications.get(active?.slotByMid(mid)?.publication ?? "")?.peerId;
    return stats.read(this.#room.host.platform.clock, active?.pc, members, memberOf, this.#room.self?.peerId ?? "");
  }

  /** In a room that has moved: whether all that a member sends comes over the SFU. */
  #hasArrived(peerId: string): boolean {
    const active = this.#transports.active;
    if (active?.connected !== true) return false;
    if (this.#room.members.get(peerId)?.receiveOnly === true) return true;
    const theirs = [...this.#subscriptions.values()].filter(({ publication }) => publication.peerId === peerId);
    return theirs.length > 0 && theirs.every(({ track }) => track !== null);
  }

  #onControl(transport: SfuTransport, event: SfuControlEvent): void {
    const room = this.#room;
    switch (event.type) {
      case "quality": {
        const slot = transport.slotByMid(event.mid);
        const subscription = this.#subscriptions.get(event.publication ?? "");
        if (subscription === undefined || slot?.publication !== event.publication) return;
        subscription.layer = event.layer;
        subscription.reason = event.reason;
        if (slot !== undefined) this.#display.announced(transport, slot, subscription);
        room.emit("qualityChanged", subscription);
        return;
      }
      case "demand": {
        const own = this.#own.find(event.publication);
        if (own === undefined) return;
        this.#standby.demanded(event.publication, event.encodings);
        this.#setPaused(own, !event.encodings.includes(true));
        return;
      }
      case "speakers": {
        room.emit("audioLevels", new Map(event.levels.map(([peerId, level]) => [peerId, loudness(level)])));
        if (event.active === this.#speaker) return;
        this.#speaker = event.active;
        room.emit("activeSpeaker", event.active);
        return;
      }
      case "bandwidth":
        room.emit("bandwidth", event.bps);
        return;
      case "error":
        room.report(serverError(event));
        return;
      default:
        event satisfies never;
    }
  }

  #setPaused(own: OwnTrack, paused: boolean): void {
    if (own.paused === paused) return;
    own.paused = paused;
    this.#room.emit(paused ? "publicationPaused" : "publicationResumed", own.publication);
  }

  #onData({ topic, data, from }: SfuData): void {
    if (from === undefined || !this.#room.members.has(from)) return;
    this.#room.emit("data", { src: from, data, ...(topic === "" ? {} : { topic }) });
  }
}
