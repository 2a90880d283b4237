/** A room of mode `sfu` without a server: what the app calls is remembered, what a server would tell is told by `window.fake`. */
import { drawPerson } from "./draw.ts";
import { FakeEmitter } from "./emitter.ts";

const NAMES =
  "Mika Sato|Tom Baker|田中 愛子|Sam Okafor|Lena Fischer|Diego Álvarez|山本 健|Priya Nair|Olu Adeyemi|Noah Kim|Chloé Martin|鈴木 さくら|Ivan Petrov|Zoe Chen|Marta Rossi|Ahmed Hassan|Emma Larsen|佐藤 大輔|Lucas Silva|Fatima Zahra".split(
    "|",
  );

type Publication = {
  id: string;
  peerId: string;
  kind: "audio" | "video";
  source: string;
  stream: string;
  muted: boolean;
};

export class FakeSubscription {
  readonly publication: Publication;
  readonly stream: MediaStream;
  layer: object | null = { encoding: 1, encodings: 3, spatial: 0, temporal: 2, bps: 180_000 };
  reason = "wish";
  paused = false;
  priority = 0;
  quality = "auto";

  constructor(publication: Publication, stream: MediaStream) {
    this.publication = publication;
    this.stream = stream;
  }
  get track(): MediaStreamTrack | null {
    return this.stream.getVideoTracks()[0] ?? null;
  }
  pause(): void {
    this.paused = true;
  }
  resume(): void {
    this.paused = false;
  }
  setPriority(priority: number): void {
    this.priority = priority;
  }
  setQuality(quality: string): void {
    this.quality = quality;
  }
}

export class FakeRoom extends FakeEmitter {
  readonly name: string;
  readonly mode = "sfu";
  readonly members = new Map<string, object>();
  readonly publications = new Map<string, Publication>();
  readonly ownPublications = new Map<string, Publication>();
  readonly subscriptions = new Map<string, FakeSubscription>();
  readonly remoteStreams = new Map<string, MediaStream[]>();
  readonly self = { peerId: "me", receiveOnly: false };
  readonly #streams = new Map<string, MediaStream>();
  readonly #auto: boolean;
  metadata: unknown;
  open = false;

  constructor(name: string, options: Readonly<Record<string, unknown>>) {
    super();
    this.name = name;
    this.#auto = options.subscribe !== "manual";
    (window as unknown as { fake: FakeRoom }).fake = this;
    const count = Number(/-(\d+)$/.exec(name)?.[1] ?? 0);
    for (let index = 0; index < count; index++) this.#add(index, false);
    if (options.receiveOnly !== true)
      this.ownPublications.set("own", { id: "own", peerId: "me", kind: "video", source: "camera", stream: "own", muted: false });
    setTimeout(() => {
      this.open = true;
      this.emit("open");
      for (const peerId of this.members.keys()) this.emit("memberState", { peerId, state: "connected" });
      for (const peerId of this.members.keys()) this.emit("quality", { peerId, level: 5, reason: "none" });
      this.emit("bandwidth", 8_400_000);
      if (name.endsWith("-soon")) this.goLive("Soon");
    }, 50);
  }

  #add(index: number, tell: boolean): void {
    const peerId = `p${index}`;
    const name = `${NAMES[index % NAMES.length]}${index < NAMES.length ? "" : ` ${Math.floor(index / NAMES.length) + 1}`}`;
    const member = {
      peerId,
      receiveOnly: false,
      metadata: { name, microphone: index % 3 !== 1, camera: index % 7 !== 5 },
    };
    this.members.set(peerId, member);
    if (tell) this.emit("peerJoin", peerId, member);
    this.publish(peerId, "camera", drawPerson(name, index));
  }

  // ---- For tests, as window.fake --------------------------------------------------------------------------------------------------

  join(): void {
    this.#add(this.members.size, true);
  }

  publish(peerId: string, source: string, stream: MediaStream): void {
    const publication: Publication = {
      id: `${peerId}-${source}`,
      peerId,
      kind: "video",
      source,
      stream: stream.id,
      muted: false,
    };
    this.publications.set(publication.id, publication);
    this.#streams.set(publication.id, stream);
    if (this.#auto) this.subscriptions.set(publication.id, new FakeSubscription(publication, stream));
    this.remoteStreams.set(peerId, [...(this.remoteStreams.get(peerId) ?? []), stream]);
    this.emit("published", publication);
    this.emit("stream", Object.assign(stream, { peerId }));
  }

  shareScreen(peerId: string): void {
    this.publish(peerId, "screen", drawPerson("Quarterly plan", 3));
  }

  leave(peerId: string): void {
    this.members.delete(peerId);
    for (const [id, publication] of [...this.publications]) {
      if (publication.peerId !== peerId) continue;
      this.publications.delete(id);
      this.subscriptions.delete(id);
      this.emit("unpublished", publication);
    }
    this.emit("peerLeave", peerId);
  }

  speak(...peerIds: string[]): void {
    this.emit("audioLevels", new Map(peerIds.map((peerId) => [peerId, 0.8])));
    this.emit("activeSpeaker", peerIds[0] ?? null);
  }

  hold(peerId: string, reason: string): void {
    const subscription = this.subscriptions.get(`${peerId}-camera`);
    if (subscription === undefined) return;
    subscription.layer = null;
    subscription.reason = reason;
    this.emit("qualityChanged", subscription);
  }

  link(state: string): void {
    for (const peerId of this.members.keys()) this.emit("memberState", { peerId, state });
  }

  /** A broadcast begins: one member, with a picture. */
  goLive(title: string): void {
    this.metadata = { live: { title, state: "on" } };
    this.emit("metadata", this.metadata);
    this.#add(0, true);
    // A voice, or at least a track for one: without it, browsers let any picture play.
    const [track] = new AudioContext().createMediaStreamDestination().stream.getAudioTracks();
    if (track !== undefined) this.remoteStreams.get("p0")?.[0]?.addTrack(track);
    for (let viewer = 0; viewer < 37; viewer++) this.members.set(`v${viewer}`, { peerId: `v${viewer}`, receiveOnly: true });
    this.emit("peerJoin", "v0", { peerId: "v0", receiveOnly: true });
  }

  stopLive(): void {
    this.metadata = { live: { title: "", state: "over" } };
    this.emit("metadata", this.metadata);
    this.leave("p0");
  }

  /** Names of the subscriptions that are not paused. */
  wanted(): string[] {
    return [...this.subscriptions.values()].filter(({ paused }) => !paused).map(({ publication }) => publication.id);
  }

  // ---- What the app calls -----------------------------------------------------------------------------------------------------------

  subscribe(id: string): void {
    const publication = this.publications.get(id);
    const stream = this.#streams.get(id);
    if (publication === undefined || stream === undefined) return;
    this.subscriptions.set(id, new FakeSubscription(publication, stream));
    this.emit("stream", Object.assign(stream, { peerId: publication.peerId }));
  }
  unsubscribe(id: string): void {
    this.subscriptions.delete(id);
  }
  attach(element: HTMLVideoElement, stream: MediaStream): () => void {
    element.srcObject = stream;
    return () => {
      element.srcObject = null;
    };
  }
  setMetadata(): Promise<void> {
    return Promise.resolve();
  }
  setRoomMetadata(): Promise<void> {
    return Promise.resolve();
  }
  getStats(): Promise<Map<string, object>> {
    const track = {
      bitrateBps: 182_000,
      packetLoss: 0.001,
      jitterMs: 4,
      codec: "VP8",
      width: 320,
      height: 180,
      framesPerSecond: 24,
    };
    const stats = { at: 0, rttMs: 18, relayed: false, audio: {}, video: { receive: track } };
    return Promise.resolve(new Map([...this.members.keys()].map((peerId) => [peerId, stats])));
  }
  getPeerConnections(): Map<string, RTCPeerConnection> {
    return new Map();
  }
  setMuted(): void {}
  send(): void {}
  addTrack(): void {}
  removeTrack(): void {}
  replaceTrack(): Promise<void> {
    return Promise.resolve();
  }
  close(): void {}
}
