/** A WebSocket of the PeerJS face. A subclass, so that what belongs to a socket is found without a table or closures. */
import { WebSocket } from "ws";
import type { PeerjsFace } from "./face.ts";
import type { PeerjsSession } from "./session.ts";

export class PeerjsSocket extends WebSocket {
  face: PeerjsFace | undefined;
  session: PeerjsSession | undefined;
  /** Frames that came before the session was open: the client sends what it has as soon as the socket is. */
  early: Buffer[] | undefined;
  /** Since when it has no session any more, monotonic. */
  orphanedAt = 0;

  /** The last word before the socket closes, without a code as PeerServer does it. */
  refuse(frame: string): void {
    if (this.readyState !== WebSocket.OPEN) return;
    this.send(frame);
    this.close();
  }
}
