/** Messages by hand, over UDP from any address of loopback: what no honest client sends. */
import { randomBytes } from "node:crypto";
import { createSocket, type Socket } from "node:dgram";
import { isIP } from "node:net";
import {
  ATTRIBUTES,
  attributeOf,
  decodeMessage,
  encodeMessage,
  longTermKey,
  type OutgoingAttribute,
  PASSWORD_ALGORITHM_NUMBER,
  put,
  type StunMessage,
} from "@tsunagi/stun";
import { nodeStunCrypto as crypto } from "@tsunagi/stun/node";

export type Challenge = { readonly realm: string; readonly nonce: string };
export type User = { readonly username: string; readonly password: string };

export class RawClient {
  readonly socket: Socket;
  bytesSent = 0;
  bytesReceived = 0;
  readonly #port: number;
  readonly #to: string;
  #onMessage: ((bytes: Uint8Array) => void) | undefined;

  private constructor(socket: Socket, port: number, to: string) {
    this.socket = socket;
    this.#port = port;
    this.#to = to;
    socket.on("message", (bytes) => {
      this.bytesReceived += bytes.length;
      this.#onMessage?.(bytes);
    });
    socket.on("error", () => {});
  }

  /** @param from an address of 127.0.0.0/8: each counts as a source of its own */
  static open(port: number, from = "127.0.0.1", to = "127.0.0.1"): Promise<RawClient> {
    return new Promise((resolve, reject) => {
      const socket = createSocket(isIP(to) === 6 ? "udp6" : "udp4");
      socket.once("error", reject);
      socket.bind(0, from, () => {
        socket.off("error", reject);
        // Not connected: answers from another socket of the server count too.
        resolve(new RawClient(socket, port, to));
      });
    });
  }

  send(bytes: Uint8Array): Promise<void> {
    this.bytesSent += bytes.length;
    return new Promise((resolve) => this.socket.send(bytes, this.#port, this.#to, () => resolve()));
  }

  /** The answer; undefined where none comes in time. */
  async ask(bytes: Uint8Array, timeoutMs = 1000): Promise<StunMessage | undefined> {
    const answer = new Promise<StunMessage | undefined>((resolve) => {
      const timer = setTimeout(() => resolve(undefined), timeoutMs);
      this.#onMessage = (received) => {
        const message = decodeMessage(Uint8Array.from(received));
        if (!Buffer.from(message.transactionId).equals(bytes.subarray(8, 20))) return;
        clearTimeout(timer);
        resolve(message);
      };
    });
    await this.send(bytes);
    return answer;
  }

  async challenge(method: number): Promise<Challenge> {
    const answer = await this.ask(request(method));
    const realm = answer === undefined ? undefined : attributeOf(answer, ATTRIBUTES.REALM);
    const nonce = answer === undefined ? undefined : attributeOf(answer, ATTRIBUTES.NONCE);
    if (realm === undefined || nonce === undefined) throw new Error("no challenge");
    return { realm, nonce };
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.socket.close(() => resolve()));
  }
}

export function request(method: number, ...attributes: readonly OutgoingAttribute[]): Uint8Array {
  return encodeMessage({ class: "request", method, transactionId: randomBytes(12), attributes });
}

/** The classic credential: MD5 and HMAC-SHA1. */
export function signed(
  method: number,
  user: User,
  { realm, nonce }: Challenge,
  ...attributes: readonly OutgoingAttribute[]
): Uint8Array {
  const key = longTermKey({ ...user, realm }, crypto, PASSWORD_ALGORITHM_NUMBER.md5);
  const credentials = [put(ATTRIBUTES.USERNAME, user.username), put(ATTRIBUTES.REALM, realm), put(ATTRIBUTES.NONCE, nonce)];
  const parts = { class: "request", method, transactionId: randomBytes(12) } as const;
  return encodeMessage({ ...parts, attributes: [...attributes, ...credentials] }, { messageIntegrity: { key, crypto } });
}

/** undefined for silence and for a success. */
export function codeOf(answer: StunMessage | undefined): number | undefined {
  return answer === undefined ? undefined : attributeOf(answer, ATTRIBUTES.ERROR_CODE)?.code;
}

/** As good as sure to be free a moment later. */
export function freeUdpPort(): Promise<number> {
  const socket = createSocket("udp4");
  return new Promise((resolve) => {
    socket.bind(0, "127.0.0.1", () => {
      const { port } = socket.address();
      socket.close(() => resolve(port));
    });
  });
}
