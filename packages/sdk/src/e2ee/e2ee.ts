/** End-to-end encryption of one room: the keys here, the frames in a worker. */
import { type CodedError, Emitter, type JsonValue } from "@tsunagi/base";
import type { Member, Publication } from "@tsunagi/protocol";
import type { FrameTransforms, FrameTransformsHost, TransformTarget } from "../core/frame-transforms.ts";
import { e2eeError } from "./errors.ts";
import { KeyExchange, type MemberKeyState } from "./keys/key-exchange.ts";
import type { FrameCounters, FromWorker, ToWorker, TransformInit } from "./worker/messages.ts";

export type E2eeEvents = {
  /** What is known of a member's keys has changed. `plain` and `mismatch`: its media is not shown, and it cannot see ours. */
  memberKey: [{ readonly peerId: string; readonly state: MemberKeyState }];
  /** The first frame of this member was decrypted, or the first after some that could not be. */
  decrypted: [peerId: string];
  /** Something that a person may have to act on. Where nobody listens, the room's `error` tells. */
  failed: [error: CodedError, peerId: string | undefined];
};

/** What of a browser is needed. */
export interface FramePlatform {
  /** Chromium before 141. */
  readonly encodedInsertableStreams: boolean;
  createWorker(handlers: { onMessage(message: FromWorker): void; onError(error: CodedError): void }): FrameWorkerPort;
}
export interface FrameWorkerPort {
  post(message: ToWorker): void;
  /** Puts the worker between a sender's or receiver's codec and the network. */
  attach(target: TransformTarget, init: TransformInit): void;
  close(): void;
}

export class E2ee extends Emitter<E2eeEvents> implements FrameTransforms {
  readonly encodedInsertableStreams: boolean;
  /** The frames of others have no clear bytes that are known to do (H.264 and AV1 are parsed on the way), or hold several in one (RED). */
  readonly codecs = ["video/VP8", "video/VP9", "audio/opus"] as const;
  readonly #platform: FramePlatform;
  readonly #passphrase: string | undefined;
  readonly #ids = new WeakMap<TransformTarget, number>();
  readonly #asked = new Map<number, (counters: FrameCounters) => void>();
  #lastId = 0;
  #host: FrameTransformsHost | undefined;
  #keys: KeyExchange | undefined;
  #worker: FrameWorkerPort | undefined;

  constructor(options: { readonly passphrase?: string | undefined }, platform: FramePlatform) {
    super();
    this.#passphrase = options.passphrase;
    this.#platform = platform;
    this.encodedInsertableStreams = platform.encodedInsertableStreams;
  }

  /** Of each other member of the room. */
  get members(): ReadonlyMap<string, MemberKeyState> {
    return this.#keys?.states ?? new Map();
  }

  /** Whether this member's media comes and goes encrypted. */
  encrypted(peerId: string): boolean {
    return this.#keys?.states.get(peerId) === "secured";
  }

  /**
   * Thirty digits that are the same at the other member, unless somebody stands between the two: compared aloud they prove what a passphrase
   * proves by itself. Undefined while the member's key is not known.
   */
  async safetyCode(peerId: string): Promise<string | undefined> {
    return this.#keys?.safetyCode(peerId);
  }

  /** Frames encrypted, decrypted, and dropped by reason. */
  async counters(): Promise<FrameCounters | undefined> {
    const worker = this.#worker;
    if (worker === undefined) return undefined;
    this.#lastId += 1;
    const re = this.#lastId;
    return new Promise((resolve) => {
      this.#asked.set(re, resolve);
      worker.post({ type: "counters", re });
    });
  }

  // ---- Called by the room ------------------------------------------------------------------------------------------------------

  start(host: FrameTransformsHost): void {
    if (this.#host !== undefined) throw e2eeError("e2ee.room.reused");
    this.#host = host;
    const worker = this.#platform.createWorker({
      onMessage: (message) => this.#onWorker(message),
      onError: (error) => this.#fail(error, undefined),
    });
    this.#worker = worker;
    this.#keys = new KeyExchange(
      { room: host.room, selfId: host.self.peerId, passphrase: this.#passphrase },
      {
        setSendKey: (kid, key) => worker.post({ type: "send-key", kid, key }),
        addReceiveKey: (peerId, kid, key) => worker.post({ type: "receive-key", peerId, kid, key }),
        removeSender: (peerId) => worker.post({ type: "remove-sender", peerId }),
        send: (data, to) => host.send(data, to),
        state: (peerId, state) => this.emit("memberKey", { peerId, state }),
        failed: (peerId, error) => this.#fail(error, peerId),
      },
      host.clock,
    );
    this.#keys.start([...host.members.keys()]);
  }

  handleData(from: string, data: JsonValue): void {
    this.#keys?.receive(from, data);
  }

  memberJoined(member: Member): void {
    this.#keys?.joined(member.peerId);
  }

  memberLeft(peerId: string): void {
    this.#keys?.left(peerId);
  }

  onSender(sender: TransformTarget, publication: Publication): void {
    this.#keys?.publish();
    this.#attach(sender, "send", publication.kind, undefined);
  }

  onReceiver(receiver: TransformTarget, publication: Publication | null): void {
    const kind = publication?.kind ?? (receiver.track?.kind === "audio" ? "audio" : "video");
    this.#attach(receiver, "receive", kind, publication?.peerId);
  }

  stop(): void {
    this.#keys?.close();
    this.#worker?.close();
    this.#worker = undefined;
  }

  // ---- Inside ------------------------------------------------------------------------------------------------------------------

  #attach(target: TransformTarget, side: "send" | "receive", kind: "audio" | "video", peerId: string | undefined): void {
    const known = this.#ids.get(target);
    if (known !== undefined) {
      if (side === "receive") this.#worker?.post({ type: "assign", id: known, peerId });
      return;
    }
    this.#lastId += 1;
    this.#ids.set(target, this.#lastId);
    this.#worker?.attach(target, { id: this.#lastId, side, kind, peerId });
  }

  #onWorker(message: FromWorker): void {
    switch (message.type) {
      case "ready":
        return;
      case "missing":
        this.#keys?.missing(message.peerId, message.kid);
        return;
      case "opened":
        this.emit("decrypted", message.peerId);
        return;
      case "counters":
        this.#asked.get(message.re)?.(message.counters);
        this.#asked.delete(message.re);
    }
  }

  #fail(error: CodedError, peerId: string | undefined): void {
    if (this.emit("failed", error, peerId)) return;
    this.#host?.fail(error);
  }
}
