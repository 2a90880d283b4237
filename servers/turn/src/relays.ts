/** The relayed transport addresses: a UDP socket each. TCP ones (RFC 6062) are in `tcp-relays.ts`. */
import { randomInt } from "node:crypto";
import type { Socket } from "node:dgram";
import { type TransportAddress, transportAddress } from "@tsunagi/stun";
import type { RelayFailure, RelayId, RelayOpened, RelayRequest } from "@tsunagi/turn";
import { bindNow, datagramSocket, isCongested } from "./datagram-socket.ts";
import { type IcmpError, icmpOf } from "./icmp.ts";
import { type LocalAddress, mtuOf, relayAddressFor } from "./interfaces.ts";
import type { PortRange } from "./options.ts";
import { RelayPorts } from "./relay-ports.ts";
import type { ShellCounters } from "./stats.ts";

export type RelayPlaces = {
  readonly ports: PortRange;
  readonly configured: readonly string[];
  readonly external: Readonly<Record<string, string>>;
  readonly locals: () => readonly LocalAddress[];
};

/** What the relays tell. */
export interface RelaySink {
  fromPeer(relay: RelayId, address: string, port: number, payload: Uint8Array): void;
  peerError(relay: RelayId, peer: TransportAddress, error: IcmpError): void;
  failed(relay: RelayId): void;
}

/** Ports that other programs hold are found by trying; so many, then it is "none is free". */
const MAX_BINDS = 64;
/** IP and UDP headers. */
const HEADERS = { 4: 28, 6: 48 } as const;
/**
 * Asking the system for the outcome of a send costs a tick, and what it reports lasts (no route, too large): so one send in this time is asked
 * about, and each that may be too large.
 */
const ASK_EVERY_PACKETS = 64;
const LARGE = 1200;

type UdpRelay = {
  readonly socket: Socket;
  readonly where: string;
  readonly port: number;
  readonly family: 4 | 6;
  readonly maxPayload: number;
  sent: number;
  /** The system took no more, when it was asked last. */
  isCongested: boolean;
  readonly onSent: (error: Error | null) => void;
};

export type Place = { readonly local: LocalAddress; readonly where: string };

export class UdpRelays {
  readonly #places: RelayPlaces;
  readonly #ports: RelayPorts;
  readonly #sink: RelaySink;
  readonly #counters: ShellCounters;
  readonly #relays = new Map<RelayId, UdpRelay>();
  #isCopying = false;

  constructor(places: RelayPlaces, sink: RelaySink, counters: ShellCounters) {
    this.#places = places;
    this.#ports = new RelayPorts(places.ports, randomInt);
    this.#sink = sink;
    this.#counters = counters;
  }

  open(relay: RelayId, { family, client, port }: RelayRequest): RelayOpened | RelayFailure {
    const local = relayAddressFor(family, client.local.address, this.#places.locals(), this.#places.configured);
    if (local === undefined) {
      this.#counters.relays.failed++;
      return "family";
    }
    const where = `udp ${local.address}`;
    const reserve = port.type === "even" ? port.reserve : undefined;
    const sockets: Socket[] = [];
    const fail = (failure: RelayFailure) => {
      for (const socket of sockets) socket.close();
      this.#counters.relays.failed++;
      return failure;
    };
    let binds = 0;
    let socket = datagramSocket(family);
    sockets.push(socket);
    for (const candidate of this.#ports.candidates(where, port.type === "even", reserve !== undefined)) {
      if (++binds > MAX_BINDS) break;
      const error = bindNow(socket, local.address, candidate);
      if (error !== undefined) {
        if (error.code === "EADDRINUSE") continue;
        return fail("system");
      }
      if (reserve === undefined) return this.#opened(relay, socket, family, local, where, candidate);
      const above = datagramSocket(family);
      const errorAbove = bindNow(above, local.address, candidate + 1);
      if (errorAbove === undefined) {
        const reserved = this.#opened(reserve, above, family, local, where, candidate + 1).address;
        return { ...this.#opened(relay, socket, family, local, where, candidate), reserved };
      }
      above.close();
      // A bound socket cannot be bound again.
      socket.close();
      sockets.pop();
      socket = datagramSocket(family);
      sockets.push(socket);
    }
    return fail("ports");
  }

  /** @returns whether there was one */
  close(relay: RelayId): boolean {
    const open = this.#relays.get(relay);
    if (open === undefined) return false;
    this.#relays.delete(relay);
    this.#ports.give(open.where, open.port);
    this.#counters.relays.udp--;
    open.socket.close();
    return true;
  }

  closeAll(): void {
    for (const relay of [...this.#relays.keys()]) this.close(relay);
  }

  /** During `act`, payloads are views into a buffer that is used again: what the system does not take at once must not change while it waits. */
  copying(act: () => void): void {
    this.#isCopying = true;
    try {
      act();
    } finally {
      this.#isCopying = false;
    }
  }

  send(relay: RelayId, address: string, port: number, view: Uint8Array, dontFragment: boolean): void {
    const open = this.#relays.get(relay);
    // Port 0 cannot be sent to.
    if (open === undefined || port === 0) return;
    const payload = this.#isCopying ? new Uint8Array(view) : view;
    const length = payload.length;
    if (dontFragment && length > open.maxPayload) {
      this.#counters.dropped["too-large"]++;
      // RFC 8656 §18.13: fragmentation needed (type 3, code 4), for IPv6 packet too big (type 2), with the MTU.
      const error = open.family === 4 ? { type: 3, code: 4 } : { type: 2, code: 0 };
      const peer = { family: open.family, address, port };
      this.#sink.peerError(relay, peer, { ...error, data: open.maxPayload + HEADERS[open.family] });
      return;
    }
    if (open.isCongested || length > LARGE || open.sent++ % ASK_EVERY_PACKETS === 0) {
      open.isCongested = isCongested(open.socket);
      if (open.isCongested) {
        this.#counters.dropped["send-queue"]++;
        return;
      }
      open.socket.send(payload, port, address, open.onSent);
      return;
    }
    open.socket.send(payload, port, address);
  }

  #opened(relay: RelayId, socket: Socket, family: 4 | 6, local: LocalAddress, where: string, port: number): RelayOpened {
    this.#ports.take(where, port);
    this.#counters.relays.udp++;
    socket.on("message", (bytes, { address, port }) => this.#sink.fromPeer(relay, address, port, bytes));
    socket.on("error", () => {
      if (this.close(relay)) this.#sink.failed(relay);
    });
    const onSent = (error: Error | null) => {
      if (error === null || !this.#relays.has(relay)) return;
      this.#counters.dropped.send++;
      const { code, address, port } = error as { code?: string; address?: string; port?: number };
      const icmp = icmpOf(code, family);
      if (icmp === undefined || address === undefined || port === undefined) return;
      this.#sink.peerError(relay, transportAddress(address, port), icmp);
    };
    const maxPayload = mtuOf(local.interface) - HEADERS[family];
    this.#relays.set(relay, { socket, where, port, family, maxPayload, sent: 0, isCongested: false, onSent });
    return { address: { family, address: this.#places.external[local.address] ?? local.address, port } };
  }
}
