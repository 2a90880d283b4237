/** A peer of another client library behind its translator: answers what is offered to it, offers, and knows nothing else. */
import type { ClientMessage, ServerCounted } from "@tsunagi/protocol";
import { listen, type PeerConnectionFactory, type SocketFactory } from "../../src/core/ports.ts";
import type { FakePeerConnection } from "./fake-webrtc.ts";

type From<Type extends ServerCounted["type"]> = Extract<ServerCounted, { readonly type: Type }>;

export class FakeForeign {
  readonly id: string;
  readonly received: ServerCounted[] = [];
  readonly pcs = new Map<string, FakePeerConnection>();
  readonly #factory: PeerConnectionFactory;
  readonly #socket: ReturnType<SocketFactory>;
  readonly #early = new Map<string, From<"candidate">[]>();
  #requests = 0;
  open = false;
  answers = true;

  constructor(id: string, socket: SocketFactory, factory: PeerConnectionFactory) {
    this.id = id;
    this.#factory = factory;
    this.#socket = socket("");
    this.#socket.onopen = () =>
      this.#socket.send(JSON.stringify({ type: "open", version: 1, key: "key", peerId: id, client: "x" }));
    this.#socket.onmessage = (text) => void this.#handle(JSON.parse(text) as ServerCounted & { type: string });
  }

  of(type: ServerCounted["type"]): ServerCounted[] {
    return this.received.filter((message) => message.type === type);
  }

  pc(connection: string): FakePeerConnection {
    const known = this.pcs.get(connection);
    if (known === undefined) throw new Error(`no connection ${connection}`);
    return known;
  }

  send(message: ClientMessage): void {
    this.#socket.send(JSON.stringify(message));
  }

  join(room: string): void {
    this.send({ type: "join", id: ++this.#requests, room, mode: "mesh" });
  }

  /** Adds tracks or channels in `prepare`. */
  async offer(
    to: string,
    connection: string,
    fields: Partial<From<"offer">>,
    prepare: (pc: FakePeerConnection) => void,
  ): Promise<void> {
    const pc = this.#create(to, connection);
    prepare(pc);
    await pc.setLocalDescription();
    this.send({ type: "offer", to, connection, kind: "media", sdp: pc.localDescription?.sdp ?? "", ...fields });
  }

  #create(to: string, connection: string): FakePeerConnection {
    const pc = this.#factory.create({}) as FakePeerConnection;
    this.pcs.set(connection, pc);
    listen<{ candidate: never }>(pc, "icecandidate", ({ candidate }) => {
      if (candidate !== null) this.send({ type: "candidate", to, connection, candidate });
    });
    return pc;
  }

  async #handle(message: ServerCounted & { type: string }): Promise<void> {
    if (message.type === "opened") {
      this.open = true;
      return;
    }
    this.received.push(message);
    if (message.type === "offer" && this.answers) {
      const { from, connection, sdp } = message;
      const pc = this.pcs.get(connection) ?? this.#create(from, connection);
      await pc.setRemoteDescription({ type: "offer", sdp });
      await pc.setLocalDescription();
      this.send({ type: "answer", to: from, connection, sdp: pc.localDescription?.sdp ?? "" });
      await this.#addEarly(connection);
    } else if (message.type === "answer") {
      await this.pc(message.connection).setRemoteDescription({ type: "answer", sdp: message.sdp });
      await this.#addEarly(message.connection);
    } else if (message.type === "candidate") {
      const early = this.#early.get(message.connection) ?? [];
      this.#early.set(message.connection, [...early, message]);
      if (this.pcs.get(message.connection)?.remoteDescription) await this.#addEarly(message.connection);
    }
  }

  async #addEarly(connection: string): Promise<void> {
    const early = this.#early.get(connection) ?? [];
    this.#early.delete(connection);
    for (const { candidate } of early) await this.pc(connection).addIceCandidate(candidate as never);
  }
}
