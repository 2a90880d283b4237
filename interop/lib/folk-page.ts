/**
 * Peers of one client library in a page, several of them where a test wants several: each keeps a journal of what its application was told.
 * Installed by text: the function refers to nothing outside itself. The library's class is the page's `Library`, unmodified.
 */

/** A version of skyway-js by its major number; `skyway` is the last one, 4.4.5. */
export type Kind = "native" | "skyway" | "skyway3" | "skyway2" | "peerjs";

/** A steady picture and tone that tell whose they are. */
export type Face = { readonly colour: string; readonly hz: number; readonly video?: boolean; readonly audio?: boolean };

export type OpenWishes = {
  /** Of the library's constructor; the address of the server is among them. */
  readonly options: Readonly<Record<string, unknown>>;
  /** What incoming calls are answered with: null without a stream, undefined not at all. */
  readonly answer?: Face | null;
};

type Listener = (...args: never[]) => void;
type Emitting = { on(event: string, listener: Listener): unknown };

/** What the three libraries' connections have in common, and what a test asks of one of them. */
export interface AnyConnection extends Emitting {
  readonly type: "media" | "data";
  readonly open: boolean;
  readonly metadata: unknown;
  readonly id?: string;
  readonly connectionId?: string;
  readonly remoteId?: string;
  readonly peer?: string;
  readonly label?: string;
  readonly serialization?: string;
  readonly dcInit?: unknown;
  readonly peerConnection?: RTCPeerConnection | null;
  getPeerConnection?(): RTCPeerConnection | null;
  answer(stream?: MediaStream | null, options?: object): void;
  replaceStream(stream: MediaStream): void;
  send(data: unknown): unknown;
  close(how?: unknown): void;
}

export interface AnyRoom extends Emitting {
  readonly name: string;
  readonly members?: readonly string[] | ReadonlyMap<string, unknown>;
  send(data: unknown): unknown;
  getLog(): unknown;
  replaceStream(stream: MediaStream): void;
  close(): void;
  getPeerConnection?(): RTCPeerConnection | null;
  getPeerConnections?(): Record<string, RTCPeerConnection> | Map<string, RTCPeerConnection>;
}

export interface AnyPeer extends Emitting {
  readonly id: string | undefined;
  readonly open: boolean;
  readonly rooms: unknown;
  readonly connections: unknown;
  call(id: string, stream?: MediaStream | null, options?: object): AnyConnection | undefined;
  connect(id: string, options?: object): AnyConnection | undefined;
  joinRoom(name: string, options?: object): AnyRoom | undefined;
  listAllPeers(callback?: (ids: string[]) => void): Promise<string[]> | undefined;
  fetchPeerExists(id: string): Promise<boolean>;
  updateCredential(credential: object): unknown;
  disconnect(): void;
  reconnect(): void;
  destroy(): void;
}

/** One connection of a person. */
export interface Link {
  readonly raw: AnyConnection;
  readonly incoming: boolean;
  readonly from: string;
  readonly id: string;
  readonly journal: string[];
  readonly streams: MediaStream[];
  readonly received: unknown[];
}

export interface Hall {
  readonly raw: AnyRoom;
  readonly journal: string[];
  /** With the `peerId` that the library put on it. Those of members who left are gone. */
  streams: (MediaStream & { peerId?: string })[];
  readonly received: { readonly src: string | undefined; readonly data: unknown }[];
  logs: unknown[] | undefined;
}

export interface Person {
  readonly name: string;
  readonly peer: AnyPeer;
  readonly journal: string[];
  readonly links: Link[];
  /** In words, of the peer and its connections. */
  readonly errors: string[];
  hall: Hall | undefined;
}

/** What passes as JSON of a received value. */
export type Described = { readonly is: string; readonly value?: unknown; readonly size?: number; readonly digest?: string } & {
  readonly name?: string;
  readonly mimeType?: string;
};

export interface Folk {
  readonly people: Record<string, Person>;
  /** `performance.now()` of the last journal entry that was just this. */
  at(entry: string, of: readonly string[]): number | undefined;
  face(face: Face): MediaStream;
  /** Makes a peer without waiting. */
  make(name: string, id: string | undefined, wishes: OpenWishes): Person;
  /** Makes one and waits until it is open. */
  open(name: string, id: string | undefined, wishes: OpenWishes): Promise<string>;
  person(name: string): Person;
  link(name: string, index?: number): Link;
  hall(name: string): Hall;
  call(name: string, to: string, face: Face | null, options?: object): Link;
  connect(name: string, to: string, options?: object): Promise<Link>;
  join(name: string, room: string, mode: string, face: Face | null, options?: object): Promise<void>;
  /** Takes a room that the test itself joined into care. */
  follow(name: string, room: AnyRoom): Hall;
  connections(name: string): RTCPeerConnection[];
  list(name: string): Promise<string[]>;
  describe(value: unknown): Promise<Described>;
  /** Ends all peers of the page. */
  clear(): void;
}

declare global {
  var folk: Folk;
  /** The class of the library under test. */
  var Library: new (...args: unknown[]) => AnyPeer;
  var libraryKind: Kind;
}

export function installFolk(): void {
  if (globalThis.folk !== undefined) return;
  const people: Record<string, Person> = {};
  const faces = new Map<string, MediaStream>();
  const lent: MediaStreamTrack[] = [];
  const times = new WeakMap<readonly string[], number[]>();
  const native = libraryKind === "native";

  const note = (journal: string[], entry: string) => {
    journal.push(entry);
    const list = times.get(journal) ?? [];
    list[journal.length - 1] = performance.now();
    times.set(journal, list);
  };
  const nameOf = (error: unknown): string => {
    const { type, code, message } = Object(error) as { type?: string; code?: string; message?: string };
    return String(type ?? code ?? message ?? error);
  };

  /** Each signal has an AudioContext of its own, so equal ones are shared; the tracks are the taker's. */
  const face: Folk["face"] = (wanted) => {
    const key = JSON.stringify(wanted);
    let stream = faces.get(key);
    if (stream === undefined) {
      stream = helpers.signal({ width: 160, height: 90, framesPerSecond: 15, ...wanted });
      faces.set(key, stream);
    }
    const tracks = stream.getTracks().map((track) => track.clone());
    lent.push(...tracks);
    return new MediaStream(tracks);
  };

  const person: Folk["person"] = (name) => {
    const found = people[name];
    if (found === undefined) throw new Error(`no ${name} in this page`);
    return found;
  };
  const link: Folk["link"] = (name, index = -1) => {
    const found = person(name).links.at(index);
    if (found === undefined) throw new Error(`${name} has no connection ${index}`);
    return found;
  };
  const hall: Folk["hall"] = (name) => {
    const { hall: found } = person(name);
    if (found === undefined) throw new Error(`${name} is in no room`);
    return found;
  };

  const take = (of: Person, raw: AnyConnection, incoming: boolean): Link => {
    const taken: Link = {
      raw,
      incoming,
      from: String(raw.remoteId ?? raw.peer),
      id: String(raw.id ?? raw.connectionId),
      journal: [],
      streams: [],
      received: [],
    };
    const say = (entry: string) => note(taken.journal, entry);
    raw.on("open", () => say("open"));
    raw.on("stream", (stream: MediaStream) => {
      say("stream");
      // peerjs tells one stream for each of its tracks.
      if (!taken.streams.includes(stream)) taken.streams.push(stream);
    });
    raw.on("data", (value: unknown) => taken.received.push(value));
    raw.on("close", (reason: unknown) => say(reason === undefined ? "close" : `close ${reason}`));
    raw.on("error", (error: Error) => {
      say(`error ${nameOf(error)}`);
      of.errors.push(`${nameOf(error)}: ${error.message}`);
    });
    if (native) raw.on("reject", (reason: unknown) => say(`reject ${reason}`));
    // A native data connection may be open by the time that it is told.
    if (raw.type === "data" && raw.open) say("open");
    of.links.push(taken);
    return taken;
  };

  const make: Folk["make"] = (name, id, { options, answer }) => {
    const peer = id === undefined ? new Library(options) : new Library(id, options);
    const made: Person = { name, peer, journal: [], links: [], errors: [], hall: undefined };
    people[name] = made;
    const say = (entry: string) => note(made.journal, entry);
    peer.on("open", (given: string) => say(`open ${given}`));
    peer.on("call", (call: AnyConnection) => {
      const taken = take(made, call, true);
      say(`call ${taken.from}`);
      if (answer === undefined) return;
      if (answer === null) call.answer();
      else call.answer(face(answer));
    });
    peer.on("connection", (connection: AnyConnection) => say(`connection ${take(made, connection, true).from}`));
    for (const event of ["close", "reconnecting", "reconnected"]) peer.on(event, () => say(event));
    peer.on("disconnected", () => say("disconnected"));
    peer.on("expiresin", (seconds: number) => say(`expiresin ${seconds}`));
    peer.on("error", (error: Error) => {
      say(`error ${nameOf(error)}`);
      made.errors.push(`${nameOf(error)}: ${error.message}`);
      console.log(`${name}: error ${nameOf(error)}: ${error.message}`);
    });
    return made;
  };

  /** Waits for a journal entry. */
  const until = async (journal: readonly string[], begins: string, ms: number, what: string): Promise<string> => {
    const startedAt = performance.now();
    for (;;) {
      const found = journal.find((entry) => entry === begins || entry.startsWith(`${begins} `));
      if (found !== undefined) return found;
      if (performance.now() - startedAt > ms) throw new Error(`${what}: no "${begins}" in ${JSON.stringify(journal)}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };

  const follow: Folk["follow"] = (name, raw) => {
    const made: Hall = { raw, journal: [], streams: [], received: [], logs: undefined };
    const say = (entry: string) => note(made.journal, entry);
    raw.on("open", () => say("open"));
    raw.on("peerJoin", (id: string) => say(`peerJoin ${id}`));
    raw.on("peerLeave", (id: string) => {
      say(`peerLeave ${id}`);
      made.streams = made.streams.filter(({ peerId }) => peerId !== id);
    });
    raw.on("stream", (stream: MediaStream & { peerId?: string }) => {
      const kinds = stream.getTracks().map(({ kind }) => kind);
      say(`stream ${stream.peerId} ${kinds.sort().join("+")}`);
      made.streams.push(stream);
    });
    if (native) {
      raw.on("streamremoved", (stream: MediaStream) => {
        made.streams = made.streams.filter((each) => each !== stream);
      });
    }
    raw.on("data", ({ src, data }: { src: string; data: unknown }) => made.received.push({ src, data }));
    raw.on("log", (log: unknown[]) => {
      made.logs = log;
    });
    raw.on("error", (error: unknown) => say(`error ${nameOf(error)}`));
    raw.on("close", () => say("close"));
    person(name).hall = made;
    return made;
  };

  globalThis.folk = {
    people,
    at: (entry, of) => times.get(of)?.[of.lastIndexOf(entry)],
    face,
    make,
    person,
    link,
    hall,
    follow,
    async open(name, id, wishes) {
      const { peer, journal } = make(name, id, wishes);
      await until(journal, "open", 15_000, `${name}'s open`);
      return String(peer.id);
    },
    call(name, to, wanted, options = {}) {
      const { peer } = person(name);
      const stream = wanted === null ? undefined : face(wanted);
      const call = peer.call(to, stream, options);
      if (call === undefined) throw new Error(`${name} cannot call: not open`);
      return take(person(name), call, false);
    },
    async connect(name, to, options = {}) {
      const connection = person(name).peer.connect(to, options);
      if (connection === undefined) throw new Error(`${name} cannot connect: not open`);
      const taken = take(person(name), connection, false);
      await until(taken.journal, "open", 15_000, `the connection of ${name} with ${to}`);
      return taken;
    },
    async join(name, roomName, mode, wanted, options = {}) {
      const stream = wanted === null ? {} : { stream: face(wanted) };
      const room = person(name).peer.joinRoom(roomName, { mode, ...stream, ...options });
      if (room === undefined || room === null) throw new Error(`${name} cannot join: not open`);
      await until(follow(name, room).journal, "open", 15_000, `${name} in ${roomName}`);
    },
    connections(name) {
      const { links, hall: joined } = person(name);
      const all = links.map(({ raw }) => raw.getPeerConnection?.() ?? raw.peerConnection);
      const many = joined?.raw.getPeerConnections?.();
      if (many instanceof Map) all.push(...many.values());
      else if (many !== undefined) all.push(...Object.values(many));
      all.push(joined?.raw.getPeerConnection?.());
      return all.filter((each): each is RTCPeerConnection => each !== undefined && each !== null);
    },
    async list(name) {
      const { peer } = person(name);
      if (native) return (await peer.listAllPeers()) ?? [];
      // peerjs does not call back when it is refused.
      const told = new Promise<string[]>((resolve) => void peer.listAllPeers(resolve));
      return helpers.within(5_000, `the list for ${name}`, told);
    },
    async describe(value) {
      const is = value === null ? "null" : (Object(value).constructor?.name ?? typeof value);
      if (value instanceof Blob) {
        const bytes = await value.arrayBuffer();
        const common = { is, size: value.size, digest: await helpers.digest(bytes), mimeType: value.type };
        return value instanceof File ? { ...common, name: value.name } : common;
      }
      if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) {
        return { is, size: value.byteLength, digest: await helpers.digest(value as BufferSource) };
      }
      return { is, value };
    },
    clear() {
      for (const [name, { peer, hall: joined }] of Object.entries(people)) {
        // A peer that never was open has nothing to end.
        try {
          // The end of a peer leaves the connections of its rooms as they are, which would go on encoding.
          joined?.raw.close();
          peer.destroy();
        } catch (error) {
          console.log(`${name} does not end: ${nameOf(error)}`);
        }
        delete people[name];
      }
      for (const track of lent.splice(0)) track.stop();
    },
  };
}
