/**
 * RTCPeerConnection as a model, in simulated time: signaling states with rollback, transceivers and their directions, streams, ICE over a
 * network of hosts whose addresses come and go. What webrtc-pc leaves to the implementation takes random time here.
 */
import type { Clock } from "@tsunagi/base";
import type {
  CandidateInit,
  CodecCapability,
  DataChannelInit,
  DataChannelPort,
  MediaStreamPort,
  MediaStreamTrackPort,
  PeerConnectionConfig,
  PeerConnectionFactory,
  PeerConnectionPort,
  SessionDescriptionPort,
  StatsReportPort,
  TransceiverDirection,
  TransceiverPort,
} from "../../src/core/ports.ts";
import type { FakeHost } from "./fake-host.ts";
import { FakeChannel, FakeStream, FakeTarget } from "./fake-media.ts";
import { compose, FakeTransceiver, sends, takes } from "./fake-transceiver.ts";

/** Chromium: no packet for this long. */
const DISCONNECTED_AFTER_MS = 2_500;
const FAILED_AFTER_MS = 15_000;
const CONNECT_MS = 40;
const BYTES_PER_MS = 50;

export class FakeNetwork {
  readonly clock: Clock;
  readonly random: () => number;
  readonly all: FakePeerConnection[] = [];
  /** False: the peers reach the server, but never each other. */
  direct = true;
  /** What browsers have. */
  codecs: readonly CodecCapability[] = ["audio/X", "video/X"].map((mimeType) => ({ mimeType, clockRate: 1 }));
  constructor(clock: Clock, random: () => number) {
    this.clock = clock;
    this.random = random;
  }
  factory(host: FakeHost): PeerConnectionFactory {
    return {
      create: (config) => {
        const pc = new FakePeerConnection(this, host);
        pc.config = config;
        this.all.push(pc);
        return pc;
      },
      createStream: () => new FakeStream(),
      codecs: (kind) => this.codecs.filter(({ mimeType }) => mimeType.startsWith(kind)),
    };
  }
  wait(ms: number): Promise<void> {
    return new Promise((resolve) => void this.clock.after(ms, resolve));
  }
  byUfrag(ufrag: string | undefined): FakePeerConnection | undefined {
    return this.all.find((pc) => pc.signalingState !== "closed" && pc.ufrags.has(ufrag ?? ""));
  }
  get open(): FakePeerConnection[] {
    return this.all.filter((pc) => pc.signalingState !== "closed");
  }
}

type Section = { mid: string; kind: string; direction: TransceiverDirection; streams: string[]; codecs?: string };
type Sdp = { session: number; ufrag: string; data: boolean; candidates: string[]; sections: Section[] };

/** About as long as what Chromium writes of it; nothing of codecs that no browser has. */
function describeCodec({ mimeType, clockRate, sdpFmtpLine }: CodecCapability): string {
  const [kind, name] = mimeType.split("/");
  if (name === "X") return "";
  const feedback = kind === "video" ? ["goog-remb", "transport-cc", "ccm fir", "nack", "nack pli"] : ["transport-cc"];
  const lines = [`a=rtpmap:100 ${name}/${clockRate}`, ...feedback.map((each) => `a=rtcp-fb:100 ${each}`)];
  if (sdpFmtpLine !== undefined) lines.push(`a=fmtp:100 ${sdpFmtpLine}`);
  if (kind === "video") lines.push("a=rtpmap:101 rtx/90000", "a=fmtp:101 apt=100");
  return `${lines.join("\r\n")}\r\n`;
}

export class FakePeerConnection extends FakeTarget implements PeerConnectionPort {
  static count = 0;
  readonly #session = ++FakePeerConnection.count;
  readonly #network: FakeNetwork;
  readonly #host: FakeHost;
  readonly #transceivers: FakeTransceiver[] = [];
  readonly ufrags = new Set<string>();
  readonly candidates = new Set<string>();
  readonly remoteCandidates = new Set<string>();
  signalingState: PeerConnectionPort["signalingState"] = "stable";
  iceConnectionState: PeerConnectionPort["iceConnectionState"] = "new";
  connectionState: PeerConnectionPort["connectionState"] = "new";
  iceGatheringState: PeerConnectionPort["iceGatheringState"] = "new";
  localDescription: SessionDescriptionPort | null = null;
  remoteDescription: SessionDescriptionPort | null = null;
  ufrag = "";
  #remoteUfrag: string | undefined;
  #restart = false;
  #data = false;
  #dataTold = false;
  #needed = false;
  #order: string[] = [];
  #before: { order: string[]; mids: Map<FakeTransceiver, string | null> } | undefined;
  #chain: Promise<void> = Promise.resolve();
  #cancels = new Set<() => void>();
  #lostAt: number | undefined;
  #bytes = 0;
  #bytesAt = 0;

  constructor(network: FakeNetwork, host: FakeHost) {
    super();
    this.#network = network;
    this.#host = host;
    this.#bytesAt = network.clock.now();
    this.#tickIce();
  }

  // ---- Operations take time and come one after another -------------------------------------------------------------------------

  operation(): Promise<void> {
    const wait = () => new Promise<void>((resolve) => this.#after(this.#network.random() * 5, resolve));
    this.#chain = this.#chain.then(wait);
    return this.#chain;
  }

  #after(ms: number, run: () => void): void {
    const cancel = this.#network.clock.after(ms, () => {
      this.#cancels.delete(cancel);
      if (this.signalingState !== "closed") run();
    });
    this.#cancels.add(cancel);
  }

  checkNegotiation(): void {
    if (this.signalingState !== "stable") return;
    const needed =
      this.#restart ||
      this.#data !== this.#dataTold ||
      this.#transceivers.some((each) => each.mid === null || this.#told(each) !== each.told);
    if (!needed || this.#needed) {
      this.#needed = needed;
      return;
    }
    this.#needed = true;
    this.#after(0, () => {
      if (this.#needed && this.signalingState === "stable") this.fire("negotiationneeded");
    });
  }

  #told(each: FakeTransceiver): string {
    return `${each.direction} ${each.streams.join()}`;
  }

  #setSignaling(state: PeerConnectionPort["signalingState"]): void {
    this.signalingState = state;
    if (state !== "stable") return;
    this.#needed = false;
    this.checkNegotiation();
  }

  // ---- Descriptions ------------------------------------------------------------------------------------------------------------

  /** The offer made last: what it would give as mids, and what it tells of each transceiver. */
  #created: { sdp: string; order: string[]; mids: Map<FakeTransceiver, string>; told: Map<FakeTransceiver, string> } | undefined;

  async createOffer(): Promise<SessionDescriptionPort> {
    await this.operation();
    return this.#createOffer();
  }

  #createOffer(): SessionDescriptionPort {
    const order = [...this.#order];
    const mids = new Map<FakeTransceiver, string>();
    for (const each of this.#transceivers) {
      const mid = each.mid ?? String(order.length);
      if (each.mid === null) order.push(mid);
      mids.set(each, mid);
    }
    const sections = order.map((mid) => {
      const each = this.#transceivers.find((one) => mids.get(one) === mid);
      if (each === undefined) throw new Error("a section without a transceiver");
      const { kind } = each.receiver.track;
      const described = each.codecs ?? this.#network.codecs.filter(({ mimeType }) => mimeType.startsWith(kind));
      const codecs = described.map(describeCodec).join("");
      return { mid, kind, direction: each.direction, streams: each.streams, ...(codecs === "" ? {} : { codecs }) };
    });
    const sdp = this.#format(sections);
    this.#created = { sdp, order, mids, told: new Map(this.#transceivers.map((each) => [each, this.#told(each)])) };
    return { type: "offer", sdp };
  }

  #format(sections: Section[]): string {
    const candidates = [...this.candidates];
    return JSON.stringify({ session: this.#session, ufrag: this.ufrag, data: this.#data, candidates, sections } satisfies Sdp);
  }

  async setLocalDescription(description?: SessionDescriptionPort): Promise<void> {
    await this.operation();
    if (description?.type === "offer" || this.signalingState === "stable") {
      if (this.signalingState !== "stable") throw new Error(`an own offer in ${this.signalingState}`);
      if (description === undefined && (this.ufrag === "" || this.#restart)) this.#newCredentials();
      this.#setLocalOffer(description ?? this.#createOffer());
    } else this.#setLocalAnswer();
  }

  #setLocalOffer(offer: SessionDescriptionPort): void {
    const created = this.#created;
    if (created === undefined || created.sdp !== offer.sdp) throw new Error("not the offer that was created last");
    this.#before = { order: [...this.#order], mids: new Map(this.#transceivers.map((each) => [each, each.mid])) };
    this.#order = created.order;
    for (const [each, mid] of created.mids) each.mid = mid;
    for (const [each, told] of created.told) each.told = told;
    const { ufrag } = JSON.parse(created.sdp) as Sdp;
    if (ufrag === this.ufrag && this.#restarted) this.#restart = false;
    this.#restarted = false;
    this.#dataTold = this.#data;
    this.localDescription = offer;
    this.#setSignaling("have-local-offer");
  }

  #setLocalAnswer(): void {
    if (this.signalingState !== "have-remote-offer") throw new Error(`an own answer in ${this.signalingState}`);
    if (this.ufrag === "" || this.#restartAnswered) this.#newCredentials();
    this.#restartAnswered = false;
    this.#dataTold = this.#data;
    const sections: Section[] = [];
    for (const mid of this.#order) {
      const each = this.#transceivers.find((one) => one.mid === mid);
      if (each === undefined) throw new Error("a section without a transceiver");
      const direction = this.#answerDirection(each) ?? "inactive";
      sections.push({ mid, kind: each.receiver.track.kind, direction, streams: each.streams });
      each.currentDirection = direction;
      each.told = this.#told(each);
    }
    this.localDescription = { type: "answer", sdp: this.#format(sections) };
    this.#setSignaling("stable");
  }

  #restartAnswered = false;
  readonly #remoteDirections = new Map<string, TransceiverDirection>();

  #answerDirection(each: FakeTransceiver): TransceiverDirection | undefined {
    const remote = this.#remoteDirections.get(each.mid ?? "");
    return remote && compose(sends(each.direction) && takes(remote), takes(each.direction) && sends(remote));
  }

  async setRemoteDescription(description: SessionDescriptionPort): Promise<void> {
    await this.operation();
    const sdp = JSON.parse(description.sdp ?? "") as Sdp;
    if (description.type === "offer") {
      if (this.signalingState === "have-local-offer") this.#rollback();
      else if (this.signalingState !== "stable") throw new Error(`an offer in ${this.signalingState}`);
    } else if (this.signalingState !== "have-local-offer") throw new Error(`an answer in ${this.signalingState}`);
    if (description.type === "answer" && sdp.sections.length !== this.#order.length) throw new Error("sections do not match");
    if (sdp.sections.length < this.#order.length) throw new Error("sections have gone");
    this.remoteDescription = description;
    this.#restartAnswered = this.#remoteUfrag !== undefined && this.#remoteUfrag !== sdp.ufrag && description.type === "offer";
    if (this.#remoteUfrag !== sdp.ufrag) this.remoteCandidates.clear();
    this.#remoteUfrag = sdp.ufrag;
    for (const candidate of sdp.candidates) this.remoteCandidates.add(candidate);
    if (sdp.data && !this.#data) {
      this.#data = true;
      this.#dataTold = true;
    }
    for (const section of sdp.sections) this.#takeSection(section, description.type === "answer");
    this.#setSignaling(description.type === "offer" ? "have-remote-offer" : "stable");
  }

  #takeSection(section: Section, answer: boolean): void {
    let each = this.#transceivers.find((one) => one.mid === section.mid);
    if (each === undefined) {
      each = this.#transceivers.find((one) => one.mid === null && one.byAddTrack && one.receiver.track.kind === section.kind);
      if (each === undefined) {
        each = new FakeTransceiver(section.kind as "audio" | "video", "recvonly", false, this);
        this.#transceivers.push(each);
      }
      each.mid = section.mid;
      this.#order.push(section.mid);
    }
    if (each.receiver.track.kind !== section.kind) throw new Error("the section changed its kind");
    this.#remoteDirections.set(section.mid, section.direction);
    const receiving = sends(section.direction) && (answer || takes(each.direction));
    const streams = receiving ? section.streams.map((id) => this.#streamOf(id)) : [];
    const transceiver = each;
    for (const old of each.remoteStreams) if (!streams.includes(old)) old.removeTrack(each.receiver.track);
    for (const stream of streams) stream.addTrack(each.receiver.track);
    const isNew = receiving && (!each.receiving || streams.some((stream) => !transceiver.remoteStreams.includes(stream)));
    each.remoteStreams = streams;
    each.receiving = receiving;
    if (answer) each.currentDirection = compose(sends(each.direction) && takes(section.direction), receiving);
    if (isNew) this.#after(0, () => this.fire("track", { track: transceiver.receiver.track, streams, transceiver }));
  }

  readonly #streams = new Map<string, FakeStream>();
  #streamOf(id: string): FakeStream {
    const stream = this.#streams.get(id) ?? new FakeStream([], id);
    this.#streams.set(id, stream);
    return stream;
  }

  /** Of a connection that has media already: a real browser may stop showing it. */
  rollbacks = 0;

  #rollback(): void {
    if (this.iceConnectionState === "connected") this.rollbacks += 1;
    this.#order = this.#before?.order ?? [];
    for (const each of this.#transceivers) each.mid = this.#before?.mids.get(each) ?? null;
    for (const each of this.#transceivers) each.told = "rolled back";
    this.#dataTold = false;
    this.signalingState = "stable";
  }

  // ---- Tracks ------------------------------------------------------------------------------------------------------------------

  addTrack(track: MediaStreamTrackPort, ...streams: MediaStreamPort[]) {
    let each = this.#transceivers.find(
      (one) => one.sender.track === null && !one.everSent && one.receiver.track.kind === track.kind,
    );
    if (each === undefined) {
      each = new FakeTransceiver(track.kind as "audio" | "video", "sendrecv", true, this);
      this.#transceivers.push(each);
    }
    each.everSent = true;
    each.sender.track = track;
    each.streams = streams.map(({ id }) => id);
    each.direction = compose(true, takes(each.direction));
    return each.sender;
  }

  removeTrack(sender: object): void {
    const each = this.#transceivers.find((one) => one.sender === sender);
    if (each === undefined) throw new Error("not a sender of this connection");
    each.sender.track = null;
    each.direction = compose(false, takes(each.direction));
  }

  addTransceiver(
    what: MediaStreamTrackPort | string,
    init: Parameters<PeerConnectionPort["addTransceiver"]>[1] = {},
  ): TransceiverPort {
    const track = typeof what === "string" ? null : what;
    const kind = track === null ? what : track.kind;
    const each = new FakeTransceiver(kind as "audio" | "video", init.direction ?? "sendrecv", false, this);
    each.sender.track = track;
    each.everSent = track !== null;
    each.streams = (init.streams ?? []).map(({ id }) => id);
    if (init.sendEncodings !== undefined) each.sender.getParameters().encodings = init.sendEncodings.map((one) => ({ ...one }));
    this.#transceivers.push(each);
    this.checkNegotiation();
    return each;
  }

  getTransceivers(): TransceiverPort[] {
    return this.#transceivers;
  }

  getSenders() {
    return this.#transceivers.map(({ sender }) => sender);
  }

  /** What it was asked for. */
  readonly asked: { readonly label: string; readonly init: DataChannelInit | undefined; readonly channel: FakeTarget }[] = [];

  createDataChannel(label: string, init?: DataChannelInit): DataChannelPort {
    this.#data = true;
    this.checkNegotiation();
    if (label.startsWith("tsunagi.")) {
      const own = new FakeChannel(label);
      this.channels.push(own);
      return own as unknown as DataChannelPort;
    }
    const target = new FakeTarget();
    this.asked.push({ label, init, channel: target });
    const channel = target as unknown as DataChannelPort;
    return Object.assign(channel, { label, readyState: "connecting", bufferedAmount: 0, close() {}, send() {} });
  }

  readonly channels: FakeChannel[] = [];

  get address(): string {
    return this.#host.address;
  }

  // ---- ICE ---------------------------------------------------------------------------------------------------------------------

  restartIce(): void {
    this.#restart = true;
    this.checkNegotiation();
  }

  /** As set last. */
  config: PeerConnectionConfig = {};

  setConfiguration(config: PeerConnectionConfig): void {
    this.config = config;
  }

  #restarted = false;

  #newCredentials(): void {
    this.#restarted = true;
    this.ufrag = `u${this.#session}.${this.ufrags.size}`;
    this.ufrags.add(this.ufrag);
    this.candidates.clear();
    this.iceGatheringState = "gathering";
    this.#after(this.#network.random() * 20, () => {
      if (this.#host.up) {
        this.candidates.add(this.#host.address);
        const candidate = { candidate: this.#host.address, sdpMid: "0", sdpMLineIndex: 0, usernameFragment: this.ufrag };
        this.fire("icecandidate", { candidate });
      }
      this.iceGatheringState = "complete";
      // As a browser does: the description now has the candidates in it.
      if (this.localDescription !== null) {
        const sdp = JSON.parse(this.localDescription.sdp ?? "") as Sdp;
        this.localDescription = {
          type: this.localDescription.type,
          sdp: JSON.stringify({ ...sdp, candidates: [...this.candidates] }),
        };
      }
      this.fire("icegatheringstatechange");
      this.fire("icecandidate", { candidate: null });
    });
  }

  async addIceCandidate(candidate?: CandidateInit | null): Promise<void> {
    await this.operation();
    if (this.remoteDescription === null) throw new Error("a candidate before the description");
    if (candidate?.candidate === undefined) return;
    if (candidate.usernameFragment !== this.#remoteUfrag) throw new Error("a candidate of another generation");
    this.remoteCandidates.add(candidate.candidate);
  }

  /** Whether packets get through now, over candidates that both know. */
  get pathWorks(): boolean {
    const other = this.#network.byUfrag(this.#remoteUfrag);
    if (other === undefined || other.#remoteUfrag === undefined || !this.ufrags.has(other.#remoteUfrag)) return false;
    const [here, there] = [this.#host, other.#host];
    if (!this.#network.direct || !here.up || !there.up) return false;
    return this.#usable(here.address, other) && other.#usable(there.address, this);
  }

  /** The old pair goes on during a restart, so any address told at any time counts while it is the current one. */
  readonly everTold = new Set<string>();
  #usable(address: string, other: FakePeerConnection): boolean {
    for (const candidate of this.candidates) this.everTold.add(candidate);
    if (other.remoteCandidates.has(address)) other.everHeard.add(address);
    return this.everTold.has(address) && other.everHeard.has(address);
  }
  readonly everHeard = new Set<string>();

  #tickIce(): void {
    this.#after(CONNECT_MS, () => {
      this.#evaluateIce();
      this.#tickIce();
    });
  }

  #evaluateIce(): void {
    if (this.remoteDescription === null || this.localDescription === null) return;
    const now = this.#network.clock.now();
    if (this.pathWorks) {
      this.#bytes += (now - this.#bytesAt) * BYTES_PER_MS;
      this.#bytesAt = now;
      this.#lostAt = undefined;
      this.#setIce("connected");
      return;
    }
    this.#bytesAt = now;
    this.#lostAt ??= now;
    const lostMs = now - this.#lostAt;
    if (this.iceConnectionState === "new") this.#setIce("checking");
    else if (lostMs >= FAILED_AFTER_MS) this.#setIce("failed");
    else if (lostMs >= DISCONNECTED_AFTER_MS && this.iceConnectionState === "connected") this.#setIce("disconnected");
  }

  #setIce(state: "checking" | "connected" | "disconnected" | "failed"): void {
    if (this.iceConnectionState === state) return;
    this.iceConnectionState = state;
    this.connectionState = state === "checking" ? "connecting" : state;
    this.fire("iceconnectionstatechange");
    this.fire("connectionstatechange");
    if (state === "connected") for (const channel of this.channels) channel.open();
  }

  async getStats(): Promise<StatsReportPort> {
    const entries = [
      { id: "T", type: "transport", selectedCandidatePairId: "P" },
      { id: "P", type: "candidate-pair", bytesReceived: Math.floor(this.#bytes) },
    ];
    return new Map(entries.map((entry) => [entry.id, entry]));
  }

  close(): void {
    this.signalingState = "closed";
    this.connectionState = "closed";
    for (const cancel of this.#cancels) cancel();
    this.#cancels.clear();
  }
}
