/**
 * One allocation as its client sees it, RFC 8656 (with RFC 6062 and 8016), over one 5-tuple. Calls return what the shell must do, in order.
 * What is granted is kept alive until `close`: the allocation, its permissions, its channels.
 */
import { assertNever, type Millis } from "@tsunagi/base";
import {
  ATTRIBUTES,
  attributeOf,
  decodeMessage,
  encodeMessage,
  METHOD,
  mappedAddressOf,
  type OutgoingAttribute,
  put,
  type StunMessage,
  type TransportAddress,
} from "@tsunagi/stun";
import { TURN_ATTRIBUTE_BY_TYPE, TURN_ATTRIBUTES } from "../attributes/index.ts";
import { decodeChannelData, encodeChannelData, looksLikeChannelData } from "../channel-data.ts";
import { StreamFrames } from "../stream-frames.ts";
import { allocateAttributes, lifetimeOf, relayedAddressesOf } from "./allocate.ts";
import { Grants } from "./grants.ts";
import { LongTermSession } from "./long-term.ts";
import type { EndReason, RequestName, TurnClientOptions, TurnClientOutput } from "./outputs.ts";
import { type RequestEnd, type RequestOutput, Requests } from "./requests.ts";

type Tag =
  | { readonly request: "allocate" }
  | { readonly request: "refresh"; readonly isLast: boolean }
  | { readonly request: "permission"; readonly peers: readonly TransportAddress[] }
  | { readonly request: "channel"; readonly peers: readonly [TransportAddress]; readonly channel: number }
  | { readonly request: "connect"; readonly peers: readonly [TransportAddress] };

type State =
  | { readonly state: "idle" | "allocating" | "closing" | "ended" }
  /** `refreshAt` is undefined while a Refresh is under way. */
  | { readonly state: "allocated"; readonly refreshAt: Millis | undefined; readonly ticket: Uint8Array | undefined };

/** Refreshed a minute before its end (RFC 8656 §3.2), or at half of a short life. */
const REFRESH_MARGIN_MS = 60_000;

export class TurnClient {
  readonly #options: TurnClientOptions;
  readonly #requests: Requests<Tag>;
  readonly #grants = new Grants();
  readonly #frames: StreamFrames | undefined;
  #state: State = { state: "idle" };

  /** @throws {ProtocolError} `stun.string.disallowed`: user name or password is empty, or holds what none may */
  constructor(options: TurnClientOptions) {
    this.#options = options;
    const reliable = options.transport !== "udp";
    this.#frames = reliable ? new StreamFrames() : undefined;
    const { random, timing } = options;
    this.#requests = new Requests({
      session: new LongTermSession(options),
      random,
      reliable,
      timing,
      known: TURN_ATTRIBUTE_BY_TYPE,
    });
  }

  /** When it next wants a tick; undefined while it waits for nothing. */
  get deadline(): Millis | undefined {
    const isKept = this.#options.keepAlive !== false && this.#state.state === "allocated";
    const kept = isKept && this.#state.state === "allocated" ? [this.#state.refreshAt, this.#grants.deadline] : [];
    const all = [this.#requests.deadline, ...kept].filter((deadline) => deadline !== undefined);
    return all.length === 0 ? undefined : Math.min(...all);
  }

  /** Allocates. */
  start(now: Millis): readonly TurnClientOutput[] {
    if (this.#state.state !== "idle") return [];
    this.#state = { state: "allocating" };
    return this.#request(now, { request: "allocate" }, METHOD.allocate, allocateAttributes(this.#options.allocate ?? {}));
  }

  /** Gives the allocation back. */
  close(now: Millis): readonly TurnClientOutput[] {
    if (this.#state.state !== "allocated") return this.#state.state === "closing" ? [] : this.#end({ reason: "closed" });
    const { ticket } = this.#state;
    this.#state = { state: "closing" };
    this.#requests.clear();
    return this.#refresh(now, 0, ticket);
  }

  /** Beside what `keepAlive` does by itself. */
  refresh(now: Millis, lifetimeS?: number): readonly TurnClientOutput[] {
    if (this.#state.state !== "allocated") return [];
    this.#state = { ...this.#state, refreshAt: undefined };
    return this.#refresh(now, lifetimeS, undefined);
  }

  /** RFC 8016 §3.2: the shell now sends from another 5-tuple, which the server learns by this. */
  moved(now: Millis): readonly TurnClientOutput[] {
    if (this.#state.state !== "allocated" || this.#state.ticket === undefined) return [];
    this.#state = { ...this.#state, refreshAt: undefined };
    return this.#refresh(now, undefined, this.#state.ticket);
  }

  /** One request for all: a server refuses all or none (RFC 8656 §10.2). Ports do not count. */
  permit(now: Millis, peers: readonly TransportAddress[]): readonly TurnClientOutput[] {
    if (this.#state.state !== "allocated" || peers.length === 0) return [];
    const attributes = peers.map((peer) => put(TURN_ATTRIBUTES.XOR_PEER_ADDRESS, peer));
    return this.#request(now, { request: "permission", peers }, METHOD.createPermission, attributes);
  }

  /** Also a permission. Data goes through it once `bound` came. */
  bindChannel(now: Millis, peer: TransportAddress): readonly TurnClientOutput[] {
    if (this.#state.state !== "allocated") return [];
    const channel = this.#grants.channelFor(peer);
    // RFC 8656 §12: 4,096 numbers; a 4,097th peer is sent to without one.
    if (channel === undefined) return [];
    const attributes = [put(TURN_ATTRIBUTES.CHANNEL_NUMBER, channel), put(TURN_ATTRIBUTES.XOR_PEER_ADDRESS, peer)];
    return this.#request(now, { request: "channel", peers: [peer], channel }, METHOD.channelBind, attributes);
  }

  /** RFC 6062 §4.3. */
  connect(now: Millis, peer: TransportAddress): readonly TurnClientOutput[] {
    if (this.#state.state !== "allocated") return [];
    return this.#request(now, { request: "connect", peers: [peer] }, METHOD.connect, [
      put(TURN_ATTRIBUTES.XOR_PEER_ADDRESS, peer),
    ]);
  }

  /** As ChannelData where a channel is bound, else as a Send indication. The server drops what it gave no permission for. */
  send(peer: TransportAddress, data: Uint8Array, options: { readonly dontFragment?: boolean } = {}): readonly TurnClientOutput[] {
    if (this.#state.state !== "allocated") return [];
    const channel = options.dontFragment === true ? undefined : this.#grants.boundChannel(peer);
    if (channel !== undefined) return [{ type: "send", bytes: encodeChannelData({ channel, data }, this.#frames !== undefined) }];
    const attributes: OutgoingAttribute[] = [put(TURN_ATTRIBUTES.XOR_PEER_ADDRESS, peer)];
    if (options.dontFragment === true) attributes.push(put(TURN_ATTRIBUTES.DONT_FRAGMENT, true));
    attributes.push(put(TURN_ATTRIBUTES.DATA, data));
    const transactionId = this.#options.random(12);
    return [{ type: "send", bytes: encodeMessage({ class: "indication", method: METHOD.send, transactionId, attributes }) }];
  }

  tick(now: Millis): readonly TurnClientOutput[] {
    const outputs = this.#pass(now, this.#requests.tick(now));
    if (this.#state.state !== "allocated" || this.#options.keepAlive === false) return outputs;
    const { refreshAt } = this.#state;
    const refresh = refreshAt !== undefined && now >= refreshAt ? this.refresh(now, this.#options.allocate?.lifetimeS) : [];
    const permissions = this.permit(now, this.#grants.duePermissions(now));
    const channels = this.#grants.dueChannels(now).flatMap((peer) => this.bindChannel(now, peer));
    return [...outputs, ...refresh, ...permissions, ...channels];
  }

  /** The network says that the server is not there: an ICMP error, or a connection that broke. */
  unreachable(now: Millis): readonly TurnClientOutput[] {
    if (this.#frames !== undefined) return this.#end({ reason: "unreachable" });
    return this.#pass(now, this.#requests.unreachable(now));
  }

  /** @param bytes one datagram, or whatever a stream brought */
  received(now: Millis, bytes: Uint8Array): readonly TurnClientOutput[] {
    if (this.#state.state === "ended") return [];
    if (this.#frames === undefined) return this.#frame(now, bytes);
    // Nothing but STUN can come first. An HTTP server's "HTTP/1.1" would pass for ChannelData and be waited for.
    if (this.#state.state === "allocating" && this.#frames.buffered === 0 && looksLikeChannelData(bytes))
      return this.#end({ reason: "malformed" });
    const outputs: TurnClientOutput[] = [];
    this.#frames.push(bytes, (frame) => outputs.push(...this.#frame(now, frame.bytes)));
    return this.#frames.fault === undefined ? outputs : [...outputs, ...this.#end({ reason: "malformed" })];
  }

  #frame(now: Millis, bytes: Uint8Array): readonly TurnClientOutput[] {
    try {
      if (looksLikeChannelData(bytes)) {
        const { channel, data } = decodeChannelData(bytes);
        const peer = this.#grants.peerOf(channel);
        return peer === undefined ? [] : [{ type: "data", peer, data, channel }];
      }
      const message = decodeMessage(bytes);
      return message.class === "indication" ? this.#indication(message) : this.#pass(now, this.#requests.received(now, bytes));
    } catch {
      // Anyone can send a datagram to the port: what cannot be read is none of ours.
      return [];
    }
  }

  #indication(message: StunMessage): readonly TurnClientOutput[] {
    const peer = attributeOf(message, TURN_ATTRIBUTES.XOR_PEER_ADDRESS);
    if (peer === undefined) return [];
    if (message.method === METHOD.connectionAttempt) {
      const connection = attributeOf(message, TURN_ATTRIBUTES.CONNECTION_ID);
      return connection === undefined ? [] : [{ type: "attempted", peer, connection }];
    }
    if (message.method !== METHOD.data) return [];
    const icmp = attributeOf(message, TURN_ATTRIBUTES.ICMP);
    if (icmp !== undefined) return [{ type: "icmp", peer, icmpType: icmp.type, icmpCode: icmp.code, icmpData: icmp.data }];
    const data = attributeOf(message, TURN_ATTRIBUTES.DATA);
    return data === undefined ? [] : [{ type: "data", peer, data, channel: undefined }];
  }

  #refresh(now: Millis, lifetimeS: number | undefined, ticket: Uint8Array | undefined): readonly TurnClientOutput[] {
    const attributes = [
      ...(lifetimeS === undefined ? [] : [put(TURN_ATTRIBUTES.LIFETIME, lifetimeS)]),
      ...(ticket === undefined ? [] : [put(TURN_ATTRIBUTES.MOBILITY_TICKET, ticket)]),
    ];
    return this.#request(now, { request: "refresh", isLast: lifetimeS === 0 }, METHOD.refresh, attributes);
  }

  #request(now: Millis, tag: Tag, method: number, attributes: readonly OutgoingAttribute[]): readonly TurnClientOutput[] {
    return this.#pass(now, this.#requests.start(now, tag, method, attributes));
  }

  #pass(now: Millis, outputs: readonly RequestOutput<Tag>[]): readonly TurnClientOutput[] {
    return outputs.flatMap((output) => (output.type === "send" ? [output] : this.#answered(now, output.tag, output.end)));
  }

  #answered(now: Millis, tag: Tag, end: RequestEnd): readonly TurnClientOutput[] {
    if (this.#state.state === "ended") return [];
    try {
      switch (tag.request) {
        case "allocate":
        case "refresh":
          return this.#lifetimeAnswered(now, tag, end);
        case "permission":
          if (end.type !== "success") return unanswered(tag.request, tag.peers, end);
          this.#grants.permitted(now, tag.peers);
          return [{ type: "permitted", peers: tag.peers }];
        case "channel":
          if (end.type !== "success") {
            this.#grants.refused(tag.channel);
            return unanswered(tag.request, tag.peers, end);
          }
          this.#grants.bound(now, tag.channel);
          return [{ type: "bound", peer: tag.peers[0], channel: tag.channel }];
        case "connect": {
          if (end.type !== "success") return unanswered(tag.request, tag.peers, end);
          const connection = attributeOf(end.message, TURN_ATTRIBUTES.CONNECTION_ID);
          if (connection === undefined) return this.#end({ reason: "malformed" });
          return [{ type: "connected", peer: tag.peers[0], connection }];
        }
        default:
          return assertNever(tag);
      }
    } catch {
      return this.#end({ reason: "malformed" });
    }
  }

  #lifetimeAnswered(
    now: Millis,
    tag: Extract<Tag, { request: "allocate" | "refresh" }>,
    end: RequestEnd,
  ): readonly TurnClientOutput[] {
    // The allocation is wanted no more: whatever the answer to the last Refresh is, it ends here (or by itself, at the server).
    if (tag.request === "refresh" && tag.isLast) return this.#end({ reason: "closed" });
    if (end.type === "failed") return this.#end({ reason: end.why });
    if (end.type === "error") return this.#end(refusal(end));
    const lifetimeS = lifetimeOf(end.message);
    const ticket = attributeOf(end.message, TURN_ATTRIBUTES.MOBILITY_TICKET);
    const margin = Math.min(REFRESH_MARGIN_MS, (lifetimeS * 1000) / 2);
    const before = this.#state.state === "allocated" ? this.#state.ticket : undefined;
    this.#state = { state: "allocated", refreshAt: now + lifetimeS * 1000 - margin, ticket: ticket ?? before };
    if (tag.request === "refresh") return [{ type: "refreshed", lifetimeS }];
    const relayed = relayedAddressesOf(end.message);
    if (relayed.length === 0) return this.#end({ reason: "malformed" });
    return [
      {
        type: "allocated",
        relayed,
        mapped: mappedAddressOf(end.message),
        lifetimeS,
        reservationToken: attributeOf(end.message, TURN_ATTRIBUTES.RESERVATION_TOKEN),
        isMobile: ticket !== undefined,
        rttMs: end.rttMs,
      },
    ];
  }

  #end(reason: EndReason): readonly TurnClientOutput[] {
    if (this.#state.state === "ended") return [];
    this.#state = { state: "ended" };
    this.#requests.clear();
    return [{ type: "ended", ...reason }];
  }
}

function refusal({ message, error }: Extract<RequestEnd, { type: "error" }>): EndReason {
  if (error.code === 300) {
    const server = attributeOf(message, ATTRIBUTES.ALTERNATE_SERVER);
    if (server !== undefined) return { reason: "alternate", server, domain: attributeOf(message, ATTRIBUTES.ALTERNATE_DOMAIN) };
  }
  return { reason: "refused", code: error.code, phrase: error.reason };
}

function unanswered(
  request: RequestName,
  peers: readonly TransportAddress[],
  end: Exclude<RequestEnd, { type: "success" }>,
): readonly TurnClientOutput[] {
  return end.type === "failed"
    ? [{ type: "failed", request, peers, why: end.why }]
    : [{ type: "refused", request, peers, code: end.error.code, phrase: end.error.reason }];
}
