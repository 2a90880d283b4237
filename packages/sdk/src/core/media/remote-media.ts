/** The streams that one link receives: announced once each, and taken back when their last track goes. */
import type {
  MediaStream,
  MediaStreamPort,
  MediaStreamTrack,
  MediaStreamTrackPort,
  TrackEventPort,
  TransceiverPort,
} from "../ports.ts";

export type RemoteMediaEvents = {
  readonly onStream: (stream: MediaStream) => void;
  readonly onStreamRemoved: (stream: MediaStream) => void;
  readonly onTrack: (track: MediaStreamTrack, stream: MediaStream) => void;
  readonly onTrackRemoved: (track: MediaStreamTrack, stream: MediaStream) => void;
};

type Entry = {
  readonly stream: MediaStreamPort;
  readonly tracks: Map<MediaStreamTrackPort, TransceiverPort>;
  /** Made here for a track that came without a stream: nobody else takes tracks out of it. */
  readonly own: boolean;
};

export class RemoteMedia {
  readonly #events: RemoteMediaEvents;
  readonly #createStream: () => MediaStreamPort;
  #entries: Entry[] = [];

  constructor(createStream: () => MediaStreamPort, events: RemoteMediaEvents) {
    this.#createStream = createStream;
    this.#events = events;
  }

  get streams(): readonly MediaStream[] {
    return this.#entries.map(({ stream }) => stream as MediaStream);
  }

  handleTrack({ track, streams, transceiver }: TrackEventPort): void {
    // The same track may come again in another stream, when an m-section is used for something new.
    this.update();
    if (streams.length === 0) {
      const entry: Entry = { stream: this.#createStream(), tracks: new Map(), own: true };
      entry.stream.addTrack(track);
      this.#add(entry, track, transceiver);
    }
    for (const stream of streams) {
      const known = this.#entries.find((entry) => entry.stream === stream);
      this.#add(known ?? { stream, tracks: new Map(), own: false }, track, transceiver);
    }
  }

  /** After a negotiation: takes back what is no longer sent. The browser has taken those tracks out of their streams (webrtc-pc §5.1.1). */
  update(): void {
    for (const entry of this.#entries) {
      const present = new Set(entry.stream.getTracks());
      for (const [track, transceiver] of entry.tracks) {
        const gone = entry.own ? !isReceiving(transceiver) : !present.has(track);
        if (!gone) continue;
        if (entry.own) entry.stream.removeTrack(track);
        this.#removeTrack(entry, track);
      }
    }
    this.#dropEmpty();
  }

  /** The RTCPeerConnection that they came over is gone. */
  clear(): void {
    for (const entry of this.#entries) {
      for (const track of [...entry.tracks.keys()]) this.#removeTrack(entry, track);
    }
    this.#dropEmpty();
  }

  #add(entry: Entry, track: MediaStreamTrackPort, transceiver: TransceiverPort): void {
    if (entry.tracks.has(track)) return;
    const first = entry.tracks.size === 0;
    entry.tracks.set(track, transceiver);
    if (first) this.#entries = [...this.#entries, entry];
    if (first) this.#events.onStream(entry.stream as MediaStream);
    this.#events.onTrack(track as MediaStreamTrack, entry.stream as MediaStream);
  }

  #removeTrack(entry: Entry, track: MediaStreamTrackPort): void {
    entry.tracks.delete(track);
    this.#events.onTrackRemoved(track as MediaStreamTrack, entry.stream as MediaStream);
  }

  #dropEmpty(): void {
    const empty = this.#entries.filter((entry) => entry.tracks.size === 0);
    if (empty.length === 0) return;
    this.#entries = this.#entries.filter((entry) => entry.tracks.size > 0);
    for (const entry of empty) this.#events.onStreamRemoved(entry.stream as MediaStream);
  }
}

/** While the first description is only set, `currentDirection` is still null. */
function isReceiving({ currentDirection }: TransceiverPort): boolean {
  return currentDirection === null || currentDirection === "recvonly" || currentDirection === "sendrecv";
}
