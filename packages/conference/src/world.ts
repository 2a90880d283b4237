/** What the core's sub-machines share: the state, the time of this call, and the outputs that it gathers. */
import type { Millis } from "@tsunagi/base";
import type { EndReason, Framing, Inbound, RelayBody, ServerCounted } from "@tsunagi/protocol";
import { Deadlines } from "./deadlines.ts";
import type { ConferenceEvent, Output, Relayed, SessionId } from "./io.ts";
import type { Refusal } from "./refusal.ts";
import type { SfuRoomLimits } from "./sfu.ts";
import type { AppState, Due, Peer, Room } from "./state.ts";

export type ConferenceOptions = {
  /** How long a session outlives its socket. Default 30,000. */
  readonly graceMs?: number | undefined;
  /** How long after the start lost sessions may be restored; 0: never. Default: the grace time. */
  readonly recoveryMs?: number | undefined;
  /** Notice before authentication ends. Default 60,000, and never more than half of what is left. */
  readonly expiryNoticeMs?: number | undefined;
  /** Whether there is an SFU. Default false: rooms of mode `sfu` are refused. */
  readonly sfu?: boolean | undefined;
  readonly sfuLimits?: Partial<SfuRoomLimits> | undefined;
};

/** An SFU that serves anyone should not be filled by one of them: what a 1080p camera and a screen need, and a few more tracks. */
const SFU_LIMITS: SfuRoomLimits = { publicationBps: 8_000_000, publicationsPerMember: 16, memberBps: 50_000_000 };

type Options = { readonly graceMs: number; readonly recoveryMs: number; readonly expiryNoticeMs: number } & {
  readonly sfu: boolean;
  readonly sfuLimits: SfuRoomLimits;
};

/** Relays kept for one expected peer. */
const MAX_QUEUED = 256;

/** Facts without what the world knows itself. Distributes over the union. */
export type EventFacts<Event = ConferenceEvent> = Event extends ConferenceEvent ? Omit<Event, "appId" | "at"> : never;

export class World {
  readonly apps = new Map<string, AppState>();
  readonly sessions = new Map<SessionId, Peer>();
  readonly deadlines = new Deadlines<Due>();
  readonly options: Options;
  /** Offers that wait for the SFU, by correlation. */
  readonly offers = new Map<number, { readonly peer: Peer; readonly room: Room }>();
  /** Until then lost sessions may be restored; undefined: no longer. */
  recoveryUntil: Millis | undefined;
  /** Sessions that ended for good inside the recovery window: their tokens still verify, but must not bring them back. */
  readonly endedInRecovery = new Set<SessionId>();
  /** Connections that one end ended inside the recovery window before the other end has come back and declared them. */
  readonly hungUpInRecovery = new Map<string, EndReason>();
  now: Millis;
  wallOffsetMs: number;
  #outputs: Output[] = [];
  #sequence = 0;

  constructor(options: ConferenceOptions, now: Millis, wallNow: number) {
    const graceMs = options.graceMs ?? 30_000;
    this.options = {
      graceMs,
      recoveryMs: options.recoveryMs ?? graceMs,
      expiryNoticeMs: options.expiryNoticeMs ?? 60_000,
      sfu: options.sfu ?? false,
      sfuLimits: { ...SFU_LIMITS, ...options.sfuLimits },
    };
    this.now = now;
    this.wallOffsetMs = wallNow - now;
  }

  /** Milliseconds since 1970-01-01 UTC. */
  get wallNow(): number {
    return Math.round(this.now + this.wallOffsetMs);
  }

  nextSequence(): number {
    this.#sequence += 1;
    return this.#sequence;
  }

  takeOutputs(): readonly Output[] {
    const outputs = this.#outputs;
    this.#outputs = [];
    return outputs;
  }

  push(output: Output): void {
    this.#outputs.push(output);
  }

  event(app: AppState, facts: EventFacts): void {
    // The facts are one variant of the union, which the spread cannot show.
    this.push({ type: "event", event: { ...facts, appId: app.app.id, at: this.wallNow } as ConferenceEvent });
  }

  /** To a peer that is there or suspended; one that is expected learns what it missed when it comes back. */
  send(peer: Peer, message: ServerCounted): void {
    if (peer.presence.state !== "expected") this.push({ type: "send", session: peer.session, message });
  }

  refuse(peer: Peer, why: Refusal, about: { re?: number; connection?: string; room?: string; framing?: Framing }): void {
    this.send(peer, { type: "error", ...why, ...about });
  }

  /** Hands a message of another peer on. False: the peer is expected, and too much waits for it already. */
  relay(peer: Peer, relayed: Relayed, connectionKey: string): boolean {
    const presence = peer.presence;
    if (presence.state !== "expected") {
      this.push({ type: "relay", session: peer.session, relayed });
      return true;
    }
    if (presence.queue.length >= MAX_QUEUED) return false;
    presence.queue.push({ relayed, connectionKey });
    return true;
  }

  /** Sends, or keeps it for a peer that is expected, as far as there is room. */
  sendOrKeep(peer: Peer, message: ServerCounted): void {
    const presence = peer.presence;
    if (presence.state !== "expected") this.push({ type: "send", session: peer.session, message });
    else if (presence.queue.length < MAX_QUEUED) presence.queue.push({ message });
  }

  /** A relay that the server itself makes. */
  sendRelay(peer: Peer, message: Inbound<RelayBody>): void {
    this.send(peer, message);
  }

  /** To all members but one; to those that are expected only what cannot be learnt later. */
  toRoom(
    room: Room,
    message: ServerCounted,
    options: { readonly except?: Peer | undefined; readonly keep?: boolean } = {},
  ): void {
    const sessions: SessionId[] = [];
    for (const { peer } of room.members.values()) {
      if (peer === options.except) continue;
      if (peer.presence.state !== "expected") sessions.push(peer.session);
      else if (options.keep === true) this.sendOrKeep(peer, message);
    }
    if (sessions.length > 0) this.push({ type: "broadcast", sessions, message });
  }
}
