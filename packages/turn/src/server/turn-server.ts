/**
 * The TURN server (RFC 8656, with RFC 6062 and RFC 8016) and STUN's Binding beside it, without a socket, a timer or a clock: the shell says what arrived
 * and when, the core calls the shell's ports. Nothing that arrives makes it throw.
 */
import { type Millis, ProtocolError } from "@tsunagi/base";
import {
  ATTRIBUTES,
  answerBinding,
  attributeOf,
  decodeMessage,
  METHOD,
  put,
  type StunMessage,
  type TransportAddress,
  unknownRequiredTypes,
} from "@tsunagi/stun";
import type { Icmp } from "../attributes/icmp.ts";
import { TURN_ATTRIBUTE_BY_TYPE, TURN_ATTRIBUTES } from "../attributes/index.ts";
import type { Credential } from "./authentication.ts";
import { Core, type TurnServerOptions } from "./core.ts";
import { count } from "./counters.ts";
import { Exchange, hasRoomFor, mayAnswer } from "./exchange.ts";
import { isSendIndication } from "./indications.ts";
import { cancelOpening, endAllocation, endRelay, forgetConnection } from "./lifecycle.ts";
import type { TurnPolicy } from "./policy.ts";
import { Relaying } from "./relaying.ts";
import { allocate, relaySettled } from "./requests/allocate.ts";
import { channelBind } from "./requests/channel-bind.ts";
import { connect, connectionBind, peerAccepted, peerConnected, peerConnectFailed } from "./requests/connect.ts";
import { createPermission } from "./requests/create-permission.ts";
import { refresh } from "./requests/refresh.ts";
import type { Client, ConnectFailure, ConnectionId, RelayFailure, RelayId, RelayOpened } from "./shell.ts";
import { sourceKey } from "./source-table.ts";
import { dumpOf, statsOf, type TurnDump, type TurnStats } from "./stats.ts";
import { endAll, judgeAgain, needsSweep, sweep, sweepAllocation } from "./sweep.ts";

const SWEEP_INTERVAL_MS = 1000;

/** RFC 8016 over TCP: how long an allocation with a ticket waits for its client to come back by another connection. */
const DETACHED_MS = 60_000;

/** An error answer's header and ERROR-CODE without a phrase. */
const CHALLENGE_LENGTH = 20 + 8;

const METHOD_NAMES: ReadonlyMap<number, string> = new Map(Object.entries(METHOD).map(([name, number]) => [number, name]));

/** Methods that only exist as indications. */
const NOT_REQUESTED: readonly number[] = [METHOD.send, METHOD.data, METHOD.connectionAttempt];

export class TurnServer {
  readonly #core: Core;
  readonly #relaying: Relaying;
  #sweepAt: Millis | undefined;

  /** @throws {CodedError} `turn.policy.*` */
  constructor(options: TurnServerOptions) {
    this.#core = new Core(options);
    this.#relaying = new Relaying(this.#core);
  }

  /** When `tick` is wanted next; undefined while there is nothing that could end. */
  get deadline(): Millis | undefined {
    return this.#sweepAt;
  }

  tick(now: Millis) {
    if (this.#sweepAt === undefined || this.#sweepAt > now) return;
    sweep(this.#core, now);
    this.#sweepAt = needsSweep(this.#core) ? now + SWEEP_INTERVAL_MS : undefined;
  }

  /** ChannelData from a client, by its 5-tuple's key. @param bytes the whole message; it is not kept */
  channelData(now: Millis, key: string, bytes: Uint8Array) {
    this.#relaying.channelData(now, key, bytes);
  }

  /** Any STUN message from a client. @param bytes one datagram, or one frame of a stream; it is not kept */
  message(now: Millis, client: Client, bytes: Uint8Array) {
    if (isSendIndication(bytes)) return this.#relaying.send(now, client, bytes);
    this.#wake(now);
    const core = this.#core;
    if (client.transport === "udp") {
      const { unauthenticatedBytes, sources } = core.policy.limits;
      core.amplification.received(now, sourceKey(client.remote), bytes.length, unauthenticatedBytes, sources);
    }
    let request: StunMessage;
    try {
      request = decodeMessage(bytes);
    } catch {
      return core.counters.drop("malformed", bytes.length);
    }
    if (request.class !== "request") return core.counters.drop("malformed", bytes.length);
    const name = METHOD_NAMES.get(request.method);
    if (name === undefined || NOT_REQUESTED.includes(request.method)) return core.counters.drop("malformed", bytes.length);
    count(core.counters.requests, name);
    if (request.method === METHOD.binding) return this.#binding(now, client, bytes);
    const here = core.allocations.ofClient(client.key);
    if (here !== undefined && here.sweepAt <= now) sweepAllocation(core, now, here);
    const exchange = new Exchange(core, client, request);
    try {
      this.#request(now, exchange, request);
    } catch (error) {
      // An attribute of bad form (RFC 8489 §6.3.1). Anything else is a mistake of ours.
      if (!(error instanceof ProtocolError)) throw error;
      exchange.fail(now, 400);
    }
  }

  /** A datagram arrived at a relay. @param payload not kept */
  fromPeer(now: Millis, relay: RelayId, address: string, port: number, payload: Uint8Array): void {
    this.#relaying.fromPeer(now, relay, address, port, payload);
  }

  /** A datagram to `peer` did not arrive, and why: as ICMP (relay of IPv4) or ICMPv6 says it. */
  peerError(now: Millis, relay: RelayId, peer: TransportAddress, error: Icmp): void {
    this.#relaying.peerError(now, relay, peer, error);
  }

  relayOpened(now: Millis, relay: RelayId, { address, reserved }: RelayOpened): void {
    this.#wake(now);
    relaySettled(this.#core, now, relay, { address, reserved });
  }

  /** It could not be opened, or an open one broke. */
  relayFailed(now: Millis, relay: RelayId, failure: RelayFailure) {
    const open = this.#core.allocations.relay(relay);
    if (open !== undefined) return endRelay(this.#core, now, open, "relay-failed");
    const reservation = this.#core.reservations.takeRelay(relay);
    if (reservation === undefined) return relaySettled(this.#core, now, relay, failure);
    this.#core.accounts.remove(reservation.account, "reservations");
    this.#core.shell.closeRelay(relay);
  }

  peerConnected(now: Millis, connection: ConnectionId) {
    peerConnected(this.#core, now, connection);
  }

  peerConnectFailed(now: Millis, connection: ConnectionId, _failure?: ConnectFailure) {
    peerConnectFailed(this.#core, now, connection);
  }

  /** A peer connected to a TCP relay. undefined: close it. Else it waits, unread, for `joinConnection` or `closeConnection`. */
  peerAccepted(now: Millis, relay: RelayId, peer: TransportAddress): ConnectionId | undefined {
    const open = this.#core.allocations.relay(relay);
    return open === undefined ? undefined : peerAccepted(this.#core, now, open, peer);
  }

  /** A chunk passed a joined connection. @returns milliseconds for which that side should not be read: the bandwidth limit */
  connectionBytes(now: Millis, connection: ConnectionId, direction: "to-peer" | "to-client", bytes: number): number {
    const core = this.#core;
    const allocation = core.connections.get(connection)?.relay.allocation;
    if (allocation === undefined) return 0;
    if (direction === "to-peer") {
      allocation.bytesToPeer += bytes;
      core.counters.bytesToPeer += bytes;
    } else {
      allocation.bytesToClient += bytes;
      core.counters.bytesToClient += bytes;
    }
    return core.accounts.charge(now, allocation.account, bytes);
  }

  /** The peer's side closed, or both. */
  connectionClosed(now: Millis, connection: ConnectionId) {
    const found = this.#core.connections.get(connection);
    if (found === undefined) return;
    if (found.state.state === "connecting") return peerConnectFailed(this.#core, now, connection);
    forgetConnection(this.#core, found);
  }

  /** A client's TCP or TLS connection closed (RFC 8656 §3.1: its allocation ends; RFC 6062 §5.4: the peer's connection is closed). */
  clientClosed(now: Millis, client: Client) {
    const core = this.#core;
    const opening = core.openings.ofClient(client.key);
    if (opening !== undefined) cancelOpening(core, opening);
    const joined = core.connections.ofDataClient(client.key);
    if (joined !== undefined && forgetConnection(core, joined)) core.shell.closeConnection(joined.id);
    const allocation = core.allocations.ofClient(client.key);
    if (allocation === undefined) return;
    if (allocation.ticket === undefined) return endAllocation(core, now, allocation, "client-closed");
    allocation.isDetached = true;
    for (const relay of allocation.relays) relay.expiresAt = Math.min(relay.expiresAt, now + DETACHED_MS);
    allocation.sweepAt = Math.min(allocation.sweepAt, now + DETACHED_MS);
  }

  /**
   * From now on this policy holds: for new requests, for the peers of living allocations, for the next Refresh of users and secrets that are gone.
   *
   * @throws {CodedError} `turn.policy.*`, and then the old one goes on
   */
  configure(now: Millis, policy: TurnPolicy) {
    this.#core.configure(now, policy);
    judgeAgain(this.#core, now);
  }

  /** No new allocations; those that are go on until they end. */
  drain() {
    this.#core.isDraining = true;
  }

  /** Ends everything. */
  close(now: Millis) {
    const core = this.#core;
    core.isDraining = true;
    for (const opening of core.openings.values()) cancelOpening(core, opening);
    endAll(core, now);
    for (const { relay, account } of core.reservations.takeExpired(Number.POSITIVE_INFINITY)) {
      core.accounts.remove(account, "reservations");
      core.shell.closeRelay(relay);
    }
    this.#sweepAt = undefined;
  }

  stats(): TurnStats {
    return statsOf(this.#core);
  }

  /** Redacted: no addresses, users as short hashes. */
  dump(now: Millis, limit = 1000): TurnDump {
    return dumpOf(this.#core, now, limit);
  }

  #wake(now: Millis) {
    this.#sweepAt ??= now + SWEEP_INTERVAL_MS;
  }

  #binding(now: Millis, client: Client, bytes: Uint8Array) {
    const core = this.#core;
    const answer = answerBinding(bytes, client.remote, { sockets: client.sockets });
    if (answer.type === "drop") return core.counters.drop("malformed", bytes.length);
    if (answer.kind !== "success") count(core.counters.refused, answer.kind === "bad-request" ? "400" : "420");
    if (mayAnswer(core, now, client, answer.bytes.length)) core.shell.sendToClient(client, answer.bytes, answer.change);
  }

  /** Authentication first (RFC 8656 §5), then what is not understood (RFC 8489 §6.3.1), then the method. */
  #request(now: Millis, exchange: Exchange, request: StunMessage) {
    const core = this.#core;
    const credential = this.#authenticate(now, exchange, request);
    if (credential === undefined) return;
    exchange.authenticated(credential);
    const unknown = unknownRequiredTypes(request, TURN_ATTRIBUTE_BY_TYPE);
    if (unknown.length > 0) return exchange.fail(now, 420, put(ATTRIBUTES.UNKNOWN_ATTRIBUTES, unknown));
    if (request.method === METHOD.allocate) return allocate(core, now, exchange, request, credential);
    if (request.method === METHOD.refresh) return refresh(core, now, exchange, request, credential);
    if (request.method === METHOD.connectionBind) return connectionBind(core, now, exchange, request, credential);
    const allocation = core.allocations.ofClient(exchange.client.key);
    if (allocation === undefined) return exchange.fail(now, 437);
    if (allocation.credential.username !== credential.username) return exchange.fail(now, 441);
    if (request.method === METHOD.createPermission) return createPermission(core, now, exchange, request, allocation);
    if (request.method === METHOD.channelBind) return channelBind(core, now, exchange, request, allocation);
    connect(core, now, exchange, request, allocation);
  }

  #authenticate(now: Millis, exchange: Exchange, request: StunMessage): Credential | undefined {
    const core = this.#core;
    const { client } = exchange;
    const result = core.authenticator.authenticate(now, client.key, request, this.#knownCredential(client, request));
    if (result.type === "authenticated") return result.credential;
    const { code, failure } = result;
    if (failure === "expired") core.counters.expiredCredentials++;
    if (failure === "user" || failure === "integrity") {
      core.counters.authenticationFailures++;
      const { authenticationFailures, sources } = core.policy.limits;
      if (!core.failures.mayAnswer(now, sourceKey(client.remote), authenticationFailures, sources)) {
        core.counters.drop("guessing", request.bytes.length);
        return undefined;
      }
    }
    if (code === 400) exchange.fail(now, 400);
    // A flood is over here, before a nonce is made for it.
    else if (!hasRoomFor(core, now, client, CHALLENGE_LENGTH + core.authenticator.challengeLength)) return undefined;
    else exchange.fail(now, code, ...core.authenticator.challenge(now, client.key));
    return undefined;
  }

  /** Of the allocation that the request is about: the 5-tuple's, the ticket's, or that of the connection to be bound. */
  #knownCredential(client: Client, request: StunMessage): Credential | undefined {
    const core = this.#core;
    const here = core.allocations.ofClient(client.key);
    if (here !== undefined) return here.credential;
    if (request.method === METHOD.refresh) {
      const ticket = attributeOf(request, TURN_ATTRIBUTES.MOBILITY_TICKET);
      return ticket === undefined ? undefined : core.tickets.find(ticket)?.credential;
    }
    if (request.method !== METHOD.connectionBind) return undefined;
    const id = attributeOf(request, TURN_ATTRIBUTES.CONNECTION_ID);
    return id === undefined ? undefined : core.connections.get(id)?.relay.allocation.credential;
  }
}
