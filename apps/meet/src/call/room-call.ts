/** A room as a call: one peer of its own, in one room, from joining to leaving, whichever way its media goes. */
import type { RoomChoice, Route } from "../router.ts";
import type { ConnectionStats, DataConnection, E2ee, Member, Peer, PeerOptions, Room, TrackSink } from "../sdk.ts";
import type { LocalMedia } from "../state/local-media.ts";
import { appError, type ShownError, toShownError } from "../text/errors.ts";
import { BaseCall, type CallTools } from "./base-call.ts";
import { addItem } from "./chat.ts";
import type { Participant } from "./model.ts";
import { MuteSync } from "./mute-sync.ts";
import type { Layers } from "./path.ts";
import { SfuSide } from "./sfu-side.ts";
import { assignStreams } from "./streams.ts";
import { formatPresence, formatWireMessage, type Presence, parseMessage, parsePresence, type WireMessage } from "./wire.ts";

export type RoomCallOptions = {
  readonly peer: PeerOptions;
  readonly room: string;
  readonly name: string;
  readonly receiveOnly: boolean;
  /** `auto`: straight between few, through the server among many. */
  readonly choice: RoomChoice;
  /** What encrypts the media from end to end; the server never learns it. */
  readonly secret: string | undefined;
};

const MODES = { auto: "auto", small: "mesh", large: "sfu" } as const;

type Lock = E2ee["members"] extends ReadonlyMap<string, infer State> ? State : never;

/** Label of the data connections that carry files between members. */
const FILES_LABEL = "files";

export class RoomCall extends BaseCall {
  readonly kind = "room";
  readonly title: string;
  readonly receiveOnly: boolean;
  readonly #options: RoomCallOptions;
  readonly #media: LocalMedia;
  readonly #channels = new Map<string, DataConnection>();
  readonly #presences = new Map<string, Presence>();
  readonly #locks = new Map<string, Lock>();
  #peer: Peer | undefined;
  #room: Room | undefined;
  #sfu: SfuSide | undefined;
  #mute: MuteSync | undefined;
  #unwatch: (() => void) | undefined;
  #announced = "";

  constructor(tools: CallTools, media: LocalMedia, options: RoomCallOptions) {
    super(tools);
    this.#options = options;
    this.#media = media;
    this.title = options.room;
    this.receiveOnly = options.receiveOnly;
  }

  /** Connects and joins. What goes wrong ends the call with the error. */
  start(): void {
    if (this.#peer !== undefined) return;
    this.store.set({ phase: "joining" });
    let peer: Peer;
    try {
      peer = this.tools.sdk.createPeer(this.#options.peer);
    } catch (error) {
      this.#end("failed", false, toShownError(error));
      return;
    }
    this.#peer = peer;
    let lastError: ShownError | undefined;
    peer.on("open", () => {
      this.store.set({ serverLink: { state: "up" } });
      this.#prepare().then(
        (e2ee) => this.#join(peer, e2ee),
        (error: unknown) => this.#end("failed", false, toShownError(error)),
      );
    });
    peer.on("reconnecting", ({ attempt }) => this.store.set({ serverLink: { state: "reconnecting", attempt } }));
    peer.on("reconnected", () => {
      this.store.set({ serverLink: { state: "up" } });
      // What changed while away may not have reached the others.
      this.#announced = "";
      this.announce();
    });
    peer.on("connection", (connection) => {
      if (connection.label !== FILES_LABEL || !this.#isMember(connection.remoteId)) connection.close();
      else this.#adopt(connection);
    });
    // Rooms are for their members: a telephone call to a room's peer is not answered here.
    peer.on("call", (call) => call.reject("busy"));
    peer.on("error", (error) => {
      lastError = toShownError(error);
      if (this.store.get().phase === "live") this.fail(error);
    });
    peer.on("close", () =>
      this.#end("failed", false, lastError ?? appError("meet.connection.closed", "the connection to the server ended")),
    );
  }

  leave(): void {
    this.#end("left", true);
  }

  stats(): Promise<ReadonlyMap<string, ConnectionStats>> {
    return this.#room?.getStats() ?? Promise.resolve(new Map());
  }

  override invite(listen: boolean): Route {
    const { room, choice, secret } = this.#options;
    return { view: "room", room, listen, mode: choice, secret };
  }

  override layers(): Layers {
    return this.#sfu?.layers() ?? new Map();
  }

  override attach(element: HTMLVideoElement, stream: MediaStream): () => void {
    return this.#room?.attach(element, stream) ?? super.attach(element, stream);
  }

  override show(keys: ReadonlySet<string>, leading: string | undefined): void {
    this.#sfu?.show(keys, leading);
  }

  protected sink(): TrackSink | undefined {
    return this.#room;
  }

  protected transmit(message: WireMessage): void {
    this.#room?.send(formatWireMessage(message));
  }

  protected announce(): void {
    const presence = this.#ownPresence();
    const text = JSON.stringify(presence);
    if (this.#room === undefined || text === this.#announced) return;
    this.#announced = text;
    this.#room.setMetadata(formatPresence(presence)).catch((error: unknown) => {
      this.#announced = "";
      // While the server is away this fails by itself and is repeated on `reconnected`.
      if (this.store.get().phase === "live" && this.store.get().serverLink.state === "up") this.fail(error);
    });
  }

  protected channelTo(peerId: string): DataConnection {
    const known = this.#channels.get(peerId);
    if (known !== undefined) return known;
    if (this.#peer === undefined) throw new Error("not joined");
    const connection = this.#peer.connect(peerId, { label: FILES_LABEL });
    this.#adopt(connection);
    return connection;
  }

  #adopt(connection: DataConnection): void {
    const { remoteId } = connection;
    // Both may have connected at the same moment: either works, the latest is used for sending.
    this.#channels.set(remoteId, connection);
    this.files.watch(connection);
    connection.on("close", () => {
      if (this.#channels.get(remoteId) === connection) this.#channels.delete(remoteId);
    });
  }

  /** A room with a secret is encrypted from end to end. */
  async #prepare(): Promise<E2ee | undefined> {
    const { secret } = this.#options;
    if (secret === undefined) return undefined;
    const e2ee = await this.tools.sdk.createE2ee(secret);
    e2ee.on("memberKey", ({ peerId, state }) => {
      this.#locks.set(peerId, state);
      this.update(peerId, { locked: lockOf(state) });
    });
    e2ee.on("failed", (error, peerId) => {
      // What concerns one member is said in its tile.
      if (peerId === undefined) this.fail(error);
    });
    return e2ee;
  }

  #join(peer: Peer, e2ee: E2ee | undefined): void {
    if (this.store.get().phase === "ended") return;
    const stream = this.receiveOnly ? null : this.#media.streamForCall();
    const presence = this.#ownPresence();
    this.#announced = JSON.stringify(presence);
    let room: Room;
    try {
      room = peer.joinRoom(this.#options.room, {
        // Between few, too, an encrypted room goes one way only: the one that is encrypted.
        mode: e2ee === undefined ? MODES[this.#options.choice] : "sfu",
        e2ee,
        // What is on the page (SfuSide): fifty pictures at once are more than anybody sees.
        subscribe: "manual",
        stream,
        receiveOnly: this.receiveOnly,
        metadata: formatPresence(presence),
      });
    } catch (error) {
      this.#end("failed", false, toShownError(error));
      return;
    }
    this.#room = room;
    this.#sfu = new SfuSide({
      room,
      path: this.path,
      voices: this.voices,
      now: this.tools.now,
      presenceOf: (peerId) => this.#presences.get(peerId),
      changed: (peerId) => this.#restream(peerId),
    });
    let lastError: ShownError | undefined;
    room.on("mode", (mode) => {
      this.path.set({ mode });
      this.#mute?.sync();
      for (const peerId of room.members.keys()) this.#restream(peerId);
    });
    room.on("open", () => {
      this.path.set({ mode: room.mode });
      this.store.set({ phase: "live", since: this.tools.now(), chatOpen: true, participants: [] });
      for (const member of room.members.values()) this.#add(member);
      if (!this.receiveOnly) {
        const mute = new MuteSync(room, this.#media);
        this.#mute = mute;
        this.#media.attach(mute);
        this.#unwatch = this.#media.store.subscribe(() => {
          mute.sync();
          this.announce();
        });
        mute.sync();
        this.announce();
      }
    });
    room.on("peerJoin", (_, member) => {
      this.#add(member);
      const { name } = parsePresence(member.metadata);
      this.#tell("joined", member.peerId, name);
    });
    room.on("peerLeave", (peerId) => {
      const name = this.participant(peerId)?.name ?? "";
      this.#presences.delete(peerId);
      this.#locks.delete(peerId);
      this.voices.forget(peerId);
      this.#channels.get(peerId)?.close();
      this.store.set((state) => ({ participants: state.participants.filter(({ id }) => id !== peerId) }));
      this.#tell("left", peerId, name);
    });
    room.on("memberUpdated", (member) => this.#refresh(member.peerId, parsePresence(member.metadata), member.receiveOnly));
    room.on("stream", ({ peerId }) => this.#restream(peerId));
    room.on("streamremoved", ({ peerId }) => this.#restream(peerId));
    room.on("memberState", ({ peerId, state }) => {
      this.update(peerId, { link: state });
      if (room.mode === "sfu") this.path.set({ transport: state });
    });
    room.on("quality", ({ peerId, level, reason }) => this.update(peerId, { quality: { level, reason } }));
    room.on("data", ({ src, data }) => {
      const message = parseMessage(data);
      if (message?.type === "chat") this.receiveChat(src ?? "", message);
    });
    room.on("error", (error) => {
      lastError = toShownError(error);
      if (this.store.get().phase === "live") this.fail(error);
    });
    room.on("close", (reason) => {
      const coded = /^\w+(\.[\w-]+){2}$/.test(reason) ? { code: reason, message: reason, remedy: undefined } : undefined;
      this.#end(coded === undefined && lastError === undefined ? reason : "failed", false, coded ?? lastError);
    });
  }

  #add(member: Member): void {
    const presence = parsePresence(member.metadata);
    this.#presences.set(member.peerId, presence);
    const fresh: Participant = {
      id: member.peerId,
      name: presence.name,
      link: "connecting",
      receiveOnly: member.receiveOnly,
      ...this.#picture(member.peerId, presence),
      quality: undefined,
      locked: lockOf(this.#locks.get(member.peerId)),
    };
    this.store.set((state) => ({ participants: [...state.participants.filter(({ id }) => id !== fresh.id), fresh] }));
  }

  #refresh(peerId: string, presence: Presence, receiveOnly: boolean): void {
    const before = this.#presences.get(peerId);
    this.#presences.set(peerId, presence);
    this.update(peerId, {
      name: presence.name,
      receiveOnly,
      ...this.#picture(peerId, presence),
    });
    if (presence.screen !== undefined && before?.screen === undefined) {
      this.notice({ type: "share-started", id: peerId, name: presence.name });
    }
  }

  #restream(peerId: string): void {
    const presence = this.#presences.get(peerId);
    if (presence !== undefined) this.update(peerId, this.#picture(peerId, presence));
  }

  /** What a member sends: as it says itself, and as the server says of what goes through it. */
  #picture(peerId: string, presence: Presence) {
    const flags = this.#sfu?.flags(peerId);
    const sources = this.#sfu?.sources(peerId) ?? assignStreams(this.#room?.remoteStreams.get(peerId) ?? [], presence);
    return {
      ...sources,
      microphoneOn: presence.microphone && flags?.microphoneMuted !== true,
      cameraOn: presence.camera && flags?.cameraMuted !== true,
      held: flags?.held,
      // Scripts put the tracks into these streams, which makes no event there: what is in them now is part of what is told.
      pictured: this.path.get().mode === "sfu" ? (sources.camera?.getVideoTracks().length ?? 0) > 0 : undefined,
    };
  }

  #ownPresence(): Presence {
    const { camera, microphone, stream } = this.#media.store.get();
    const sends = !this.receiveOnly && stream !== null;
    return {
      name: this.#options.name,
      microphone: sends && microphone === "on",
      camera: sends && camera === "on",
      screen: this.store.get().screen?.id,
    };
  }

  #isMember(peerId: string): boolean {
    return this.#room?.members.has(peerId) === true;
  }

  #tell(type: "joined" | "left", id: string, name: string): void {
    this.notice({ type, id, name });
    const at = this.tools.now();
    this.store.set((state) => ({ chat: addItem(state.chat, { type, id: `${type}/${id}/${at}`, at, name }) }));
  }

  #end(reason: string, byMe: boolean, error?: ShownError): void {
    if (this.store.get().phase === "ended") return;
    this.#unwatch?.();
    this.#media.attach(undefined);
    this.finish(reason, byMe, error);
    this.#room?.close();
    this.#peer?.destroy();
  }
}

/** Known good, known bad, or not known yet. */
function lockOf(state: Lock | undefined): boolean | undefined {
  return state === "secured" ? true : state === undefined || state === "waiting" ? undefined : false;
}
