/** A conference core in simulated time, with inboxes in the place of clients. */
import {
  type ClientCounted,
  type Framing,
  type HeldConnection,
  type HeldRoom,
  type Permissions,
  readdress,
  relayText,
  type ServerCounted,
} from "@tsunagi/protocol";
import {
  type App,
  Conference,
  type ConferenceEvent,
  type ConferenceOptions,
  type CoreMessage,
  DEFAULT_LIMITS,
  DEFAULT_SWITCHES,
  type Grants,
  type Input,
  type LostRoom,
  type Output,
  permissionsFromSwitches,
  type Refusal,
} from "../src/index.ts";

export const WALL_START = 1_700_000_000_000;

export type AppOverrides = Partial<Omit<App, "switches" | "limits">> & {
  readonly switches?: Partial<App["switches"]>;
  readonly limits?: Partial<App["limits"]>;
};

export function makeApp(id: string, overrides: AppOverrides = {}): App {
  return {
    id,
    key: `key-${id}`,
    retiredKeys: [],
    name: id,
    enabled: true,
    secrets: [],
    origins: [],
    webhooks: [],
    createdAt: 0,
    updatedAt: 0,
    ...overrides,
    switches: { ...DEFAULT_SWITCHES, ...overrides.switches },
    limits: { ...DEFAULT_LIMITS, ...overrides.limits },
  };
}

export const ALL: Permissions = permissionsFromSwitches(DEFAULT_SWITCHES);

/** What one client sees. */
export class Client {
  readonly session: string;
  readonly peerId: string;
  readonly #sim: Sim;
  inbox: ServerCounted[] = [];
  opened: { readonly peerId: string; readonly grants: Grants } | undefined;
  restored: { readonly lostRooms: readonly LostRoom[] } | undefined;
  refused: Refusal | undefined;
  ended: { readonly why: Refusal | undefined } | undefined;

  constructor(sim: Sim, session: string, peerId: string) {
    this.#sim = sim;
    this.session = session;
    this.peerId = peerId;
  }

  send(message: CoreMessage): this {
    this.#sim.input({ type: "message", session: this.session, message, text: JSON.stringify(message) });
    return this;
  }

  /** Everything received since the last time. */
  take(): ServerCounted[] {
    const taken = this.inbox;
    this.inbox = [];
    return taken;
  }

  types(): string[] {
    return this.inbox.map(({ type }) => type);
  }

  /** The code of the last error received. */
  get error(): string | undefined {
    const errors = this.inbox.filter((message) => message.type === "error");
    return errors.at(-1)?.code;
  }

  offer(to: string, connection: string, more: Partial<Extract<ClientCounted, { type: "offer" }>> = {}): this {
    return this.send({ type: "offer", to, connection, kind: "media", sdp: "offer", ...more });
  }

  answer(to: string, connection: string): this {
    return this.send({ type: "answer", to, connection, sdp: "answer" });
  }

  join(room: string, more: Partial<Extract<ClientCounted, { type: "join" }>> = {}): this {
    return this.send({ type: "join", id: 1, room, mode: "mesh", ...more });
  }

  leave(room: string): this {
    return this.send({ type: "leave", id: 2, room });
  }

  suspend(): void {
    this.#sim.input({ type: "suspend", session: this.session });
  }

  attach(): void {
    this.#sim.input({ type: "attach", session: this.session });
  }

  bye(): void {
    this.#sim.input({ type: "end", session: this.session });
  }
}

export class Sim {
  conference: Conference;
  now = 1_000;
  events: ConferenceEvent[] = [];
  /** Commands to the SFU. */
  sfu: Extract<Output, { readonly type: "sfu" }>[] = [];
  readonly #options: ConferenceOptions;
  readonly #clients = new Map<string, Client>();
  #apps: App[] = [];
  #serial = 0;

  /** Starts long enough before the first input for the recovery window to be over, unless told otherwise. */
  constructor(apps: readonly App[] = [makeApp("app")], options: ConferenceOptions = {}) {
    this.#options = options;
    this.conference = this.#start();
    for (const app of apps) this.app(app);
  }

  #start(): Conference {
    return new Conference(this.#options, this.now, this.wall);
  }

  get wall(): number {
    return WALL_START + this.now;
  }

  /** SIGKILL and a new process: nothing is left but the apps, which the store keeps. */
  restart(): void {
    this.conference = this.#start();
    this.#clients.clear();
    for (const app of this.#apps) this.input({ type: "app", app });
  }

  app(app: App): void {
    this.#apps = [...this.#apps.filter(({ id }) => id !== app.id), app];
    this.input({ type: "app", app });
  }

  input(input: Input): readonly Output[] {
    const outputs = this.conference.handle(this.now, input);
    for (const output of outputs) this.#deliver(output);
    return outputs;
  }

  /** Lets time pass; the core is woken exactly when it asked for it. */
  advance(ms: number): void {
    const end = this.now + ms;
    for (let next = this.conference.deadline; next !== undefined && next <= end; next = this.conference.deadline) {
      this.now = Math.max(this.now, next);
      this.input({ type: "tick" });
    }
    this.now = end;
  }

  tryOpen(
    peerId: string,
    options: {
      readonly app?: string;
      readonly permissions?: Partial<Permissions>;
      readonly expiresAt?: number;
      readonly framing?: Framing;
    } = {},
  ): Client {
    this.#serial += 1;
    const client = this.#client(`session-${this.#serial}-${peerId}`, peerId);
    this.input({
      type: "open",
      session: client.session,
      appId: options.app ?? "app",
      peerId,
      ...(options.framing === undefined ? {} : { framing: options.framing }),
      grants: {
        permissions: { ...ALL, ...options.permissions },
        ...(options.expiresAt === undefined ? {} : { expiresAt: options.expiresAt }),
      },
    });
    return client;
  }

  open(peerId: string, options: Parameters<Sim["tryOpen"]>[1] = {}): Client {
    const client = this.tryOpen(peerId, options);
    if (client.opened === undefined) throw new Error(`${peerId} was refused: ${client.refused?.code}`);
    return client;
  }

  restore(
    old: Client,
    held: {
      readonly rooms?: readonly HeldRoom[];
      readonly connections?: readonly HeldConnection[];
      readonly app?: string;
      readonly permissions?: Partial<Permissions>;
      readonly framing?: Framing;
    } = {},
  ): Client {
    const client = this.#client(old.session, old.peerId);
    this.input({
      type: "restore",
      session: client.session,
      appId: held.app ?? "app",
      peerId: client.peerId,
      ...(held.framing === undefined ? {} : { framing: held.framing }),
      grants: { permissions: { ...ALL, ...held.permissions } },
      rooms: held.rooms ?? [],
      connections: held.connections ?? [],
    });
    return client;
  }

  #client(session: string, peerId: string): Client {
    const client = new Client(this, session, peerId);
    this.#clients.set(session, client);
    return client;
  }

  #deliver(output: Output): void {
    if (output.type === "event") {
      this.events.push(output.event);
    } else if (output.type === "sfu") {
      this.sfu.push(output);
    } else if (output.type === "broadcast") {
      for (const session of output.sessions) this.#clients.get(session)?.inbox.push(output.message);
    } else if (output.type !== "admin-result") {
      const client = this.#clients.get(output.session);
      if (client === undefined) throw new Error(`output for unknown session ${output.session}`);
      if (output.type === "send") client.inbox.push(output.message);
      else if (output.type === "relay") {
        const { from, message, text } = output.relayed;
        client.inbox.push(
          JSON.parse(text === undefined ? relayText(message, from) : readdress(text, message, from)) as ServerCounted,
        );
      } else if (output.type === "opened") client.opened = output;
      else if (output.type === "restored") client.restored = output;
      else if (output.type === "refused") client.refused = output.why;
      else if (output.type === "ended") client.ended = { why: output.why };
      else if (output.type === "renewed") client.opened = output;
    }
  }
}

export function heldRoom(room: string, self: string, others: readonly string[], more: Partial<HeldRoom> = {}): HeldRoom {
  const member = (peerId: string) => ({ peerId, joinedAt: WALL_START, receiveOnly: false });
  return { room, mode: "mesh", self: member(self), others: others.map(member), ...more };
}
