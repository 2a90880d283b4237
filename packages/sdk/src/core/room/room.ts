/** A room: membership, data, log and metadata. The media in it is a mesh of links with the members, or one connection with the SFU. */
import { type CodedError, Emitter, type JsonValue } from "@tsunagi/base";
import type {
  ErrorMessage,
  HeldRoom,
  Inbound,
  Joined,
  LogEntry,
  LogReply,
  Member,
  OfferBody,
  Publication,
} from "@tsunagi/protocol";
import { asCoded, report, sdkError, serverError } from "../errors.ts";
import type { MediaOptions } from "../media/media-options.ts";
import type { JoinOptions, TrackOptions } from "../peer-options.ts";
import type { MediaStream, MediaStreamTrack, RTCPeerConnection, VideoElement } from "../ports.ts";
import type { Subscription } from "../sfu/subscription.ts";
import type { ConnectionStats } from "../stats/index.ts";
import { MeshMedia } from "./mesh-media.ts";
import type { RoomEvents, RoomMessage, SendOptions } from "./room-events.ts";
import type { RoomHost, RoomMedia, RoomView, SfuMediaPort, SfuModule } from "./room-media.ts";

const NONE: ReadonlyMap<string, never> = new Map<string, never>();

export class Room extends Emitter<RoomEvents> {
  readonly name: string;
  readonly #host: RoomHost;
  readonly #members = new Map<string, Member>();
  readonly #tracks = new Map<MediaStreamTrack, MediaStream>();
  readonly #trackOptions = new Map<MediaStreamTrack, TrackOptions>();
  readonly #attached = new Map<VideoElement, MediaStream>();
  readonly #mesh: MeshMedia;
  #sfu: SfuMediaPort | undefined;
  #state: "joining" | "open" | "closed" = "joining";
  #metadata: JsonValue | undefined;
  #localStream: MediaStream | null;
  #joinedAnew = false;
  #auto = false;
  /** What came after `joined` while the SFU's code was still being loaded. */
  #waiting: RoomMessage[] | undefined;
  /** What the media sees, and where the room itself keeps it. */
  readonly #view: { -readonly [Name in keyof RoomView]: RoomView[Name] };

  constructor(name: string, options: JoinOptions, host: RoomHost) {
    super();
    this.name = name;
    this.#host = host;
    if (options.e2ee && options.mode !== "sfu") throw sdkError("signal.options.invalid", "e2ee needs mode sfu");
    this.#localStream = options.stream ?? null;
    for (const track of this.#localStream?.getTracks() ?? []) this.#tracks.set(track, this.#localStream as MediaStream);
    this.#view = {
      name,
      host,
      log: host.platform.log,
      tracks: this.#tracks,
      trackOptions: this.#trackOptions,
      attached: this.#attached,
      members: this.#members,
      options,
      self: undefined,
      open: false,
      mode: options.mode === "sfu" ? "sfu" : "mesh",
      emit: (event, ...args) => this.emit(event, ...args),
      report: (error) => report(this, error, host.platform.log),
    };
    this.#mesh = new MeshMedia(this.#view);
  }

  get state(): "joining" | "open" | "closed" {
    return this.#state;
  }

  get open(): boolean {
    return this.#view.open;
  }

  /** Of the moment: a room of mode `auto` is a mesh until it has grown. */
  get mode(): "mesh" | "sfu" {
    return this.#view.mode;
  }

  /** The own membership; undefined before `open`. */
  get self(): Member | undefined {
    return this.#view.self;
  }

  /** The other members, by peer ID. */
  get members(): ReadonlyMap<string, Member> {
    return this.#members;
  }

  get metadata(): JsonValue | undefined {
    return this.#metadata;
  }

  get localStream(): MediaStream | null {
    return this.#localStream;
  }

  get remoteStreams(): ReadonlyMap<string, readonly MediaStream[]> {
    return (this.#sfu ?? this.#mesh).remoteStreams;
  }

  /** What the others send, by publication ID. Like all of the following empty in a mesh. */
  get publications(): ReadonlyMap<string, Publication> {
    return this.#sfu?.publications ?? NONE;
  }

  get ownPublications(): ReadonlyMap<string, Publication> {
    return this.#sfu?.ownPublications ?? NONE;
  }

  /** What is received, by publication ID. */
  get subscriptions(): ReadonlyMap<string, Subscription> {
    return this.#sfu?.subscriptions ?? NONE;
  }

  /**
   * To all others, or to those named. Over the server: once and in order, also across a loss of signalling.
   *
   * @throws {CodedError} `protocol.message.too-large`
   */
  send(data: JsonValue, { to, topic, reliable = true }: SendOptions = {}): void {
    this.#requireLive();
    if ((topic !== undefined || !reliable) && this.#sfu?.send(data, topic ?? "", reliable, to)) return;
    // JSON has no undefined: what is not given is not sent.
    this.#host.send({ type: "room-data", room: this.name, data, to, topic });
  }

  /** What happened in the room, oldest first, as far as the server remembers. Also emitted as `log`. */
  async getLog(): Promise<LogEntry[]> {
    this.#requireLive();
    const { entries } = await this.#host.request<LogReply>((id) => ({ type: "log", id, room: this.name }));
    this.emit("log", entries);
    return [...entries];
  }

  replaceStream(stream: MediaStream | null): void {
    this.#requireLive();
    const before = this.#localStream;
    for (const [track, of] of [...this.#tracks]) if (of === before) this.#tracks.delete(track);
    for (const track of stream?.getTracks() ?? []) this.#tracks.set(track as MediaStreamTrack, stream as MediaStream);
    this.#localStream = stream;
    for (const media of this.#media()) media.replaceStream(before, stream);
    this.#publish();
  }

  /** `options`: what an SFU room tells the others of the track. */
  addTrack(track: MediaStreamTrack, stream: MediaStream, options: TrackOptions = {}): void {
    this.#requireLive();
    this.#tracks.set(track, stream);
    this.#trackOptions.set(track, options);
    this.#localStream ??= stream;
    for (const media of this.#media()) media.addTrack(track, stream);
    this.#publish();
  }

  removeTrack(track: MediaStreamTrack): void {
    this.#requireLive();
    this.#tracks.delete(track);
    for (const media of this.#media()) media.removeTrack(track);
  }

  async replaceTrack(old: MediaStreamTrack, next: MediaStreamTrack | null): Promise<void> {
    this.#requireLive();
    const stream = this.#tracks.get(old);
    if (stream === undefined) throw sdkError("media.track.unknown");
    this.#tracks.delete(old);
    if (next !== null) this.#tracks.set(next, stream);
    await Promise.all(this.#media().map((media) => media.replaceTrack(old, next)));
  }

  /** Sets `track.enabled`; in an SFU room the others are told, too. */
  setMuted(track: MediaStreamTrack, muted: boolean): void {
    track.enabled = !muted;
    this.#sfu?.setMuted(track, muted);
  }

  async configure(options: MediaOptions): Promise<void> {
    this.#requireLive();
    this.#view.options = { ...this.#view.options, ...options };
    await Promise.all(this.#media().map((media) => media.configure(options)));
  }

  /** Where `subscribe: "manual"` was asked for, or after `unsubscribe`. */
  subscribe(publicationId: string): void {
    this.#sfu?.subscribe(publicationId);
  }

  unsubscribe(publicationId: string): void {
    this.#sfu?.unsubscribe(publicationId);
  }

  /** Video of the `n` who spoke last only; null: of all. */
  setLastN(n: number | null): void {
    this.#view.options = { ...this.#view.options, lastN: n ?? undefined };
    this.#sfu?.setLastN(n);
  }

  /** Shows a stream in an element; its quality then follows the element's size and visibility, until the returned function is called. */
  attach(element: VideoElement, stream: MediaStream): () => void {
    element.srcObject = stream;
    this.#attached.set(element, stream);
    this.#sfu?.attachedChanged();
    return () => {
      if (this.#attached.get(element) !== stream) return;
      this.#attached.delete(element);
      element.srcObject = null;
      this.#sfu?.attachedChanged();
    };
  }

  /** Of the own membership: the others get `memberUpdated`. */
  async setMetadata(metadata: JsonValue): Promise<void> {
    this.#requireLive();
    await this.#host.request((id) => ({ type: "update-member", id, room: this.name, metadata }));
    if (this.#view.self !== undefined) this.#view.self = { ...this.#view.self, metadata };
  }

  /** Of the room: the others get `metadata`. */
  async setRoomMetadata(metadata: JsonValue): Promise<void> {
    this.#requireLive();
    await this.#host.request((id) => ({ type: "update-room", id, room: this.name, metadata }));
    this.#metadata = metadata;
  }

  /** By peer ID; in an SFU room what is received of each, and under the own ID what is sent. */
  getStats(peerId?: string): Promise<Map<string, ConnectionStats>> {
    return (this.#sfu ?? this.#mesh).getStats(peerId);
  }

  /** By peer ID; the one with the SFU as `sfu`. */
  getPeerConnections(): Map<string, RTCPeerConnection> {
    return new Map(this.#media().flatMap((media) => [...media.getPeerConnections()]));
  }

  /** Leaves. */
  close(): void {
    if (this.#state === "closed") return;
    this.#leave();
    this.#end("left");
  }

  // ---- Called by the peer ------------------------------------------------------------------------------------------------------

  join(): void {
    const { receiveOnly, metadata, roomMetadata, stream, mode = "mesh" } = this.#view.options;
    // Beside the request: both take a round trip.
    if (mode === "sfu") this.#load().catch(() => {});
    this.#host
      .request<Joined>((id) => ({
        type: "join",
        id,
        room: this.name,
        mode,
        receiveOnly: receiveOnly ?? !stream,
        metadata,
        roomMetadata,
      }))
      .then((joined) => this.#onJoined(joined))
      .catch((error: unknown) => this.#onRefused(asCoded(error, "signal.request.timeout")));
  }

  handle(message: RoomMessage): void {
    if (message.type === "room-closed") {
      this.#fail(serverError(message));
      return;
    }
    if (this.#waiting !== undefined) this.#waiting.push(message);
    if (this.#waiting !== undefined || this.#state !== "open") return;
    switch (message.type) {
      case "member-joined":
        this.#memberJoined(message.member);
        break;
      case "member-left":
        this.#memberLeft(message.peerId);
        break;
      case "member-updated":
        this.#members.set(message.member.peerId, message.member);
        this.emit("memberUpdated", message.member);
        break;
      case "room-updated":
        this.#metadata = message.metadata;
        this.emit("metadata", message.metadata);
        break;
      case "room-data": {
        const { from: src, data, topic } = message;
        if (topic?.startsWith("$")) this.#sfu?.handleTopic(src, topic, data);
        else this.emit("data", { src, data, ...(topic && { topic }) });
        break;
      }
      case "room-mode":
        if (this.#view.mode === "mesh") void this.#move();
        break;
      default:
        // Its type holds that nothing else is left.
        this.#sfu?.handle(message);
    }
  }

  /** The server refused something that has no reply: data, say. */
  refused(message: ErrorMessage): void {
    this.#view.report(serverError(message));
  }

  /** Another member offers a link that does not exist here yet. False: it is not one of this room. */
  handleOffer(body: Inbound<OfferBody>): boolean {
    return this.#mesh.handleOffer(body);
  }

  /** What a restarted server has to be told. */
  held(): HeldRoom | undefined {
    if (this.#state !== "open" || this.#view.self === undefined) return undefined;
    const publications = [...this.ownPublications.values(), ...this.publications.values()];
    return {
      room: this.name,
      mode: this.#view.mode,
      self: this.#view.self,
      others: [...this.#members.values()],
      metadata: this.#metadata,
      auto: this.#auto,
      publications,
    };
  }

  signalResumed(info: { readonly restored: boolean; readonly doubtful: boolean }): void {
    this.#sfu?.signalResumed(info);
  }

  /** Paths of another sort are wanted from now on. */
  renew(): void {
    this.#sfu?.renew("the app's relay policy changed");
  }

  /** The server, or the end of the session, put an end to it. */
  ownerClosed(error: CodedError | undefined): void {
    if (error === undefined) this.#end("left");
    else this.#fail(error);
  }

  // ---- Members -----------------------------------------------------------------------------------------------------------------

  #onRefused(error: CodedError): void {
    if (this.#state !== "joining") return;
    if (error.code !== "room.member.duplicate" || this.#joinedAnew) {
      this.#fail(error);
      return;
    }
    // The server was restarted while this join was under way, and learnt of the membership from the others: take it back and join.
    this.#joinedAnew = true;
    this.#leave();
    this.join();
  }

  async #onJoined(joined: Joined): Promise<void> {
    const { mode, self, metadata, others, publications, auto } = joined;
    const sfu = mode === "sfu" ? await this.#loadSfu() : undefined;
    if (this.#state !== "joining") return;
    this.#state = "open";
    this.#view.open = true;
    this.#view.self = self;
    this.#metadata = metadata;
    this.#auto = auto === true;
    for (const member of others) this.#members.set(member.peerId, member);
    if (sfu !== undefined) this.#useSfu(sfu.createSfuMedia(this.#view, publications ?? []));
    this.emit("open");
    for (const member of others) this.#mesh.connect(member);
    // Tracks that were added while the join was under way.
    this.#publish();
    this.#startSfu();
    // The room may move at any time.
    if (auto) this.#load().catch(() => {});
  }

  #load(): Promise<SfuModule> {
    const { loadSfu = () => import("../sfu/index.ts") } = this.#host.platform;
    return loadSfu();
  }

  /** Its code is loaded when a room needs it; what comes meanwhile waits. */
  async #loadSfu(): Promise<SfuModule> {
    this.#waiting = [];
    return this.#load().catch((error: unknown) => {
      throw asCoded(error, "room.code.unreachable");
    });
  }

  #useSfu(sfu: SfuMediaPort): void {
    this.#view.mode = "sfu";
    this.#auto = false;
    this.#sfu = sfu;
  }

  #startSfu(): void {
    this.#sfu?.start();
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    for (const message of waiting) this.handle(message);
  }

  /** A room of mode `auto` has grown. */
  async #move(): Promise<void> {
    try {
      const sfu = await this.#loadSfu();
      if (this.#state !== "open") return;
      this.#useSfu(sfu.createSfuMedia(this.#view, [], this.#mesh));
      this.emit("mode", "sfu");
      this.#startSfu();
    } catch (error) {
      this.#fail(asCoded(error, "room.code.unreachable"));
    }
  }

  #memberJoined(member: Member): void {
    const known = this.#members.get(member.peerId);
    const isNew = known?.joinedAt !== member.joinedAt;
    if (known !== undefined && isNew) this.#memberLeft(member.peerId);
    this.#members.set(member.peerId, member);
    // A restarted server tells again of members that it learns of.
    if (isNew) this.emit("peerJoin", member.peerId, member);
    for (const media of this.#media()) media.memberJoined(member);
  }

  #memberLeft(peerId: string): void {
    if (!this.#members.delete(peerId)) return;
    for (const media of this.#media()) media.memberLeft(peerId);
    this.emit("peerLeave", peerId);
  }

  #media(): readonly RoomMedia[] {
    return this.#sfu === undefined ? [this.#mesh] : [this.#mesh, this.#sfu];
  }

  /** A listener that has something to send becomes a publisher: the others learn it, and it offers to those without a link. */
  #publish(): void {
    if (this.#state !== "open" || this.#tracks.size === 0) return;
    if (this.#view.self?.receiveOnly !== true) return;
    this.#view.self = { ...this.#view.self, receiveOnly: false };
    this.#host
      .request((id) => ({ type: "update-member", id, room: this.name, receiveOnly: false }))
      .then(
        () => {
          for (const member of this.#members.values()) this.#mesh.connect(member);
        },
        (error: unknown) => {
          if (this.#view.self !== undefined) this.#view.self = { ...this.#view.self, receiveOnly: true };
          if (this.#state === "open") this.#view.report(asCoded(error, "signal.request.timeout"));
        },
      );
  }

  // ---- The end -----------------------------------------------------------------------------------------------------------------

  /** The answer does not matter: after it, or after the end of the session, the server knows no such member. */
  #leave(): void {
    this.#host.request((id) => ({ type: "leave", id, room: this.name })).catch(() => {});
  }

  #requireLive(): void {
    if (this.#state === "closed") throw sdkError("connection.state.closed", "the room is closed");
  }

  #fail(error: CodedError): void {
    if (this.#state === "closed") return;
    this.#view.report(error);
    this.#end(error.code);
  }

  #end(reason: string): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#view.open = false;
    for (const media of this.#media()) media.release();
    this.#members.clear();
    this.#tracks.clear();
    this.#attached.clear();
    this.#host.closed();
    this.emit("close", reason);
  }
}
