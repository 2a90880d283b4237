/**
 * One skyway-js member of one SFU room. Its client never offers, nor asks for anything again: the SFU's own offers are made at the right times here,
 * one at a time, and its answers go to the core as if they were the client's offers.
 */
import type { SfuReply } from "@tsunagi/conference";
import type { Candidate, Publication, ServerCounted, SfuReceive, SfuSend } from "@tsunagi/protocol";
import type { MakeSkywaySfuRoom, SkywaySfuRoomOptions, SkywaySfuRoomPort } from "../sfu-port.ts";
import { type ReadAnswer, readAnswer, readFingerprint, without } from "./answer.ts";
import { Layout, type Offered } from "./layout.ts";
import { readStored } from "./stored.ts";

/** Changes of one moment go into one offer. */
const GATHER_MS = 20;
/** How long a publisher's second track is waited for. */
const HALF_MS = 150;
/** An answer takes a round trip and some 100 ms of a slow machine; an offer that is the same as the one before is never answered. */
const ANSWER_MS = 10_000;
/** Unanswered offers in a row before it is given up. */
const MAX_UNANSWERED = 3;
/** What the client wants to send besides is only learnt by offering again; what it has sent before, it may want to send again soon. */
const REFRESH_MS = 10_000;
const REFRESH_AGAIN_MS = 5_000;
/** Between offers because nothing comes of what the client said that it sends: a picture that stands still is no other. */
const QUIET_MS = 5_000;
/** Tracks of one member. */
const MAX_TRACKS = 8;
/** Of its own publications, with those that it does not send any more. */
const MAX_OWN = 32;
/** A refresh of more sections than these is that much rarer. */
const REFRESH_SECTIONS = 16;
/** Between offers that the client asks for: each costs the SFU a description of everything. */
const ASK_MS = 500;
/** Versions before 4.0 answer once more when their stream is replaced. */
const UNASKED_MS = 100;
/** What others published before a restart is kept in its sections for so long. */
const RETURN_MS = 10_000;
/** A client that leaves closes its connection first, which the SFU tells sooner than its leave is here. An offer in between would reach a room that it joins anew. */
const LEAVING_MS = 200;
const RETRY_MS = 500;
const MAX_RETRY_MS = 5_000;
/** Failures in a row before the app is told. */
const FAILURES_TOLD = 3;

type Kind = "audio" | "video";
type Own = { readonly publication: string; readonly source: "camera" | "microphone" | "other" };

/** The one thing that is under way. `token` tells a late reply from the current one's. */
type Round =
  | { readonly state: "idle" }
  | { readonly state: "gathering"; readonly startedAt: number; readonly dueAt: number }
  | { readonly state: "offering"; readonly token: object }
  | { readonly state: "offered" }
  | {
      readonly state: "answering";
      readonly re: number;
      readonly offer: Offered;
      readonly answer: ReadAnswer;
      readonly sdp: string;
    };

/** After these the connection is of no use: the next one has a chance. */
const NEEDS_NEW_CONNECTION: ReadonlySet<string> = new Set([
  "sfu.worker.lost",
  "sfu.epoch.stale",
  "sfu.offer.restart",
  "media.transport.failed",
]);
/** These pass by themselves. */
const PASSING: ReadonlySet<string> = new Set([
  "sfu.room.unavailable",
  "sfu.capacity.reached",
  "sfu.offer.pending",
  "sfu.command.failed",
]);

export const makeSkywaySfuRoom: MakeSkywaySfuRoom = (options) => new SkywaySfuRoom(options);

class SkywaySfuRoom implements SkywaySfuRoomPort {
  readonly #options: SkywaySfuRoomOptions;
  readonly #layout: Layout;
  /** Of the member's own tracks, by section: they outlive a connection. */
  readonly #own: Map<string, Own>;
  readonly #ownStream: string;
  #epoch: number;
  #mayPublish: boolean;
  #wanted: boolean;
  #round: Round = { state: "idle" };
  #cancelTimer: () => void = () => {};
  #cancelReturn: () => void = () => {};
  /** Something has changed since the offer that is under way. */
  #dirty = false;
  /** The client wants another one after that. */
  #askedAgain = false;
  #askedAt = Number.NEGATIVE_INFINITY;
  /** The latest offer that the client has. */
  #last: Offered | undefined;
  #lastUfrag: string | undefined;
  /** Of the connection before: an answer with this is about that one. */
  #oldUfrag: string | undefined;
  /** The SFU has had an answer of this member, so that the core will tell it of the leave. */
  #known = false;
  #unanswered = 0;
  #failures = 0;
  #lost = false;
  /** Firefox: on the transport that it has it cannot begin DTLS anew, and other clients cannot take another one. */
  #needsTag: boolean;
  /** Of the SFU's end, as offered last. */
  #fingerprint: string | undefined;
  /** Sections in which the client sends, by its latest answer. */
  #sending: ReadonlySet<string> = new Set();
  /** What that is. */
  #sends: ReadonlySet<Kind> = new Set();
  /** What it has sent at any time. */
  readonly #sent = new Set<Kind>();
  #maxTracks = MAX_TRACKS;
  #quietAt = Number.NEGATIVE_INFINITY;
  #unasked: { readonly sdp: string; readonly answer: ReadAnswer } | undefined;
  #storedText = "";
  #closed = false;

  constructor(options: SkywaySfuRoomOptions) {
    this.#options = options;
    const stored = readStored(options.restored);
    if (options.restored !== undefined && stored === undefined)
      options.log.warn({}, "what was kept of an SFU room cannot be read");
    this.#layout = new Layout(options.newId, stored);
    this.#own = new Map(stored?.own.map(([mid, publication, source]) => [mid, { publication, source: source ?? "other" }]));
    this.#ownStream = stored?.ownStream ?? options.newId();
    this.#epoch = (stored?.epoch ?? 0) + 1;
    this.#mayPublish = stored?.mayPublish ?? true;
    this.#wanted = stored?.wanted ?? false;
    this.#needsTag = stored?.needsTag ?? options.isMozilla;
    this.#fingerprint = stored?.fingerprint;
    if (stored === undefined) {
      // From the first connection on: where a section that carries media leads, Firefox may stop sending when another one takes its place.
      if (this.#needsTag) this.#layout.addTag();
      return;
    }
    this.#lost = true;
    if (this.#needsTag) this.#layout.addTag(stored.fingerprint);
    this.#cancelReturn = options.clock.after(RETURN_MS, () => {
      if (this.#layout.dropUnconfirmed()) this.#request(0);
    });
    this.#request(0);
  }

  getOffer(): void {
    if (this.#closed) return;
    const now = this.#options.clock.now();
    const waitMs = this.#wanted ? Math.max(0, this.#askedAt + ASK_MS - now) : 0;
    this.#wanted = true;
    this.#askedAt = now;
    this.#unanswered = 0;
    // One that is about to be made will do; one that the client has been given may be older than what it asks for.
    if (this.#round.state === "idle") this.#request(waitMs);
    else if (this.#round.state !== "gathering") this.#askedAgain = true;
  }

  answer(sdp: string): void {
    if (this.#closed || this.#last === undefined) return;
    const answer = readAnswer(sdp);
    if (answer === undefined) {
      this.#tell("sfu.offer.malformed", "The answer cannot be read.");
      return;
    }
    if (answer.iceUfrag === this.#oldUfrag) return;
    switch (this.#round.state) {
      case "offered":
        this.#unanswered = 0;
        this.#say(sdp, answer, this.#last);
        return;
      case "idle":
        this.#unasked = { sdp, answer };
        this.#setTimer(UNASKED_MS, () => this.#sayUnasked());
        return;
      case "answering":
        this.#unasked = { sdp, answer };
        return;
      case "gathering":
      case "offering":
        // The answer to the offer that comes now has all that this one has.
        return;
    }
  }

  quiet(publication: string): void {
    const isSent = [...this.#own].some(([mid, own]) => own.publication === publication && this.#sending.has(mid));
    const now = this.#options.clock.now();
    if (this.#closed || !isSent || this.#quietAt > now) return;
    const waitMs = Math.max(0, this.#quietAt + QUIET_MS - now);
    this.#quietAt = now + waitMs;
    this.#request(waitMs);
  }

  candidate(_candidate: Candidate): void {
    // The client checks, and the SFU answers.
  }

  handle(message: ServerCounted): boolean {
    if (this.#closed) return false;
    switch (message.type) {
      case "joined":
        this.#mayPublish = !message.self.receiveOnly;
        for (const each of message.publications ?? []) this.#publish(each);
        return false;
      case "published":
      case "publication-updated":
        this.#publish(message.publication);
        return false;
      case "unpublished":
        if (this.#layout.unpublish(message.publication)) this.#request(GATHER_MS);
        return false;
      case "member-left":
        if (this.#layout.memberLeft(message.peerId)) this.#request(GATHER_MS);
        return false;
      case "sfu-answer":
        if (this.#round.state === "answering" && this.#round.re === message.re) this.#agree(this.#round);
        return false;
      case "sfu-reset":
        if (message.epoch >= this.#epoch) this.#newConnection(LEAVING_MS);
        return false;
      case "error":
        if (this.#round.state !== "answering" || this.#round.re !== message.re) return false;
        this.#refused(message.code, message.message, this.#round);
        return true;
      default:
        return false;
    }
  }

  resumed(): void {
    if (this.#closed) return;
    this.#unanswered = 0;
    // It may have been given a moment before the path broke.
    if (this.#round.state === "offered") this.#setTimer(ANSWER_MS / 5, () => this.#unansweredOffer());
    else if (this.#round.state === "idle") this.#request(0);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#cancelTimer();
    this.#cancelReturn();
    if (this.#known) return;
    // The core has never told the SFU of this member.
    const { appId, roomName: room, peerId } = this.#options.session;
    this.#options.sfu.perform({ type: "leave", appId, room, peerId }, undefined);
  }

  // ---- Offers ------------------------------------------------------------------------------------------------------------------

  #publish(publication: Publication): void {
    if (publication.peerId === this.#options.session.peerId || !this.#layout.publish(publication)) return;
    this.#request(this.#layout.isHalf(publication.id) ? HALF_MS : GATHER_MS);
  }

  /** An offer is needed, in so many ms or when the one under way is done with. */
  #request(delayMs: number): void {
    if (this.#closed || !this.#wanted) return;
    const now = this.#options.clock.now();
    switch (this.#round.state) {
      case "idle":
        this.#gather(now, now + delayMs);
        return;
      case "gathering":
        // What is complete need not wait for what was not; and nothing waits for ever.
        this.#gather(this.#round.startedAt, Math.min(now + delayMs, this.#round.startedAt + HALF_MS));
        return;
      case "offering":
      case "offered":
      case "answering":
        this.#dirty = true;
        return;
    }
  }

  #gather(startedAt: number, dueAt: number): void {
    const waitMs = dueAt - this.#options.clock.now();
    if (waitMs <= 0) {
      this.#offer();
      return;
    }
    this.#round = { state: "gathering", startedAt, dueAt };
    this.#setTimer(waitMs, () => this.#offer());
  }

  #offer(): void {
    this.#cancelTimer();
    const { sfu, session } = this.#options;
    this.#dirty = false;
    this.#askedAgain = false;
    this.#unasked = undefined;
    const offer = this.#layout.offer(this.#mayPublish);
    const token = {};
    this.#round = { state: "offering", token };
    this.#store();
    const { appId, roomName: room, peerId } = session;
    const command = { type: "offer", appId, room, peerId, epoch: this.#epoch, sections: offer.sections } as const;
    void sfu.offer(command).then((reply) => {
      if (!this.#closed && this.#round.state === "offering" && this.#round.token === token) this.#offered(offer, reply);
    });
  }

  #offered(offer: Offered, reply: SfuReply): void {
    if (!reply.ok) {
      this.#failed(reply.code, reply.message);
      return;
    }
    const { session } = this.#options;
    this.#last = offer;
    this.#fingerprint = readFingerprint(reply.sdp ?? "") ?? this.#fingerprint;
    this.#round = { state: "offered" };
    const sfuOffer = { roomName: session.roomName, offer: { type: "offer", sdp: reply.sdp ?? "" }, msids: { ...offer.msids } };
    session.emit("SFU_OFFER", sfuOffer);
    this.#setTimer(ANSWER_MS, () => this.#unansweredOffer());
  }

  #unansweredOffer(): void {
    this.#unanswered++;
    if (this.#unanswered < MAX_UNANSWERED) {
      this.#offer();
      return;
    }
    this.#round = { state: "idle" };
    const { session, log } = this.#options;
    if (!this.#lost) return;
    // Its media is gone, and it does nothing about that.
    log.info({ peerId: session.peerId, room: session.roomName }, "a member without media does not answer: it leaves the room");
    session.say({ type: "leave", room: session.roomName });
  }

  /** The path of this connection is gone: the next one begins on the client's same RTCPeerConnection. */
  #newConnection(delayMs: number): void {
    this.#cancelTimer();
    this.#oldUfrag = this.#lastUfrag;
    this.#epoch++;
    this.#lost ||= this.#known;
    if (this.#needsTag) this.#layout.addTag(this.#fingerprint);
    this.#unanswered = 0;
    this.#round = { state: "idle" };
    this.#store();
    this.#request(delayMs);
  }

  // ---- Answers -----------------------------------------------------------------------------------------------------------------

  #sayUnasked(): void {
    const { unasked, last } = { unasked: this.#unasked, last: this.#last };
    this.#unasked = undefined;
    if (unasked !== undefined && last !== undefined) this.#say(unasked.sdp, unasked.answer, last);
  }

  #say(sdp: string, answer: ReadAnswer, offer: Offered): void {
    this.#cancelTimer();
    const { session } = this.#options;
    const relic = offer.sections.find(({ direction }) => direction === "relic")?.mid;
    const sending = offer.up.filter(({ mid }) => answer.sections.get(mid)?.sends === true).slice(0, this.#maxTracks);
    for (const { mid } of sending) this.#layout.sentIn(mid);
    const send = this.#publicationsOf(sending);
    const receive: SfuReceive[] = offer.slots.filter(({ mid }) => answer.sections.get(mid)?.receives === true);
    this.#sends = new Set(sending.map(({ kind }) => kind));
    for (const kind of this.#sends) this.#sent.add(kind);
    this.#lastUfrag = answer.iceUfrag;
    this.#needsTag = answer.isMozilla;
    this.#known = true;
    const re = session.say({
      type: "sfu-offer",
      room: session.roomName,
      epoch: this.#epoch,
      sdp: without(sdp, relic),
      send,
      receive,
    });
    this.#round = { state: "answering", re, offer, answer, sdp };
    this.#store();
  }

  #publicationsOf(sending: Offered["up"]): SfuSend[] {
    this.#sending = new Set(sending.map(({ mid }) => mid));
    const sources = new Set([...this.#sending].map((mid) => this.#own.get(mid)?.source));
    const send = sending.map(({ mid, kind }): SfuSend => {
      let own = this.#own.get(mid);
      if (own === undefined) {
        // The library does not say what its tracks show.
        const first = kind === "audio" ? "microphone" : "camera";
        own = { publication: this.#options.newId(), source: sources.has(first) ? "other" : first };
        sources.add(first);
        this.#own.set(mid, own);
      }
      return { mid, kind, ...own, stream: this.#ownStream, muted: false };
    });
    if (this.#own.size > MAX_OWN) for (const mid of this.#own.keys()) if (!this.#sending.has(mid)) this.#own.delete(mid);
    return send;
  }

  #agree({ offer }: { readonly offer: Offered }): void {
    this.#lost = false;
    this.#failures = 0;
    this.#round = { state: "idle" };
    const waits = this.#layout.settled(offer);
    this.#store();
    if (this.#dirty || waits) {
      this.#request(0);
    } else if (this.#askedAgain) {
      this.#request(ASK_MS);
    } else if (this.#unasked !== undefined) {
      this.#setTimer(UNASKED_MS, () => this.#sayUnasked());
    } else if (this.#sends.size < 2 && this.#mayPublish) {
      const lacksOneAgain = this.#sent.size > this.#sends.size;
      const everyMs = lacksOneAgain ? REFRESH_AGAIN_MS : REFRESH_MS;
      this.#setTimer(everyMs * Math.max(1, this.#layout.size / REFRESH_SECTIONS), () => this.#request(0));
    }
  }

  #refused(code: string, message: string, { sdp, answer, offer }: Extract<Round, { state: "answering" }>): void {
    this.#round = { state: "idle" };
    if (code === "room.member.required") return;
    if (code === "sfu.publication.duplicate" && this.#failures < FAILURES_TOLD) {
      this.#failures++;
      this.#own.clear();
      this.#say(sdp, answer, offer);
      return;
    }
    if (code === "sfu.publication.limit" && this.#sending.size > 1) {
      // The first ones rather than none.
      this.#maxTracks = this.#sending.size - 1;
      this.#say(sdp, answer, offer);
      return;
    }
    this.#failed(code, message);
  }

  #failed(code: string, message: string): void {
    this.#round = { state: "idle" };
    this.#failures++;
    const isPassing = PASSING.has(code);
    const isNew = NEEDS_NEW_CONNECTION.has(code);
    if (this.#failures === FAILURES_TOLD || (!isPassing && !isNew)) this.#tell(code, message);
    if (!isPassing && !isNew) return;
    const waitMs = Math.min(MAX_RETRY_MS, RETRY_MS * 2 ** (this.#failures - 1));
    if (isNew) this.#newConnection(waitMs);
    else this.#request(waitMs);
  }

  // ---- Small things --------------------------------------------------------------------------------------------------------------

  #tell(code: string, message: string): void {
    this.#options.session.emit("ERROR", { type: "room-error", message: `${message} (${code})` });
  }

  #setTimer(ms: number, run: () => void): void {
    this.#cancelTimer();
    this.#cancelTimer = this.#options.clock.after(ms, run);
  }

  #store(): void {
    const { sections, streams } = this.#layout.stored();
    const state = {
      epoch: this.#epoch,
      mayPublish: this.#mayPublish,
      needsTag: this.#needsTag,
      ...(this.#fingerprint === undefined ? {} : { fingerprint: this.#fingerprint }),
      wanted: this.#wanted,
      ownStream: this.#ownStream,
      own: [...this.#own].map(([mid, { publication, source }]) => [mid, publication, source]),
      sections,
      streams,
    };
    const text = JSON.stringify(state);
    if (text === this.#storedText) return;
    this.#storedText = text;
    this.#options.changed(state);
  }
}
