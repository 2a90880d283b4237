/** Where a frame goes: to another PeerJS client as it came, to a peer of another kind translated, or into the queue of one that is not there. */
import type { Clock } from "@tsunagi/base";
import type { Refusal, Relayed } from "@tsunagi/conference";
import type { Inbound, RelayBody } from "@tsunagi/protocol";
import type { ConferenceHost } from "../../host.ts";
import type { PeerjsCounts } from "./counts.ts";
import { madeFrame, parseFrame, type RelayFrame, relayedText } from "./frames.ts";
import type { AbsentQueues, Waiting } from "./queue.ts";
import type { PeerjsSession } from "./session.ts";
import { fromCore, isWithinLimits, type OfferMessage, type RelayMessage, toCore } from "./translate.ts";

export type RelaysOptions = {
  readonly host: Pick<ConferenceHost, "handle" | "conference">;
  readonly queues: AbsentQueues;
  readonly counts: PeerjsCounts;
  readonly clock: Clock;
  /** An open session of this face. */
  readonly find: (appId: string, peerId: string) => PeerjsSession | undefined;
  readonly end: (session: PeerjsSession, why?: Refusal) => void;
};

/** What the core says no to for good; the rest of its rules are about clients that can keep them. */
const FINAL = /^auth\.|\.limit\.reached$/;

type HangUp = Extract<Inbound<RelayBody>, { readonly type: "hangup" }>;

export class Relays {
  readonly #options: RelaysOptions;

  constructor(options: RelaysOptions) {
    this.#options = options;
  }

  relay(session: PeerjsSession, frame: RelayFrame): void {
    this.#options.counts.relayed(frame.type);
    const target = this.#options.find(session.app.id, frame.dst);
    if (target !== undefined) this.#toOwn(session, target, frame);
    else this.#toOther(session, frame);
  }

  /** The peer is there now: what waited for it. */
  flush(appId: string, peerId: string): void {
    for (const waiting of this.#options.queues.take(appId, peerId)) {
      const sender = this.#options.find(appId, waiting.src);
      const parsed = parseFrame(waiting.text);
      if (typeof parsed === "string" || parsed.type !== "relay") continue;
      if (sender?.id === waiting.session) {
        const target = this.#options.find(appId, peerId);
        if (target !== undefined) this.#toOwn(sender, target, parsed.frame);
        else this.#toOther(sender, parsed.frame);
      } else {
        // Its sender has gone meanwhile, which a PeerJS client notices by itself.
        this.#options.find(appId, peerId)?.deliver(waiting.text);
      }
    }
  }

  expire(): void {
    for (const { appId, src, dst, session } of this.#options.queues.expire(this.#options.clock.now())) {
      const sender = this.#options.find(appId, src);
      if (sender?.id === session) this.#expire(sender, dst);
    }
  }

  // ---- Between clients of this face --------------------------------------------------------------------------------------------

  #toOwn(session: PeerjsSession, target: PeerjsSession, frame: RelayFrame): void {
    const text = relayedText(frame, session.peerId);
    switch (frame.type) {
      case "OFFER":
      case "ANSWER":
        if (this.#toOwnByCore(session, target, frame, text)) return;
        break;
      case "LEAVE":
        this.#endConnections(session, target.peerId);
        break;
      case "CANDIDATE":
      case "EXPIRE":
        break;
    }
    if (!target.deliver(text)) this.#leave(session, target.peerId);
  }

  /** The core keeps books of calls and knows who may make them. @returns false: it takes no part in this one */
  #toOwnByCore(session: PeerjsSession, target: PeerjsSession, frame: RelayFrame, text: string): boolean {
    const message = toCore(frame.type, target.peerId, frame.payload);
    if (message === undefined) {
      if (frame.type !== "OFFER") return false;
      const permissions = this.#options.host.conference.grants(session.id)?.permissions;
      if (permissions?.call === true && permissions.data) return false;
      // What kind of connection it asks for cannot be read.
      this.#refuseOffer(session, target.peerId, "auth.permission.denied");
      return true;
    }
    target.delivery = undefined;
    const problem = this.#say(session, message, text);
    // What happened inside `#say` cannot be seen from here.
    const delivery = target.delivery as PeerjsSession["delivery"];
    if (delivery === undefined) {
      if (problem === undefined || !FINAL.test(problem)) return false;
      if (message.type === "offer") this.#refuseOffer(session, target.peerId, problem);
      return true;
    }
    if (message.type === "offer") session.track(target.peerId, message.connection, message.kind);
    if (delivery === "failed") this.#leave(session, target.peerId);
    return true;
  }

  #leave(session: PeerjsSession, peerId: string): void {
    session.deliver(madeFrame("LEAVE", peerId, session.peerId));
  }

  // ---- With others -------------------------------------------------------------------------------------------------------------

  #toOther(session: PeerjsSession, frame: RelayFrame): void {
    const { host, counts } = this.#options;
    const kind = host.conference.kindOf(session.app.id, frame.dst);
    if (kind === undefined) {
      this.#queue(session, frame);
      return;
    }
    if (frame.type === "LEAVE") {
      this.#endConnections(session, frame.dst);
      return;
    }
    const message = toCore(frame.type, frame.dst, frame.payload);
    switch (message?.type) {
      case "offer":
        this.#offer(session, message, kind);
        return;
      case "answer": {
        const known = session.tracked(message.to, message.connection);
        if (known !== undefined) known.answered = true;
        this.#say(session, message);
        return;
      }
      case "candidate":
        if (session.tracked(message.to, message.connection) !== undefined) this.#say(session, message);
        else session.keepEarly(this.#options.clock.now(), message);
        return;
      default:
        counts.ignored("payload");
        if (frame.type === "OFFER") this.#expire(session, frame.dst);
    }
  }

  #offer(session: PeerjsSession, message: OfferMessage, kind: "native" | "skyway" | "peerjs"): void {
    const { to, connection } = message;
    const understands = kind !== "skyway" || message.kind === "media" || message.serialization === "raw";
    if (!understands || !isWithinLimits(message)) {
      this.#refuseOffer(session, to, "connection.framing.conflict");
      return;
    }
    session.track(to, connection, message.kind);
    const problem = this.#say(session, message);
    if (problem !== undefined) {
      session.forget(to, connection);
      this.#refuseOffer(session, to, problem);
      return;
    }
    for (const early of session.takeEarly(to, connection)) this.#say(session, early);
  }

  #queue(session: PeerjsSession, frame: RelayFrame): void {
    if (frame.type === "LEAVE" || frame.type === "EXPIRE") return;
    const { peerId: src, id, app } = session;
    const waiting: Waiting = { appId: app.id, src, dst: frame.dst, session: id, text: relayedText(frame, src) };
    if (this.#options.queues.add(this.#options.clock.now(), waiting)) return;
    this.#options.counts.ignored("queue");
    if (frame.type === "OFFER") this.#expire(session, frame.dst);
  }

  /** A message of a peer of another kind. From inside the core's performing. */
  foreign(session: PeerjsSession, { from, framing, message }: Relayed): void {
    switch (message.type) {
      case "offer": {
        const raw = message.kind === "media" || message.serialization === "raw";
        if (framing === "skyway" && !raw) {
          this.#later(session, { type: "reject", to: from, connection: message.connection, reason: "unsupported" });
          return;
        }
        // To the client a second OFFER is a new connection in place of the one that it has.
        if (session.tracked(from, message.connection)?.answered === true) {
          this.#options.counts.ignored("renegotiation");
          return;
        }
        session.track(from, message.connection, message.kind);
        break;
      }
      case "answer": {
        const known = session.tracked(from, message.connection);
        if (known !== undefined) known.answered = true;
        break;
      }
      case "hangup":
      case "reject":
        if (message.type === "reject" && message.reason === "unsupported") {
          session.forget(from, message.connection);
          this.#expire(session, from);
        } else if (framing === undefined && this.#isOpenData(session, from, message.connection)) {
          // The SDK closes the channel, which is what tells the client. It says so also when the client has closed it: a LEAVE then would close
          // what the client has begun with the peer since.
          session.forget(from, message.connection);
        } else {
          this.#hangUp(session, from, message.connection);
        }
        return;
      case "candidate":
      case "restart":
        break;
    }
    const kind = session.tracked(from, message.connection)?.kind ?? "media";
    const made = fromCore(message, kind);
    if (made !== undefined) session.deliver(madeFrame(made.type, from, session.peerId, made.payload));
  }

  /** The server ended the connection: its other end has gone, which tells a PeerJS client nothing about what it still sends and gets. */
  hungUp(session: PeerjsSession, { from, connection, reason }: HangUp): void {
    if (reason === "peer-left") session.forget(from, connection);
    else this.#hangUp(session, from, connection);
  }

  #isOpenData(session: PeerjsSession, from: string, connection: string): boolean {
    const known = session.tracked(from, connection);
    return known?.answered === true && known.kind === "data";
  }

  /** LEAVE closes all that the client has with the peer: only where that is the one that is meant. */
  #hangUp(session: PeerjsSession, from: string, connection: string): void {
    session.forget(from, connection);
    if (session.connectionsWith(from).length === 0) this.#leave(session, from);
  }

  #endConnections(session: PeerjsSession, peerId: string): void {
    for (const { connection } of session.connectionsWith(peerId)) {
      session.forget(peerId, connection);
      this.#say(session, { type: "hangup", to: peerId, connection, reason: "hung-up" });
    }
    this.#options.find(session.app.id, peerId)?.forgetAll(session.peerId);
  }

  // ---- Small things ------------------------------------------------------------------------------------------------------------

  /** @returns the code of the core's refusal */
  #say(session: PeerjsSession, message: RelayMessage, original?: string): string | undefined {
    session.problem = undefined;
    this.#options.host.handle({ type: "message", session: session.id, message, original });
    return session.problem;
  }

  #later(session: PeerjsSession, message: RelayMessage): void {
    queueMicrotask(() => this.#say(session, message));
  }

  /** The client's word for "you cannot have this peer": the one that leaves everything else as it is. */
  #refuseOffer(session: PeerjsSession, peerId: string, code: string): void {
    this.#options.counts.refused(code);
    this.#expire(session, peerId);
  }

  #expire(session: PeerjsSession, peerId: string): void {
    this.#options.counts.expired();
    session.deliver(madeFrame("EXPIRE", peerId, session.peerId));
  }
}
