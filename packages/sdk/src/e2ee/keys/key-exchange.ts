/**
 * Sender keys of one room, RFC 9605 §5.1: a random base key for each member that publishes. Who joins gets the ratcheted key, so nothing from before;
 * when someone leaves, everyone else gets a new one. All of a member's steps are done one after the other, whatever arrives meanwhile.
 */
import type { Clock, CodedError, JsonValue } from "@tsunagi/base";
import { e2eeError } from "../errors.ts";
import { kidOf, MAX_STEP } from "../sframe/kid.ts";
import { type Bytes, ratchet } from "../sframe/suite.ts";
import { fromBase64, toBase64 } from "./base64.ts";
import { decodeKeyMessage, encodeKeyMessage, type KeyMessage, WRAPPED_PER_MESSAGE, type Wrapped } from "./messages.ts";
import { randomBaseKey, safetyCode, Wrapping } from "./wrapping.ts";

/** Joins and leaves that come together take one step together. */
export const GATHER_MS = 50;
/** The new key is used this long after it was sent: its frames would else overtake it. */
export const SWITCH_MS = 300;
/** A member that says no hello is asked for it this often, after these times; then it is taken for one that does not encrypt. */
export const HELLO_RETRY_MS: readonly number[] = [2_000, 4_000, 8_000];
/** A missing key is asked for at once and after these times; then `failed` tells. */
export const ASK_RETRY_MS: readonly number[] = [0, 1_000, 2_000, 4_000, 8_000, 16_000];
/** One member gets the same key again at most this often. */
export const GIVE_AGAIN_MS = 1_000;
/** A member may come with another public key (its page was loaded anew) this often: each costs everyone a step. */
export const CHANGE_MS = 1_000;

/** `waiting`: nothing known yet. `secured`: it encrypts, under the same passphrase. `plain`: it does not. `mismatch`: another passphrase. */
export type MemberKeyState = "waiting" | "secured" | "plain" | "mismatch";

export type KeySink = {
  setSendKey(kid: number, baseKey: Bytes): void;
  addReceiveKey(peerId: string, kid: number, baseKey: Bytes): void;
  removeSender(peerId: string): void;
  send(data: JsonValue, to: readonly string[]): void;
  state(peerId: string, state: MemberKeyState): void;
  /** Without a peer ID: of this end itself. */
  failed(peerId: string | undefined, error: CodedError): void;
};

type MemberKeys = {
  /** The own key that was in use when it joined, which it must not get; −1: none was. */
  readonly before: number;
  publicKey: Bytes | undefined;
  state: MemberKeyState;
  hellos: number;
  asked: number;
  /** When the next question about a missing key is allowed. */
  askAtMs: number;
  givenAtMs: number;
  changedAtMs: number;
  cancelHello: (() => void) | undefined;
};
type Sending = { generation: number; step: number; baseKey: Bytes };

export class KeyExchange {
  readonly #room: string;
  readonly #selfId: string;
  readonly #wrapping: Promise<Wrapping>;
  readonly #sink: KeySink;
  readonly #clock: Clock;
  readonly #members = new Map<string, MemberKeys>();
  readonly #joiners = new Set<string>();
  #sending: Sending | undefined;
  #leavers = false;
  #cancelGather: (() => void) | undefined;
  #cancelSwitch: (() => void) | undefined;
  #queue: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(
    options: {
      readonly room: string;
      readonly selfId: string;
      readonly passphrase: string | undefined;
      readonly iterations?: number;
    },
    sink: KeySink,
    clock: Clock,
  ) {
    this.#room = options.room;
    this.#selfId = options.selfId;
    this.#sink = sink;
    this.#clock = clock;
    this.#wrapping = Wrapping.create(options.room, options.passphrase, options.iterations);
    // Told where it is waited for.
    this.#wrapping.catch(() => {});
  }

  /** Resolves when all that was asked of it so far is done; for tests. */
  get idle(): Promise<void> {
    return this.#queue;
  }

  get states(): ReadonlyMap<string, MemberKeyState> {
    return new Map([...this.#members].map(([peerId, { state }]) => [peerId, state]));
  }

  /** The room is joined, with these members in it already. */
  start(peerIds: readonly string[]): void {
    for (const peerId of peerIds) this.#add(peerId);
    // Who comes later says hello first.
    if (peerIds.length > 0) this.#do(() => this.#hello(peerIds, true));
  }

  /** It says hello by itself. */
  joined(peerId: string): void {
    if (!this.#members.has(peerId)) this.#add(peerId);
  }

  left(peerId: string): void {
    const member = this.#members.get(peerId);
    if (member === undefined) return;
    member.cancelHello?.();
    this.#members.delete(peerId);
    this.#joiners.delete(peerId);
    this.#sink.removeSender(peerId);
    // It may know the key, so the others need one that it does not know.
    if (this.#sending === undefined || member.publicKey === undefined) return;
    this.#leavers = true;
    this.#gather();
  }

  /** The first track is about to be sent: from now on there is a key. */
  publish(): void {
    if (this.#sending !== undefined) return;
    this.#sending = { generation: 0, step: 0, baseKey: randomBaseKey() };
    const { baseKey } = this.#sending;
    this.#sink.setSendKey(kidOf(0, 0), baseKey);
    this.#do(() => this.#give(this.#secured()));
  }

  /** From another member's `send`. */
  receive(from: string, data: JsonValue): void {
    const message = decodeKeyMessage(data);
    if (message !== undefined) this.#do(() => this.#handle(from, message));
  }

  /** Frames of this member cannot be opened. */
  missing(peerId: string, kid: number): void {
    const member = this.#members.get(peerId);
    const now = this.#clock.now();
    if (member?.state !== "secured" || now < member.askAtMs) return;
    const wait = ASK_RETRY_MS[member.asked + 1];
    member.asked += 1;
    member.askAtMs = wait === undefined ? Number.POSITIVE_INFINITY : now + wait;
    if (wait === undefined) this.#sink.failed(peerId, e2eeError("e2ee.key.missing"));
    else this.#send({ type: "ask", kid }, [peerId]);
  }

  async safetyCode(peerId: string): Promise<string | undefined> {
    const other = this.#members.get(peerId)?.publicKey;
    return other === undefined ? undefined : safetyCode((await this.#wrapping).publicKey, other);
  }

  close(): void {
    this.#closed = true;
    this.#cancelGather?.();
    this.#cancelSwitch?.();
    for (const member of this.#members.values()) member.cancelHello?.();
    this.#members.clear();
    this.#sending = undefined;
  }

  // ---- Members -----------------------------------------------------------------------------------------------------------------

  #add(peerId: string): void {
    const member: MemberKeys = {
      before: this.#sending === undefined ? -1 : kidOf(this.#sending.generation, this.#sending.step),
      publicKey: undefined,
      state: "waiting",
      hellos: 0,
      asked: 0,
      askAtMs: 0,
      givenAtMs: Number.NEGATIVE_INFINITY,
      changedAtMs: Number.NEGATIVE_INFINITY,
      cancelHello: undefined,
    };
    this.#members.set(peerId, member);
    this.#sink.state(peerId, "waiting");
    this.#awaitHello(peerId, member);
  }

  #awaitHello(peerId: string, member: MemberKeys): void {
    const wait = HELLO_RETRY_MS[member.hellos];
    if (wait === undefined) {
      this.#setState(peerId, member, "plain");
      this.#sink.failed(peerId, e2eeError("e2ee.member.plain"));
      return;
    }
    member.hellos += 1;
    member.cancelHello = this.#clock.after(wait, () => {
      this.#do(() => this.#hello([peerId], true));
      this.#awaitHello(peerId, member);
    });
  }

  #setState(peerId: string, member: MemberKeys, state: MemberKeyState): void {
    if (member.state === state) return;
    member.state = state;
    this.#sink.state(peerId, state);
  }

  #secured(): string[] {
    return [...this.#members].filter(([, { state }]) => state === "secured").map(([peerId]) => peerId);
  }

  // ---- Messages ----------------------------------------------------------------------------------------------------------------

  async #handle(from: string, message: KeyMessage): Promise<void> {
    const member = this.#members.get(from);
    if (member === undefined) return;
    switch (message.type) {
      case "hello":
        return this.#onHello(from, member, message);
      case "ask": {
        if (member.state !== "secured" || this.#clock.now() - member.givenAtMs < GIVE_AGAIN_MS) return;
        return this.#give([from]);
      }
      case "keys": {
        const mine = message.wrapped.get(this.#selfId);
        if (mine !== undefined) return this.#onKey(from, member, message.kid, mine);
      }
    }
  }

  async #onHello(from: string, member: MemberKeys, message: KeyMessage & { readonly type: "hello" }): Promise<void> {
    const publicKey = fromBase64(message.publicKey);
    const proof = message.proof === undefined ? undefined : fromBase64(message.proof);
    const wrapping = await this.#wrapping;
    if (publicKey === undefined || !(await wrapping.believes(from, publicKey, proof))) {
      // A member that is secured stays so: anyone between could say a wrong hello in its name.
      if (member.state === "secured") return;
      member.cancelHello?.();
      const news = member.state !== "mismatch";
      this.#setState(from, member, "mismatch");
      if (news) this.#sink.failed(from, e2eeError("e2ee.passphrase.mismatch"));
      if (message.reply) await this.#hello([from], false);
      return;
    }
    member.cancelHello?.();
    const known = member.publicKey !== undefined && toBase64(member.publicKey) === message.publicKey;
    if (!known) {
      if (this.#clock.now() - member.changedAtMs < CHANGE_MS) return;
      member.changedAtMs = this.#clock.now();
      // What it sends from now on is under keys that it has yet to give.
      if (member.publicKey !== undefined) this.#sink.removeSender(from);
    }
    member.publicKey = publicKey;
    member.asked = 0;
    member.askAtMs = 0;
    this.#setState(from, member, "secured");
    if (message.reply) await this.#hello([from], false);
    const sending = this.#sending;
    if (known || sending === undefined) return;
    // It was there before this key was: there is nothing to keep from it.
    if (member.before < kidOf(sending.generation, sending.step)) return this.#give([from]);
    this.#joiners.add(from);
    this.#gather();
  }

  async #onKey(from: string, member: MemberKeys, kid: number, [enc, ciphertext]: Wrapped): Promise<void> {
    if (member.publicKey === undefined) {
      await this.#hello([from], true);
      return;
    }
    const wrapping = await this.#wrapping;
    const encBytes = fromBase64(enc);
    const ciphertextBytes = fromBase64(ciphertext);
    const binding = {
      room: this.#room,
      from,
      fromKey: member.publicKey,
      to: this.#selfId,
      toKey: wrapping.publicKey,
      kid,
    };
    const key =
      encBytes === undefined || ciphertextBytes === undefined
        ? undefined
        : await wrapping.unwrap(encBytes, ciphertextBytes, binding);
    if (this.#members.get(from) !== member) return;
    if (key === undefined) {
      this.#sink.failed(from, e2eeError("e2ee.key.damaged"));
      return;
    }
    member.asked = 0;
    member.askAtMs = 0;
    this.#sink.addReceiveKey(from, kid, key);
  }

  async #hello(to: readonly string[], reply: boolean): Promise<void> {
    const wrapping = await this.#wrapping;
    const proof = await wrapping.prove(this.#selfId);
    this.#send(
      {
        type: "hello",
        publicKey: toBase64(wrapping.publicKey),
        proof: proof === undefined ? undefined : toBase64(proof),
        reply,
      },
      to,
    );
  }

  // ---- The own key -------------------------------------------------------------------------------------------------------------

  #gather(): void {
    if (this.#cancelGather !== undefined || this.#closed) return;
    this.#cancelGather = this.#clock.after(GATHER_MS, () => {
      this.#cancelGather = undefined;
      this.#do(() => this.#step());
    });
  }

  async #step(): Promise<void> {
    const sending = this.#sending;
    if (sending === undefined) return;
    const joiners = [...this.#joiners];
    this.#joiners.clear();
    if (this.#leavers || sending.step === MAX_STEP) {
      this.#leavers = false;
      await this.#rotate(sending);
      return;
    }
    sending.baseKey = await ratchet(sending.baseKey);
    sending.step += 1;
    await this.#give(joiners);
    // The others ratchet by themselves when they see it. While a rotation waits for its time, that one says when.
    if (this.#cancelSwitch === undefined) this.#use(sending);
  }

  async #rotate(sending: Sending): Promise<void> {
    sending.generation += 1;
    sending.step = 0;
    sending.baseKey = randomBaseKey();
    await this.#give(this.#secured());
    this.#cancelSwitch?.();
    this.#cancelSwitch = this.#clock.after(SWITCH_MS, () => {
      this.#cancelSwitch = undefined;
      this.#use(sending);
    });
  }

  #use({ generation, step, baseKey }: Sending): void {
    if (!this.#closed) this.#sink.setSendKey(kidOf(generation, step), baseKey);
  }

  async #give(peerIds: readonly string[]): Promise<void> {
    const sending = this.#sending;
    if (sending === undefined) return;
    const wrapping = await this.#wrapping;
    const kid = kidOf(sending.generation, sending.step);
    const { baseKey } = sending;
    const wrapped = new Map<string, Wrapped>();
    const flush = () => {
      if (wrapped.size > 0) this.#send({ type: "keys", kid, wrapped: new Map(wrapped) }, [...wrapped.keys()]);
      wrapped.clear();
    };
    for (const to of peerIds) {
      const member = this.#members.get(to);
      if (member?.publicKey === undefined) continue;
      const binding = { room: this.#room, from: this.#selfId, fromKey: wrapping.publicKey, to, toKey: member.publicKey, kid };
      try {
        const { enc, ciphertext } = await wrapping.wrap(baseKey, binding);
        wrapped.set(to, [toBase64(enc), toBase64(ciphertext)]);
        member.givenAtMs = this.#clock.now();
      } catch {
        // What it said is no public key: it gets none of ours.
        this.#setState(to, member, "mismatch");
      }
      if (wrapped.size === WRAPPED_PER_MESSAGE) flush();
    }
    flush();
  }

  #send(message: KeyMessage, to: readonly string[]): void {
    if (!this.#closed) this.#sink.send(encodeKeyMessage(message), to);
  }

  #do(step: () => Promise<void>): void {
    this.#queue = this.#queue.then(async () => {
      if (this.#closed) return;
      await step();
    });
    // A failure is a mistake of ours, such as WebCrypto missing in an insecure page: it must show, and the queue must go on.
    this.#queue = this.#queue.catch((error: unknown) => {
      this.#sink.failed(undefined, e2eeError("e2ee.browser.unsupported", undefined, { cause: error }));
    });
  }
}
