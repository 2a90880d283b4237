/** Relayed addresses kept for a RESERVATION-TOKEN, RFC 8656 §7.2: bound, without a client, for 30 s. */
import type { Millis, RandomBytes } from "@tsunagi/base";
import type { TransportAddress } from "@tsunagi/stun";
import { RESERVATION_TOKEN_LENGTH } from "../attributes/reservation-token.ts";
import { encodeBase64 } from "../base64.ts";
import type { UserAccount } from "./accounts.ts";
import type { RelayId } from "./shell.ts";

const LIFETIME_MS = 30_000;

export type Reservation = {
  readonly relay: RelayId;
  readonly address: TransportAddress;
  readonly account: UserAccount;
  readonly expiresAt: Millis;
};

export class Reservations {
  /** By token in base64, in the order of expiry. */
  readonly #byToken = new Map<string, Reservation>();

  get size(): number {
    return this.#byToken.size;
  }

  add(now: Millis, reservation: Omit<Reservation, "expiresAt">, random: RandomBytes): Uint8Array {
    const token = random(RESERVATION_TOKEN_LENGTH);
    this.#byToken.set(encodeBase64(token), { ...reservation, expiresAt: now + LIFETIME_MS });
    return token;
  }

  /** The reservation, if it is that user's: whoever saw a token on the wire gets nothing by it. */
  find(now: Millis, token: Uint8Array, account: UserAccount): Reservation | undefined {
    const found = this.#byToken.get(encodeBase64(token));
    return found !== undefined && found.expiresAt > now && found.account === account ? found : undefined;
  }

  remove(token: Uint8Array): void {
    this.#byToken.delete(encodeBase64(token));
  }

  /** Removes and gives the one whose socket broke. */
  takeRelay(relay: RelayId): Reservation | undefined {
    for (const [token, reservation] of this.#byToken) {
      if (reservation.relay !== relay) continue;
      this.#byToken.delete(token);
      return reservation;
    }
    return undefined;
  }

  /** Removes and gives those that nobody took. */
  takeExpired(now: Millis): readonly Reservation[] {
    const expired: Reservation[] = [];
    for (const [token, reservation] of this.#byToken) {
      if (reservation.expiresAt > now) break;
      this.#byToken.delete(token);
      expired.push(reservation);
    }
    return expired;
  }
}
