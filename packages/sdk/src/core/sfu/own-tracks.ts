/** The own publications: which track is published under which ID, in which stream, muted or not. They outlive transports. */
import { randomId } from "@tsunagi/base";
import type { MediaSource, Publication } from "@tsunagi/protocol";
import type { MediaStreamPort, MediaStreamTrackPort } from "../ports.ts";
import type { RoomView } from "../room/room-media.ts";
import { sourceOf } from "./encodings.ts";

const ID_CHARACTERS = 16;

export type OwnTrack = {
  readonly id: string;
  track: MediaStreamTrackPort;
  /** As the application put it in; the publication has the name that the others know. */
  stream: MediaStreamPort;
  publication: Publication;
  /** It stood in an offer: changes are told by themselves. */
  offered: boolean;
  /** Nobody watches it. */
  paused: boolean;
};

export class OwnTracks {
  readonly #room: RoomView;
  readonly #tracks = new Map<MediaStreamTrackPort, OwnTrack>();
  /** The name that a stream is known by to the others, by its ID: one that took another's place goes on under that one's. */
  readonly #names = new Map<string, string>();
  #publications: ReadonlyMap<string, Publication> | undefined;

  constructor(room: RoomView) {
    this.#room = room;
    for (const [track, stream] of room.tracks) this.add(track, stream);
  }

  get publications(): ReadonlyMap<string, Publication> {
    this.#publications ??= new Map(this.all.map(({ id, publication }) => [id, publication]));
    return this.#publications;
  }

  get all(): readonly OwnTrack[] {
    return [...this.#tracks.values()];
  }

  find(publicationId: string): OwnTrack | undefined {
    return this.all.find(({ id }) => id === publicationId);
  }

  of(track: MediaStreamTrackPort): OwnTrack | undefined {
    return this.#tracks.get(track);
  }

  add(track: MediaStreamTrackPort, stream: MediaStreamPort): void {
    if (this.#tracks.has(track)) return;
    const { platform } = this.#room.host;
    const { source = this.#source(track, stream), metadata } = this.#room.trackOptions.get(track) ?? {};
    const id = randomId(ID_CHARACTERS, platform.random);
    const publication: Publication = {
      id,
      // The room is open before its media begins.
      peerId: this.#room.self?.peerId ?? "",
      kind: track.kind === "audio" ? "audio" : "video",
      source,
      stream: this.#names.get(stream.id) ?? stream.id,
      muted: !track.enabled,
      ...(metadata === undefined ? {} : { metadata }),
    };
    this.#set(track, { id, track, stream, publication, offered: false, paused: false });
  }

  remove(track: MediaStreamTrackPort): OwnTrack | undefined {
    const own = this.#tracks.get(track);
    this.#tracks.delete(track);
    this.#publications = undefined;
    return own;
  }

  /** The publication goes on with another track. */
  replace(old: MediaStreamTrackPort, next: MediaStreamTrackPort, stream?: MediaStreamPort): OwnTrack | undefined {
    const own = this.remove(old);
    if (own === undefined) return undefined;
    own.track = next;
    own.stream = stream ?? own.stream;
    own.publication = { ...own.publication, muted: !next.enabled };
    this.#set(next, own);
    return own;
  }

  /** What is in `next` from now on belongs to what the others know as `before`. */
  succeed(before: MediaStreamPort, next: MediaStreamPort): void {
    this.#names.set(next.id, this.#names.get(before.id) ?? before.id);
  }

  setMuted(own: OwnTrack, muted: boolean): void {
    own.publication = { ...own.publication, muted };
    this.#publications = undefined;
  }

  #set(track: MediaStreamTrackPort, own: OwnTrack): void {
    this.#tracks.set(track, own);
    this.#publications = undefined;
  }

  /** Sound that comes with a shared screen is no voice. */
  #source(track: MediaStreamTrackPort, stream: MediaStreamPort): MediaSource {
    if (track.kind === "video") return sourceOf(track);
    const withScreen = stream.getTracks().some((each) => each.kind === "video" && sourceOf(each) === "screen");
    return withScreen ? "screen-audio" : "microphone";
  }
}
