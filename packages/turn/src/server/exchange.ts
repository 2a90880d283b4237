/** One request and how it is answered: protected as the request was, and, before authentication, no longer than it must be. */

import type { Millis } from "@tsunagi/base";
import {
  ATTRIBUTES,
  ERROR_REASONS,
  encodeMessage,
  type KnownErrorCode,
  type OutgoingAttribute,
  put,
  rawAttributeOf,
  type StunMessage,
} from "@tsunagi/stun";
import type { Credential } from "./authentication.ts";
import type { Core } from "./core.ts";
import { count } from "./counters.ts";
import type { Client } from "./shell.ts";
import { sourceKey } from "./source-table.ts";

export class Exchange {
  readonly client: Client;
  readonly method: number;
  /** A copy: the answer may come after the request's bytes are gone. */
  readonly transactionId: Uint8Array;
  readonly #core: Core;
  readonly #fingerprint: boolean;
  #credential: Credential | undefined;

  constructor(core: Core, client: Client, request: StunMessage) {
    this.#core = core;
    this.client = client;
    this.method = request.method;
    this.transactionId = request.transactionId.slice();
    this.#fingerprint = rawAttributeOf(request, ATTRIBUTES.FINGERPRINT.type) !== undefined;
  }

  /** From now on answers are protected. */
  authenticated(credential: Credential): void {
    this.#credential = credential;
  }

  succeed(...attributes: readonly OutgoingAttribute[]): void {
    this.#core.shell.sendToClient(this.client, this.#encode("success", attributes));
  }

  fail(now: Millis, code: KnownErrorCode, ...attributes: readonly OutgoingAttribute[]): void {
    const core = this.#core;
    count(core.counters.refused, String(code));
    // RFC 8489 §14.8 leaves the phrase to us: an answer that a forged source may have asked for goes without.
    const reason = this.#credential === undefined ? "" : ERROR_REASONS[code];
    const bytes = this.#encode("error", [put(ATTRIBUTES.ERROR_CODE, { code, reason }), ...attributes]);
    if (this.#credential === undefined && !mayAnswer(core, now, this.client, bytes.length)) return;
    core.shell.sendToClient(this.client, bytes);
  }

  #encode(messageClass: "success" | "error", attributes: readonly OutgoingAttribute[]): Uint8Array {
    const { crypto, policy } = this.#core;
    const credential = this.#credential;
    const software = credential === undefined || policy.software === undefined ? [] : [put(ATTRIBUTES.SOFTWARE, policy.software)];
    const key = credential === undefined ? undefined : { key: credential.key, crypto };
    return encodeMessage(
      {
        class: messageClass,
        method: this.method,
        transactionId: this.transactionId,
        attributes: [...attributes, ...software],
      },
      {
        messageIntegrity: credential?.integrity === "sha1" ? key : undefined,
        messageIntegritySha256: credential?.integrity === "sha256" ? key : undefined,
        fingerprint: this.#fingerprint,
      },
    );
  }
}

/** Whether an answer before authentication would be let out; counts it as dropped when not. */
export function hasRoomFor(core: Core, now: Millis, client: Client, bytes: number): boolean {
  if (client.transport !== "udp") return true;
  const { unauthenticatedBytes, sources } = core.policy.limits;
  if (core.amplification.hasRoom(now, sourceKey(client.remote), bytes, unauthenticatedBytes, sources)) return true;
  core.counters.drop("amplification", bytes);
  return false;
}

/** Books an answer before authentication; only over UDP can its receiver be another than the one who asked. */
export function mayAnswer(core: Core, now: Millis, client: Client, bytes: number): boolean {
  if (client.transport !== "udp") return true;
  const { unauthenticatedBytes, sources } = core.policy.limits;
  if (core.amplification.maySend(now, sourceKey(client.remote), bytes, unauthenticatedBytes, sources)) return true;
  core.counters.drop("amplification", bytes);
  return false;
}
