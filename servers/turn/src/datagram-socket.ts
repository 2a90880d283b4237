/** UDP sockets for the relaying path: bound at once, bounded in what they queue. */
import { createSocket, type Socket } from "node:dgram";

/**
 * What may wait in the system while other packets are handled; it may allow less, and takes memory only for what waits. A listener has the bursts of
 * all its clients, a relay those of one.
 */
export const LISTENER_BUFFER_BYTES = 4 << 20;
export const RELAY_BUFFER_BYTES = 512 << 10;

/**
 * Addresses here are never names. Answering at once spares a tick a packet, and makes `bind` say its error before it returns.
 */
const noLookup = (address: string, _family: unknown, callback: (error: null, address: string, family: number) => void) => {
  callback(null, address, address.includes(":") ? 6 : 4);
};

export function datagramSocket(family: 4 | 6): Socket {
  return family === 4
    ? createSocket({ type: "udp4", lookup: noLookup })
    : createSocket({ type: "udp6", ipv6Only: true, lookup: noLookup });
}

/** Binds before it returns. May be called again on the same socket after a failure. @returns the error, if it did not work */
export function bindNow(
  socket: Socket,
  address: string,
  port: number,
  bufferBytes = RELAY_BUFFER_BYTES,
): NodeJS.ErrnoException | undefined {
  let failure: NodeJS.ErrnoException | undefined;
  const onError = (error: NodeJS.ErrnoException) => {
    failure = error;
  };
  socket.on("error", onError);
  socket.bind({ address, port, exclusive: true });
  socket.off("error", onError);
  if (failure === undefined) widen(socket, bufferBytes);
  return failure;
}

function widen(socket: Socket, bytes: number): void {
  try {
    socket.setRecvBufferSize(bytes);
    socket.setSendBufferSize(bytes);
  } catch {
    // Some systems refuse what is over their limit, instead of giving less: what they gave first will do.
  }
}

/** Larger than any datagram with a ChannelData header. */
const SCRATCH_BYTES = 4 + 0x10000;
/** Datagrams that wait because the system's buffer is full; more are dropped: late media is worth nothing. */
const MAX_QUEUED = 256;

/** ChannelData is put together here: one copy is cheaper than a list of two buffers. Replaced when the system has not taken it at once. */
let scratch = Buffer.allocUnsafe(SCRATCH_BYTES);

/** Sends ChannelData on one socket, whose queue it bounds. */
export class ChannelDataSender {
  readonly #socket: Socket;
  /** After the last one. */
  #queued = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** @returns whether it was sent, or waits to be; false: the queue is full */
  send(channel: number, payload: Uint8Array, port: number, address: string): boolean {
    const socket = this.#socket;
    if (this.#queued > MAX_QUEUED) {
      this.#queued = socket.getSendQueueCount();
      if (this.#queued > MAX_QUEUED) return false;
    }
    const length = payload.length;
    scratch[0] = channel >> 8;
    scratch[1] = channel & 0xff;
    scratch[2] = length >> 8;
    scratch[3] = length & 0xff;
    scratch.set(payload, 4);
    socket.send(scratch, 0, 4 + length, port, address);
    this.#queued = socket.getSendQueueCount();
    if (this.#queued > 0) scratch = Buffer.allocUnsafe(SCRATCH_BYTES);
    return true;
  }
}

/** Whether nothing more should be sent for now. */
export function isCongested(socket: Socket): boolean {
  return socket.getSendQueueCount() > MAX_QUEUED;
}
