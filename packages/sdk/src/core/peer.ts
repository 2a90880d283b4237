/** The peer: one session with the server, and all connections and rooms in it. */
import { type CodedError, Emitter, randomId } from "@tsunagi/base";
import type {
  CredentialUpdated,
  ErrorMessage,
  IceServer,
  IceServersReply,
  Inbound,
  Limits,
  OfferBody,
  Opened,
  PeerListReply,
  PresenceReply,
  Reliability,
  Resumed,
} from "@tsunagi/protocol";
import { DataConnection } from "./data/index.ts";
import { asCoded, report, sdkError, serverError } from "./errors.ts";
import type { ForeignModule } from "./foreign/index.ts";
import { IceRefresh } from "./ice-refresh.ts";
import { type CallOptions, MediaConnection } from "./media/media-connection.ts";
import {
  type ConnectOptions,
  type JoinOptions,
  type PeerCredentials,
  type PeerEvents,
  type PeerOptions,
  type PeerState,
  reliabilityOf,
} from "./peer-options.ts";
import type { IceServerInit, MediaStream, PeerConnectionConfig, Platform } from "./ports.ts";
import { ConnectionRegistry, type Entry } from "./registry.ts";
import { Room } from "./room/room.ts";
import { SignalClient, type SignalEvents } from "./signal/signal-client.ts";

const CLIENT = "tsunagi-sdk 0.1.0";
type AnyConnection = MediaConnection | DataConnection;
type SignalMessage = SignalEvents["message"][0];

export class Peer extends Emitter<PeerEvents> {
  readonly #options: PeerOptions;
  readonly #platform: Platform;
  readonly #signal: SignalClient;
  readonly #registry: ConnectionRegistry;
  readonly #connections = new Map<Entry, AnyConnection>();
  readonly #rooms = new Map<string, Room>();
  /** Calls and connections made before `open`. */
  #waiting: (() => void)[] = [];
  #id: string | undefined;
  #limits: Limits | undefined;
  #iceServers: readonly IceServer[] = [];
  /** The app demands a TURN server for everything. */
  #relayOnly = false;
  readonly #iceRefresh: IceRefresh;
  #credentials: PeerCredentials;
  /** What is needed for peers of other client libraries, once one has offered; what comes while it is loaded. */
  #foreign: ForeignModule | undefined;
  #held: SignalMessage[] | undefined;

  constructor(options: PeerOptions, platform: Platform) {
    super();
    this.#options = options;
    this.#platform = options.log === undefined ? platform : { ...platform, log: options.log };
    this.#credentials = { token: options.token, credential: options.credential };
    const server = typeof options.server === "object" ? options.server.href : (options.server ?? platform.defaultServer);
    if (server === undefined || typeof options.key !== "string" || options.key === "") {
      throw sdkError("signal.options.invalid", "a peer needs an API key, and the server's address outside of its own pages");
    }
    this.#signal = new SignalClient({
      server,
      key: options.key,
      peerId: options.id,
      client: CLIENT,
      platform: this.#platform,
      authenticate: () => this.#authenticate(),
      held: () => ({
        rooms: [...this.#rooms.values()].map((room) => room.held()).filter((held) => held !== undefined),
        connections: this.#registry.held(),
      }),
      giveUpAfterMs: options.giveUpAfterMs,
    });
    this.#iceRefresh = new IceRefresh(platform.clock, () => this.#askIceServers());
    this.#registry = new ConnectionRegistry({
      platform: this.#platform,
      send: (message) => this.#signal.send(message),
      signalOpen: () => this.#signal.state === "open",
      probe: () => this.#signal.probe(),
    });
    this.#signal.on("opened", (message) => this.#onOpened(message));
    this.#signal.on("resumed", (message, info) => this.#onResumed(message, info.doubtful));
    this.#signal.on("message", (message) => this.#onMessage(message));
    this.#signal.on("reconnecting", (info) => this.emit("reconnecting", info));
    this.#signal.on("closed", (error) => this.#onClosed(error));
    this.#signal.start();
  }

  /** Set from `open` on. */
  get id(): string | undefined {
    return this.#id;
  }

  get state(): PeerState {
    return this.#signal.state;
  }

  get open(): boolean {
    return this.#signal.state === "open";
  }

  get rooms(): ReadonlyMap<string, Room> {
    return this.#rooms;
  }

  /** By remote peer ID. */
  get connections(): ReadonlyMap<string, readonly AnyConnection[]> {
    const byPeer = new Map<string, AnyConnection[]>();
    for (const connection of this.#connections.values()) {
      const list = byPeer.get(connection.remoteId);
      if (list === undefined) byPeer.set(connection.remoteId, [connection]);
      else list.push(connection);
    }
    return byPeer;
  }

  /** The server's STUN and TURN servers, with credentials that are good now: for connections of the application's own. Empty before `open`. */
  get iceServers(): readonly IceServer[] {
    return this.#iceServers;
  }

  /** What the server holds this session to; undefined before `open`. */
  get limits(): Limits | undefined {
    return this.#limits;
  }

  /** Calls a peer; rings there until it answers or refuses. Before `open` it waits for it. */
  call(peerId: string, stream: MediaStream | null = null, options: CallOptions = {}): MediaConnection {
    const id = options.connectionId ?? this.#newId("media");
    this.#requireTarget(peerId, id);
    const { metadata } = options;
    const entry: Entry = this.#registry.create({
      id,
      remoteId: peerId,
      kind: "media",
      outgoing: true,
      trickle: options.trickle ?? this.#options.trickle ?? true,
      config: () => this.#configOf(entry),
      firstOfferFields: { metadata },
    });
    const connection = this.#addMedia(entry, metadata, options, stream);
    this.#whenOpen(entry, () => connection.ring());
    return connection;
  }

  /** Opens a data connection; the other side needs not answer. */
  connect(peerId: string, options: ConnectOptions = {}): DataConnection {
    const id = options.connectionId ?? this.#newId("data");
    this.#requireTarget(peerId, id);
    const { metadata } = options;
    const label = options.label ?? id;
    const serialization = options.serialization ?? "binary";
    const reliability = reliabilityOf(options);
    const entry = this.#registry.create({
      id,
      remoteId: peerId,
      kind: "data",
      outgoing: true,
      trickle: options.trickle ?? this.#options.trickle ?? true,
      config: () => this.#config(undefined),
      firstOfferFields: { label, serialization, reliability, metadata },
    });
    const connection = this.#addData(entry, { metadata, label, serialization, reliability });
    this.#whenOpen(entry, () => entry.link.start());
    return connection;
  }

  /** Joins a room, making it when it is not there. A room already joined is returned as it is. */
  joinRoom(name: string, options: JoinOptions = {}): Room {
    this.#requireLive();
    const joined = this.#rooms.get(name);
    if (joined !== undefined) return joined;
    const room: Room = new Room(name, options, {
      platform: this.#platform,
      trickle: this.#options.trickle ?? true,
      iceTransportPolicy: this.#options.iceTransportPolicy,
      send: (message) => this.#signal.send(message),
      request: (make) => this.#signal.request(make),
      createEntry: (init, policy) => this.#registry.create({ ...init, config: () => this.#config(policy()) }),
      drop: (entry) => this.#registry.drop(entry),
      end: (entry) => this.#registry.end(entry, "hung-up"),
      config: (policy) => this.#config(policy),
      signalOpen: () => this.open,
      probe: () => this.#signal.probe(),
      closed: () => {
        if (this.#rooms.get(name) === room) this.#rooms.delete(name);
      },
    });
    this.#rooms.set(name, room);
    room.join();
    return room;
  }

  getConnection(peerId: string, connectionId: string): AnyConnection | null {
    const entry = this.#registry.find(peerId, connectionId);
    return (entry && this.#connections.get(entry)) ?? null;
  }

  /** All peers of the app, where its switches allow to ask. */
  async listAllPeers(): Promise<string[]> {
    const peers: string[] = [];
    let after: string | undefined;
    do {
      const page: PeerListReply = await this.#signal.request((id) => ({
        type: "list-peers",
        id,
        after,
      }));
      peers.push(...page.peers);
      after = page.next;
    } while (after !== undefined);
    return peers;
  }

  async fetchPeerExists(peerId: string): Promise<boolean> {
    const reply = await this.#signal.request<PresenceReply>((id) => ({ type: "presence", id, peers: [peerId] }));
    return reply.present.includes(peerId);
  }

  /** Renews authentication before it ends. */
  async updateCredential(credentials: NonNullable<PeerCredentials["credential"]> | { readonly token: string }): Promise<void> {
    const fields = "token" in credentials ? credentials : { credential: credentials };
    this.#credentials = fields;
    const reply = await this.#signal.request<CredentialUpdated>((id) => ({ type: "credential", id, ...fields }));
    this.#signal.updateResumeToken(reply.resumeToken);
  }

  /** Ends everything; the others see it leave at once. */
  destroy(): void {
    this.#signal.close();
  }

  // ---- The session -------------------------------------------------------------------------------------------------------------

  async #authenticate(): Promise<PeerCredentials> {
    if (this.#options.authenticate !== undefined) this.#credentials = await this.#options.authenticate();
    return this.#credentials;
  }

  #onOpened(message: Opened): void {
    this.#id = message.peerId;
    this.#welcome(message);
    this.emit("open", message.peerId);
    for (const begin of this.#waiting.splice(0)) begin();
  }

  #onResumed(message: Resumed, doubtful: boolean): void {
    this.#welcome(message);
    for (const lost of message.lostRooms) {
      this.#rooms.get(lost.room)?.ownerClosed(serverError(lost));
    }
    const info = { restored: message.restored, doubtful };
    this.#registry.signalResumed(info);
    for (const room of this.#rooms.values()) room.signalResumed(info);
    this.emit("reconnected", { restored: message.restored });
  }

  #welcome(message: Opened | Resumed): void {
    this.#limits = message.limits;
    this.#takeIceServers(message);
  }

  #takeIceServers({ iceServers, iceTransportPolicy }: Pick<Opened, "iceServers" | "iceTransportPolicy">): void {
    const relayOnly = iceTransportPolicy === "relay";
    const changed = relayOnly !== this.#relayOnly;
    this.#iceServers = iceServers;
    this.#relayOnly = relayOnly;
    for (const { link, outgoing } of this.#registry.all()) {
      link.configure();
      // One side is enough: the other is told the same. Chromium would keep a direct path that works through an ICE restart.
      if (changed && outgoing) link.renew("the app's relay policy changed");
    }
    if (changed) for (const room of this.#rooms.values()) room.renew();
    if (this.#signal.state !== "closed") this.#iceRefresh.taken(iceServers);
  }

  async #askIceServers(): Promise<void> {
    try {
      this.#takeIceServers(await this.#signal.request<IceServersReply>((id) => ({ type: "ice-servers", id })));
    } catch (error) {
      this.#platform.log.warn({ error }, "no fresh ICE servers");
      // The end of the session was the reason, perhaps.
      if (this.#signal.state !== "closed") throw error;
    }
  }

  #onClosed(error: CodedError | undefined): void {
    this.#iceRefresh.stop();
    if (error !== undefined) report(this, error, this.#platform.log);
    this.#registry.closeAll(error === undefined ? "hung-up" : "failed");
    for (const room of [...this.#rooms.values()]) room.ownerClosed(error);
    this.emit("close");
  }

  // ---- What arrives ------------------------------------------------------------------------------------------------------------

  #onMessage(message: SignalMessage): void {
    if (this.#held !== undefined) {
      this.#held.push(message);
      return;
    }
    switch (message.type) {
      case "offer":
        if (message.framing !== undefined && this.#foreign === undefined) this.#hold(message);
        else if (!this.#registry.handle(message)) this.#onNewOffer(message);
        break;
      case "answer":
      case "candidate":
      case "restart":
      case "reject":
      case "hangup":
        this.#registry.handle(message);
        break;
      case "expiring":
        this.#onExpiring(message.expiresAt);
        break;
      case "ice-servers-changed":
        this.#takeIceServers(message);
        break;
      case "error":
        this.#onError(message);
        break;
      default:
        this.#rooms.get(message.room)?.handle(message);
    }
  }

  async #hold(offer: Inbound<OfferBody>): Promise<void> {
    const held: SignalMessage[] = [offer];
    this.#held = held;
    try {
      this.#foreign = await this.#registry.loadForeign();
    } catch (error) {
      report(this, asCoded(error, "connection.code.unreachable"), this.#platform.log);
      this.#refuseUnknown(offer);
      held.shift();
    }
    this.#held = undefined;
    for (const message of held) this.#onMessage(message);
  }

  #onNewOffer(offer: Inbound<OfferBody>): void {
    if (offer.room !== undefined) {
      if (this.#rooms.get(offer.room)?.handleOffer(offer) !== true) this.#refuseUnknown(offer);
      return;
    }
    const entry: Entry = this.#registry.create({
      id: offer.connection,
      remoteId: offer.from,
      kind: offer.kind,
      outgoing: false,
      framing: offer.framing,
      trickle: (this.#options.trickle ?? true) && offer.trickle !== false,
      config: () => this.#configOf(entry),
    });
    entry.link.handle(offer);
    if (offer.kind === "media") {
      const connection = this.#addMedia(entry, offer.metadata, {}, null);
      if (!this.emit("call", connection)) connection.reject("unsupported");
      return;
    }
    const { label = offer.connection, serialization = "binary", reliability = {}, metadata } = offer;
    const connection = this.#addData(entry, { metadata, label, serialization, reliability });
    entry.established = true;
    this.emit("connection", connection);
    entry.link.accept();
  }

  /** A link of a room or membership that is over here. */
  #refuseUnknown(offer: Inbound<OfferBody>): void {
    this.#signal.send({ type: "hangup", to: offer.from, connection: offer.connection, reason: "failed" });
  }

  #onError(message: ErrorMessage): void {
    if (message.connection !== undefined && this.#registry.handleError(message)) return;
    const room = message.room === undefined ? undefined : this.#rooms.get(message.room);
    if (room !== undefined) {
      room.refused(message);
      return;
    }
    // About a connection that has ended meanwhile: nobody is left who would want to know.
    if (message.connection !== undefined) return;
    report(this, serverError(message), this.#platform.log);
  }

  #onExpiring(expiresAt: number): void {
    const { clock, log } = this.#platform;
    this.emit("expiresin", Math.max(0, Math.round((expiresAt - clock.wallNow()) / 1_000)));
    const { authenticate } = this.#options;
    if (authenticate === undefined) return;
    authenticate()
      .then((fresh) => {
        const { token, credential } = fresh;
        if (token !== undefined) return this.updateCredential({ token });
        return credential === undefined ? undefined : this.updateCredential(credential);
      })
      .catch((error: unknown) => report(this, asCoded(error, "signal.credential.failed"), log));
  }

  // ---- Connections -------------------------------------------------------------------------------------------------------------

  #addMedia(entry: Entry, metadata: CallOptions["metadata"], options: CallOptions, stream: MediaStream | null): MediaConnection {
    const connection = new MediaConnection({
      ...this.#initOf(entry, metadata),
      link: entry.link,
      options,
      stream,
      refuse: (reason) => this.#forget(entry, () => this.#registry.refuse(entry, reason)),
      accepted: () => {
        entry.established = true;
      },
    });
    this.#own(entry, connection, {
      remoteAnswered: () => connection.remoteAnswered(),
      remoteRejected: (reason) => this.#forget(entry, () => connection.remoteRejected(reason)),
    });
    return connection;
  }

  #addData(entry: Entry, fields: Pick<DataConnection, "metadata" | "label" | "serialization"> & { reliability: Reliability }) {
    const connection = new DataConnection({ ...fields, ...this.#initOf(entry, fields.metadata) });
    this.#own(entry, connection, { remoteRejected: (reason) => this.#forget(entry, () => connection.ownerClosed(reason)) });
    return connection;
  }

  #initOf(entry: Entry, metadata: CallOptions["metadata"]) {
    return {
      id: entry.id,
      remoteId: entry.remoteId,
      outgoing: entry.outgoing,
      metadata,
      platform: this.#platform,
      link: entry.link,
      end: (reason: string) => this.#forget(entry, () => this.#registry.end(entry, reason)),
    };
  }

  #own(entry: Entry, connection: AnyConnection, more: Partial<NonNullable<Entry["owner"]>>): void {
    this.#connections.set(entry, connection);
    entry.owner = {
      ...more,
      failed: (error) => report(connection, error, this.#platform.log),
      foreign: (module) => module.adopt(entry.link, connection, (error) => report(connection, error, this.#platform.log)),
      ownerClosed: (reason) => this.#forget(entry, () => connection.ownerClosed(reason)),
    };
    if (entry.link.framing !== undefined && this.#foreign !== undefined) entry.owner.foreign?.(this.#foreign);
  }

  #forget(entry: Entry, then: () => void): void {
    this.#connections.delete(entry);
    then();
  }

  #configOf(entry: Entry): PeerConnectionConfig {
    const connection = this.#connections.get(entry);
    return this.#config(connection instanceof MediaConnection ? connection.iceTransportPolicy : undefined);
  }

  #config(policy: PeerConnectionConfig["iceTransportPolicy"]): PeerConnectionConfig {
    // A browser reads the servers and keeps none of the objects.
    const named = () => this.#iceServers.map(({ expiresAt: _, ...server }) => server as IceServerInit);
    const iceServers = [...(this.#options.iceServers ?? named())];
    const iceTransportPolicy = this.#relayOnly ? "relay" : (policy ?? this.#options.iceTransportPolicy ?? "all");
    return { iceServers, iceTransportPolicy, bundlePolicy: "max-bundle" };
  }

  #newId(kind: "media" | "data"): string {
    return `${kind}-${randomId(16, this.#platform.random)}`;
  }

  #requireLive(): void {
    if (this.#signal.state === "closed") throw sdkError("signal.client.closed");
  }

  #requireTarget(peerId: string, connectionId: string): void {
    this.#requireLive();
    if (peerId === this.#id) throw sdkError("connection.target.invalid", "a peer cannot connect to itself");
    if (this.#registry.find(peerId, connectionId) !== undefined) {
      throw sdkError("connection.target.invalid", `there is a connection ${connectionId} with this peer already`);
    }
  }

  /** An RTCPeerConnection made before the server has named its STUN and TURN servers would gather too little. */
  #whenOpen(entry: Entry, begin: () => void): void {
    if (this.#id !== undefined) begin();
    else this.#waiting.push(() => this.#connections.has(entry) && begin());
  }
}
