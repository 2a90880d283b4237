/** The permissions and channels of one allocation, and when each must be asked for again. */
import type { Millis } from "@tsunagi/base";
import type { TransportAddress } from "@tsunagi/stun";

/** They last 5 minutes (RFC 8656 §3.3); a minute is left for requests that get lost. */
const PERMISSION_REFRESH_MS = 240_000;
/** They last 10 minutes (RFC 8656 §3.5). */
const CHANNEL_REFRESH_MS = 540_000;

const FIRST_CHANNEL = 0x4000;
const LAST_CHANNEL = 0x4fff;

type Channel = {
  readonly channel: number;
  readonly peer: TransportAddress;
  readonly isBound: boolean;
  readonly rebindAt: Millis;
};

export class Grants {
  /** By address: ports do not count. */
  readonly #permissions = new Map<string, { readonly peer: TransportAddress; readonly refreshAt: Millis }>();
  readonly #channels = new Map<number, Channel>();
  readonly #byPeer = new Map<string, number>();

  get deadline(): Millis | undefined {
    let deadline = Number.POSITIVE_INFINITY;
    for (const { refreshAt } of this.#permissions.values()) deadline = Math.min(deadline, refreshAt);
    for (const { rebindAt } of this.#channels.values()) deadline = Math.min(deadline, rebindAt);
    return Number.isFinite(deadline) ? deadline : undefined;
  }

  permitted(now: Millis, peers: readonly TransportAddress[]): void {
    for (const peer of peers) this.#permissions.set(peer.address, { peer, refreshAt: now + PERMISSION_REFRESH_MS });
  }

  /** Taken out: they are due again when the request for them has succeeded. */
  duePermissions(now: Millis): readonly TransportAddress[] {
    const due = [...this.#permissions].filter(([, { refreshAt }]) => now >= refreshAt);
    for (const [address] of due) this.#permissions.delete(address);
    return due.map(([, { peer }]) => peer);
  }

  /** The number of the peer's channel, a new one if it has none; undefined when all are in use. */
  channelFor(peer: TransportAddress): number | undefined {
    const known = this.#byPeer.get(keyOf(peer));
    if (known !== undefined) return known;
    for (let channel = FIRST_CHANNEL + this.#channels.size; channel <= LAST_CHANNEL; channel++) {
      if (this.#channels.has(channel)) continue;
      this.#channels.set(channel, { channel, peer, isBound: false, rebindAt: Number.POSITIVE_INFINITY });
      this.#byPeer.set(keyOf(peer), channel);
      return channel;
    }
    return undefined;
  }

  bound(now: Millis, channel: number): void {
    const entry = this.#channels.get(channel);
    if (entry === undefined) return;
    this.#channels.set(channel, { ...entry, isBound: true, rebindAt: now + CHANNEL_REFRESH_MS });
    this.permitted(now, [entry.peer]);
  }

  /** A number refused once is not tried again: the server may hold it for another peer for a while (RFC 8656 §12.2). */
  refused(channel: number): void {
    const entry = this.#channels.get(channel);
    if (entry === undefined) return;
    this.#byPeer.delete(keyOf(entry.peer));
    this.#channels.set(channel, { ...entry, isBound: false, rebindAt: Number.POSITIVE_INFINITY });
  }

  dueChannels(now: Millis): readonly TransportAddress[] {
    const due = [...this.#channels.values()].filter(({ rebindAt }) => now >= rebindAt);
    for (const entry of due) this.#channels.set(entry.channel, { ...entry, rebindAt: Number.POSITIVE_INFINITY });
    return due.map(({ peer }) => peer);
  }

  boundChannel(peer: TransportAddress): number | undefined {
    const channel = this.#byPeer.get(keyOf(peer));
    return channel !== undefined && this.#channels.get(channel)?.isBound === true ? channel : undefined;
  }

  /** Also before the answer to ChannelBind: data may overtake it. */
  peerOf(channel: number): TransportAddress | undefined {
    return this.#channels.get(channel)?.peer;
  }
}

function keyOf({ address, port }: TransportAddress): string {
  return `${address} ${port}`;
}
