/** The worker without its global scope: keys come in, frames of all transforms pass through. */
import { clearBytes, type FrameKind } from "../frames/clear-bytes.ts";
import { FrameOpener } from "../frames/opener.ts";
import { FrameSealer } from "../frames/sealer.ts";
import type { FrameCounters, FromWorker, ToWorker, TransformInit } from "./messages.ts";

/** The page is told this often at most that a member's key is missing. */
const TELL_MS = 1_000;

/** The used part of RTCEncodedVideoFrame and RTCEncodedAudioFrame (webrtc-encoded-transform). */
export type EncodedFrame = {
  data: ArrayBuffer;
  readonly type?: "key" | "delta" | "empty";
  getMetadata?(): { readonly mimeType?: string };
};
/** The used part of RTCRtpScriptTransformer. */
export type Transformer = {
  readonly readable: ReadableStream<EncodedFrame>;
  readonly writable: WritableStream<EncodedFrame>;
  /** Of a receiver of video; rejects when there is nothing to ask. */
  sendKeyFrameRequest?(): Promise<unknown>;
};

export class FrameWorker {
  readonly #post: (message: FromWorker) => void;
  readonly #now: () => number;
  readonly #sealer = new FrameSealer();
  readonly #opener = new FrameOpener();
  /** By the receiver's number. Its first word may come before its transformer. */
  readonly #assigned = new Map<number, string | undefined>();
  readonly #told = new Map<string, number>();
  /** Members whose frames could be opened last time. */
  readonly #clear = new Set<string>();

  constructor(post: (message: FromWorker) => void, now: () => number) {
    this.#post = post;
    this.#now = now;
  }

  /** Resolves when it was done, for tests. */
  async handle(message: ToWorker): Promise<void> {
    switch (message.type) {
      case "send-key":
        return this.#sealer.setKey(message.kid, message.key);
      case "receive-key":
        return this.#opener.addKey(message.peerId, message.kid, message.key);
      case "remove-sender":
        this.#opener.removeSender(message.peerId);
        this.#told.delete(message.peerId);
        this.#clear.delete(message.peerId);
        return;
      case "assign":
        this.#assigned.set(message.id, message.peerId);
        return;
      case "streams":
        return this.transform({ readable: message.readable, writable: message.writable }, message.init);
      case "counters":
        this.#post({ type: "counters", re: message.re, counters: this.counters });
    }
  }

  get counters(): FrameCounters {
    const { sealed, dropped: unsent } = this.#sealer;
    const { opened, dropped } = this.#opener;
    return { sealed, unsent, opened, dropped: { ...dropped } };
  }

  /** Resolves when the sender or receiver has ended. */
  async transform(transformer: Transformer, init: TransformInit): Promise<void> {
    const transform = init.side === "send" ? (frame: EncodedFrame) => this.#seal(frame, init) : this.#receive(init, transformer);
    const through = new TransformStream<EncodedFrame, EncodedFrame>({
      async transform(frame, controller) {
        if (await transform(frame)) controller.enqueue(frame);
      },
    });
    // Fails when the connection is closed while frames are under way.
    await transformer.readable
      .pipeThrough(through)
      .pipeTo(transformer.writable)
      .catch(() => {});
    this.#assigned.delete(init.id);
  }

  async #seal(frame: EncodedFrame, { kind }: TransformInit): Promise<boolean> {
    const frameKind: FrameKind = kind === "audio" ? "audio" : frame.type === "key" ? "key" : "delta";
    const sealed = await this.#sealer.seal(new Uint8Array(frame.data), clearBytes(frameKind, frame.getMetadata?.().mimeType));
    if (sealed === undefined) return false;
    frame.data = sealed.buffer;
    return true;
  }

  #receive({ id, kind, peerId: first }: TransformInit, transformer: Transformer): (frame: EncodedFrame) => Promise<boolean> {
    if (!this.#assigned.has(id)) this.#assigned.set(id, first);
    // Frames were dropped since the last one that was shown: the decoder waits for a key frame.
    let gap = false;
    return async (frame) => {
      const peerId = this.#assigned.get(id);
      const result = await this.#opener.open(peerId, new Uint8Array(frame.data));
      if ("dropped" in result) {
        gap = true;
        if (peerId !== undefined && (result.dropped === "no-key" || result.dropped === "forged")) {
          this.#tell(peerId, result.kid ?? 0);
        }
        return false;
      }
      if (peerId !== undefined && !this.#clear.has(peerId)) {
        this.#clear.add(peerId);
        this.#post({ type: "opened", peerId });
      }
      // Sooner than the decoder would notice by itself.
      if (gap && kind === "video" && frame.type !== "key") transformer.sendKeyFrameRequest?.().catch(() => {});
      gap = false;
      frame.data = result.frame.buffer;
      return true;
    };
  }

  #tell(peerId: string, kid: number): void {
    const now = this.#now();
    const last = this.#told.get(peerId);
    if (last !== undefined && now - last < TELL_MS) return;
    this.#told.set(peerId, now);
    this.#clear.delete(peerId);
    this.#post({ type: "missing", peerId, kid });
  }
}
