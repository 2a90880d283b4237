/** What a room and a telephone call do alike: state, notices, chat, files and the shared screen. */
import type { Route } from "../router.ts";
import type { ConnectionStats, DataConnection, Sdk, TrackSink } from "../sdk.ts";
import { Store } from "../state/store.ts";
import { type ShownError, toShownError } from "../text/errors.ts";
import { addItem } from "./chat.ts";
import { Files, type Receiver } from "./files.ts";
import { type Call, type CallState, EMPTY_CALL, type Notice, type Participant } from "./model.ts";
import { type Layers, NO_PATH, type PathState } from "./path.ts";
import { Voices } from "./voices.ts";
import { CHAT_LENGTH, type WireMessage } from "./wire.ts";

export type CallTools = {
  readonly sdk: Sdk;
  readonly now: () => number;
  readonly newId: () => string;
};

export const browserTools = (sdk: Sdk): CallTools => ({ sdk, now: () => Date.now(), newId: randomId });

/** 16 random bytes as text; `crypto.randomUUID` is missing on plain http. */
function randomId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Plays a stream in an element, until the returned function is called. */
export function attachStream(element: HTMLMediaElement, stream: MediaStream): () => void {
  element.srcObject = stream;
  return () => {
    if (element.srcObject === stream) element.srcObject = null;
  };
}

export abstract class BaseCall implements Call {
  abstract readonly kind: "room" | "phone";
  abstract readonly title: string;
  abstract readonly receiveOnly: boolean;
  readonly store = new Store<CallState>(EMPTY_CALL);
  readonly path = new Store<PathState>(NO_PATH);
  readonly voices = new Voices();
  protected readonly tools: CallTools;
  protected readonly files: Files;
  readonly #notices = new Set<(notice: Notice) => void>();

  constructor(tools: CallTools) {
    this.tools = tools;
    this.files = new Files({
      now: tools.now,
      newId: tools.newId,
      channelTo: (peerId) => this.channelTo(peerId),
      nameOf: (peerId) => this.participant(peerId)?.name ?? "",
      updateChat: (change) => this.store.set((state) => ({ chat: change(state.chat) })),
      notice: (notice) => this.notice(notice),
    });
  }

  protected abstract channelTo(peerId: string): DataConnection;
  /** What sends tracks now; `undefined` while there is nothing. */
  protected abstract sink(): TrackSink | undefined;
  protected abstract transmit(message: WireMessage): void;
  /** Tells the others what this side sends. */
  protected abstract announce(): void;
  abstract stats(): Promise<ReadonlyMap<string, ConnectionStats>>;
  abstract leave(): void;

  onNotice(listener: (notice: Notice) => void): () => void {
    this.#notices.add(listener);
    return () => this.#notices.delete(listener);
  }

  invite(_listen: boolean): Route | undefined {
    return undefined;
  }

  layers(): Layers {
    return new Map();
  }

  attach(element: HTMLVideoElement, stream: MediaStream): () => void {
    return attachStream(element, stream);
  }

  show(_keys: ReadonlySet<string>, _leading: string | undefined): void {
    // Where the pictures come straight from the others, there is nobody to tell.
  }

  sendChat(text: string): void {
    const message = { type: "chat", id: this.tools.newId(), text: text.trim().slice(0, CHAT_LENGTH) } as const;
    if (message.text === "") return;
    let failed = false;
    try {
      this.transmit(message);
    } catch (error) {
      failed = true;
      this.fail(error);
    }
    const item = { type: "message", id: message.id, at: this.tools.now(), from: undefined, text: message.text, failed } as const;
    this.store.set((state) => ({ chat: addItem(state.chat, item) }));
  }

  sendFiles(files: readonly File[]): void {
    this.files.send(files, this.receivers());
  }

  acceptFile(id: string): void {
    this.files.accept(id);
  }

  declineFile(id: string): void {
    this.files.decline(id);
  }

  cancelFile(id: string): void {
    this.files.cancel(id);
  }

  async startScreen(): Promise<void> {
    if (this.store.get().screen !== null) return;
    let stream: MediaStream;
    try {
      stream = await this.tools.sdk.shareScreen({ audio: true });
    } catch (error) {
      // Closing the browser's picker is a decision, not a failure.
      if (toShownError(error).code !== "media.screen.cancelled") this.fail(error);
      return;
    }
    const sink = this.sink();
    if (sink === undefined || this.store.get().phase !== "live") {
      for (const track of stream.getTracks()) track.stop();
      return;
    }
    this.store.set({ screen: stream });
    // Metadata first, so that the others know what the stream is when it arrives.
    this.announce();
    for (const track of stream.getTracks()) {
      sink.addTrack(track, stream, { source: track.kind === "video" ? "screen" : "screen-audio" });
    }
    // The browser's own "Stop sharing" ends the track.
    stream.getVideoTracks()[0]?.addEventListener("ended", () => this.stopScreen());
  }

  stopScreen(): void {
    const { screen } = this.store.get();
    if (screen === null) return;
    this.store.set({ screen: null });
    for (const track of screen.getTracks()) {
      this.sink()?.removeTrack(track);
      track.stop();
    }
    if (this.store.get().phase === "live") this.announce();
  }

  protected receivers(): readonly Receiver[] {
    return this.store.get().participants.filter(({ link }) => link !== "failed");
  }

  protected receiveChat(from: string, message: Extract<WireMessage, { type: "chat" }>): void {
    const name = this.participant(from)?.name ?? "";
    this.store.set((state) => ({
      // Each sender's IDs are its own: nobody can take another's message out of the list.
      chat: addItem(state.chat, {
        type: "message",
        id: `${from}/${message.id}`,
        at: this.tools.now(),
        from: { id: from, name },
        text: message.text,
      }),
    }));
    this.notice({ type: "message", id: from, name, text: message.text });
  }

  protected participant(id: string): Participant | undefined {
    return this.store.get().participants.find((each) => each.id === id);
  }

  protected update(id: string, patch: Partial<Participant>): void {
    this.store.set((state) => ({
      participants: state.participants.map((each) => (each.id === id ? { ...each, ...patch } : each)),
    }));
  }

  protected notice(notice: Notice): void {
    for (const listener of [...this.#notices]) listener(notice);
  }

  protected fail(error: unknown): void {
    this.notice({ type: "error", error: toShownError(error) });
  }

  /** Lets go of everything that a call holds; the own camera and microphone belong to whoever opened them. */
  protected finish(reason: string, byMe: boolean, error?: ShownError): void {
    const { phase, since, screen } = this.store.get();
    if (phase === "ended") return;
    for (const track of screen?.getTracks() ?? []) track.stop();
    this.files.close();
    this.store.set({
      phase: "ended",
      screen: null,
      chatOpen: false,
      participants: [],
      end: { reason, byMe, error, durationMs: since === undefined ? 0 : this.tools.now() - since },
    });
  }
}
