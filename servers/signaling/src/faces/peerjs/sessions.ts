/** The sessions of the face, by app and ID: looked up twice a frame, so without a joined key. */
import type { PeerjsSession } from "./session.ts";

export class PeerjsSessions {
  readonly #byApp = new Map<string, Map<string, PeerjsSession>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(appId: string, peerId: string): PeerjsSession | undefined {
    return this.#byApp.get(appId)?.get(peerId);
  }

  /** Its ID must be free. */
  add(session: PeerjsSession): void {
    const { app, peerId } = session;
    let peers = this.#byApp.get(app.id);
    if (peers === undefined) {
      peers = new Map();
      this.#byApp.set(app.id, peers);
    }
    if (peers.has(peerId)) throw new Error(`two sessions of ${peerId}`);
    peers.set(peerId, session);
    this.#size += 1;
  }

  /** Idempotent. */
  remove(session: PeerjsSession): void {
    const { app, peerId } = session;
    const peers = this.#byApp.get(app.id);
    if (peers?.get(peerId) !== session) return;
    peers.delete(peerId);
    if (peers.size === 0) this.#byApp.delete(app.id);
    this.#size -= 1;
  }

  of(appId: string): Iterable<PeerjsSession> {
    return this.#byApp.get(appId)?.values() ?? [];
  }

  *all(): Iterable<PeerjsSession> {
    for (const peers of this.#byApp.values()) yield* peers.values();
  }
}
