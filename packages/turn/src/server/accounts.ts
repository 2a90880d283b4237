/** What each user holds, and all together: the quotas are checked here. A user without anything has no entry. */
import type { Millis } from "@tsunagi/base";
import type { TurnLimits } from "./policy.ts";
import { TokenBucket } from "./token-bucket.ts";

export type Holding = "allocations" | "permissions" | "channels" | "tcpConnections" | "reservations";

export type Usage = Record<Holding, number>;

export type UserAccount = {
  readonly user: string;
  readonly usage: Usage;
  bucket: TokenBucket | undefined;
};

export class Accounts {
  readonly #users = new Map<string, UserAccount>();
  readonly #total: Usage = emptyUsage();
  #limits: TurnLimits;
  #bucket: TokenBucket | undefined;
  /** Whether any bandwidth limit is set: one look a packet where none is. */
  #isLimited = false;

  constructor(limits: TurnLimits) {
    this.#limits = limits;
    this.configure(0, limits);
  }

  get size(): number {
    return this.#users.size;
  }

  get total(): Readonly<Usage> {
    return this.#total;
  }

  configure(now: Millis, limits: TurnLimits): void {
    this.#limits = limits;
    this.#isLimited = limits.bytesPerSecond > 0 || limits.bytesPerSecondPerUser > 0;
    this.#bucket = limits.bytesPerSecond > 0 ? new TokenBucket(now, limits.bytesPerSecond) : undefined;
    for (const account of this.#users.values()) account.bucket = this.#userBucket(now);
  }

  of(now: Millis, user: string): UserAccount {
    const found = this.#users.get(user);
    if (found !== undefined) return found;
    const account: UserAccount = { user, usage: emptyUsage(), bucket: this.#userBucket(now) };
    this.#users.set(user, account);
    return account;
  }

  /** Whether `count` more fit: for the user and in all. */
  fits(account: UserAccount, holding: Holding, count = 1): "fits" | "user" | "total" {
    if (this.#total[holding] + count > this.#limits[holding]) return "total";
    return account.usage[holding] + count > this.#limits[`${holding}PerUser`] ? "user" : "fits";
  }

  add(account: UserAccount, holding: Holding, count = 1): void {
    account.usage[holding] += count;
    this.#total[holding] += count;
  }

  remove(account: UserAccount, holding: Holding, count = 1): void {
    this.add(account, holding, -count);
  }

  /** One datagram's payload, either direction; false: it must be dropped. */
  mayPass(now: Millis, account: UserAccount, bytes: number): boolean {
    if (!this.#isLimited) return true;
    if (account.bucket !== undefined && !account.bucket.take(now, bytes)) return false;
    return this.#bucket === undefined || this.#bucket.take(now, bytes);
  }

  /** Bytes of a stream. @returns how long it must pause, in milliseconds */
  charge(now: Millis, account: UserAccount, bytes: number): number {
    if (!this.#isLimited) return 0;
    return Math.max(account.bucket?.charge(now, bytes) ?? 0, this.#bucket?.charge(now, bytes) ?? 0);
  }

  /** A user who holds nothing is forgotten once the bandwidth used is paid for: a new allocation brings no new second's worth. */
  forgetIdle(now: Millis): void {
    for (const [user, { usage, bucket }] of this.#users) {
      const isEmpty = usage.allocations === 0 && usage.reservations === 0;
      if (isEmpty && (bucket === undefined || bucket.isFull(now))) this.#users.delete(user);
    }
  }

  #userBucket(now: Millis): TokenBucket | undefined {
    return this.#limits.bytesPerSecondPerUser > 0 ? new TokenBucket(now, this.#limits.bytesPerSecondPerUser) : undefined;
  }
}

function emptyUsage(): Usage {
  return { allocations: 0, permissions: 0, channels: 0, tcpConnections: 0, reservations: 0 };
}
