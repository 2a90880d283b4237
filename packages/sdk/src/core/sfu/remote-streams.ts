/** The streams of the others: one for each (member, stream name), whose tracks come and go and are swapped when a transport is replaced. */
import type { Publication } from "@tsunagi/protocol";
import type { MediaStream, MediaStreamPort, MediaStreamTrack } from "../ports.ts";
import { named } from "../room/mesh-media.ts";
import type { RoomStream } from "../room/room-events.ts";

type Entry = {
  readonly peerId: string;
  readonly stream: RoomStream;
  readonly tracks: Map<string, MediaStreamTrack>;
  told: boolean;
  readonly adopted: boolean;
};

export type RemoteStreamsHost = {
  readonly createStream: () => MediaStreamPort;
  /** A stream that shows these tracks already, over a mesh link. */
  readonly adopt: (peerId: string, name: string) => MediaStream | undefined;
  readonly onStream: (stream: RoomStream) => void;
  readonly onStreamRemoved: (stream: RoomStream) => void;
  readonly onTrackReplaced: (stream: RoomStream, track: MediaStreamTrack, old: MediaStreamTrack) => void;
};

export class RemoteStreams {
  readonly #host: RemoteStreamsHost;
  readonly #entries = new Map<string, Entry>();

  constructor(host: RemoteStreamsHost) {
    this.#host = host;
  }

  get byPeer(): ReadonlyMap<string, readonly MediaStream[]> {
    const all = new Map<string, MediaStream[]>();
    for (const { peerId, stream } of this.#entries.values()) {
      const list = all.get(peerId);
      if (list === undefined) all.set(peerId, [stream]);
      else list.push(stream);
    }
    return all;
  }

  /** Whether something can be seen of it over a mesh link, so that its own track should come only when there is something in it. */
  isAdopted(publication: Publication): boolean {
    const entry = this.#entries.get(keyOf(publication)) ?? this.#adopt(publication);
    return entry?.adopted === true && !entry.tracks.has(publication.id);
  }

  /** Puts the track in its stream, in the place of the publication's earlier one. New streams are told by {@link tell}. */
  bind(publication: Publication, track: MediaStreamTrack): RoomStream {
    const entry = this.#entries.get(keyOf(publication)) ?? this.#adopt(publication) ?? this.#create(publication);
    const { stream, tracks } = entry;
    const old = tracks.get(publication.id);
    tracks.set(publication.id, track);
    if (old === track) return stream;
    const known = new Set(tracks.values());
    // Of an adopted stream also those of the mesh link, which no publication has.
    const replaced = (stream.getTracks() as MediaStreamTrack[]).filter(
      (each) => each !== track && each.kind === track.kind && !known.has(each),
    );
    for (const each of replaced) stream.removeTrack(each);
    stream.addTrack(track);
    const [first] = replaced;
    if (entry.told && first !== undefined) this.#host.onTrackReplaced(stream, track, first);
    return stream;
  }

  unbind(publication: Publication): void {
    const key = keyOf(publication);
    const entry = this.#entries.get(key);
    const track = entry?.tracks.get(publication.id);
    if (entry === undefined || track === undefined) return;
    entry.tracks.delete(publication.id);
    entry.stream.removeTrack(track);
    if (entry.tracks.size > 0) return;
    this.#entries.delete(key);
    if (entry.told) this.#host.onStreamRemoved(entry.stream);
  }

  /** Streams that are new since the last time: with all tracks that came together. */
  tell(): void {
    for (const entry of [...this.#entries.values()]) {
      if (entry.told || entry.tracks.size === 0) continue;
      entry.told = true;
      this.#host.onStream(entry.stream);
    }
  }

  #adopt(publication: Publication): Entry | undefined {
    const { peerId, stream: name } = publication;
    const stream = this.#host.adopt(peerId, name);
    if (stream === undefined) return undefined;
    const entry = { peerId, stream: named(stream, peerId), tracks: new Map(), told: true, adopted: true };
    this.#entries.set(keyOf(publication), entry);
    return entry;
  }

  #create(publication: Publication): Entry {
    const { peerId } = publication;
    const stream = named(this.#host.createStream() as MediaStream, peerId);
    const entry = { peerId, stream, tracks: new Map(), told: false, adopted: false };
    this.#entries.set(keyOf(publication), entry);
    return entry;
  }
}

function keyOf({ peerId, stream }: Publication): string {
  // A line feed is in no peer ID.
  return `${peerId}\n${stream}`;
}
