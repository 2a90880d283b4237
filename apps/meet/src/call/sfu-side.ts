/** What a room tells when its media goes through the server: layers, levels, demand, and which stream belongs to which picture. */
import type { Publication, QualityReason, Room, Subscription } from "../sdk.ts";
import type { Store } from "../state/store.ts";
import type { Layers, PathState, PictureLayer } from "./path.ts";
import type { Sources } from "./streams.ts";
import type { Voices } from "./voices.ts";
import type { Presence } from "./wire.ts";

/** Of the SDK's 0 to 1 (−70 to −10 dBov): −45 dBov, an ordinary voice rather than the hum of a room. */
const SPEECH = 0.42;
/** A pause between words is shorter. */
const HOLD_MS = 700;
const LEADING = 5;
/** Pictures that are received or ready to be: those of the page, and the ones looked at last. Each costs 5 kB of every offer. */
const PICTURES = 25;

export class SfuSide {
  readonly #room: Room;
  readonly #path: Store<PathState>;
  readonly #voices: Voices;
  readonly #now: () => number;
  readonly #heardAt = new Map<string, number>();
  /** Own publications that nobody receives now. */
  readonly #unwatched = new Set<string>();
  /** `undefined`: the stage has not said yet, everything is wanted. */
  #shown: ReadonlySet<string> | undefined;
  #leading: string | undefined;
  /** Publications that were asked for. */
  readonly #subscribed = new Set<string>();
  /** Pictures (`PEER/camera`) as they were on the page, the latest last. */
  readonly #recent = new Set<string>();
  readonly #presenceOf: (peerId: string) => Presence | undefined;

  constructor(options: {
    readonly room: Room;
    readonly path: Store<PathState>;
    readonly voices: Voices;
    readonly now: () => number;
    readonly presenceOf: (peerId: string) => Presence | undefined;
    /** Something about this member's pictures is another now. */
    readonly changed: (peerId: string) => void;
  }) {
    const { room, changed } = options;
    this.#room = room;
    this.#path = options.path;
    this.#voices = options.voices;
    this.#now = options.now;
    this.#presenceOf = options.presenceOf;
    const touched = ({ peerId }: Publication) => {
      this.choose();
      changed(peerId);
    };
    room.on("published", touched);
    room.on("unpublished", (publication) => {
      this.#subscribed.delete(publication.id);
      touched(publication);
    });
    room.on("publicationUpdated", touched);
    room.on("qualityChanged", ({ publication }) => changed(publication.peerId));
    room.on("stream", () => this.#applyShown());
    room.on("open", () => this.choose());
    room.on("mode", () => this.choose());
    room.on("publicationPaused", ({ id }) => {
      this.#unwatched.add(id);
      this.#readDemand();
    });
    room.on("publicationResumed", ({ id }) => {
      this.#unwatched.delete(id);
      this.#readDemand();
    });
    room.on("bandwidth", (downlinkBps) => this.#path.set({ downlinkBps }));
    room.on("audioLevels", (levels) => this.#hear(levels));
    room.on("activeSpeaker", (peerId) => {
      if (peerId !== null && peerId !== room.self?.peerId) this.#voices.setTurn(peerId);
    });
  }

  /** The member's streams by what they show; `undefined` while nothing of it is subscribed to. */
  sources(peerId: string): Sources | undefined {
    const subscriptions = this.#of(peerId).filter(({ stream }) => stream !== null);
    if (subscriptions.length === 0) return undefined;
    const find = (source: "camera" | "screen") =>
      subscriptions.find((each) => this.#sourceOf(each.publication) === source)?.stream ?? null;
    return { camera: find("camera"), screen: find("screen") };
  }

  /** Whether the server holds these tracks back at their sender's wish, and why no camera picture comes. */
  flags(peerId: string): {
    readonly microphoneMuted: boolean;
    readonly cameraMuted: boolean;
    readonly held: QualityReason | undefined;
  } {
    const own = [...this.#room.publications.values()].filter((each) => each.peerId === peerId);
    const muted = (kind: "audio" | "video") =>
      own.some((each) => each.kind === kind && each.muted && this.#sourceOf(each) === "camera");
    const camera = this.#of(peerId).find(
      ({ publication }) => publication.kind === "video" && this.#sourceOf(publication) === "camera",
    );
    const held = camera !== undefined && camera.layer === null && isHeld(camera.reason) ? camera.reason : undefined;
    return { microphoneMuted: muted("audio"), cameraMuted: muted("video"), held };
  }

  layers(): Layers {
    const layers = new Map<string, PictureLayer>();
    for (const { publication, layer, reason } of this.#room.subscriptions.values()) {
      if (publication.kind === "video") layers.set(`${publication.peerId}/${this.#sourceOf(publication)}`, { layer, reason });
    }
    return layers;
  }

  show(keys: ReadonlySet<string>, leading: string | undefined): void {
    this.#shown = keys;
    this.#leading = leading;
    for (const key of keys) {
      this.#recent.delete(key);
      this.#recent.add(key);
    }
    const spare = this.#recent.size - Math.max(PICTURES, keys.size);
    for (const key of [...this.#recent].slice(0, Math.max(0, spare))) this.#recent.delete(key);
    this.choose();
  }

  /** Asks for everybody's sound, for every shared screen, and for the cameras that are looked at. */
  choose(): void {
    if (!this.#room.open || this.#room.mode !== "sfu") return;
    for (const publication of this.#room.publications.values()) {
      const { id, peerId, kind } = publication;
      const source = this.#sourceOf(publication);
      const wanted = kind === "audio" || source === "screen" || this.#recent.has(`${peerId}/${source}`);
      if (wanted === this.#subscribed.has(id)) continue;
      if (wanted) {
        this.#subscribed.add(id);
        this.#room.subscribe(id);
      } else {
        this.#subscribed.delete(id);
        this.#room.unsubscribe(id);
      }
    }
    this.#applyShown();
  }

  #applyShown(): void {
    if (this.#shown === undefined) return;
    for (const subscription of this.#room.subscriptions.values()) {
      const { publication, paused } = subscription;
      if (publication.kind !== "video") continue;
      const key = `${publication.peerId}/${this.#sourceOf(publication)}`;
      const wanted = this.#shown.has(key);
      if (wanted === paused) {
        if (wanted) subscription.resume();
        else subscription.pause();
      }
      const priority = key === this.#leading ? LEADING : 0;
      if (subscription.priority !== priority) subscription.setPriority(priority);
    }
  }

  #of(peerId: string): readonly Subscription[] {
    return [...this.#room.subscriptions.values()].filter(({ publication }) => publication.peerId === peerId);
  }

  #sourceOf({ peerId, source, stream }: Publication): "camera" | "screen" {
    return source === "screen" || source === "screen-audio" || stream === this.#presenceOf(peerId)?.screen ? "screen" : "camera";
  }

  #readDemand(): void {
    const own = [...this.#room.ownPublications.values()].filter(
      ({ kind, source }) => kind === "video" && source !== "screen" && source !== "screen-audio",
    );
    this.#path.set({ watched: own.length === 0 ? undefined : own.some(({ id }) => !this.#unwatched.has(id)) });
  }

  #hear(levels: ReadonlyMap<string, number>): void {
    const now = this.#now();
    for (const [id, level] of levels) if (level > SPEECH) this.#heardAt.set(id, now);
    for (const [id, at] of this.#heardAt) if (now - at > HOLD_MS) this.#heardAt.delete(id);
    this.#voices.tell(new Set(this.#heardAt.keys()));
  }
}

/** Not by the wish of the viewer or of the sender. */
function isHeld(reason: QualityReason): boolean {
  return reason === "bandwidth" || reason === "codec" || reason === "last-n";
}
