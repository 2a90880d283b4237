/** One session of the native face: the server's end of the session layer, and the socket that it has or has not. */
import { type App, type Grants, isSizedData, type LostRoom, type Refusal, type Relayed, refusal } from "@tsunagi/conference";
import { CLOSE_CODES, readdress, relayText, type ServerBye, type ServerCounted, SessionCounter } from "@tsunagi/protocol";
import type { SessionSink } from "../../host.ts";
import type { NativeMetrics } from "../../metrics.ts";
import type { NativeSocket } from "./socket.ts";

/** Bursts of this many seconds' worth of messages pass. */
const BURST_SECONDS = 10;

/** Room data of members with other client libraries, which may send 20 MB at once: a quarter of what a session keeps unconfirmed. */
const MAX_FOREIGN_DATA = 1_048_576;

/** What a session needs of its face. */
export interface SessionOwner {
  readonly metrics: NativeMetrics;
  opened(session: NativeSession, grants: Grants): void;
  resumed(session: NativeSession, grants: Grants, restored: boolean, lostRooms: readonly LostRoom[]): void;
  resumeToken(session: NativeSession, peerId: string, grants: Grants): string;
  /** Too much waits for a client that does not read or does not come back. */
  overflow(session: NativeSession): void;
}

export class NativeSession implements SessionSink {
  readonly id: string;
  readonly owner: SessionOwner;
  app: App;
  peerId: string;
  socket: NativeSocket | undefined;
  readonly counter: SessionCounter;
  /** Messages wait here while a token is being verified, so that their order stays. */
  busy: Promise<void> | undefined;
  // Token bucket: messages that may still pass, and when that was true.
  #tokens: number;
  #refilledAt: number;
  /** When a refusal for the rate was last told: once a second is enough. */
  #toldAt = Number.NEGATIVE_INFINITY;
  /** Messages refused for their rate, less those that passed since: in a flood one passes now and then, too. */
  #refused = 0;

  constructor(owner: SessionOwner, id: string, app: App, peerId: string, socket: NativeSocket, now: number) {
    this.owner = owner;
    this.id = id;
    this.app = app;
    this.peerId = peerId;
    this.socket = socket;
    this.counter = new SessionCounter();
    this.#tokens = app.limits.messagesPerSecond * BURST_SECONDS;
    this.#refilledAt = now;
  }

  // ---- From the core -----------------------------------------------------------------------------------------------------------

  send(message: ServerCounted, text = () => JSON.stringify(message)): void {
    if (message.type === "room-data" && isSizedData(message.data) && message.data.size > MAX_FOREIGN_DATA) {
      const { room, data } = message;
      const why = refusal(
        "protocol.message.too-large",
        `room data of ${data.size} bytes came, at most ${MAX_FOREIGN_DATA} are passed on`,
      );
      this.send({ type: "error", ...why, room });
      return;
    }
    this.owner.metrics.sent(message.type);
    this.#sendText(text());
  }

  relay({ from, message, text }: Relayed): void {
    this.#sendText(text === undefined ? relayText(message, from) : readdress(text, message, from));
  }

  #sendText(text: string): void {
    if (!this.counter.send(text)) {
      this.owner.overflow(this);
      return;
    }
    if (this.socket?.readyState === 1) this.socket.sendCounted(text);
  }

  opened(peerId: string, grants: Grants): void {
    this.peerId = peerId;
    this.owner.opened(this, grants);
  }

  restored(peerId: string, grants: Grants, lostRooms: readonly LostRoom[]): void {
    this.peerId = peerId;
    this.owner.resumed(this, grants, true, lostRooms);
  }

  refused(why: Refusal): void {
    this.#end({ ...why, retry: false });
  }

  renewed(re: number, peerId: string, grants: Grants): void {
    this.send({
      type: "credential",
      re,
      resumeToken: this.owner.resumeToken(this, peerId, grants),
      permissions: grants.permissions,
      ...(grants.expiresAt === undefined ? {} : { expiresAt: grants.expiresAt }),
    });
  }

  ended(why: Refusal | undefined): void {
    if (why === undefined) {
      const socket = this.socket;
      this.#detach();
      socket?.close(1000);
    } else {
      this.#end({ ...why, retry: false });
    }
  }

  // ---- From the socket ---------------------------------------------------------------------------------------------------------

  /** Puts this session on another socket. The old one is told, if it is still there. */
  attach(socket: NativeSocket, now: number): void {
    const old = this.socket;
    this.#detach();
    old?.bye(
      { code: "peer.session.replaced", message: "The session goes on over another connection.", retry: false },
      CLOSE_CODES.replaced,
    );
    this.socket = socket;
    socket.session = this;
    // What the client could not send while it was away comes at once now.
    this.#tokens = this.app.limits.messagesPerSecond * BURST_SECONDS;
    this.#refilledAt = now;
  }

  /** Whether one more message may pass now. */
  mayPass(now: number): boolean {
    const rate = this.app.limits.messagesPerSecond;
    const tokens = Math.min(rate * BURST_SECONDS, this.#tokens + ((now - this.#refilledAt) * rate) / 1000);
    this.#refilledAt = now;
    if (tokens >= 1) {
      this.#tokens = tokens - 1;
      this.#refused = Math.max(0, this.#refused - 1);
      return true;
    }
    this.#tokens = tokens;
    this.#refused += 1;
    return false;
  }

  /** A message was refused for the rate. `last`: it went on for so long that the session ends. */
  rateRefusal(now: number): "silent" | "tell" | "last" {
    if (this.#refused > this.app.limits.messagesPerSecond * BURST_SECONDS * 10) return "last";
    if (now - this.#toldAt < 1000) return "silent";
    this.#toldAt = now;
    return "tell";
  }

  #end(bye: Omit<ServerBye, "type">): void {
    const socket = this.socket;
    this.#detach();
    if (socket !== undefined) this.owner.metrics.refused(bye.code);
    socket?.bye(bye);
  }

  #detach(): void {
    if (this.socket !== undefined) this.socket.session = undefined;
    this.socket = undefined;
  }
}
