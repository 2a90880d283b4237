/**
 * The path of a packet, both ways: look up, check, count, hand on. Nothing is allocated on it but the view of the payload, and the Data indication where
 * there is no channel; no address is parsed or written, and expiry is a comparison.
 */
import type { Millis } from "@tsunagi/base";
import { addressBytes, formatAddress } from "@tsunagi/stun";
import { ICMP, type Icmp } from "../attributes/icmp.ts";
import { CHANNEL_DATA_HEADER } from "../channel-data.ts";
import type { Allocation, Channel, Permission, Relay } from "./allocation.ts";
import { channelTo } from "./channels.ts";
import type { Core } from "./core.ts";
import { encodeDataIndication, encodeIcmpIndication, SendReader } from "./indications.ts";
import { permissionOf } from "./permissions.ts";
import type { TurnPolicy } from "./policy.ts";
import type { Client } from "./shell.ts";

export class Relaying {
  readonly #core: Core;
  readonly #send = new SendReader();
  readonly #transactionId: Uint8Array;
  #serial = 0;

  constructor(core: Core) {
    this.#core = core;
    this.#transactionId = core.random(8);
  }

  /** ChannelData from a client (RFC 8656 §12.6). @param bytes the whole message; padding is ignored */
  channelData(now: Millis, key: string, bytes: Uint8Array) {
    const { allocations, counters } = this.#core;
    const allocation = allocations.ofClient(key);
    if (allocation === undefined) return counters.drop("no-allocation", bytes.length);
    if (bytes.length < CHANNEL_DATA_HEADER) return counters.drop("malformed", bytes.length);
    const number = ((bytes[0] ?? 0) << 8) | (bytes[1] ?? 0);
    const length = ((bytes[2] ?? 0) << 8) | (bytes[3] ?? 0);
    if (length > bytes.length - CHANNEL_DATA_HEADER) return counters.drop("malformed", bytes.length);
    let channel = allocation.lastChannel;
    if (channel === undefined || channel.number !== number) {
      channel = allocation.channels?.get(number);
      if (channel === undefined) return counters.drop("no-channel", length);
      allocation.lastChannel = channel;
    }
    if (channel.expiresAt <= now) return counters.drop("no-channel", length);
    const payload = bytes.subarray(CHANNEL_DATA_HEADER, CHANNEL_DATA_HEADER + length);
    this.#toPeer(now, allocation, channel.permission, channel.port, channel, payload, false);
  }

  /** A Send indication (RFC 8656 §11.2). */
  send(now: Millis, client: Client, bytes: Uint8Array) {
    const { allocations, counters } = this.#core;
    const allocation = allocations.ofClient(client.key);
    if (allocation === undefined) return counters.drop("no-allocation", bytes.length);
    const send = this.#send;
    if (allocation.transport === "tcp" || !send.read(bytes)) return counters.drop("malformed", bytes.length);
    const permission = this.#permissionOfSend(allocation);
    if (permission === undefined) return counters.drop("no-permission", send.dataLength);
    const payload = bytes.subarray(send.dataAt, send.dataAt + send.dataLength);
    const last = permission.channel;
    const channel = last !== undefined && last.port === send.port ? last : undefined;
    this.#toPeer(now, allocation, permission, send.port, channel, payload, send.dontFragment);
  }

  /** A datagram from a peer (RFC 8656 §11.3, §12.7). @param address as text, in any usual form */
  fromPeer(now: Millis, id: number, address: string, port: number, payload: Uint8Array) {
    const relay = this.#core.allocations.relay(id);
    // A reserved relay is bound before it has a client.
    if (relay === undefined || relay.expiresAt <= now) return this.#core.counters.drop("no-allocation", payload.length);
    this.#toClient(now, relay, address, port, payload);
  }

  /** The system or the path says why a datagram did not arrive (RFC 8656 §11.5). */
  peerError(now: Millis, id: number, peer: { readonly address: string; readonly port: number }, error: Icmp) {
    const relay = this.#core.allocations.relay(id);
    if (relay === undefined || relay.transport !== "udp" || relay.expiresAt <= now || relay.allocation.isDetached) return;
    const types = relay.address.family === 4 ? ICMP_TYPES : ICMPV6_TYPES;
    if (!types.includes(error.type)) return;
    const permission = permissionOf(relay.allocation, now, peer.address);
    if (permission === undefined) return this.#core.counters.drop("no-permission", 0);
    permission.bytes ??= addressBytes(permission.address);
    const value = ICMP.encode(error, this.#transactionId);
    const serial = this.#nextSerial();
    const bytes = encodeIcmpIndication(this.#transactionId, serial, permission.bytes, peer.port, value);
    this.#core.shell.sendToClient(relay.allocation.client, bytes);
  }

  #toPeer(
    now: Millis,
    allocation: Allocation,
    permission: Permission,
    port: number,
    channel: Channel | undefined,
    payload: Uint8Array,
    dontFragment: boolean,
  ) {
    const { counters, accounts, shell } = this.#core;
    const bytes = payload.length;
    const { relay } = permission;
    if (permission.expiresAt <= now || relay.expiresAt <= now || port === 0) return counters.drop("no-permission", bytes);
    const target = permission.isOwn ? this.#relayAt(permission, port, channel) : undefined;
    if (target === undefined && !mayLeave(this.#core.policy, permission, port)) return counters.drop("no-relay", bytes);
    if (!accounts.mayPass(now, allocation.account, bytes)) return counters.drop("bandwidth", bytes);
    allocation.packetsToPeer++;
    allocation.bytesToPeer += bytes;
    counters.packetsToPeer++;
    counters.bytesToPeer += bytes;
    if (target === undefined) return shell.sendToPeer(relay.id, permission.address, port, payload, dontFragment);
    counters.packetsInside++;
    if (target.expiresAt > now) this.#toClient(now, target, relay.address.address, relay.address.port, payload);
  }

  #toClient(now: Millis, relay: Relay, address: string, port: number, payload: Uint8Array) {
    const { counters, accounts, shell } = this.#core;
    const { allocation } = relay;
    const bytes = payload.length;
    let permission = relay.lastPeer;
    if (permission === undefined || permission.address !== address) {
      permission = allocation.permissions?.get(address) ?? this.#permissionOfText(allocation, address);
      if (permission === undefined) return counters.drop("no-permission", bytes);
      relay.lastPeer = permission;
    }
    // The other relay of a dual allocation has the other family: its peers cannot be heard here.
    if (permission.expiresAt <= now || permission.relay !== relay) return counters.drop("no-permission", bytes);
    if (allocation.isDetached) return counters.drop("detached", bytes);
    if (!accounts.mayPass(now, allocation.account, bytes)) return counters.drop("bandwidth", bytes);
    allocation.packetsToClient++;
    allocation.bytesToClient += bytes;
    counters.packetsToClient++;
    counters.bytesToClient += bytes;
    const channel = channelTo(permission, now, port);
    if (channel !== undefined) return shell.sendChannelData(allocation.client, channel.number, payload);
    permission.bytes ??= addressBytes(permission.address);
    const serial = this.#nextSerial();
    shell.sendToClient(allocation.client, encodeDataIndication(this.#transactionId, serial, permission.bytes, port, payload));
  }

  /** The relay of this server at that place, remembered by the channel. */
  #relayAt(permission: Permission, port: number, channel: Channel | undefined): Relay | undefined {
    const last = channel?.target;
    if (last?.isOpen === true) return last;
    const found = this.#core.allocations.at(permission.address, port);
    if (channel !== undefined) channel.target = found;
    return found;
  }

  /** IPv4 by its number where it is the last one's: no text is made. */
  #permissionOfSend(allocation: Allocation): Permission | undefined {
    const { permissions } = allocation;
    if (permissions === undefined) return undefined;
    const send = this.#send;
    const last = allocation.lastSend;
    if (last !== undefined && send.family === 4 && last.ipv4 === send.ipv4 && last.permission.expiresAt > 0)
      return last.permission;
    const permission = permissions.get(formatAddress(send.addressBytes()));
    if (permission !== undefined && send.family === 4) allocation.lastSend = { ipv4: send.ipv4, permission };
    return permission;
  }

  /** Systems write some IPv6 addresses otherwise than RFC 5952's plain form (`::1.2.3.4`): once more by the bytes. */
  #permissionOfText(allocation: Allocation, address: string): Permission | undefined {
    if (allocation.permissions === undefined || !address.includes(":")) return undefined;
    try {
      return allocation.permissions.get(formatAddress(addressBytes(address)));
    } catch {
      return undefined;
    }
  }

  #nextSerial(): number {
    this.#serial = (this.#serial + 1) >>> 0;
    return this.#serial;
  }
}

/** RFC 8656 §11.5: destination unreachable, time exceeded; over IPv6 too big as well. */
const ICMP_TYPES: readonly number[] = [3, 11];
const ICMPV6_TYPES: readonly number[] = [1, 2, 3];

/** Whether a packet may be sent to that port of the permission's address, where no relay of this server is. */
export function mayLeave(policy: TurnPolicy, { reach }: Pick<Permission, "reach">, port: number): boolean {
  return reach === "any" || (reach === "own" && policy.ownPorts.includes(port));
}
