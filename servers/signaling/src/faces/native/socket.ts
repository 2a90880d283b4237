/** A WebSocket of the native face. A subclass, so that what belongs to a socket is found without a table or closures. */
import type { ServerBye } from "@tsunagi/protocol";
import { CLOSE_CODES } from "@tsunagi/protocol";
import { WebSocket } from "ws";
import type { NativeFace } from "./face.ts";
import type { NativeSession } from "./session.ts";

/** Bytes that may wait in the socket before uncounted messages are no longer answered: their receiver does not read. */
const MAX_BUFFERED = 1_048_576;

/**
 * The same for counted messages, whose unconfirmed ones the session keeps: twice as much as it may keep (4 Mi characters, sent at once
 * after a resume). More is waiting only where a client confirms what it has not read.
 */
const MAX_COUNTED_BUFFERED = 8_388_608;

export class NativeSocket extends WebSocket {
  face: NativeFace | undefined;
  session: NativeSession | undefined;
  /** An `open` or `resume` is being worked on. */
  greeting = false;
  /** Monotonic milliseconds. */
  lastSeen = 0;
  /** From the request: address, Origin and Host. Address and origin are dropped after the hello. */
  remoteAddress: string | undefined;
  origin: string | undefined;
  host: string | undefined;

  /** Uncounted messages: nothing is kept for later, so a receiver that does not read gets none. */
  sendUncounted(text: string): void {
    if (this.readyState !== WebSocket.OPEN) return;
    if (this.bufferedAmount > MAX_BUFFERED) this.terminate();
    else this.send(text);
  }

  /** Counted messages: a receiver that does not read loses its socket, and may resume its session over another. */
  sendCounted(text: string): void {
    if (this.bufferedAmount > MAX_COUNTED_BUFFERED) this.terminate();
    else this.send(text);
  }

  /** The last words before the socket closes. */
  bye(message: Omit<ServerBye, "type">, closeCode?: number): void {
    if (this.readyState !== WebSocket.OPEN) return;
    this.sendUncounted(JSON.stringify({ type: "bye", ...message } satisfies ServerBye));
    this.close(closeCode ?? (message.retry ? CLOSE_CODES.retry : CLOSE_CODES.final), message.code);
  }
}
