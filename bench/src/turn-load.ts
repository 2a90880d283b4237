/**
 * The load of `turn.ts`, in a process of its own: clients with one channel each, and the peers at its other end. Both directions carry the same
 * number of packets. It looks at its sockets every 2 ms and sends what is due then, so that no packet of the server's wakes anybody: what waking
 * costs is charged to who sends, and depends on what else the machine does.
 */

import { randomBytes } from "node:crypto";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
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
} from "@tsunagi/stun";
import { nodeStunCrypto } from "@tsunagi/stun/node";
import { TURN_ATTRIBUTES } from "@tsunagi/turn";
import { PASSWORD, USER } from "./turn-account.ts";

export type LoadOrder =
  | { readonly type: "connect"; readonly port: number; readonly clients: number; readonly idle: boolean }
  | {
      readonly type: "send";
      readonly perSecond: number;
      readonly bytes: number;
      readonly warmUpMs: number;
      readonly forMs: number;
    };

export type LoadReport =
  | { readonly type: "connected" }
  | { readonly type: "begin" }
  | { readonly type: "end"; readonly sent: number; readonly received: number; readonly ms: number; readonly cpuMicros: number };

const HOST = "127.0.0.1";
const CHANNEL = 0x4000;
const POLL_MS = 2;
const MAX_CATCH_UP_S = 0.01;
/** Larger than what arrives between two looks. */
const BUFFER_BYTES = 4 << 20;

type Pair = { readonly client: Socket; readonly peer: Socket; readonly relayPort: number };

const numbers = (address: string, _family: unknown, callback: (error: null, address: string, family: number) => void) =>
  callback(null, address, 4);

async function open(): Promise<Socket> {
  const socket = createSocket({ type: "udp4", lookup: numbers });
  const listening = once(socket, "listening");
  socket.bind(0, HOST);
  await listening;
  return socket;
}

/** One request with its retransmissions, as simple as loopback allows. */
async function ask(socket: Socket, port: number, bytes: Uint8Array): Promise<StunMessage> {
  for (let attempt = 0; attempt < 10; attempt++) {
    const answered = new Promise<Buffer | undefined>((resolve) => {
      const timer = setTimeout(() => resolve(undefined), 1_000);
      socket.once("message", (answer) => {
        clearTimeout(timer);
        resolve(answer);
      });
    });
    socket.send(bytes, port, HOST);
    const answer = await answered;
    if (answer !== undefined) return decodeMessage(answer);
    socket.removeAllListeners("message");
  }
  throw new Error("the TURN server does not answer");
}

async function connect(port: number, idle: boolean): Promise<Pair> {
  const client = await open();
  const transport = put(TURN_ATTRIBUTES.REQUESTED_TRANSPORT, 17);
  const plain: MessageParts = {
    class: "request",
    method: METHOD.allocate,
    transactionId: randomBytes(12),
    attributes: [transport],
  };
  const challenge = await ask(client, port, encodeMessage(plain));
  const realm = attributeOf(challenge, ATTRIBUTES.REALM);
  const nonce = attributeOf(challenge, ATTRIBUTES.NONCE);
  if (realm === undefined || nonce === undefined) throw new Error("no challenge");
  const key = longTermKey({ username: USER, realm, password: PASSWORD }, nodeStunCrypto);
  const credentials = [put(ATTRIBUTES.USERNAME, USER), put(ATTRIBUTES.REALM, realm), put(ATTRIBUTES.NONCE, nonce)];
  const signed = async (method: number, ...attributes: readonly OutgoingAttribute[]) => {
    const message: MessageParts = {
      class: "request",
      method,
      transactionId: randomBytes(12),
      attributes: [...attributes, ...credentials],
    };
    const answer = await ask(client, port, encodeMessage(message, { messageIntegrity: { key, crypto: nodeStunCrypto } }));
    if (answer.class !== "success") throw new Error(`refused: ${JSON.stringify(attributeOf(answer, ATTRIBUTES.ERROR_CODE))}`);
    return answer;
  };
  const relayed = attributeOf(await signed(METHOD.allocate, transport), TURN_ATTRIBUTES.XOR_RELAYED_ADDRESS);
  if (relayed === undefined) throw new Error("no relayed address");
  // Idle ones are only held: the sockets of their peers would be for nothing.
  const peer = idle ? client : await open();
  if (!idle) {
    const address = { family: 4, address: HOST, port: peer.address().port } as const;
    const number = put(TURN_ATTRIBUTES.CHANNEL_NUMBER, CHANNEL);
    await signed(METHOD.channelBind, number, put(TURN_ATTRIBUTES.XOR_PEER_ADDRESS, address));
  }
  return { client, peer, relayPort: relayed.port };
}

const pairs: Pair[] = [];
let serverPort = 0;
let sent = 0;
let received = 0;

async function connectAll({ port, clients, idle }: Extract<LoadOrder, { type: "connect" }>): Promise<void> {
  serverPort = port;
  for (let start = 0; start < clients; start += 20) {
    const some = Array.from({ length: Math.min(20, clients - start) }, () => connect(port, idle));
    pairs.push(...(await Promise.all(some)));
  }
  report({ type: "connected" });
}

async function load({ perSecond, bytes, warmUpMs, forMs }: Extract<LoadOrder, { type: "send" }>): Promise<void> {
  const payload = Buffer.alloc(bytes, 7);
  const framed = Buffer.alloc(bytes + 4, 7);
  framed.writeUInt16BE(CHANNEL, 0);
  framed.writeUInt16BE(bytes, 2);
  for (const { client, peer } of pairs) {
    for (const socket of [client, peer]) {
      socket.removeAllListeners("message");
      socket.setRecvBufferSize(BUFFER_BYTES);
      socket.setSendBufferSize(BUFFER_BYTES);
    }
    const isData = (message: Buffer, length: number) => {
      if (message.length === length) received++;
    };
    client.on("message", (message) => isData(message, bytes + 4));
    peer.on("message", (message) => isData(message, bytes));
  }
  const still = new Int32Array(new SharedArrayBuffer(4));
  const startedAt = performance.now();
  let next = 0;
  let isMeasuring = false;
  let begun = { at: 0, sent: 0, received: 0, cpu: process.cpuUsage() };
  const finish = async () => {
    const ms = performance.now() - begun.at;
    const sentThen = sent;
    const { user, system } = process.cpuUsage(begun.cpu);
    // What is on its way belongs to what was sent.
    await sleep(200);
    report({ type: "end", sent: sentThen - begun.sent, received: received - begun.received, ms, cpuMicros: user + system });
  };
  const turn = () => {
    const now = performance.now() - startedAt;
    if (!isMeasuring && now >= warmUpMs) {
      isMeasuring = true;
      begun = { at: performance.now(), sent, received, cpu: process.cpuUsage() };
      report({ type: "begin" });
    }
    if (now >= warmUpMs + forMs) {
      void finish();
      return;
    }
    const due = Math.floor((now / 1000) * perSecond);
    // After a pause of the machine not all of it at once: no client would.
    next = Math.max(next, due - Math.ceil(perSecond * MAX_CATCH_UP_S));
    while (next < due) {
      const pair = pairs[(next >> 1) % pairs.length];
      if (pair === undefined) break;
      if ((next & 1) === 0) pair.client.send(framed, serverPort, HOST);
      else pair.peer.send(payload, pair.relayPort, HOST);
      next++;
      sent++;
    }
    Atomics.wait(still, 0, 0, POLL_MS);
    setImmediate(turn);
  };
  turn();
}

function report(message: LoadReport): void {
  process.send?.(message);
}

process.on("message", (order: LoadOrder) => {
  const done = order.type === "connect" ? connectAll(order) : load(order);
  done.catch((error: unknown) => {
    console.error(error);
    process.exit(1);
  });
});
process.on("disconnect", () => process.exit(0));
