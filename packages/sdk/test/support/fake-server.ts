/** A signalling server as a model: sessions with counting, resume and restore, relay and rooms; no checks and no limits. */
import type { Clock } from "@tsunagi/base";
import {
  type ClientMessage,
  type Framing,
  isCounted,
  type Limits,
  type Member,
  type Opened,
  type Permissions,
  type Resume,
  type ServerCounted,
  SessionCounter,
} from "@tsunagi/protocol";
import type { SocketPort } from "../../src/core/ports.ts";
import type { FakeSfu } from "./fake-sfu.ts";
import type { FakeHost } from "./fake-webrtc.ts";

const LIMITS: Limits = {
  messageBytes: 1e6,
  messagesPerSecond: 100,
  roomMembers: 100,
  roomsPerPeer: 10,
  connectionsPerPeer: 100,
};
const PERMISSIONS: Permissions = {
  call: true,
  data: true,
  listPeers: true,
  rooms: true,
  modes: ["mesh", "sfu"],
  publish: true,
};

type Session = {
  readonly peerId: string;
  readonly token: string;
  readonly counter: SessionCounter;
  socket: ServerSocket | undefined;
  cancelGrace: (() => void) | undefined;
};

class ServerSocket {
  readonly port: SocketPort;
  session: Session | undefined;
  open = true;
  readonly #deliver: (run: () => void) => void;
  readonly #close: (run: () => void) => void;
  constructor(port: SocketPort, deliver: (run: () => void) => void, close: (run: () => void) => void) {
    this.port = port;
    this.#deliver = deliver;
    this.#close = close;
  }
  send(text: string): void {
    this.#deliver(() => this.port.onmessage?.(text));
  }
  /** As a socket that the operating system closed: the other side hears of it. */
  end(): void {
    if (!this.open) return;
    this.open = false;
    this.#close(() => this.port.onclose?.(1006, ""));
  }
}

export type FakeServerOptions = { readonly clock: Clock; readonly latencyMs?: () => number; readonly graceMs?: number };

export class FakeServer {
  readonly #clock: Clock;
  readonly #latency: () => number;
  readonly graceMs: number;
  #sockets = new Set<ServerSocket>();
  #sessions = new Map<string, Session>();
  #rooms = new Map<string, Map<string, Member>>();
  #tokens = 0;
  /** After a kill: what waits for peers that have not come back yet. */
  #recovering = false;
  readonly #expected = new Map<string, ServerCounted[]>();
  /** False: connections are refused. */
  running = true;
  /** SFU rooms, where the test has an SFU; one room of that mode at a time. */
  sfu: FakeSfu | undefined;
  readonly #modes = new Map<string, "mesh" | "sfu" | "auto">();
  /** An `auto` room with more members moves. */
  meshMembers = 2;
  /** Peers of other client libraries. */
  readonly framings = new Map<string, Framing>();
  readonly #offered = new Set<string>();
  /** Everything relayed, for tests to look at. */
  readonly relayed: ClientMessage[] = [];
  /** What clients are told of STUN and TURN. `undefined`: a request for it is refused. */
  ice: () => Pick<Opened, "iceServers" | "iceTransportPolicy"> | undefined = () => ({ iceServers: [] });

  constructor({ clock, latencyMs = () => 5, graceMs = 30_000 }: FakeServerOptions) {
    this.#clock = clock;
    this.#latency = latencyMs;
    this.graceMs = graceMs;
  }

  /** A socket factory for a client on this host: packets are lost while the host is down or has another address than at the start. */
  socketFor(host: FakeHost): (url: string) => SocketPort {
    return () => {
      const address = host.address;
      const works = () => host.up && host.address === address;
      let lastToServer = 0;
      let lastToClient = 0;
      const inOrder = (last: number) => Math.max(last, this.#clock.now() + this.#latency());
      const port: SocketPort = {
        bufferedAmount: 0,
        onopen: null,
        onmessage: null,
        onclose: null,
        send: (text) => {
          if (!works()) return;
          lastToServer = inOrder(lastToServer);
          this.#clock.after(lastToServer - this.#clock.now(), () => {
            if (server.open && this.#sockets.has(server)) this.#receive(server, JSON.parse(text) as ClientMessage);
          });
        },
        close: () => {
          closed = true;
          if (!works()) return;
          lastToServer = inOrder(lastToServer);
          this.#clock.after(lastToServer - this.#clock.now(), () => this.#lost(server));
        },
      };
      let closed = false;
      const deliver = (run: () => void) => {
        if (!works() || closed) return;
        lastToClient = inOrder(lastToClient);
        this.#clock.after(lastToClient - this.#clock.now(), () => !closed && works() && run());
      };
      const server = new ServerSocket(port, deliver, (run) => {
        if (!works() || closed) return;
        this.#clock.after(this.#latency(), () => {
          if (closed) return;
          closed = true;
          run();
        });
      });
      this.#clock.after(2 * this.#latency(), () => {
        if (!works() || closed) return;
        if (!this.running) {
          closed = true;
          port.onclose?.(1006, "refused");
          return;
        }
        this.#sockets.add(server);
        port.onopen?.();
      });
      return port;
    };
  }

  get peers(): string[] {
    return [...this.#sessions.values()].map(({ peerId }) => peerId);
  }
  get sockets(): number {
    return this.#sockets.size;
  }
  members(room: string): string[] {
    return [...(this.#rooms.get(room)?.keys() ?? [])];
  }

  /** SIGKILL: everything is forgotten, sockets are reset. */
  kill(): void {
    this.running = false;
    for (const socket of this.#sockets) socket.end();
    for (const session of this.#sessions.values()) session.cancelGrace?.();
    this.#sockets = new Set();
    this.#sessions = new Map();
    this.#rooms = new Map();
  }
  start(): void {
    this.running = true;
    this.#recovering = true;
  }
  /** The operator changed what clients are told of STUN and TURN. */
  tellIce(): void {
    const ice = this.ice();
    if (ice === undefined) return;
    for (const session of this.#sessions.values()) this.#send(session, { type: "ice-servers-changed", ...ice });
  }
  /** All sockets are closed, sessions stay. */
  dropSockets(): void {
    for (const socket of [...this.#sockets]) {
      socket.end();
      this.#lost(socket);
    }
  }

  #lost(socket: ServerSocket): void {
    socket.open = false;
    this.#sockets.delete(socket);
    const session = socket.session;
    if (session?.socket !== socket) return;
    session.socket = undefined;
    session.cancelGrace = this.#clock.after(this.graceMs, () => this.#end(session));
  }

  #end(session: Session): void {
    session.cancelGrace?.();
    this.#sessions.delete(session.token);
    for (const room of this.#rooms.keys()) this.#leave(session, room);
  }

  #send(session: Session | undefined, message: ServerCounted): void {
    if (session === undefined) return;
    const text = JSON.stringify(message);
    session.counter.send(text);
    session.socket?.send(text);
  }

  #of(peerId: string): Session | undefined {
    return [...this.#sessions.values()].find((session) => session.peerId === peerId);
  }

  #receive(socket: ServerSocket, message: ClientMessage): void {
    if (message.type === "open") {
      const peerId = message.peerId ?? `peer${this.#tokens}`;
      const session = this.#add(peerId, `${peerId}/${this.#tokens++}`, socket);
      socket.send(JSON.stringify({ type: "opened", ...this.#welcome(session) }));
      return;
    }
    if (message.type === "resume") {
      this.#resume(socket, message);
      return;
    }
    const session = socket.session;
    if (session === undefined) return;
    if (message.type === "bye") {
      this.#end(session);
    } else if (message.type === "ping") {
      session.counter.confirm(message.received);
      socket.send(JSON.stringify({ type: "pong", received: session.counter.acknowledge() }));
    } else if (isCounted(message.type)) {
      if (session.counter.receive()) socket.send(JSON.stringify({ type: "ack", received: session.counter.acknowledge() }));
      this.#counted(session, message);
    } else if (message.type === "ack") {
      session.counter.confirm(message.received);
    }
  }

  #add(peerId: string, token: string, socket: ServerSocket): Session {
    const session: Session = { peerId, token, counter: new SessionCounter(), socket, cancelGrace: undefined };
    this.#sessions.set(token, session);
    socket.session = session;
    return session;
  }

  #welcome(session: Session) {
    return {
      version: 1,
      peerId: session.peerId,
      resumeToken: session.token,
      graceMs: this.graceMs,
      heartbeatMs: 25_000,
      iceServers: [],
      ...this.ice(),
      limits: LIMITS,
      permissions: PERMISSIONS,
    };
  }

  #resume(socket: ServerSocket, resume: Resume): void {
    const known = this.#sessions.get(resume.resumeToken);
    if (known === undefined) {
      const session = this.#add(resume.resumeToken.split("/")[0] ?? "", resume.resumeToken, socket);
      socket.send(JSON.stringify({ type: "resumed", ...this.#welcome(session), received: 0, restored: true, lostRooms: [] }));
      for (const { room, self, others } of resume.rooms) {
        const members = this.#room(room);
        for (const member of [self, ...others]) {
          if (!members.has(member.peerId)) this.#toRoom(room, { type: "member-joined", room, member }, session.peerId);
          members.set(member.peerId, member);
        }
        const known = new Set([self.peerId, ...others.map(({ peerId }) => peerId)]);
        for (const member of members.values()) {
          if (!known.has(member.peerId)) this.#send(session, { type: "member-joined", room, member });
        }
      }
      for (const message of this.#expected.get(session.peerId) ?? []) this.#send(session, message);
      this.#expected.delete(session.peerId);
      return;
    }
    known.cancelGrace?.();
    if (known.socket !== undefined) this.#sockets.delete(known.socket);
    known.socket = socket;
    socket.session = known;
    const again = known.counter.resume(resume.received) ?? [];
    const { received } = known.counter;
    socket.send(JSON.stringify({ type: "resumed", ...this.#welcome(known), received, restored: false, lostRooms: [] }));
    for (const text of again) socket.send(text);
  }

  #room(name: string): Map<string, Member> {
    const room = this.#rooms.get(name) ?? new Map();
    this.#rooms.set(name, room);
    return room;
  }

  #toRoom(room: string, message: ServerCounted, except: string): void {
    for (const id of this.#room(room).keys()) if (id !== except) this.#send(this.#of(id), message);
  }

  #leave(session: Session, room: string): void {
    if (!this.#room(room).delete(session.peerId)) return;
    this.#toRoom(room, { type: "member-left", room, peerId: session.peerId }, session.peerId);
    this.sfu?.leave(session.peerId);
  }

  /** To a member of a room, whoever it is. */
  tell(peerId: string, message: ServerCounted): void {
    this.#send(this.#of(peerId), message);
  }

  #others(room: string, peerId: string): string[] {
    return this.members(room).filter((id) => id !== peerId);
  }

  #counted(session: Session, message: ClientMessage): void {
    if ("to" in message && typeof message.to === "string") {
      this.relayed.push(message);
      const { to, ...body } = message;
      const target = this.#of(to);
      const framing = this.framings.get(to);
      if (message.type === "candidate" && framing !== undefined && !this.#offered.has(message.connection)) {
        const { connection } = message;
        this.#send(session, { type: "error", code: "connection.id.unknown", message: "no such connection", connection });
        return;
      }
      if (message.type === "offer" && framing !== undefined && message.framing !== framing) {
        const code = "connection.framing.required";
        this.#send(session, { type: "error", code, message: framing, connection: message.connection, framing });
        return;
      }
      if (message.type === "offer") this.#offered.add(message.connection);
      if (target === undefined && this.#recovering) {
        const waiting = this.#expected.get(to) ?? [];
        this.#expected.set(to, waiting);
        waiting.push({ ...body, from: session.peerId } as ServerCounted);
      } else if (target === undefined) {
        const connection = "connection" in message ? message.connection : undefined;
        this.#send(session, { type: "error", code: "peer.target.unavailable", message: "no such peer", connection });
      } else this.#send(target, { ...body, from: session.peerId } as ServerCounted);
      return;
    }
    switch (message.type) {
      case "join": {
        const { id, room, mode, receiveOnly = false, metadata } = message;
        const members = this.#room(room);
        if (members.has(session.peerId)) {
          this.#send(session, { type: "error", code: "room.member.duplicate", message: "already in", re: id, room });
          return;
        }
        const framing = this.framings.get(session.peerId);
        const self: Member = { peerId: session.peerId, joinedAt: this.#clock.wallNow(), receiveOnly, metadata, framing };
        if (!this.#modes.has(room)) this.#modes.set(room, mode as "mesh");
        if (this.#modes.get(room) === "auto" && members.size >= this.meshMembers) {
          this.#modes.set(room, "sfu");
          this.#toRoom(room, { type: "room-mode", room, mode: "sfu" }, session.peerId);
        }
        const now = this.#modes.get(room);
        const publications = this.sfu?.publicationsFor(session.peerId) ?? [];
        this.#send(session, {
          type: "joined",
          re: id,
          room,
          mode: now === "sfu" ? "sfu" : "mesh",
          self,
          others: [...members.values()],
          ...(now === "auto" ? { auto: true } : {}),
          ...(now === "sfu" ? { publications } : {}),
        });
        this.#toRoom(room, { type: "member-joined", room, member: self }, session.peerId);
        members.set(session.peerId, self);
        return;
      }
      case "ice-servers": {
        const ice = this.ice();
        if (ice === undefined) {
          this.#send(session, { type: "error", code: "server.internal.failed", message: "not now", re: message.id });
        } else this.#send(session, { type: "ice-servers", re: message.id, ...ice });
        return;
      }
      case "leave":
        this.#leave(session, message.room);
        this.#send(session, { type: "left", re: message.id, room: message.room });
        return;
      case "room-data": {
        const { room, data, topic } = message;
        const event = { type: "room-data", room, from: session.peerId, data, ...(topic && { topic }) } as const;
        if (message.to === undefined) this.#toRoom(room, event, session.peerId);
        else for (const to of message.to) this.tell(to, event);
        return;
      }
      case "sfu-offer": {
        const others = () => this.#others(message.room, session.peerId);
        void this.sfu?.offer(session.peerId, message, others, (to, what) => this.tell(to, what));
        return;
      }
      case "update-publication":
        this.sfu?.update(
          session.peerId,
          message,
          () => this.#others(message.room, session.peerId),
          (to, what) => this.tell(to, what),
        );
        return;
      case "update-member": {
        const members = this.#room(message.room);
        const before = members.get(session.peerId);
        if (before === undefined) return;
        const member = { ...before, receiveOnly: message.receiveOnly ?? before.receiveOnly };
        members.set(session.peerId, member);
        this.#send(session, { type: "done", re: message.id });
        this.#toRoom(message.room, { type: "member-updated", room: message.room, member }, session.peerId);
        return;
      }
      case "presence":
        this.#send(session, {
          type: "presence",
          re: message.id,
          present: message.peers.filter((id) => this.#of(id) !== undefined),
        });
        return;
      default:
    }
  }
}
