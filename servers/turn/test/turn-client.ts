/** A small TURN client over any way of sending messages, for the tests of the sockets. The full one is packages/turn/client. */
import { randomBytes } from "node:crypto";
import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { once } from "node:events";
import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import {
  ATTRIBUTES,
  attributeOf,
  decodeMessage,
  encodeMessage,
  longTermKey,
  METHOD,
  type MessageParts,
  type OutgoingAttribute,
  put,
  type StunMessage,
  type TransportAddress,
} from "@tsunagi/stun";
import { nodeStunCrypto } from "@tsunagi/stun/node";
import { encodeChannelData, StreamFrames, TURN_ATTRIBUTES } from "@tsunagi/turn";

export const USER = "user";
export const PASSWORD = "password";

export interface Wire {
  send(bytes: Uint8Array): void;
  onMessage(listener: (bytes: Uint8Array) => void): void;
  close(): void;
}

export async function udpWire(port: number, host = "127.0.0.1"): Promise<Wire & { readonly socket: UdpSocket }> {
  const socket = createSocket(host.includes(":") ? "udp6" : "udp4");
  socket.bind(0, host);
  await once(socket, "listening");
  return {
    socket,
    send: (bytes) => socket.send(bytes, port, host),
    onMessage: (listener) => socket.on("message", listener),
    close: () => socket.close(),
  };
}

export function streamWire(socket: Socket): Wire & { readonly socket: Socket } {
  const frames = new StreamFrames();
  const listeners: ((bytes: Uint8Array) => void)[] = [];
  socket.on("error", () => {});
  socket.on("data", (chunk) => {
    frames.push(chunk, ({ bytes }) => {
      for (const listener of listeners) listener(new Uint8Array(bytes));
    });
  });
  return {
    socket,
    send: (bytes) => socket.write(bytes),
    onMessage: (listener) => listeners.push(listener),
    close: () => socket.destroy(),
  };
}

export async function tcpWire(port: number, host = "127.0.0.1"): Promise<Wire & { readonly socket: Socket }> {
  const socket = connectTcp({ port, host });
  await once(socket, "connect");
  return streamWire(socket);
}

export async function tlsWire(port: number, ALPNProtocols?: string[]): Promise<Wire & { readonly socket: Socket }> {
  const socket = connectTls({
    port,
    host: "127.0.0.1",
    rejectUnauthorized: false,
    ...(ALPNProtocols === undefined ? {} : { ALPNProtocols }),
  });
  await once(socket, "secureConnect");
  return streamWire(socket);
}

export class TestClient {
  readonly wire: Wire;
  readonly data: { readonly channel: number; readonly text: string }[] = [];
  readonly indications: StunMessage[] = [];
  #credentials: readonly OutgoingAttribute[] = [];
  #key = new Uint8Array(0);
  readonly #waiting = new Map<string, (message: StunMessage) => void>();

  constructor(wire: Wire) {
    this.wire = wire;
    wire.onMessage((bytes) => {
      if (((bytes[0] ?? 0) & 0xc0) === 0x40) {
        const length = ((bytes[2] ?? 0) << 8) | (bytes[3] ?? 0);
        const channel = ((bytes[0] ?? 0) << 8) | (bytes[1] ?? 0);
        this.data.push({ channel, text: Buffer.from(bytes.subarray(4, 4 + length)).toString() });
        return;
      }
      const message = decodeMessage(bytes);
      if (message.class === "indication") this.indications.push(message);
      else this.#waiting.get(Buffer.from(message.transactionId).toString("hex"))?.(message);
    });
  }

  /** One request, signed once there was a challenge. */
  request(method: number, ...attributes: readonly OutgoingAttribute[]): Promise<StunMessage> {
    const transactionId = randomBytes(12);
    const parts: MessageParts = { class: "request", method, transactionId, attributes: [...attributes, ...this.#credentials] };
    const bytes = encodeMessage(
      parts,
      this.#credentials.length === 0 ? {} : { messageIntegrity: { key: this.#key, crypto: nodeStunCrypto } },
    );
    const answered = new Promise<StunMessage>((resolve) => {
      this.#waiting.set(Buffer.from(transactionId).toString("hex"), resolve);
    });
    this.wire.send(bytes);
    return answered;
  }

  async login(): Promise<void> {
    const challenge = await this.request(METHOD.allocate, put(TURN_ATTRIBUTES.REQUESTED_TRANSPORT, 17));
    const realm = attributeOf(challenge, ATTRIBUTES.REALM) ?? "";
    const nonce = attributeOf(challenge, ATTRIBUTES.NONCE) ?? "";
    this.#key = new Uint8Array(longTermKey({ username: USER, realm, password: PASSWORD }, nodeStunCrypto));
    this.#credentials = [put(ATTRIBUTES.USERNAME, USER), put(ATTRIBUTES.REALM, realm), put(ATTRIBUTES.NONCE, nonce)];
  }

  async allocate(...attributes: readonly OutgoingAttribute[]): Promise<TransportAddress> {
    if (this.#credentials.length === 0) await this.login();
    const answer = await this.request(METHOD.allocate, put(TURN_ATTRIBUTES.REQUESTED_TRANSPORT, 17), ...attributes);
    return relayedOf(answer);
  }

  async allocateTcp(): Promise<TransportAddress> {
    await this.login();
    return relayedOf(await this.request(METHOD.allocate, put(TURN_ATTRIBUTES.REQUESTED_TRANSPORT, 6)));
  }

  async bind(channel: number, peer: TransportAddress): Promise<StunMessage> {
    return this.request(
      METHOD.channelBind,
      put(TURN_ATTRIBUTES.CHANNEL_NUMBER, channel),
      put(TURN_ATTRIBUTES.XOR_PEER_ADDRESS, peer),
    );
  }

  sendData(channel: number, text: string): void {
    this.wire.send(encodeChannelData({ channel, data: Buffer.from(text) }, true));
  }
}

export function relayedOf(answer: StunMessage): TransportAddress {
  const relayed = attributeOf(answer, TURN_ATTRIBUTES.XOR_RELAYED_ADDRESS);
  if (relayed === undefined) throw new Error(`refused: ${JSON.stringify(attributeOf(answer, ATTRIBUTES.ERROR_CODE))}`);
  return relayed;
}
