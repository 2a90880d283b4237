/** A full-mesh room: one link with each other member, wherever at least one of the two publishes. */
import { assertNever, CodedError, Emitter, type JsonValue } from "@tsunagi/base";
import type {
  ClientRequest,
  ErrorMessage,
  HeldRoom,
  Inbound,
  Joined,
  LogEntry,
  LogReply,
  Member,
  MemberJoined,
  MemberLeft,
  MemberUpdated,
  OfferBody,
  RoomClosed,
  RoomData,
  RoomMode,
  RoomUpdated,
  SendRoomData,
  ServerReply,
} from "@tsunagi/protocol";
import { asCoded, report, sdkError } from "../errors.ts";
import type { MediaOptions } from "../media/media-options.ts";
import type { JoinOptions } from "../peer-options.ts";
import type { MediaStream, MediaStreamTrack, Platform, RTCPeerConnection } from "../ports.ts";
import type { Entry, EntryInit } from "../registry.ts";
import type { ConnectionStats, QualityReport } from "../stats/index.ts";
import { MemberLink, type MemberLinkState } from "./member-link.ts";
import { isLater, roomConnectionId } from "./pairing.ts";

/** After a link failed for good, the pair tries again: a room goes on while someone's network is down. */
const RETRY_MS = 10_000;

export type RoomStream = MediaStream & { readonly peerId: string };

export type RoomEvents = {
  open: [];
  peerJoin: [peerId: string, member: Member];
  peerLeave: [peerId: string];
  memberUpdated: [Member];
  stream: [RoomStream];
  streamremoved: [RoomStream];
  /** `src` is undefined for what the operator sent. */
  data: [{ readonly src: string | undefined; readonly data: JsonValue }];
  log: [readonly LogEntry[]];
  metadata: [JsonValue];
  memberState: [{ readonly peerId: string; readonly state: MemberLinkState }];
  quality: [{ readonly peerId: string } & QualityReport];
  error: [CodedError];
  /** The reason is `left`, or the code of what ended it. */
  close: [reason: string];
};

type RoomMessage = MemberJoined | MemberLeft | MemberUpdated | RoomUpdated | RoomData | RoomClosed;

/** What a room needs of its peer. */
export type RoomHost = {
  readonly platform: Platform;
  readonly trickle: boolean;
  readonly iceTransportPolicy: MediaOptions["iceTransportPolicy"];
  readonly send: (message: SendRoomData) => void;
  readonly request: <Reply extends ServerReply>(make: (id: number) => ClientRequest) => Promise<Reply>;
  /** Makes a link; `relay`: whether only relayed paths are wanted. */
  readonly createEntry: (init: Omit<EntryInit, "config">, policy: () => MediaOptions["iceTransportPolicy"]) => Entry;
  readonly drop: (entry: Entry) => void;
  readonly closed: () => void;
};

export class MeshRoom extends Emitter<RoomEvents> {
  readonly name: string;
  readonly mode = "mesh";
  readonly #wantedMode: RoomMode;
  readonly #host: RoomHost;
  readonly #joinOptions: JoinOptions;
  readonly #members = new Map<string, Member>();
  readonly #links = new Map<string, MemberLink>();
  readonly #tracks = new Map<MediaStreamTrack, MediaStream>();
  readonly #retries = new Map<string, () => void>();
  #state: "joining" | "open" | "closed" = "joining";
  #self: Member | undefined;
  #metadata: JsonValue | undefined;
  #options: MediaOptions;
  #localStream: MediaStream | null;
  #joinedAnew = false;

  constructor(name: string, options: JoinOptions, host: RoomHost) {
    super();
    this.name = name;
    this.#host = host;
    this.#joinOptions = options;
    this.#options = options;
    this.#wantedMode = options.mode ?? "mesh";
    this.#localStream = options.stream ?? null;
    for (const track of this.#localStream?.getTracks() ?? []) this.#tracks.set(track, this.#localStream as MediaStream);
  }

  get state(): "joining" | "open" | "closed" {
    return this.#state;
  }

  get open(): boolean {
    return this.#state === "open";
  }

  /** The own membership; undefined before `open`. */
  get self(): Member | undefined {
    return this.#self;
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
    return new Map([...this.#links].map(([peerId, link]) => [peerId, link.media.remoteStreams]));
  }

  /** To all others, or to those named. Arrives once and in order, also across a loss of signalling. */
  send(data: JsonValue, options: { readonly to?: readonly string[] } = {}): void {
    this.#requireLive();
    this.#host.send({ type: "room-data", room: this.name, data, ...(options.to === undefined ? {} : { to: options.to }) });
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
    for (const { media } of this.#links.values()) media.replaceStream(before, stream);
    for (const [track, of] of [...this.#tracks]) if (of === before) this.#tracks.delete(track);
    for (const track of stream?.getTracks() ?? []) this.#tracks.set(track as MediaStreamTrack, stream as MediaStream);
    this.#localStream = stream;
    this.#publish();
  }

  addTrack(track: MediaStreamTrack, stream: MediaStream): void {
    this.#requireLive();
    this.#tracks.set(track, stream);
    this.#localStream ??= stream;
    for (const { media } of this.#links.values()) media.addTrack(track, stream);
    this.#publish();
  }

  removeTrack(track: MediaStreamTrack): void {
    this.#requireLive();
    this.#tracks.delete(track);
    for (const { media } of this.#links.values()) media.removeTrack(track);
  }

  async replaceTrack(old: MediaStreamTrack, next: MediaStreamTrack | null): Promise<void> {
    this.#requireLive();
    const stream = this.#tracks.get(old);
    if (stream === undefined) throw sdkError("media.track.unknown");
    this.#tracks.delete(old);
    if (next !== null) this.#tracks.set(next, stream);
    await Promise.all([...this.#links.values()].map(({ media }) => media.replaceTrack(old, next)));
  }

  async configure(options: MediaOptions): Promise<void> {
    this.#requireLive();
    this.#options = { ...this.#options, ...options };
    await Promise.all([...this.#links.values()].map(({ media }) => media.configure(options)));
  }

  /** Of the own membership: the others get `memberUpdated`. */
  async setMetadata(metadata: JsonValue): Promise<void> {
    this.#requireLive();
    await this.#host.request((id) => ({ type: "update-member", id, room: this.name, metadata }));
    if (this.#self !== undefined) this.#self = { ...this.#self, metadata };
  }

  /** Of the room: the others get `metadata`. */
  async setRoomMetadata(metadata: JsonValue): Promise<void> {
    this.#requireLive();
    await this.#host.request((id) => ({ type: "update-room", id, room: this.name, metadata }));
    this.#metadata = metadata;
  }

  async getStats(peerId?: string): Promise<Map<string, ConnectionStats>> {
    const links = [...this.#links].filter(([id]) => peerId === undefined || id === peerId);
    return new Map(await Promise.all(links.map(async ([id, link]) => [id, await link.getStats()] as const)));
  }

  getPeerConnections(): Map<string, RTCPeerConnection> {
    const all = new Map<string, RTCPeerConnection>();
    for (const [peerId, { entry }] of this.#links) {
      if (entry.link.peerConnection !== null) all.set(peerId, entry.link.peerConnection as RTCPeerConnection);
    }
    return all;
  }

  /** Leaves. */
  close(): void {
    if (this.#state === "closed") return;
    // The answer does not matter: after it, or after the end of the session, the server knows no such member.
    this.#host.request((id) => ({ type: "leave", id, room: this.name })).catch(() => {});
    this.#end("left");
  }

  // ---- Called by the peer ------------------------------------------------------------------------------------------------------

  join(): void {
    const { receiveOnly, metadata, roomMetadata, stream } = this.#joinOptions;
    this.#host
      .request<Joined>((id) => ({
        type: "join",
        id,
        room: this.name,
        mode: this.#wantedMode,
        receiveOnly: receiveOnly ?? !stream,
        ...(metadata === undefined ? {} : { metadata }),
        ...(roomMetadata === undefined ? {} : { roomMetadata }),
      }))
      .then(
        (joined) => this.#onJoined(joined),
        (error: unknown) => this.#onRefused(asCoded(error, "signal.request.timeout")),
      );
  }

  handle(message: RoomMessage): void {
    if (message.type === "room-closed") {
      this.#fail(new CodedError(message.code as never, message.message));
      return;
    }
    if (this.#state !== "open") return;
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
      case "room-data":
        this.emit("data", { src: message.from, data: message.data });
        break;
      default:
        assertNever(message);
    }
  }

  /** The server refused something that has no reply: data, say. */
  refused({ code, message, remedy }: ErrorMessage): void {
    report(this, new CodedError(code as never, message, { remedy }), this.#host.platform.log);
  }

  /** Another member offers a link that does not exist here yet. False: it is not one of this room. */
  handleOffer(body: Inbound<OfferBody>): boolean {
    const member = this.#members.get(body.from);
    if (member === undefined || this.#state !== "open" || body.connection !== this.#connectionId(member)) return false;
    const link = this.#createLink(member);
    if (body.trickle === false) this.#host.platform.log.debug({ from: body.from }, "Vanilla ICE is wanted");
    link.entry.link.handle(body);
    link.entry.established = true;
    link.entry.link.accept();
    return true;
  }

  /** What a restarted server has to be told. */
  held(): HeldRoom | undefined {
    if (this.#state !== "open" || this.#self === undefined) return undefined;
    return {
      room: this.name,
      mode: this.mode,
      self: this.#self,
      others: [...this.#members.values()],
      ...(this.#metadata === undefined ? {} : { metadata: this.#metadata }),
    };
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
    this.#host.request((id) => ({ type: "leave", id, room: this.name })).catch(() => {});
    this.join();
  }

  #onJoined(joined: Joined): void {
    if (this.#state !== "joining") return;
    this.#state = "open";
    this.#self = joined.self;
    this.#metadata = joined.metadata;
    for (const member of joined.others) this.#members.set(member.peerId, member);
    this.emit("open");
    for (const member of joined.others) this.#connect(member);
    // Tracks that were added while the join was under way.
    this.#publish();
  }

  #memberJoined(member: Member): void {
    const known = this.#members.get(member.peerId);
    if (known !== undefined && known.joinedAt !== member.joinedAt) this.#memberLeft(member.peerId);
    this.#members.set(member.peerId, member);
    // A restarted server tells again of members that it learns of.
    if (known?.joinedAt !== member.joinedAt) this.emit("peerJoin", member.peerId, member);
    // Usually the one who joins offers. After a restart of the server two may hear of each other in this way only: then the later one does.
    if (this.#self !== undefined && isLater(this.#self, member)) this.#connect(member);
  }

  #memberLeft(peerId: string): void {
    if (!this.#members.delete(peerId)) return;
    this.#dropLink(peerId);
    this.emit("peerLeave", peerId);
  }

  /** Offers a link to the member, where one of the two publishes. */
  #connect(member: Member): void {
    if (this.#state !== "open" || this.#links.has(member.peerId)) return;
    if (this.#self?.receiveOnly === true && member.receiveOnly) return;
    this.#createLink(member).entry.link.start();
  }

  #createLink(member: Member): MemberLink {
    const { peerId } = member;
    const self = this.#self as Member;
    const entry = this.#host.createEntry(
      {
        id: this.#connectionId(member),
        remoteId: peerId,
        kind: "media",
        room: this.name,
        // The one who came later is impolite, whichever of them offers first: both ends agree on that.
        outgoing: isLater(self, member),
        trickle: this.#options.trickle ?? this.#host.trickle,
      },
      () => this.#options.iceTransportPolicy ?? this.#host.iceTransportPolicy,
    );
    const link = new MemberLink(entry, this.#host.platform, this.#options, this.#tracks, {
      onStream: (stream) => this.emit("stream", named(stream, peerId)),
      onStreamRemoved: (stream) => this.emit("streamremoved", named(stream, peerId)),
      onState: (state) => this.emit("memberState", { peerId, state }),
      onQuality: (quality) => this.emit("quality", { peerId, ...quality }),
    });
    entry.owner = {
      failed: (error) => report(this, error, this.#host.platform.log),
      ownerClosed: () => this.#linkEnded(member, link),
    };
    this.#links.set(peerId, link);
    this.emit("memberState", { peerId, state: "connecting" });
    return link;
  }

  /** A link failed on this side or the other, while both are members. */
  #linkEnded(member: Member, link: MemberLink): void {
    const { peerId } = member;
    if (this.#links.get(peerId) !== link) return;
    this.#links.delete(peerId);
    link.release();
    this.emit("memberState", { peerId, state: "failed" });
    if (!link.entry.outgoing || this.#state !== "open") return;
    this.#retries.get(peerId)?.();
    const cancel = this.#host.platform.clock.after(RETRY_MS, () => {
      this.#retries.delete(peerId);
      const current = this.#members.get(peerId);
      if (current !== undefined) this.#connect(current);
    });
    this.#retries.set(peerId, cancel);
  }

  #dropLink(peerId: string): void {
    this.#retries.get(peerId)?.();
    this.#retries.delete(peerId);
    const link = this.#links.get(peerId);
    if (link === undefined) return;
    this.#links.delete(peerId);
    link.release();
    this.#host.drop(link.entry);
  }

  #connectionId(member: Member): string {
    return roomConnectionId(this.name, this.#self as Member, member);
  }

  /** A listener that has something to send becomes a publisher: the others learn it, and it offers to those without a link. */
  #publish(): void {
    if (this.#state !== "open" || this.#tracks.size === 0) return;
    if (this.#self?.receiveOnly !== true) return;
    this.#self = { ...this.#self, receiveOnly: false };
    this.#host
      .request((id) => ({ type: "update-member", id, room: this.name, receiveOnly: false }))
      .then(
        () => {
          for (const member of this.#members.values()) this.#connect(member);
        },
        (error: unknown) => {
          if (this.#self !== undefined) this.#self = { ...this.#self, receiveOnly: true };
          if (this.#state === "open") report(this, asCoded(error, "signal.request.timeout"), this.#host.platform.log);
        },
      );
  }

  // ---- The end -----------------------------------------------------------------------------------------------------------------

  #requireLive(): void {
    if (this.#state === "closed") throw sdkError("connection.state.closed", "the room is closed");
  }

  #fail(error: CodedError): void {
    if (this.#state === "closed") return;
    report(this, error, this.#host.platform.log);
    this.#end(error.code);
  }

  #end(reason: string): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    for (const peerId of [...this.#links.keys()]) this.#dropLink(peerId);
    for (const cancel of this.#retries.values()) cancel();
    this.#retries.clear();
    this.#members.clear();
    this.#tracks.clear();
    this.#host.closed();
    this.emit("close", reason);
  }
}

function named(stream: MediaStream, peerId: string): RoomStream {
  return Object.assign(stream, { peerId });
}
