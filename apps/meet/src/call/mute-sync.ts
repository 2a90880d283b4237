/** Tells an SFU room which own tracks are muted, so that the server sends nothing of them; the tracks themselves go to the room. */
import type { Room, TrackOptions, TrackSink } from "../sdk.ts";
import type { LocalMedia } from "../state/local-media.ts";

export class MuteSync implements TrackSink {
  readonly #room: Room;
  readonly #media: LocalMedia;
  readonly #told = new WeakMap<MediaStreamTrack, boolean>();

  constructor(room: Room, media: LocalMedia) {
    this.#room = room;
    this.#media = media;
  }

  addTrack(track: MediaStreamTrack, stream: MediaStream, options?: TrackOptions): void {
    this.#room.addTrack(track, stream, options);
    this.sync();
  }

  removeTrack(track: MediaStreamTrack): void {
    this.#room.removeTrack(track);
  }

  async replaceTrack(old: MediaStreamTrack, next: MediaStreamTrack | null): Promise<void> {
    await this.#room.replaceTrack(old, next);
    // The publication was muted with the track before it.
    if (next !== null && this.#told.get(old) === true) this.#told.set(next, true);
    this.sync();
  }

  sync(): void {
    const { stream, microphone, camera } = this.#media.store.get();
    if (this.#room.mode !== "sfu" || !this.#room.open) return;
    for (const track of stream?.getTracks() ?? []) {
      const muted = (track.kind === "audio" ? microphone : camera) === "off";
      if ((this.#told.get(track) ?? false) === muted) continue;
      this.#told.set(track, muted);
      this.#room.setMuted(track, muted);
    }
  }
}
