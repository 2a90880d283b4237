/** A TURN server between recorded sockets, in simulated time. */
import {
  ATTRIBUTES,
  attributeOf,
  type ChangeRequest,
  checkMessageIntegrity,
  checkMessageIntegritySha256,
  decodeMessage,
  type EncodeOptions,
  encodeMessage,
  longTermKey,
  METHOD,
  type OutgoingAttribute,
  PASSWORD_ALGORITHM_NUMBER,
  put,
  rawAttributeOf,
  type StunMessage,
  type TransportAddress,
  transportAddress,
} from "@tsunagi/stun";
import { nodeStunCrypto as crypto } from "@tsunagi/stun/node";
import {
  type Client,
  type ClientTransport,
  type ConnectionId,
  PROTOCOL_NUMBER,
  type RelayFailure,
  type RelayId,
  type RelayRequest,
  restCredential,
  TURN_ATTRIBUTES,
  type TurnEvent,
  type TurnPolicyOptions,
  TurnServer,
  type TurnShell,
  turnPolicy,
} from "../src/index.ts";

export const SECRET = "north-wind";
export const RELAY_IP = { 4: "198.41.0.4", 6: "2a00:1450::4" } as const;
/** A public address that no list has. */
export const PEER: TransportAddress = { family: 4, address: "8.8.4.4", port: 4444 };
export const PEER6: TransportAddress = { family: 6, address: "2a00:1450::1", port: 6666 };
export const WALL_START_MS = 1_800_000_000_000;

export type Sent = { readonly client: Client; readonly bytes: Uint8Array; readonly change: ChangeRequest | undefined };
export type ToPeer = {
  readonly relay: RelayId;
  readonly address: string;
  readonly port: number;
  readonly payload: string;
  readonly dontFragment: boolean;
};

/** Opens relays at once on ascending ports, or as `openAs` says. */
export class RecordingShell implements TurnShell {
  sent: Sent[] = [];
  channelData: { client: Client; channel: number; payload: string }[] = [];
  toPeer: ToPeer[] = [];
  readonly relays = new Map<RelayId, { request: RelayRequest | undefined; address: TransportAddress }>();
  connecting: { connection: ConnectionId; relay: RelayId; peer: TransportAddress }[] = [];
  joined: { connection: ConnectionId; client: Client }[] = [];
  closedConnections: ConnectionId[] = [];
  closedClients: Client[] = [];
  /** How the next relays turn out: by default each opens at once. */
  openAs: (request: RelayRequest) => "open" | "later" | RelayFailure = () => "open";
  #port = 50_001;
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  sendToClient(client: Client, bytes: Uint8Array, change?: ChangeRequest): void {
    this.sent.push({ client, bytes, change });
  }

  sendChannelData(client: Client, channel: number, payload: Uint8Array): void {
    this.channelData.push({ client, channel, payload: text(payload) });
  }

  sendToPeer(relay: RelayId, address: string, port: number, payload: Uint8Array, dontFragment: boolean): void {
    if (!this.relays.has(relay)) throw new Error(`relay ${relay} is not open`);
    this.toPeer.push({ relay, address, port, payload: text(payload), dontFragment });
  }

  openRelay(relay: RelayId, request: RelayRequest): void {
    const outcome = this.openAs(request);
    if (outcome === "later") this.relays.set(relay, { request, address: this.#nextAddress(request) });
    else if (outcome === "open") this.open(relay, request);
    else this.#world.server.relayFailed(this.#world.now, relay, outcome);
  }

  /** Also for a relay that `openAs` put off. */
  open(relay: RelayId, request: RelayRequest): void {
    const address = this.relays.get(relay)?.address ?? this.#nextAddress(request);
    this.relays.set(relay, { request, address });
    let reserved: TransportAddress | undefined;
    if (request.port.type === "even" && request.port.reserve !== undefined) {
      reserved = { ...address, port: this.#port++ };
      this.relays.set(request.port.reserve, { request: undefined, address: reserved });
    }
    this.#world.server.relayOpened(this.#world.now, relay, { address, reserved });
  }

  closeRelay(relay: RelayId): void {
    if (!this.relays.delete(relay)) throw new Error(`relay ${relay} is closed twice`);
  }

  connectPeer(connection: ConnectionId, relay: RelayId, peer: TransportAddress): void {
    this.connecting.push({ connection, relay, peer });
  }

  joinConnection(connection: ConnectionId, client: Client): void {
    this.joined.push({ connection, client });
  }

  closeConnection(connection: ConnectionId): void {
    this.closedConnections.push(connection);
  }

  closeClient(client: Client): void {
    this.closedClients.push(client);
  }

  #nextAddress({ family, port }: RelayRequest): TransportAddress {
    if (port.type === "even" && this.#port % 2 === 1) this.#port++;
    return { family, address: RELAY_IP[family], port: this.#port++ };
  }
}

export class World {
  now = 1000;
  readonly shell: RecordingShell;
  readonly server: TurnServer;
  readonly events: TurnEvent[] = [];
  #seed: number;

  constructor(policy: TurnPolicyOptions = {}, seed = 1) {
    this.#seed = seed;
    this.shell = new RecordingShell(this);
    this.server = new TurnServer({
      shell: this.shell,
      crypto,
      random: (length) => this.random(length),
      wallNow: () => WALL_START_MS + this.now,
      policy: turnPolicy({ secrets: [SECRET], ...policy }),
      events: (event) => void this.events.push(event),
    });
  }

  /** Not random at all, so that a failing run is repeated as it was. */
  random(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => {
      this.#seed = (Math.imul(this.#seed, 1_103_515_245) + 12_345) & 0x7fffffff;
      return (this.#seed >>> 16) & 0xff;
    });
  }

  /** Time passes, with every tick that is wanted on the way. */
  advance(ms: number): void {
    const end = this.now + ms;
    for (;;) {
      const { deadline } = this.server;
      if (deadline === undefined || deadline > end) break;
      this.now = Math.max(this.now, deadline);
      this.server.tick(this.now);
    }
    this.now = end;
  }

  client(options: TestClientOptions = {}): TestClient {
    return new TestClient(this, options);
  }

  fromPeer(relay: RelayId, payload: string, peer: TransportAddress = PEER): void {
    this.server.fromPeer(this.now, relay, peer.address, peer.port, bytes(payload));
  }

  /** The relay of that relayed address. */
  relayAt({ address, port }: TransportAddress): RelayId {
    for (const [id, relay] of this.shell.relays) if (relay.address.address === address && relay.address.port === port) return id;
    throw new Error(`no relay at ${address} ${port}`);
  }
}

export type TestClientOptions = {
  readonly transport?: ClientTransport;
  readonly address?: string;
  readonly user?: string;
  readonly credential?: { readonly username: string; readonly password: string };
  readonly expiresInS?: number;
  /** Default "md5": the classic credential. */
  readonly algorithm?: "md5" | "sha256";
};

let lastPort = 20_000;

export class TestClient {
  readonly client: Client;
  username: string;
  password: string;
  algorithm: "md5" | "sha256";
  nonce = "";
  realm = "";
  offered: Uint8Array | undefined;
  readonly #world: World;

  constructor(world: World, options: TestClientOptions = {}) {
    this.#world = world;
    const transport = options.transport ?? "udp";
    const remote = transportAddress(options.address ?? "9.9.9.9", ++lastPort);
    const local: TransportAddress = { family: 4, address: RELAY_IP[4], port: 3478 };
    this.client = { key: `${transport}|${remote.address}|${remote.port}`, transport, remote, local, handle: undefined };
    const expiry = Math.floor((WALL_START_MS + world.now) / 1000) + (options.expiresInS ?? 3600);
    const credential = options.credential ?? restCredential(SECRET, { expiry, name: options.user ?? "alice" }, crypto);
    this.username = credential.username;
    this.password = credential.password;
    this.algorithm = options.algorithm ?? "md5";
  }

  /** Another 5-tuple with the same credentials. */
  elsewhere(options: TestClientOptions = {}): TestClient {
    const other = new TestClient(this.#world, {
      ...options,
      credential: { username: this.username, password: this.password },
      algorithm: this.algorithm,
    });
    return other;
  }

  key(): Uint8Array {
    const number = PASSWORD_ALGORITHM_NUMBER[this.algorithm];
    return longTermKey({ username: this.username, realm: this.realm, password: this.password }, crypto, number);
  }

  /** Bytes in, and the answer to this client, if one came. */
  raw(message: Uint8Array): StunMessage | undefined {
    const before = this.#world.shell.sent.length;
    this.#world.server.message(this.#world.now, this.client, message);
    const answers = this.#world.shell.sent.slice(before).filter(({ client }) => client.key === this.client.key);
    if (answers.length > 1) throw new Error("more than one answer");
    return answers[0] === undefined ? undefined : decodeMessage(answers[0].bytes);
  }

  encode(
    method: number,
    attributes: readonly OutgoingAttribute[],
    { transactionId = this.#world.random(12), authenticated = true }: RequestOptions = {},
  ): Uint8Array {
    if (!authenticated) return encodeMessage({ class: "request", method, transactionId, attributes });
    const credentials: OutgoingAttribute[] = [
      put(ATTRIBUTES.USERNAME, this.username),
      put(ATTRIBUTES.REALM, this.realm),
      put(ATTRIBUTES.NONCE, this.nonce),
    ];
    const options: EncodeOptions = {};
    const key = { key: this.key(), crypto };
    if (this.algorithm === "sha256") {
      const offered = this.offered ?? new Uint8Array(0);
      credentials.push(
        { type: ATTRIBUTES.PASSWORD_ALGORITHMS.type, encode: () => offered },
        put(ATTRIBUTES.PASSWORD_ALGORITHM, { algorithm: PASSWORD_ALGORITHM_NUMBER.sha256, parameters: new Uint8Array(0) }),
      );
      Object.assign(options, { messageIntegritySha256: key });
    } else Object.assign(options, { messageIntegrity: key });
    return encodeMessage({ class: "request", method, transactionId, attributes: [...attributes, ...credentials] }, options);
  }

  /** One request as it is, without following a challenge. */
  once(method: number, attributes: readonly OutgoingAttribute[], options: RequestOptions = {}): StunMessage | undefined {
    return this.raw(this.encode(method, attributes, options));
  }

  /** A request, repeated with the nonce of a challenge. An answer to an authenticated request must be protected. */
  request(method: number, attributes: readonly OutgoingAttribute[] = [], options: RequestOptions = {}): StunMessage {
    let answer = this.nonce === "" ? undefined : this.once(method, attributes, options);
    if (answer === undefined || (codeOf(answer) === 438 && rawAttributeOf(answer, ATTRIBUTES.NONCE.type) !== undefined)) {
      this.challenge(answer ?? this.once(METHOD.allocate, [], { authenticated: false }));
      answer = this.once(method, attributes, options);
    }
    if (answer === undefined) throw new Error("no answer");
    if (codeOf(answer) !== 401 && codeOf(answer) !== 438) this.expectProtected(answer);
    return answer;
  }

  challenge(answer: StunMessage | undefined): void {
    if (answer === undefined) throw new Error("no challenge");
    this.nonce = attributeOf(answer, ATTRIBUTES.NONCE) ?? "";
    this.realm = attributeOf(answer, ATTRIBUTES.REALM) ?? "";
    this.offered = rawAttributeOf(answer, ATTRIBUTES.PASSWORD_ALGORITHMS.type)?.value.slice();
  }

  expectProtected(answer: StunMessage): void {
    const options = { key: this.key(), crypto };
    const check =
      this.algorithm === "sha256" ? checkMessageIntegritySha256(answer, options) : checkMessageIntegrity(answer, options);
    if (check !== "valid") throw new Error(`integrity of the answer: ${check}`);
  }

  allocate(...attributes: readonly OutgoingAttribute[]): StunMessage {
    return this.request(METHOD.allocate, [put(TURN_ATTRIBUTES.REQUESTED_TRANSPORT, PROTOCOL_NUMBER.udp), ...attributes]);
  }

  /** Allocates and gives the relayed address and its relay. */
  allocated(...attributes: readonly OutgoingAttribute[]): Allocated {
    return this.#allocated(this.allocate(...attributes));
  }

  /** RFC 6062. */
  allocatedTcp(...attributes: readonly OutgoingAttribute[]): Allocated {
    const transport = put(TURN_ATTRIBUTES.REQUESTED_TRANSPORT, PROTOCOL_NUMBER.tcp);
    return this.#allocated(this.request(METHOD.allocate, [transport, ...attributes]));
  }

  #allocated(answer: StunMessage): Allocated {
    const relayed = attributeOf(answer, TURN_ATTRIBUTES.XOR_RELAYED_ADDRESS);
    if (relayed === undefined) throw new Error(`refused: ${codeOf(answer)}`);
    return { relayed, relay: this.#world.relayAt(relayed), answer };
  }

  refresh(lifetimeS?: number, ...attributes: readonly OutgoingAttribute[]): StunMessage {
    const lifetime = lifetimeS === undefined ? [] : [put(TURN_ATTRIBUTES.LIFETIME, lifetimeS)];
    return this.request(METHOD.refresh, [...lifetime, ...attributes]);
  }

  permit(...peers: readonly TransportAddress[]): StunMessage {
    return this.request(
      METHOD.createPermission,
      peers.map((peer) => put(TURN_ATTRIBUTES.XOR_PEER_ADDRESS, peer)),
    );
  }

  bind(channel: number, peer: TransportAddress = PEER): StunMessage {
    return this.request(METHOD.channelBind, [
      put(TURN_ATTRIBUTES.CHANNEL_NUMBER, channel),
      put(TURN_ATTRIBUTES.XOR_PEER_ADDRESS, peer),
    ]);
  }

  connect(peer: TransportAddress = PEER): StunMessage | undefined {
    return this.once(METHOD.connect, [put(TURN_ATTRIBUTES.XOR_PEER_ADDRESS, peer)]);
  }

  send(payload: string, peer: TransportAddress = PEER, ...attributes: readonly OutgoingAttribute[]): void {
    const all = [put(TURN_ATTRIBUTES.XOR_PEER_ADDRESS, peer), put(TURN_ATTRIBUTES.DATA, bytes(payload)), ...attributes];
    const answer = this.raw(
      encodeMessage({ class: "indication", method: METHOD.send, transactionId: this.#world.random(12), attributes: all }),
    );
    if (answer !== undefined) throw new Error("an indication was answered");
  }

  sendChannel(channel: number, payload: string): void {
    const data = bytes(payload);
    const message = Uint8Array.from([channel >> 8, channel & 0xff, data.length >> 8, data.length & 0xff, ...data]);
    this.#world.server.channelData(this.#world.now, this.client.key, message);
  }

  /** STUN messages that the server sent here since `take` was called last. */
  take(): StunMessage[] {
    const { shell } = this.#world;
    const mine = shell.sent.filter(({ client }) => client.key === this.client.key);
    shell.sent = shell.sent.filter(({ client }) => client.key !== this.client.key);
    return mine.map((each) => decodeMessage(each.bytes));
  }
}

export type RequestOptions = { readonly transactionId?: Uint8Array; readonly authenticated?: boolean };
export type Allocated = { readonly relayed: TransportAddress; readonly relay: RelayId; readonly answer: StunMessage };

/** undefined for a success. */
export function codeOf(answer: StunMessage | undefined): number | undefined {
  return answer === undefined ? undefined : attributeOf(answer, ATTRIBUTES.ERROR_CODE)?.code;
}

export function bytes(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}

export function text(value: Uint8Array): string {
  return new TextDecoder().decode(value);
}
