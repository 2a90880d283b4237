/** Watching a broadcast: a member of the SFU room that only receives. */
import type { CallTools } from "../call/base-call.ts";
import type { ServerLink } from "../call/model.ts";
import { formatPresence } from "../call/wire.ts";
import type { Peer, PeerOptions, Room, SfuLayer } from "../sdk.ts";
import { Store } from "../state/store.ts";
import { type ShownError, toShownError } from "../text/errors.ts";
import { countViewers } from "./broadcast.ts";
import { type Flow, type FlowMark, readFlow } from "./flow.ts";
import { choosePublisher, type OnAir, onAir } from "./on-air.ts";
import { openPeer } from "./peer.ts";
import { type BroadcastNote, parseNote } from "./wire.ts";

export const QUALITIES = ["auto", "high", "medium", "low"] as const;
export type Quality = (typeof QUALITIES)[number];

export type WatchingState = {
  readonly phase: "joining" | "in" | "failed";
  readonly error: ShownError | undefined;
  readonly serverLink: ServerLink;
  readonly air: OnAir;
  readonly title: string;
  /** The picture, and whatever sound comes with it. */
  readonly main: MediaStream | null;
  /** Further sound, such as a voice beside a shared screen. */
  readonly sounds: readonly MediaStream[];
  /** All who only receive, oneself with them. */
  readonly viewers: number;
  readonly flow: Flow | undefined;
  readonly layer: SfuLayer | null;
  readonly quality: Quality;
};

export const INITIAL: WatchingState = {
  phase: "joining",
  error: undefined,
  serverLink: { state: "up" },
  air: "waiting",
  title: "",
  main: null,
  sounds: [],
  viewers: 1,
  flow: undefined,
  layer: null,
  quality: "auto",
};

const READ_MS = 2000;

export class Watching {
  readonly store = new Store<WatchingState>(INITIAL);
  readonly #tools: CallTools;
  readonly #options: { readonly peer: PeerOptions; readonly room: string; readonly name: string };
  #peer: Peer | undefined;
  #room: Room | undefined;
  /** What each publication was asked for last. */
  readonly #asked = new Map<string, Quality>();
  #publisher: string | undefined;
  #seenLive = false;
  #timer: ReturnType<typeof setInterval> | undefined;
  #mark: FlowMark | undefined;

  constructor(tools: CallTools, options: { readonly peer: PeerOptions; readonly room: string; readonly name: string }) {
    this.#tools = tools;
    this.#options = options;
  }

  start(): void {
    if (this.#peer !== undefined) return;
    this.#peer = openPeer(this.#tools, this.#options.peer, {
      onOpen: (peer) => this.#join(peer),
      onLink: (serverLink) => this.store.set({ serverLink }),
      onEnd: (error) => this.#fail(error),
    });
  }

  attach(element: HTMLVideoElement, stream: MediaStream): () => void {
    return this.#room?.attach(element, stream) ?? (() => undefined);
  }

  setQuality(quality: Quality): void {
    this.store.set({ quality });
    this.#applyQuality();
  }

  close(): void {
    clearInterval(this.#timer);
    const [room, peer] = [this.#room, this.#peer];
    this.#room = undefined;
    this.#peer = undefined;
    room?.close();
    peer?.destroy();
  }

  #join(peer: Peer): void {
    let room: Room;
    try {
      room = peer.joinRoom(this.#options.room, {
        mode: "sfu",
        receiveOnly: true,
        metadata: formatPresence({ name: this.#options.name, microphone: false, camera: false, screen: undefined }),
      });
    } catch (error) {
      this.#fail(toShownError(error));
      return;
    }
    this.#room = room;
    let lastError: ShownError | undefined;
    const look = () => this.#look(room);
    room.on("open", () => {
      this.store.set({ phase: "in" });
      look();
      this.#timer = setInterval(() => void this.#read(room), READ_MS);
    });
    for (const event of [
      "peerJoin",
      "peerLeave",
      "memberUpdated",
      "metadata",
      "published",
      "unpublished",
      "publicationUpdated",
    ] as const)
      room.on(event, look);
    for (const event of ["stream", "streamremoved", "qualityChanged"] as const) room.on(event, look);
    room.on("error", (error) => {
      lastError = toShownError(error);
    });
    room.on("close", (reason) => this.#fail(lastError ?? { code: reason, message: reason, remedy: undefined }));
  }

  #look(room: Room): void {
    if (this.#room !== room || this.store.get().phase !== "in") return;
    const note: BroadcastNote | undefined = parseNote(room.metadata);
    const publisher = choosePublisher(room.publications.values(), this.#publisher);
    this.#publisher = publisher ?? this.#publisher;
    const publishing = publisher !== undefined;
    this.#seenLive ||= publishing;
    const own = [...room.subscriptions.values()].filter(({ publication }) => publication.peerId === publisher);
    const videos = own.filter(({ publication, stream }) => publication.kind === "video" && stream !== null);
    const video = videos.find(({ publication }) => publication.source === "screen") ?? videos[0];
    const streams = [...new Set(own.flatMap(({ stream }) => (stream === null ? [] : [stream])))];
    const main = video?.stream ?? streams[0] ?? null;
    const sounds = streams.filter((stream) => stream !== main && stream.getAudioTracks().length > 0);
    this.store.set((before) => ({
      air: onAir({
        publisher: this.#publisher,
        publisherHere: this.#publisher !== undefined && room.members.has(this.#publisher),
        publishing,
        note,
        seenLive: this.#seenLive,
      }),
      title: note?.title ?? "",
      main,
      sounds: sameItems(before.sounds, sounds) ? before.sounds : sounds,
      viewers: countViewers(room.members.values()) + 1,
      layer: video?.layer ?? null,
    }));
    this.#applyQuality();
  }

  #applyQuality(): void {
    const { quality } = this.store.get();
    for (const subscription of this.#room?.subscriptions.values() ?? []) {
      if (subscription.publication.kind === "video" && this.#asked.get(subscription.publication.id) !== quality) {
        // "auto" is what a subscription begins with.
        if (quality !== "auto" || this.#asked.has(subscription.publication.id)) subscription.setQuality(quality);
        this.#asked.set(subscription.publication.id, quality);
      }
    }
  }
  async #read(room: Room): Promise<void> {
    const report = await room
      .getPeerConnections()
      .get("sfu")
      ?.getStats()
      .catch(() => undefined);
    if (report === undefined || this.#room !== room) return;
    const { flow, mark } = readFlow(report, "in", performance.now(), this.#mark);
    const first = this.#mark === undefined;
    this.#mark = mark;
    if (!first) this.store.set({ flow });
  }

  #fail(error: ShownError): void {
    if (this.#peer === undefined && this.#room === undefined && this.store.get().phase !== "joining") return;
    this.store.set({ phase: "failed", error, main: null, sounds: [] });
    this.close();
  }
}

function sameItems<Item>(one: readonly Item[], other: readonly Item[]): boolean {
  return one.length === other.length && one.every((item, index) => item === other[index]);
}
