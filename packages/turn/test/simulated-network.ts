/** Clients and a server, both cores, joined by simulated links in simulated time; and peers that send back whatever comes. */
import { type TransportAddress, transportAddress } from "@tsunagi/stun";
import { nodeStunCrypto as crypto } from "@tsunagi/stun/node";
import { FakeClock, type LinkOptions, type SimulatedLink, seededBytes, simulatedLink } from "@tsunagi/testkit";
import { TurnClient, type TurnClientOptions, type TurnClientOutput, TurnDataConnection } from "../src/client/index.ts";
import {
  type Client,
  type ClientTransport,
  type ConnectionId,
  type RelayId,
  type RelayRequest,
  type RestCredential,
  restCredential,
  StreamFrames,
  type TurnPolicyOptions,
  TurnServer,
  type TurnShell,
  turnPolicy,
} from "../src/index.ts";

export const SECRET = "a secret of the simulation";
/** They send back what comes, and begin nothing. */
export const ECHO_PEER = transportAddress("8.8.4.4", 4444);
const RELAY_IP = { 4: "198.41.0.4", 6: "2a00:1450::4" } as const;
const SERVER = transportAddress(RELAY_IP[4], 3478);

type Link = SimulatedLink<Uint8Array>;

export class SimulatedNetwork implements TurnShell {
  readonly clock = new FakeClock();
  readonly server: TurnServer;
  readonly #link: Omit<LinkOptions, "clock">;
  readonly #relays = new Map<RelayId, TransportAddress>();
  readonly #byClient = new Map<string, Link>();
  readonly #framers = new Map<string, StreamFrames>();
  /** Peers' ends of TCP connections: they echo too. */
  readonly #joined = new Map<ConnectionId, Client>();
  #nextPort = 50_000;
  #nextClient = 0;
  #cancelTick = () => {};
  relayedToPeers = 0;

  constructor(link: Omit<LinkOptions, "clock"> = {}, policy: TurnPolicyOptions = {}) {
    this.#link = link;
    this.server = new TurnServer({
      shell: this,
      crypto,
      random: seededBytes(99),
      wallNow: () => this.clock.wallNow(),
      policy: turnPolicy({ secrets: [SECRET], users: { alice: "wonderland" }, ...policy }),
    });
  }

  credential(name: string, lifetimeS = 3600): RestCredential {
    return restCredential(SECRET, { expiry: Math.floor(this.clock.wallNow() / 1000) + lifetimeS, name }, crypto);
  }

  client(options: Partial<TurnClientOptions> = {}): SimulatedClient {
    return new SimulatedClient(this, { ...this.credential(`user${this.#nextClient}`), ...options });
  }

  /** A 5-tuple of its own. Streams keep order and lose nothing, and cut what is sent anywhere. */
  open(transport: ClientTransport): Link {
    const number = ++this.#nextClient;
    const isStream = transport !== "udp";
    const link = simulatedLink<Uint8Array>({
      ...this.#link,
      clock: this.clock,
      seed: (this.#link.seed ?? 1) * 1000 + number,
      ...(isStream ? { ordered: true, loss: 0, duplicate: 0, reorder: 0 } : {}),
    });
    const key = `${transport} ${number}`;
    const client: Client = {
      key,
      transport,
      remote: transportAddress("9.9.9.9", 20_000 + number),
      local: SERVER,
      handle: undefined,
    };
    this.#byClient.set(key, link);
    const framer = new StreamFrames();
    this.#framers.set(key, framer);
    link.b.onMessage = (bytes) => {
      if (!isStream) this.#arrived(client, bytes);
      else if (this.#dataOf(key) !== undefined) link.b.send(bytes);
      else framer.push(bytes, (frame) => this.#arrived(client, frame.bytes));
    };
    link.b.onClose = () => this.server.clientClosed(this.clock.now(), client);
    return link;
  }

  #dataOf(key: string): ConnectionId | undefined {
    return [...this.#joined].find(([, client]) => client.key === key)?.[0];
  }

  #arrived(client: Client, bytes: Uint8Array): void {
    const now = this.clock.now();
    if (((bytes[0] ?? 0) & 0xc0) === 0x40) this.server.channelData(now, client.key, bytes);
    else this.server.message(now, client, bytes);
    this.#schedule();
  }

  #schedule(): void {
    this.#cancelTick();
    const { deadline } = this.server;
    if (deadline === undefined) return;
    this.#cancelTick = this.clock.after(deadline - this.clock.now(), () => {
      this.server.tick(this.clock.now());
      this.#schedule();
    });
  }

  sendToClient(client: Client, bytes: Uint8Array): void {
    this.#byClient.get(client.key)?.b.send(bytes);
  }

  sendChannelData(client: Client, channel: number, payload: Uint8Array): void {
    const padding = client.transport === "udp" ? 0 : -payload.length & 3;
    const { length } = payload;
    const header = [channel >> 8, channel & 0xff, length >> 8, length & 0xff];
    this.#byClient.get(client.key)?.b.send(Uint8Array.from([...header, ...payload, ...new Array<number>(padding).fill(0)]));
  }

  sendToPeer(relay: RelayId, address: string, port: number, payload: Uint8Array): void {
    this.relayedToPeers++;
    const copy = payload.slice();
    if (address !== ECHO_PEER.address || port !== ECHO_PEER.port) return;
    this.clock.after(5, () => {
      if (this.#relays.has(relay)) this.server.fromPeer(this.clock.now(), relay, address, port, copy);
    });
  }

  openRelay(relay: RelayId, request: RelayRequest): void {
    if (request.port.type === "even" && this.#nextPort % 2 === 1) this.#nextPort++;
    const address = transportAddress(RELAY_IP[request.family], this.#nextPort++);
    this.#relays.set(relay, address);
    let reserved: TransportAddress | undefined;
    if (request.port.type === "even" && request.port.reserve !== undefined) {
      reserved = { ...address, port: this.#nextPort++ };
      this.#relays.set(request.port.reserve, reserved);
    }
    // As over a socket: not at once.
    this.clock.after(1, () => {
      if (this.#relays.has(relay)) this.server.relayOpened(this.clock.now(), relay, { address, reserved });
    });
  }

  closeRelay(relay: RelayId): void {
    this.#relays.delete(relay);
  }

  get openRelays(): number {
    return this.#relays.size;
  }

  connectPeer(connection: ConnectionId): void {
    this.clock.after(20, () => this.server.peerConnected(this.clock.now(), connection));
  }

  joinConnection(connection: ConnectionId, client: Client): void {
    this.#joined.set(connection, client);
    const rest = this.#framers.get(client.key)?.release();
    if (rest !== undefined && rest.length > 0) this.#byClient.get(client.key)?.b.send(rest.slice());
  }

  closeConnection(connection: ConnectionId): void {
    this.#joined.delete(connection);
  }

  closeClient(client: Client): void {
    this.#byClient.get(client.key)?.b.close();
  }
}

export class SimulatedClient {
  readonly core: TurnClient;
  readonly events: TurnClientOutput[] = [];
  readonly received: string[] = [];
  readonly #network: SimulatedNetwork;
  readonly #options: Partial<TurnClientOptions> & RestCredential;
  #link: Link;
  #cancelTick = () => {};

  constructor(network: SimulatedNetwork, options: Partial<TurnClientOptions> & RestCredential) {
    this.#network = network;
    this.#options = options;
    const transport = options.transport ?? "udp";
    this.core = new TurnClient({ crypto, random: seededBytes(network.clock.now() + 7), ...options, transport });
    this.#link = this.#open(transport);
  }

  #open(transport: ClientTransport): Link {
    const link = this.#network.open(transport);
    link.a.onMessage = (bytes) => this.perform(this.core.received(this.#network.clock.now(), bytes));
    link.a.onClose = () => this.perform(this.core.unreachable(this.#network.clock.now()));
    return link;
  }

  /** From another 5-tuple from now on (RFC 8016). */
  move(): void {
    this.#link.cut();
    this.#link = this.#open("udp");
    this.perform(this.core.moved(this.#network.clock.now()));
  }

  act(step: (core: TurnClient, now: number) => readonly TurnClientOutput[]): void {
    this.perform(step(this.core, this.#network.clock.now()));
  }

  send(peer: TransportAddress, text: string): void {
    this.perform(this.core.send(peer, new TextEncoder().encode(text)));
  }

  perform(outputs: readonly TurnClientOutput[]): void {
    for (const output of outputs) {
      if (output.type === "send") this.#link.a.send(output.bytes);
      else if (output.type === "data") this.received.push(new TextDecoder().decode(output.data));
      else this.events.push(output);
    }
    this.#cancelTick();
    const { clock } = this.#network;
    const { deadline } = this.core;
    if (deadline === undefined) return;
    this.#cancelTick = clock.after(deadline - clock.now(), () => this.perform(this.core.tick(clock.now())));
  }

  async until<Type extends TurnClientOutput["type"]>(type: Type): Promise<Extract<TurnClientOutput, { type: Type }>> {
    const isWanted = (event: TurnClientOutput) => event.type === type;
    await this.#network.clock.advanceUntil(() => this.events.some(isWanted));
    const index = this.events.findIndex(isWanted);
    return this.events.splice(index, 1)[0] as Extract<TurnClientOutput, { type: Type }>;
  }

  async allocated(): Promise<TransportAddress> {
    this.act((core, now) => core.start(now));
    const [relayed] = (await this.until("allocated")).relayed;
    if (relayed === undefined) throw new Error("no relayed address");
    return relayed;
  }

  /** RFC 6062: a connection of its own for what `connected` told. Resolves when it is joined. */
  async dataConnection(connection: number): Promise<{ send(text: string): void; readonly received: string[] }> {
    const { clock } = this.#network;
    const core = new TurnDataConnection({ ...this.#options, crypto, random: seededBytes(5), connection });
    const link = this.#network.open("tcp");
    const received: string[] = [];
    let isJoined = false;
    const perform = (outputs: ReturnType<TurnDataConnection["received"]>) => {
      for (const output of outputs) {
        if (output.type === "send") link.a.send(output.bytes);
        else if (output.type === "data") received.push(new TextDecoder().decode(output.data));
        else if (output.type === "joined") isJoined = true;
        else throw new Error(output.reason);
      }
    };
    link.a.onMessage = (bytes) => perform(core.received(clock.now(), bytes));
    perform(core.start(clock.now()));
    await clock.advanceUntil(() => isJoined);
    return { send: (text) => link.a.send(new TextEncoder().encode(text)), received };
  }

  drop(): void {
    this.#cancelTick();
    this.#link.a.close();
  }
}
