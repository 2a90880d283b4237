/**
 * One WHIP or WHEP session: a member of an SFU room that speaks HTTP. It joins, offers once for its client, and as a viewer offers the same
 * description again when other publications are to be in its sections: their SSRCs stay, so the client need not know.
 */
import { type Clock, CodedError, type JsonValue } from "@tsunagi/base";
import type { CoreMessage, Grants, Refusal } from "@tsunagi/conference";
import type { Publication, ServerCounted, SfuReceive, SfuSend } from "@tsunagi/protocol";
import type { ConferenceHost, SessionSink } from "../../host.ts";
import type { Fragment } from "./fragment.ts";
import { type Offered, planEgress, planIngest, readOffer } from "./plan.ts";
import { assignSlots, sameSlots } from "./slots.ts";

/** Publications that come and go together are one change. */
const GATHER_MS = 20;
/** Of the one PeerConnection that the client ever has here. */
const EPOCH = 1;

export type WhipKind = "whip" | "whep";

export type WhipInit = {
  readonly id: string;
  readonly kind: WhipKind;
  readonly appId: string;
  readonly room: string;
  readonly peerId: string;
  readonly grants: Grants;
  readonly sdp: string;
  readonly metadata: JsonValue;
  /** Of a viewer: the member to show. */
  readonly from: string | undefined;
};

export type WhipOwner = {
  readonly host: Pick<ConferenceHost, "handle" | "register">;
  readonly clock: Clock;
  readonly newId: () => string;
  /** It is over, and known no more. */
  readonly ended: (session: WhipSession, why: Refusal | undefined) => void;
};

type Waiting = { readonly resolve: (sdp: string) => void; readonly reject: (error: Error) => void };

export class WhipSession implements SessionSink {
  readonly id: string;
  readonly kind: WhipKind;
  readonly appId: string;
  readonly room: string;
  readonly peerId: string;
  /** Names the ICE session (RFC 9725 §4.3): there is one only. */
  readonly etag: string;
  readonly #owner: WhipOwner;
  readonly #init: WhipInit;
  readonly #offered: Offered;
  readonly #send: readonly SfuSend[];
  /** Oldest first. */
  readonly #publications = new Map<string, Publication>();
  #receive: readonly SfuReceive[];
  #waiting: Waiting | undefined;
  #failure: CodedError | undefined;
  #answered = false;
  #lastId = 0;
  #pendingOffer = 0;
  #cancelGather: (() => void) | undefined;
  #over = false;

  /** @throws {CodedError} `whip.offer.*` */
  constructor(init: WhipInit, owner: WhipOwner) {
    this.#init = init;
    this.#owner = owner;
    this.id = init.id;
    this.kind = init.kind;
    this.appId = init.appId;
    this.room = init.room;
    this.peerId = init.peerId;
    this.etag = `"${owner.newId()}"`;
    this.#offered = readOffer(init.sdp);
    this.#send = init.kind === "whip" ? planIngest(this.#offered, init.kind, owner.newId) : [];
    this.#receive = init.kind === "whep" ? planEgress(this.#offered) : [];
  }

  /** @returns the answer. Rejects with a CodedError; then there is no session. */
  start(): Promise<string> {
    const { appId, peerId, grants } = this.#init;
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#owner.host.register(this.id, this);
      this.#owner.host.handle({ type: "open", session: this.id, appId, peerId, grants });
    });
  }

  /** A fragment is about this session's ICE credentials: candidates. Else it wants to restart ICE. */
  isTrickle({ iceUfrag, icePwd }: Fragment): boolean {
    return iceUfrag === this.#offered.iceUfrag && icePwd === this.#offered.icePwd;
  }

  end(): void {
    if (!this.#over) this.#owner.host.handle({ type: "end", session: this.id });
  }

  /** For the operator and tests. */
  get receiving(): readonly SfuReceive[] {
    return this.#receive;
  }

  // ---- From the core -----------------------------------------------------------------------------------------------------------

  opened(): void {
    const { room, metadata, kind } = this.#init;
    this.#say((id) => ({ type: "join", id, room, mode: "sfu", receiveOnly: kind === "whep", metadata }));
  }

  send(message: ServerCounted): void {
    switch (message.type) {
      case "joined":
        for (const publication of message.publications ?? []) this.#publications.set(publication.id, publication);
        this.#receive = this.#assigned();
        this.#offer();
        return;
      case "sfu-answer":
        this.#onAnswer(message.sdp);
        return;
      case "published":
      case "publication-updated":
        this.#publications.set(message.publication.id, message.publication);
        this.#gather();
        return;
      case "unpublished":
        this.#publications.delete(message.publication);
        this.#gather();
        return;
      case "member-left":
        for (const [id, { peerId }] of this.#publications) if (peerId === message.peerId) this.#publications.delete(id);
        this.#gather();
        return;
      case "error":
        this.#failed(message.code, message.message, message.remedy);
        return;
      case "sfu-reset":
        // Its client cannot offer again in this session: it notices the loss and makes a new one (RFC 9725 §4.5).
        this.#later(() => this.end());
        return;
      case "room-closed":
        this.#failed(message.code, message.message, undefined);
        this.#later(() => this.end());
        return;
      default:
      // The rest is for members with a program behind them: data, log, calls.
    }
  }

  relay(): void {
    // Relayed offers and the like: nobody is here to take a call.
  }

  restored(): void {}
  renewed(): void {}

  refused(why: Refusal): void {
    this.#finish(why);
  }

  ended(why: Refusal | undefined): void {
    this.#finish(why);
  }

  // ---- Inside ------------------------------------------------------------------------------------------------------------------

  #offer(): void {
    const { room, sdp } = this.#init;
    const [send, receive] = [this.#send, this.#receive];
    this.#say((id) => {
      this.#pendingOffer = id;
      return { type: "sfu-offer", id, room, epoch: EPOCH, sdp, send, receive };
    });
  }

  #onAnswer(sdp: string): void {
    this.#pendingOffer = 0;
    this.#answered = true;
    this.#waiting?.resolve(this.kind === "whep" ? oneStream(sdp) : sdp);
    this.#waiting = undefined;
    // What came while the offer was under way.
    this.#gather();
  }

  #gather(): void {
    if (this.kind !== "whep" || !this.#answered || this.#cancelGather !== undefined || this.#over) return;
    this.#cancelGather = this.#owner.clock.after(GATHER_MS, () => {
      this.#cancelGather = undefined;
      const next = this.#assigned();
      if (this.#over || this.#pendingOffer !== 0 || sameSlots(next, this.#receive)) return;
      this.#receive = next;
      this.#offer();
    });
  }

  #assigned(): readonly SfuReceive[] {
    return assignSlots(this.#receive, [...this.#publications.values()], this.#init.from);
  }

  #failed(code: string, message: string, remedy: string | undefined): void {
    this.#pendingOffer = 0;
    // After the answer only another assignment of sections can fail: what is in them stays.
    if (this.#waiting === undefined) return;
    this.#failure ??= new CodedError(code as never, message, { remedy });
    // The client is told after the peer ID is free again.
    this.#later(() => this.end());
  }

  #finish(why: Refusal | undefined): void {
    if (this.#over) return;
    this.#over = true;
    this.#cancelGather?.();
    const { code = "whip.session.unknown", message = "the session ended before it began", remedy } = why ?? {};
    this.#waiting?.reject(this.#failure ?? new CodedError(code, message, { remedy }));
    this.#waiting = undefined;
    this.#owner.ended(this, why);
  }

  #say(make: (id: number) => CoreMessage): void {
    this.#lastId += 1;
    const message = make(this.#lastId);
    this.#later(() => {
      if (!this.#over) this.#owner.host.handle({ type: "message", session: this.id, message, text: JSON.stringify(message) });
    });
  }

  /** Not from inside the performing of the core's outputs: they go one after the other. */
  #later(act: () => void): void {
    queueMicrotask(act);
  }
}

/** Picture and sound in one stream, so that players keep them in step (RFC 8830). */
function oneStream(sdp: string): string {
  return sdp.replace(/^a=msid:\S+ /gm, "a=msid:whep ");
}
