/** The media of a full-mesh room: one link with each other member, wherever at least one of the two publishes. */
import { randomId } from "@tsunagi/base";
import type { Inbound, Member, OfferBody } from "@tsunagi/protocol";
import type { MediaOptions } from "../media/media-options.ts";
import type { MediaStream, MediaStreamPort, MediaStreamTrackPort, RTCPeerConnection } from "../ports.ts";
import type { ConnectionStats } from "../stats/index.ts";
import { MemberLink } from "./member-link.ts";
import { isLater, roomConnectionId } from "./pairing.ts";
import type { RoomStream } from "./room-events.ts";
import type { MeshMediaPort, RoomView } from "./room-media.ts";

/** After a link failed for good, the pair tries again: a room goes on while someone's network is down. */
const RETRY_MS = 10_000;

export class MeshMedia implements MeshMediaPort {
  readonly #room: RoomView;
  readonly #links = new Map<string, MemberLink>();
  readonly #retries = new Map<string, () => void>();
  readonly adopted = new WeakSet<object>();

  constructor(room: RoomView) {
    this.#room = room;
  }

  get remoteStreams(): ReadonlyMap<string, readonly MediaStream[]> {
    return new Map([...this.#links].map(([peerId, link]) => [peerId, link.media.remoteStreams]));
  }

  memberJoined(member: Member): void {
    // Usually the one who joins offers. After a restart of the server two may hear of each other in this way only: then the later one does.
    const { self } = this.#room;
    if (self !== undefined && isLater(self, member)) this.connect(member);
  }

  memberLeft(peerId: string): void {
    this.#retries.get(peerId)?.();
    this.#retries.delete(peerId);
    const link = this.#links.get(peerId);
    if (link === undefined) return;
    this.#links.delete(peerId);
    link.release();
    this.#room.host.drop(link.entry);
  }

  addTrack(track: MediaStreamTrackPort, stream: MediaStreamPort): void {
    for (const { media } of this.#links.values()) media.addTrack(track, stream);
  }

  removeTrack(track: MediaStreamTrackPort): void {
    for (const { media } of this.#links.values()) media.removeTrack(track);
  }

  replaceTrack(old: MediaStreamTrackPort, next: MediaStreamTrackPort | null): Promise<unknown> {
    return Promise.all([...this.#links.values()].map(({ media }) => media.replaceTrack(old, next)));
  }

  replaceStream(before: MediaStreamPort | null, next: MediaStreamPort | null): void {
    for (const { media } of this.#links.values()) media.replaceStream(before, next);
  }

  configure(options: MediaOptions): Promise<unknown> {
    return Promise.all([...this.#links.values()].map(({ media }) => media.configure(options)));
  }

  async getStats(peerId?: string): Promise<Map<string, ConnectionStats>> {
    const links = [...this.#links].filter(([id]) => peerId === undefined || id === peerId);
    return new Map(await Promise.all(links.map(async ([id, link]) => [id, await link.getStats()] as const)));
  }

  getPeerConnections(): Map<string, RTCPeerConnection> {
    const all = new Map<string, RTCPeerConnection>();
    for (const [peerId, { entry }] of this.#links) {
      if (entry.link.peerConnection !== null) all.set(peerId, entry.link.peerConnection as RTCPeerConnection);
    }
    return all;
  }

  handleOffer(body: Inbound<OfferBody>): boolean {
    const member = this.#room.members.get(body.from);
    if (member === undefined || !this.#room.open || !this.#takesOffer(member, body.connection)) return false;
    const link = this.#createLink(member, body.connection);
    if (body.trickle === false) this.#room.log.debug({ from: body.from }, "Vanilla ICE is wanted");
    link.entry.link.handle(body);
    link.entry.established = true;
    link.entry.link.accept();
    return true;
  }

  connect(member: Member): void {
    const { open, mode, self } = this.#room;
    if (!open || mode !== "mesh" || this.#links.has(member.peerId) || (self?.receiveOnly === true && member.receiveOnly)) return;
    this.#createLink(member).entry.link.start();
  }

  release(): void {
    for (const peerId of [...this.#links.keys()]) this.memberLeft(peerId);
    for (const cancel of this.#retries.values()) cancel();
    this.#retries.clear();
  }

  dropMember(peerId: string, end: boolean): void {
    const link = this.#links.get(peerId);
    if (link === undefined) return;
    if (end) this.#room.host.end(link.entry);
    this.memberLeft(peerId);
  }

  /** A peer of another library names the connection as it likes, and offers again after a loss; of two that offer, the greater ID wins. */
  #takesOffer(member: Member, connection: string): boolean {
    if (member.framing === undefined) return connection === this.#connectionId(member);
    const { peerId } = member;
    const link = this.#links.get(peerId);
    if (link?.entry.established === false && (this.#room.self?.peerId ?? "") > peerId) return false;
    this.dropMember(peerId, true);
    return true;
  }

  #createLink(member: Member, id = this.#connectionId(member)): MemberLink {
    const { peerId } = member;
    const { host, options, tracks } = this.#room;
    const self = this.#room.self as Member;
    const entry = host.createEntry(
      {
        id,
        remoteId: peerId,
        kind: "media",
        room: this.#room.name,
        // The one who came later is impolite, whichever of them offers first: both ends agree on that.
        outgoing: isLater(self, member),
        framing: member.framing,
        trickle: options.trickle ?? host.trickle,
      },
      () => this.#room.options.iceTransportPolicy ?? host.iceTransportPolicy,
    );
    const link = new MemberLink(entry, host.platform, options, tracks, {
      onStream: (stream) => this.#room.emit("stream", named(stream, peerId)),
      onStreamRemoved: (stream) => this.adopted.has(stream) || this.#room.emit("streamremoved", named(stream, peerId)),
      onState: (state) => this.#room.mode === "mesh" && this.#room.emit("memberState", { peerId, state }),
      onQuality: (quality) => this.#room.emit("quality", { peerId, ...quality }),
    });
    entry.owner = {
      failed: (error) => this.#room.report(error),
      ownerClosed: () => this.#linkEnded(member, link),
    };
    this.#links.set(peerId, link);
    this.#room.emit("memberState", { peerId, state: "connecting" });
    return link;
  }

  /** A link failed on this side or the other, while both are members. */
  #linkEnded(member: Member, link: MemberLink): void {
    const { peerId } = member;
    if (this.#links.get(peerId) !== link) return;
    this.#links.delete(peerId);
    link.release();
    if (this.#room.mode !== "mesh") return;
    this.#room.emit("memberState", { peerId, state: "failed" });
    if (!(link.entry.outgoing || member.framing) || !this.#room.open) return;
    this.#retries.get(peerId)?.();
    const cancel = this.#room.host.platform.clock.after(RETRY_MS, () => {
      this.#retries.delete(peerId);
      const current = this.#room.members.get(peerId);
      if (current !== undefined) this.connect(current);
    });
    this.#retries.set(peerId, cancel);
  }

  #connectionId(member: Member): string {
    if (member.framing !== undefined) return randomId(16, this.#room.host.platform.random);
    return roomConnectionId(this.#room.name, this.#room.self as Member, member);
  }
}

export function named(stream: MediaStream, peerId: string): RoomStream {
  return Object.assign(stream, { peerId });
}
