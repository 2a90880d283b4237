/** One room on one worker: its members and their transports on one side, its router on the other. */
import { type Clock, CodedError, type Log, type Millis } from "@tsunagi/base";
import type { SfuCommand, SfuEvent, SfuReply, SfuRoomRef } from "@tsunagi/conference";
import type { DataChannelPort, MediaPlane, RemoteParameters, TransportState } from "@tsunagi/media";
import { type PublicationInit, parseOffer, type RouterEvent, type RouterPort, type SlotInit } from "@tsunagi/sfu";
import type { PlacedPublication } from "../messages.ts";
import type { SfuLimits } from "../options.ts";
import type { Outlet, PipedDemand } from "../pipe/outlets.ts";
import { checkNegotiation } from "./check-negotiation.ts";
import { parseControl, slotWish } from "./control.ts";
import type { WorkerCounters } from "./counters.ts";
import { Member } from "./member.ts";
import type { Offer, Prepared } from "./preparations.ts";
import { RoomData } from "./room-data.ts";
import { type Demands, RoomPipes } from "./room-pipes.ts";
import { requestText, Session, streamId } from "./session.ts";
import { Streams } from "./streams.ts";

/** A new transport that is not connected by then takes over anyway: the old one is no better. */
const TAKEOVER_MS = 10_000;

type Negotiate = Extract<SfuCommand, { type: "negotiate" }>;

export type RoomParts = {
  readonly plane: MediaPlane;
  readonly clock: Clock;
  readonly limits: SfuLimits;
  readonly counters: WorkerCounters;
  readonly log: Log;
  /** Whose packets come from a transport of this index from now on; undefined: nobody's. */
  bind(index: number, owner: { readonly room: WorkerRoom; readonly session: Session; readonly member: Member } | undefined): void;
  tell(event: SfuEvent): void;
  /** Something was asked of the router: send what it answers. */
  touched(room: WorkerRoom): void;
  /** For workers that have the room, too. */
  placed(room: WorkerRoom, publications: readonly PlacedPublication[]): void;
  /** An index for a publisher on another worker. */
  allocate(room: WorkerRoom, path: string, remoteIndex: number): number;
  free(index: number): void;
};

export class WorkerRoom {
  readonly ref: SfuRoomRef;
  readonly router: RouterPort;
  readonly members = new Map<string, Member>();
  readonly data: RoomData;
  readonly pipes: RoomPipes;
  readonly #parts: RoomParts;
  /** Whose stream a publication belongs to, by its ID. */
  readonly #streams = new Streams();

  constructor(ref: SfuRoomRef, router: RouterPort, parts: RoomParts) {
    this.ref = ref;
    this.router = router;
    this.#parts = parts;
    const { counters, clock } = parts;
    const now = () => clock.now();
    this.data = new RoomData({ members: this.members, counters, now, pipe: (data) => this.pipes.forwardData(data) });
    this.pipes = new RoomPipes({
      router,
      counters,
      now,
      allocate: (path, remoteIndex) => parts.allocate(this, path, remoteIndex),
      free: (index) => parts.free(index),
      onPublished: ({ init, stream }) => {
        this.#streams.set(init.id, init.peerId, stream);
        this.#fillSlots(init.id);
      },
      onUnpublished: (id) => this.#streams.delete(id),
    });
  }

  /** Describes a living connection once more. @returns undefined: there is none of this epoch */
  offer({ peerId, epoch, sections }: Offer): string | undefined {
    const { current } = this.members.get(peerId) ?? {};
    if (current === undefined || epoch > current.epoch) return undefined;
    if (epoch < current.epoch) throw stale(epoch, current.epoch);
    return current.negotiation.offer(sections, current.transport.local);
  }

  /**
   * @param prepared our end, if this is the client's answer to an offer of ours
   * @throws {CodedError} `sfu.*`, `media.*`
   */
  async negotiate(command: Negotiate, prepared?: Prepared): Promise<SfuReply> {
    const { peerId, epoch } = command;
    checkNegotiation(command, this.#parts.limits, (publication) => {
      const { peerId: owner } = this.#streams.of(publication) ?? {};
      return owner !== undefined && this.members.has(owner) ? owner : undefined;
    });
    const member = this.members.get(peerId);
    const { current } = member ?? {};
    if (current !== undefined && epoch < current.epoch) {
      throw stale(epoch, current.epoch);
    }
    const request = requestText(command.sdp, command.send, command.receive);
    const same = current !== undefined && epoch === current.epoch ? current : undefined;
    if (same !== undefined && same.request === request) return { ok: true, sdp: same.answer };
    const offer = parseOffer(command.sdp);
    if (same !== undefined && same.client.iceUfrag !== offer.transport.iceUfrag) {
      throw new CodedError("sfu.offer.restart", "ICE was restarted, which this server cannot do.", {
        remedy: "Open a new connection and offer it with a higher epoch.",
      });
    }
    this.#parts.counters.negotiations++;
    const session = same ?? (await this.#open(epoch, offer.transport, prepared));
    const known = member ?? new Member(peerId, this.#parts.limits);
    if (same === undefined) this.#attach(known, session);
    try {
      for (const each of command.send) this.#streams.set(each.publication, peerId, each.stream);
      const receive = command.receive.map(({ mid, kind, publication }) => ({
        mid,
        kind,
        stream: publication === null ? undefined : streamId(this.#streams.of(publication)),
      }));
      const decision = session.negotiation.decide(peerId, offer, command.send, receive);
      known.directions = command.directions;
      this.members.set(peerId, known);
      this.#applySlots(session, decision.slots, command);
      session.publications = decision.publications;
      if (same === undefined) this.#replace(known, session);
      else if (session.state === "live") this.#applyPublications(known, session);
      session.answer = decision.answer(session.transport.local);
      session.request = request;
      return { ok: true, sdp: session.answer };
    } catch (error) {
      if (same === undefined) this.#undo(known, session);
      throw error;
    } finally {
      this.#keepStreams(known);
      this.#parts.touched(this);
    }
  }

  mute(peerId: string, publication: string, muted: boolean): void {
    const known = this.members.get(peerId)?.published.get(publication);
    if (known === undefined) throw new CodedError("sfu.publication.unknown", "There is no such publication.");
    this.#setMuted(known.session, known.init, muted);
  }

  leave(peerId: string): void {
    const member = this.members.get(peerId);
    if (member === undefined) return;
    this.members.delete(peerId);
    member.cancelTakeover?.();
    const { now } = this.#time();
    for (const id of member.published.keys()) {
      this.router.unpublish(now, id);
      this.pipes.unpublished(id);
    }
    this.#streams.keep(peerId, new Set());
    for (const session of member.sessions) this.#close(session);
    this.#placed();
    this.#parts.touched(this);
  }

  close(): void {
    for (const peerId of [...this.members.keys()]) this.leave(peerId);
    this.pipes.close();
  }

  /** Another worker has the room, too, or has it no more. */
  addOutlet(outlet: Outlet): void {
    this.#tellDemands(this.pipes.addOutlet(outlet));
  }

  removeOutlet(outlet: Outlet): void {
    this.#tellDemands(this.pipes.removeOutlet(outlet));
  }

  /** On another worker something else is wanted of what is published here. */
  onDemand(outlet: Outlet, demand: PipedDemand): void {
    const encodings = this.pipes.demandThere(outlet, demand);
    if (encodings !== undefined) this.#tellDemands([[demand.publication, encodings]]);
  }

  /** Is that publisher's transport here? */
  isOwnIndex(index: number): boolean {
    for (const member of this.members.values()) if (member.sessions.some((session) => session.index === index)) return true;
    return false;
  }

  onState(member: Member, session: Session, state: TransportState): void {
    switch (state) {
      case "connected":
        session.connected = true;
        this.router.connected(this.#time().now, session.index);
        this.#parts.counters.transportsConnected++;
        if (member.current === session) {
          this.#tryTakeOver(member);
          this.#parts.tell({ ...this.#refOf(member), type: "transport-connected", epoch: session.epoch });
        } else this.#parts.touched(this);
        return;
      case "failed":
      case "closed":
        this.#lose(member, session);
        return;
      case "new":
      case "connecting":
      case "disconnected":
        return;
    }
  }

  onDataChannel(session: Session, channel: DataChannelPort): void {
    if (session.addChannel(channel)) return;
    this.#parts.counters.drop("channel-unknown");
    channel.close();
  }

  onMessage(member: Member, session: Session, channel: DataChannelPort, message: string | Uint8Array): void {
    const kind = session.kindOf(channel);
    if (kind === "control") this.#onControl(member, session, message);
    else if (kind !== undefined) this.data.onMessage(member, session, message, kind === "lossy");
  }

  /** What the router has to tell, to whom it is about. */
  onRouterEvent(event: RouterEvent, sessionOf: (index: number) => Session | undefined): void {
    switch (event.type) {
      case "speakers": {
        const text = JSON.stringify(event);
        for (const member of this.members.values()) for (const session of member.sessions) session.tell(event, text);
        return;
      }
      case "quality": {
        const { type, mid, publication, layer, reason } = event;
        const encodings = publication === null ? 0 : this.#encodingsOf(publication);
        const told = { type, mid, publication, layer: layer === null ? null : { ...layer, encodings }, reason };
        sessionOf(event.transport)?.tell(told);
        return;
      }
      case "demand": {
        const { publication } = event;
        const encodings = this.pipes.demandHere(publication, event.encodings);
        if (encodings !== undefined) sessionOf(event.transport)?.tell({ type: "demand", publication, encodings });
        return;
      }
      case "quiet": {
        const { publication } = event;
        const owner = this.#ownerOf(publication);
        if (owner?.session.isAnswerer === true)
          this.#parts.tell({ ...this.ref, peerId: owner.init.peerId, type: "publication-quiet", publication });
        return;
      }
      case "bandwidth": {
        const { transport, ...told } = event;
        sessionOf(transport)?.tell(told);
        return;
      }
    }
  }

  /** For the operator: no addresses, no keys, no descriptions. */
  dump(now: Millis): unknown {
    const sessions = (member: Member) =>
      member.sessions.map((session) => ({
        epoch: session.epoch,
        transport: session.index,
        state: session.state,
        connection: session.transport.state,
        channels: session.channels,
        slots: Object.fromEntries(session.wanted),
        ...session.transport.stats(),
      }));
    return {
      ...this.ref,
      members: [...this.members.values()].map((member) => ({
        peerId: member.peerId,
        directions: member.directions,
        publications: [...member.published.keys()],
        sessions: sessions(member),
      })),
      router: this.router.dump(now),
    };
  }

  async #open(epoch: number, client: RemoteParameters, prepared: Prepared | undefined): Promise<Session> {
    const transport = prepared === undefined ? await this.#parts.plane.open(client) : prepared.transport.accept(client);
    this.#parts.counters.transportsOpened++;
    return new Session(epoch, transport, client, prepared?.negotiation);
  }

  #attach(member: Member, session: Session): void {
    this.router.addTransport(this.#time().now, session.index, member.peerId);
    this.#parts.bind(session.index, { room: this, session, member });
  }

  /** The member's transport is this one from now on; what it publishes follows once it is connected. */
  #replace(member: Member, session: Session): void {
    // Two that never connected, one after the other: only the latest counts.
    if (member.previous !== undefined && member.current !== undefined) this.#close(member.current);
    else member.previous = member.current;
    member.current = session;
    member.cancelTakeover?.();
    member.cancelTakeover = undefined;
    if (member.previous === undefined || member.previous.state === "lost") this.#takeOver(member);
    else member.cancelTakeover = this.#parts.clock.after(TAKEOVER_MS, () => this.#tryTakeOver(member));
  }

  /** A new transport whose offer could not be used. */
  #undo(member: Member, session: Session): void {
    if (member.current === session) {
      member.current = member.previous;
      member.previous = undefined;
      member.cancelTakeover?.();
      member.cancelTakeover = undefined;
    }
    this.#close(session);
    if (member.current === undefined) this.leave(member.peerId);
  }

  /** Moves the member's publications to its current transport and ends the one before. */
  #takeOver(member: Member): void {
    member.cancelTakeover?.();
    member.cancelTakeover = undefined;
    const { current, previous } = member;
    if (current !== undefined && current.state === "waiting") {
      current.state = "live";
      this.#applyPublications(member, current);
    }
    member.previous = undefined;
    if (previous !== undefined) this.#close(previous);
  }

  #tryTakeOver(member: Member): void {
    try {
      this.#takeOver(member);
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      this.#parts.log.warn({ code: error.code }, "publications could not be moved to a new transport");
    }
    this.#parts.touched(this);
  }

  #close(session: Session): void {
    session.state = "lost";
    this.router.removeTransport(this.#time().now, session.index);
    this.#parts.bind(session.index, undefined);
    session.transport.close();
  }

  #lose(member: Member, session: Session): void {
    if (session.state === "lost") return;
    session.state = "lost";
    this.#parts.counters.transportsLost++;
    const { now } = this.#time();
    // Its publications stay: subscribers keep their slots until the member is back on another transport, or leaves.
    for (const mid of session.slots.keys()) this.router.removeSlot(now, session.index, mid);
    session.slots = new Map();
    if (member.current === session) {
      const reason = session.connected ? "path-lost" : "never-connected";
      this.#parts.tell({ ...this.#refOf(member), type: "transport-lost", epoch: session.epoch, reason });
    } else if (member.previous === session) {
      this.#tryTakeOver(member);
    }
    this.#parts.touched(this);
  }

  #applyPublications(member: Member, session: Session): void {
    const { now } = this.#time();
    const wanted = new Map(session.publications.map((init) => [init.id, init]));
    for (const id of [...member.published.keys()]) {
      if (wanted.has(id)) continue;
      member.published.delete(id);
      this.#streams.delete(id);
      this.router.unpublish(now, id);
      this.pipes.unpublished(id);
    }
    for (const [id, init] of wanted) {
      const known = member.published.get(id);
      if (known?.session === session && sameButMuted(known.init, init)) {
        if (known.init.muted !== init.muted) this.#setMuted(session, init, init.muted);
        continue;
      }
      this.router.publish(now, session.index, init);
      member.published.set(id, { init, session });
      this.pipes.forget(id);
      this.#fillSlots(id);
    }
    this.#placed();
  }

  #setMuted(session: Session, init: PublicationInit, muted: boolean): void {
    this.router.setMuted(this.#time().now, init.id, muted);
    for (const member of this.members.values()) {
      if (member.published.get(init.id)?.session === session)
        member.published.set(init.id, { init: { ...init, muted }, session });
    }
    this.#placed();
    this.#parts.touched(this);
  }

  #applySlots(session: Session, slots: readonly SlotInit[], command: Negotiate): void {
    const { now } = this.#time();
    const wanted = new Map(slots.map((slot) => [slot.mid, slot]));
    for (const [mid, slot] of session.slots) {
      const next = wanted.get(mid);
      if (next !== undefined && JSON.stringify(next) === JSON.stringify(slot)) continue;
      this.router.removeSlot(now, session.index, mid);
      if (next === undefined) session.wanted.delete(mid);
    }
    for (const [mid, slot] of wanted) {
      const known = session.slots.get(mid);
      if (known === undefined || JSON.stringify(known) !== JSON.stringify(slot)) this.router.addSlot(now, session.index, slot);
    }
    session.slots = wanted;
    for (const { mid, publication: wanted, held } of command.receive) {
      const publication = held === true ? null : wanted;
      session.wanted.set(mid, publication);
      this.router.wish(now, session.index, { mid, publication });
    }
  }

  /** Slots that wait for a publication that is there now. */
  #fillSlots(publication: string): void {
    const { now } = this.#time();
    for (const member of this.members.values()) {
      for (const session of member.sessions) {
        if (session.state === "lost") continue;
        for (const [mid, wanted] of session.wanted) {
          if (wanted === publication && session.slots.has(mid)) this.router.wish(now, session.index, { mid, publication });
        }
      }
    }
  }

  #tellDemands(demands: Demands): void {
    for (const [publication, encodings] of demands) {
      this.#ownerOf(publication)?.session.tell({ type: "demand", publication, encodings });
    }
  }

  #keepStreams(member: Member): void {
    const named = member.sessions.flatMap(({ publications }) => publications.map(({ id }) => id));
    this.#streams.keep(member.peerId, new Set([...member.published.keys(), ...named]));
  }

  #encodingsOf(publication: string): number {
    return (this.#ownerOf(publication)?.init ?? this.pipes.initOf(publication))?.encodings.length ?? 0;
  }

  #ownerOf(publication: string): { readonly init: PublicationInit; readonly session: Session } | undefined {
    for (const member of this.members.values()) {
      const known = member.published.get(publication);
      if (known !== undefined) return known;
    }
    return undefined;
  }

  /** Tells other workers what clients of this one publish. */
  #placed(): void {
    const publications: PlacedPublication[] = [];
    for (const member of this.members.values()) {
      for (const [id, { init, session }] of member.published) {
        publications.push({ init, stream: this.#streams.of(id)?.stream ?? "", index: session.index });
      }
    }
    this.#parts.placed(this, publications);
  }

  #onControl(member: Member, session: Session, message: string | Uint8Array): void {
    const { now } = this.#time();
    const { counters } = this.#parts;
    counters.controlMessages++;
    try {
      if (!member.controlRate.take(now)) throw new CodedError("sfu.control.rate", "Too many requests on the control channel.");
      const request = parseControl(message);
      if (request.type === "last-n") this.router.setLastN(now, session.index, request.n ?? undefined);
      else {
        for (const wish of request.slots) {
          if (!session.slots.has(wish.mid)) continue;
          if (wish.publication !== undefined) session.wanted.set(wish.mid, wish.publication);
          this.router.wish(now, session.index, slotWish(wish));
        }
      }
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      counters.drop(error.code === "sfu.control.rate" ? "control-rate" : "control-refused");
      session.tell({ type: "error", code: error.code, message: error.message });
    }
    this.#parts.touched(this);
  }

  #refOf(member: Member) {
    return { ...this.ref, peerId: member.peerId };
  }

  #time(): { readonly now: Millis; readonly clock: Clock } {
    return { now: this.#parts.clock.now(), clock: this.#parts.clock };
  }
}

function sameButMuted(one: PublicationInit, other: PublicationInit): boolean {
  return JSON.stringify({ ...one, muted: false }) === JSON.stringify({ ...other, muted: false });
}

function stale(epoch: number, current: number): CodedError {
  return new CodedError("sfu.epoch.stale", `This offer is of connection ${epoch}; ${current} is there already.`);
}
