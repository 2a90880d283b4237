/** Event targets, tracks, streams and data channels of the modelled browser. */
import type { DataChannelPort, MediaStreamPort, MediaStreamTrackPort } from "../../src/core/ports.ts";

export class FakeTarget {
  readonly #listeners = new Map<string, Set<(event: object) => void>>();
  addEventListener(type: string, listener: (event: object) => void): void {
    const set = this.#listeners.get(type) ?? new Set();
    set.add(listener);
    this.#listeners.set(type, set);
  }
  removeEventListener(type: string, listener: (event: object) => void): void {
    this.#listeners.get(type)?.delete(listener);
  }
  fire(type: string, event: object = {}): void {
    for (const listener of [...(this.#listeners.get(type) ?? [])]) listener(event);
  }
  get listeners(): number {
    return [...this.#listeners.values()].reduce((sum, set) => sum + set.size, 0);
  }
}

export class FakeTrack extends FakeTarget implements MediaStreamTrackPort {
  static count = 0;
  readonly id = `track${++FakeTrack.count}`;
  readonly kind: string;
  muted = false;
  readonly readyState: "live" | "ended" = "live";
  enabled = true;
  contentHint = "";
  constructor(kind: "audio" | "video") {
    super();
    this.kind = kind;
  }
}

export class FakeStream implements MediaStreamPort {
  static count = 0;
  readonly id: string;
  readonly #tracks = new Set<MediaStreamTrackPort>();
  constructor(tracks: readonly MediaStreamTrackPort[] = [], id = `stream${++FakeStream.count}`) {
    this.id = id;
    for (const track of tracks) this.#tracks.add(track);
  }
  getTracks(): MediaStreamTrackPort[] {
    return [...this.#tracks];
  }
  addTrack(track: MediaStreamTrackPort): void {
    this.#tracks.add(track);
  }
  removeTrack(track: MediaStreamTrackPort): void {
    this.#tracks.delete(track);
  }
}

/** A channel with an SFU: opens with its connection, and hands what is sent to the test. */
export class FakeChannel extends FakeTarget {
  readonly label: string;
  readyState: DataChannelPort["readyState"] = "connecting";
  bufferedAmount = 0;
  onSend: (text: string) => void = () => {};
  constructor(label: string) {
    super();
    this.label = label;
  }
  open(): void {
    if (this.readyState !== "connecting") return;
    this.readyState = "open";
    this.fire("open");
  }
  send(text: string): void {
    this.onSend(text);
  }
  close(): void {
    this.readyState = "closed";
  }
}
