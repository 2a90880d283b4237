/** One PeerJS client: its id in its app, the socket that it is reached by, and the connections that were signalled for it. */
import type { App, Refusal, Relayed } from "@tsunagi/conference";
import type { ConnectionKind, ServerCounted } from "@tsunagi/protocol";
import type { SessionSink } from "../../host.ts";
import { OPEN_FRAME } from "./frames.ts";
import type { PeerjsSocket } from "./socket.ts";
import type { RelayMessage } from "./translate.ts";

/** Bursts of this many seconds' worth of messages pass. */
const BURST_SECONDS = 10;
/** One frame in the bucket. */
const FRAME = 1_000;
/** Candidates kept that came before their OFFER. */
const MAX_EARLY_CANDIDATES = 128;

/** What a session needs of its face. */
export interface PeerjsSessionOwner {
  readonly bufferedBytes: number;
  /** Another peer's message, of another kind of client. */
  foreign(session: PeerjsSession, relayed: Relayed): void;
  /** The server itself ends a connection towards this client. */
  hungUp(session: PeerjsSession, message: Extract<ServerCounted, { readonly type: "hangup" }>): void;
  refused(session: PeerjsSession, why: Refusal): void;
  ended(session: PeerjsSession, why: Refusal | undefined): void;
  /** Its socket takes nothing any more. */
  unreachable(session: PeerjsSession): void;
}

export type Signalled = {
  readonly peer: string;
  readonly connection: string;
  kind: ConnectionKind;
  answered: boolean;
};

export class PeerjsSession implements SessionSink {
  readonly id: string;
  readonly peerId: string;
  readonly token: string;
  readonly #owner: PeerjsSessionOwner;
  app: App;
  state: "opening" | "open" | "over" = "opening";
  socket: PeerjsSocket | undefined;
  /** The one that was replaced: it stays open, and may still send. */
  previous: PeerjsSocket | undefined;
  /** The last HEARTBEAT, monotonic. */
  lastSeen: number;
  /** What became of the message that the core was just given for this session: undefined, it was not relayed. */
  delivery: "sent" | "failed" | undefined;
  /** Why the core did not do what it was just asked. */
  problem: string | undefined;
  /** By peer and connection ID; made with the first one. The oldest goes when there are too many: nobody says when one is over. */
  #connections: Map<string, Signalled> | undefined;
  /** For connections with other kinds of peers whose OFFER has not come yet. */
  #early: { readonly since: number; readonly messages: RelayMessage[] } | undefined;
  // Token bucket: thousandths of frames that may still pass, and when that was true. Whole numbers are kept without an object each.
  #tokens: number;
  #refilledAt: number;

  constructor(owner: PeerjsSessionOwner, init: Pick<PeerjsSession, "id" | "app" | "peerId" | "token">, now: number) {
    this.#owner = owner;
    this.id = init.id;
    this.app = init.app;
    this.peerId = init.peerId;
    this.token = init.token;
    this.lastSeen = now;
    this.#tokens = init.app.limits.messagesPerSecond * BURST_SECONDS * FRAME;
    this.#refilledAt = now;
  }

  // ---- From the core -----------------------------------------------------------------------------------------------------------

  opened(): void {
    this.state = "open";
    this.deliver(OPEN_FRAME);
  }

  restored(): void {
    this.opened();
  }

  relay(relayed: Relayed): void {
    if (relayed.framing !== "peerjs") {
      this.#owner.foreign(this, relayed);
      return;
    }
    // What the face makes for the core's books alone has no text.
    if (typeof relayed.original !== "string") return;
    this.delivery = this.deliver(relayed.original) ? "sent" : "failed";
    if (relayed.message.type === "offer") this.track(relayed.from, relayed.message.connection, relayed.message.kind);
  }

  send(message: ServerCounted): void {
    if (message.type === "error") this.problem = message.code;
    else if (message.type === "hangup") this.#owner.hungUp(this, message);
    // The client knows nothing of the rest: rooms, and authentication that is about to end.
  }

  refused(why: Refusal): void {
    this.#owner.refused(this, why);
  }

  renewed(): void {}

  ended(why: Refusal | undefined): void {
    this.#owner.ended(this, why);
  }

  // ---- To the client -----------------------------------------------------------------------------------------------------------

  /** @returns false: the socket takes nothing any more */
  deliver(text: string): boolean {
    const { socket } = this;
    if (socket?.readyState === 1 && socket.bufferedAmount <= this.#owner.bufferedBytes) {
      socket.send(text);
      return true;
    }
    this.#owner.unreachable(this);
    return false;
  }

  /** Whether one more frame may pass now, in whole milliseconds. */
  mayPass(now: number): boolean {
    const rate = this.app.limits.messagesPerSecond;
    // Milliseconds times frames a second are thousandths of frames.
    const tokens = Math.min(rate * BURST_SECONDS * FRAME, this.#tokens + (now - this.#refilledAt) * rate);
    this.#refilledAt = now;
    this.#tokens = tokens >= FRAME ? tokens - FRAME : tokens;
    return tokens >= FRAME;
  }

  // ---- Connections -------------------------------------------------------------------------------------------------------------

  track(peer: string, connection: string, kind: ConnectionKind): void {
    this.#connections ??= new Map();
    const key = keyOf(peer, connection);
    const known = this.#connections.get(key);
    if (known !== undefined) {
      known.kind = kind;
      known.answered = false;
      return;
    }
    this.#connections.set(key, { peer, connection, kind, answered: false });
    if (this.#connections.size <= this.app.limits.connectionsPerPeer) return;
    const [oldest] = this.#connections.keys();
    if (oldest !== undefined) this.#connections.delete(oldest);
  }

  tracked(peer: string, connection: string): Signalled | undefined {
    return this.#connections?.get(keyOf(peer, connection));
  }

  forget(peer: string, connection: string): void {
    this.#connections?.delete(keyOf(peer, connection));
  }

  forgetAll(peer: string): void {
    for (const { connection } of this.connectionsWith(peer)) this.forget(peer, connection);
  }

  connectionsWith(peer: string): readonly Signalled[] {
    return [...(this.#connections?.values() ?? [])].filter((each) => each.peer === peer);
  }

  // ---- Candidates before their OFFER -------------------------------------------------------------------------------------------

  keepEarly(now: number, message: RelayMessage): void {
    this.#early ??= { since: now, messages: [] };
    if (this.#early.messages.length < MAX_EARLY_CANDIDATES) this.#early.messages.push(message);
  }

  takeEarly(peer: string, connection: string): readonly RelayMessage[] {
    if (this.#early === undefined) return [];
    const isWanted = (each: RelayMessage) => each.to === peer && each.connection === connection;
    const wanted = this.#early.messages.filter(isWanted);
    const others = this.#early.messages.filter((each) => !isWanted(each));
    this.#early = others.length === 0 ? undefined : { since: this.#early.since, messages: others };
    return wanted;
  }

  dropEarly(before: number): void {
    if (this.#early !== undefined && this.#early.since < before) this.#early = undefined;
  }
}

function keyOf(peer: string, connection: string): string {
  // A line feed is in no peer ID.
  return `${peer}\n${connection}`;
}
