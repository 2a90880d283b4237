/** Sending a broadcast: a peer of its own, alone on the air in an SFU room, from "Go live" to "Stop". */
import type { CallTools } from "../call/base-call.ts";
import type { ServerLink } from "../call/model.ts";
import { MuteSync } from "../call/mute-sync.ts";
import { formatPresence } from "../call/wire.ts";
import type { Member, Peer, PeerOptions, Room } from "../sdk.ts";
import type { LocalMedia } from "../state/local-media.ts";
import { Store } from "../state/store.ts";
import { type ShownError, toShownError } from "../text/errors.ts";
import { type Flow, type FlowMark, readFlow } from "./flow.ts";
import { openPeer } from "./peer.ts";
import { formatNote } from "./wire.ts";

export type BroadcastState = {
  readonly phase: "starting" | "live" | "ended";
  /** Why it ended, unless by the own hand. */
  readonly error: ShownError | undefined;
  readonly serverLink: ServerLink;
  readonly since: number | undefined;
  readonly durationMs: number;
  readonly viewers: number;
  readonly mostViewers: number;
  readonly flow: Flow | undefined;
};

export type BroadcastOptions = {
  readonly peer: PeerOptions;
  readonly room: string;
  readonly title: string;
  readonly name: string;
  /** Instead of the camera; the microphone goes beside it. */
  readonly screen: MediaStream | null;
};

const READ_MS = 2000;
/** Telling the viewers that it is over must not hold up the end for long. */
const FAREWELL_MS = 1000;

export class Broadcast {
  readonly store: Store<BroadcastState>;
  readonly #tools: CallTools;
  readonly #options: BroadcastOptions;
  readonly #media: LocalMedia;
  #unwatch: (() => void) | undefined;
  #peer: Peer | undefined;
  #room: Room | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;
  #mark: FlowMark | undefined;

  constructor(tools: CallTools, media: LocalMedia, options: BroadcastOptions) {
    this.#tools = tools;
    this.#media = media;
    this.#options = options;
    this.store = new Store<BroadcastState>({
      phase: "starting",
      error: undefined,
      serverLink: { state: "up" },
      since: undefined,
      durationMs: 0,
      viewers: 0,
      mostViewers: 0,
      flow: undefined,
    });
  }

  start(): void {
    if (this.#peer !== undefined) return;
    this.#peer = openPeer(this.#tools, this.#options.peer, {
      onOpen: (peer) => this.#join(peer),
      onLink: (serverLink) => this.store.set({ serverLink }),
      onEnd: (error) => this.#end(error),
    });
  }

  /** Tells the viewers that it is over, then ends. */
  async stop(): Promise<void> {
    if (this.store.get().phase === "live" && this.#room !== undefined) {
      const told = this.#room.setRoomMetadata(formatNote({ title: this.#options.title, state: "over" })).catch(() => undefined);
      await Promise.race([told, new Promise((resolve) => setTimeout(resolve, FAREWELL_MS))]);
    }
    this.#end(undefined);
  }

  /** At once, without a word: the page goes away. */
  close(): void {
    this.#end(undefined);
  }

  #join(peer: Peer): void {
    const { name, screen, title } = this.#options;
    const devices = this.#media.streamForCall();
    let room: Room;
    try {
      room = peer.joinRoom(this.#options.room, {
        mode: "sfu",
        stream: screen ?? devices,
        receiveOnly: false,
        metadata: formatPresence({ name, microphone: true, camera: true, screen: undefined }),
      });
    } catch (error) {
      this.#end(toShownError(error));
      return;
    }
    this.#room = room;
    let lastError: ShownError | undefined;
    room.on("open", () => {
      if (screen !== null) {
        for (const track of devices?.getTracks() ?? []) room.addTrack(track, devices as MediaStream);
        // The browser's own "Stop sharing" ends the track, and with it the broadcast.
        screen.getVideoTracks()[0]?.addEventListener("ended", () => void this.stop());
      }
      const mute = new MuteSync(room, this.#media);
      this.#media.attach(mute);
      this.#unwatch = this.#media.store.subscribe(() => mute.sync());
      mute.sync();
      room.setRoomMetadata(formatNote({ title, state: "on" })).catch((error: unknown) => {
        lastError = toShownError(error);
      });
      this.store.set({ phase: "live", since: this.#tools.now() });
      this.#count();
      this.#timer = setInterval(() => void this.#read(), READ_MS);
    });
    room.on("peerJoin", () => this.#count());
    room.on("peerLeave", () => this.#count());
    room.on("memberUpdated", () => this.#count());
    room.on("error", (error) => {
      lastError = toShownError(error);
    });
    room.on("close", (reason) =>
      this.#end(
        lastError ?? (/^\w+(\.[\w-]+){2}$/.test(reason) ? { code: reason, message: reason, remedy: undefined } : undefined),
      ),
    );
  }

  #count(): void {
    const viewers = countViewers(this.#room?.members.values() ?? []);
    this.store.set(({ mostViewers }) => ({ viewers, mostViewers: Math.max(mostViewers, viewers) }));
  }

  async #read(): Promise<void> {
    const connection = this.#room?.getPeerConnections().get("sfu");
    // A connection that is being replaced is read the next time.
    const report = await connection?.getStats().catch(() => undefined);
    if (report === undefined || this.store.get().phase !== "live") return;
    const { flow, mark } = readFlow(report, "out", performance.now(), this.#mark);
    const first = this.#mark === undefined;
    this.#mark = mark;
    if (!first) this.store.set({ flow });
  }

  #end(error: ShownError | undefined): void {
    const { phase, since } = this.store.get();
    if (phase === "ended") return;
    clearInterval(this.#timer);
    this.#unwatch?.();
    this.#media.attach(undefined);
    this.store.set({ phase: "ended", error, durationMs: since === undefined ? 0 : this.#tools.now() - since });
    this.#room?.close();
    this.#peer?.destroy();
  }
}

export function countViewers(members: Iterable<Pick<Member, "receiveOnly">>): number {
  return [...members].filter(({ receiveOnly }) => receiveOnly).length;
}
