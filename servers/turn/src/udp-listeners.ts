/**
 * The UDP sockets that clients send to: one for each address of this machine, since an answer must leave from the address that was asked and a
 * socket for all addresses cannot tell which that was. What appears and disappears is followed.
 */
import type { Socket } from "node:dgram";
import type { Log } from "@tsunagi/base";
import { type BindingSockets, type ChangeRequest, type TransportAddress, transportAddress } from "@tsunagi/stun";
import type { Client } from "@tsunagi/turn";
import { bindNow, ChannelDataSender, datagramSocket, isCongested, LISTENER_BUFFER_BYTES } from "./datagram-socket.ts";
import { portError, turnServerError } from "./errors.ts";
import type { ShellCounters } from "./stats.ts";

/** What the listeners tell. */
export interface UdpSink {
  channelData(key: string, bytes: Uint8Array): void;
  message(client: Client, bytes: Uint8Array): void;
}

/** RFC 5780: the second socket of each listener's address, and the other address's. */
export type AlternateSockets = { readonly primary: string; readonly secondary: string; readonly port: number };

/** With port 0: how often to look for a number that is free on all addresses. */
const FREE_PORT_ATTEMPTS = 16;
/** Of the keys of recent clients; a power of two. A client that shares its place with another costs a string more a packet. */
const KEY_CACHE = 4096;

type CachedKey = { readonly address: string; readonly port: number; readonly key: string };

export class UdpListener {
  readonly local: TransportAddress;
  readonly socket: Socket;
  readonly channelData: ChannelDataSender;
  /** Sending on a closed socket throws. */
  isOpen = true;
  /** RFC 5780. */
  sockets: BindingSockets | undefined;
  readonly #prefix: string;
  readonly #keys: (CachedKey | undefined)[] = [];

  constructor(local: TransportAddress, socket: Socket) {
    this.local = local;
    this.socket = socket;
    this.channelData = new ChannelDataSender(socket);
    this.#prefix = `udp ${local.address} ${local.port} `;
  }

  close(): void {
    this.isOpen = false;
    this.socket.close();
  }

  /** The 5-tuple's. Two addresses of a client never have the same text. */
  key(address: string, port: number): string {
    const place = port & (KEY_CACHE - 1);
    const cached = this.#keys[place];
    if (cached !== undefined && cached.port === port && cached.address === address) return cached.key;
    const key = `${this.#prefix}${address} ${port}`;
    this.#keys[place] = { address, port, key };
    return key;
  }
}

export class UdpListeners {
  readonly #sink: UdpSink;
  readonly #counters: ShellCounters;
  readonly #log: Log;
  readonly #listeners = new Map<string, UdpListener>();
  #port = 0;
  #alternate: AlternateSockets | undefined;
  #isClosed = false;

  constructor(sink: UdpSink, counters: ShellCounters, log: Log) {
    this.#sink = sink;
    this.#counters = counters;
    this.#log = log;
  }

  get port(): number {
    return this.#port;
  }

  get addresses(): readonly TransportAddress[] {
    return [...this.#listeners.values()].map(({ local }) => local);
  }

  /**
   * Binds all of `addresses`.
   *
   * @param port 0: one that is free on all of them
   * @param mustAll whether an address that is not there is an error; else it is left for a later `follow`
   * @throws {CodedError} `turn.port.*`
   */
  open(addresses: readonly TransportAddress["address"][], port: number, mustAll: boolean, alternate?: AlternateSockets): void {
    for (let attempt = 1; ; attempt++) {
      this.#port = port;
      try {
        for (const address of addresses) {
          const error = this.#bind(address, this.#port);
          if (error === undefined || (error.code === "EADDRNOTAVAIL" && !mustAll)) continue;
          throw portError(error, `UDP ${hostPort(address, this.#port)}`);
        }
        break;
      } catch (error) {
        this.#closeAll();
        if (port !== 0 || attempt === FREE_PORT_ATTEMPTS) throw error;
      }
    }
    if (this.#listeners.size === 0) {
      throw turnServerError("turn.port.failed", "no address to listen on", { remedy: "Check the addresses to listen on." });
    }
    if (alternate !== undefined) this.#openAlternate(alternate);
  }

  /** Follows the machine's addresses: opens what is new, closes what is gone. @returns whether anything changed */
  follow(addresses: readonly string[]): boolean {
    if (this.#isClosed) return false;
    let changed = false;
    for (const address of addresses) {
      if (this.#listeners.has(`${address} ${this.#port}`)) continue;
      const error = this.#bind(address, this.#port);
      if (error === undefined) {
        changed = true;
        this.#log.info({}, "an address appeared: TURN listens on it");
      } else if (error.code !== "EADDRNOTAVAIL") {
        this.#log.debug({ code: error.code }, "an address appeared, but cannot be listened on");
      }
    }
    for (const [name, listener] of this.#listeners) {
      if (listener.sockets !== undefined || addresses.includes(listener.local.address)) continue;
      this.#listeners.delete(name);
      listener.close();
      changed = true;
      this.#log.info({}, "an address disappeared: TURN no longer listens on it");
    }
    return changed;
  }

  /** Closes all, to be opened again. */
  reset(): void {
    this.#closeAll();
    this.#alternate = undefined;
  }

  close(): void {
    this.#isClosed = true;
    this.#closeAll();
  }

  /** @param change RFC 5780: send from the other address, the other port, or both */
  socketFor(listener: UdpListener, change: ChangeRequest | undefined): UdpListener {
    const { sockets } = listener;
    if (change === undefined || sockets === undefined || !(change.address || change.port)) return listener;
    const alternate = this.#alternate;
    if (alternate === undefined) return listener;
    const { address, port } = listener.local;
    const otherAddress = address === alternate.primary ? alternate.secondary : alternate.primary;
    const otherPort = port === this.#port ? alternate.port : this.#port;
    return this.#listeners.get(`${change.address ? otherAddress : address} ${change.port ? otherPort : port}`) ?? listener;
  }

  /** @throws {CodedError} `turn.port.*` */
  #openAlternate(alternate: AlternateSockets): void {
    for (const address of [alternate.primary, alternate.secondary]) {
      for (const port of [this.#port, alternate.port]) {
        if (this.#listeners.has(`${address} ${port}`)) continue;
        const error = this.#bind(address, port);
        if (error === undefined) continue;
        this.#closeAll();
        throw portError(error, `UDP ${hostPort(address, port)}`);
      }
    }
    this.#alternate = alternate;
  }

  /** Tells each of the four sockets of RFC 5780 what clients see. @param outside maps a local address to the one outside */
  nameAlternates(outside: (address: string) => string): void {
    const alternate = this.#alternate;
    if (alternate === undefined) return;
    for (const listener of this.#listeners.values()) {
      const { address, port, family } = listener.local;
      if (address !== alternate.primary && address !== alternate.secondary) continue;
      const other = this.socketOf(
        address === alternate.primary ? alternate.secondary : alternate.primary,
        port === this.#port ? alternate.port : this.#port,
      );
      if (other === undefined) continue;
      listener.sockets = {
        received: { family, address: outside(address), port },
        other: { ...other.local, address: outside(other.local.address) },
      };
    }
  }

  socketOf(address: string, port: number): UdpListener | undefined {
    return this.#listeners.get(`${address} ${port}`);
  }

  #bind(address: string, port: number): NodeJS.ErrnoException | undefined {
    const family = address.includes(":") ? 6 : 4;
    const socket = datagramSocket(family);
    const error = bindNow(socket, address, port, LISTENER_BUFFER_BYTES);
    if (error !== undefined) {
      socket.close();
      return error;
    }
    const bound = socket.address().port;
    if (this.#port === 0) this.#port = bound;
    const listener = new UdpListener({ family, address, port: bound }, socket);
    this.#listeners.set(`${address} ${bound}`, listener);
    this.#serve(listener);
    return undefined;
  }

  #serve(listener: UdpListener): void {
    const { received, dropped } = this.#counters;
    const sink = this.#sink;
    listener.socket.on("error", (error) => this.#log.warn({ error: error.message }, "TURN socket error"));
    listener.socket.on("message", (bytes, { address, port }) => {
      // RFC 7983 §7: the first byte tells.
      const first = bytes[0] ?? 0xff;
      if ((first & 0xc0) === 0x40) {
        received.channelData++;
        sink.channelData(listener.key(address, port), bytes);
      } else if (first < 4) {
        received.stun++;
        // Port 0 cannot be answered.
        if (port === 0) dropped.source++;
        else sink.message(new UdpClient(listener, address, port, this), bytes);
      } else {
        received.other++;
        dropped.garbage++;
      }
    });
  }

  dropped(reason: "send-queue"): void {
    this.#counters.dropped[reason]++;
  }

  #closeAll(): void {
    for (const listener of this.#listeners.values()) listener.close();
    this.#listeners.clear();
  }
}

/** A client by UDP: its 5-tuple and where to answer. */
export class UdpClient implements Client {
  readonly transport = "udp";
  readonly key: string;
  readonly remote: TransportAddress;
  readonly #listener: UdpListener;
  readonly #owner: UdpListeners;
  /** As the socket wrote it. */
  readonly #address: string;

  constructor(listener: UdpListener, address: string, port: number, owner: UdpListeners) {
    this.key = listener.key(address, port);
    this.remote = transportAddress(address, port);
    this.#listener = listener;
    this.#owner = owner;
    this.#address = address;
  }

  get handle(): this {
    return this;
  }

  get local(): TransportAddress {
    return this.#listener.local;
  }

  get sockets(): BindingSockets | undefined {
    return this.#listener.sockets;
  }

  sendMessage(bytes: Uint8Array, change: ChangeRequest | undefined): void {
    const { socket, isOpen } = this.#owner.socketFor(this.#listener, change);
    if (!isOpen) return;
    if (isCongested(socket)) this.#owner.dropped("send-queue");
    else socket.send(bytes, this.remote.port, this.#address);
  }

  sendChannelData(channel: number, payload: Uint8Array): void {
    if (!this.#listener.isOpen) return;
    const sent = this.#listener.channelData.send(channel, payload, this.remote.port, this.#address);
    if (!sent) this.#owner.dropped("send-queue");
  }

  /** There is nothing to close. */
  close(): void {}
}

export function hostPort(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
