/**
 * This node's part in the directory: it claims the peer sessions and rooms that live here, keeps their lease, and hands commands about
 * others to the node that owns them.
 */
import type { Clock, Log } from "@tsunagi/base";
import {
  type AdminCommand,
  type Bus,
  type ConferenceEvent,
  type Directory,
  type NodeId,
  peerKey,
  roomKey,
  type SfuEvent,
} from "@tsunagi/conference";

export type OwnershipOptions = {
  readonly node: NodeId;
  readonly directory: Directory;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Log;
  /** Performs a command about something that lives here. */
  readonly command: (command: AdminCommand) => boolean;
  /** What an SFU node tells about a member of a room that lives here. */
  readonly sfuEvent?: ((event: SfuEvent) => void) | undefined;
};

export class Ownership {
  readonly #options: OwnershipOptions;
  #detach: (() => Promise<void>) | undefined;
  #cancelRenewal: (() => void) | undefined;
  #closed = false;

  private constructor(options: OwnershipOptions) {
    this.#options = options;
  }

  static async open(options: OwnershipOptions): Promise<Ownership> {
    const ownership = new Ownership(options);
    ownership.#detach = await options.bus.attach(options.node, async (request) => {
      switch (request.type) {
        case "admin":
          return { found: options.command(request.command) };
        case "sfu-event":
          options.sfuEvent?.(request.event);
          return { ok: true };
        default:
          throw new Error(`no handler for ${request.type}`);
      }
    });
    ownership.#scheduleRenewal();
    return ownership;
  }

  /** Before a session opens here. False: the peer ID lives on another node. */
  async claimPeer(appId: string, peerId: string): Promise<boolean> {
    const { directory, node } = this.#options;
    return (await directory.claim(peerKey(appId, peerId), node)) === node;
  }

  /** What the core reports: rooms and peers that came and went. */
  observe(event: ConferenceEvent): void {
    const { directory, node } = this.#options;
    if (event.type === "peer.closed") this.#settle(directory.release(peerKey(event.appId, event.peerId), node));
    else if (event.type === "room.closed") this.#settle(directory.release(roomKey(event.appId, event.room), node));
    else if (event.type === "room.created") this.#settle(directory.claim(roomKey(event.appId, event.room), node));
    else if (event.type === "peer.opened") this.#settle(directory.claim(peerKey(event.appId, event.peerId), node));
  }

  /** An `open` was refused after its claim. */
  releasePeer(appId: string, peerId: string): void {
    const { directory, node } = this.#options;
    this.#settle(directory.release(peerKey(appId, peerId), node));
  }

  /** Performs the command where what it names lives. */
  async command(command: AdminCommand): Promise<boolean> {
    const { directory, bus, node } = this.#options;
    const key =
      command.type === "disconnect-peer" ? peerKey(command.appId, command.peerId) : roomKey(command.appId, command.room);
    const owner = (await directory.lookUp(key)) ?? node;
    const reply = await bus.send(owner, { type: "admin", command });
    return reply?.found ?? false;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelRenewal?.();
    await this.#detach?.();
  }

  #scheduleRenewal(): void {
    const { clock, directory, node } = this.#options;
    if (this.#closed) return;
    // Twice within the lease may fail before anything is lost.
    this.#cancelRenewal = clock.after(directory.leaseMs / 3, () => {
      this.#settle(directory.renew(node));
      this.#scheduleRenewal();
    });
  }

  #settle(work: Promise<unknown>): void {
    work.catch((error: unknown) => this.#options.log.warn({ error: String(error) }, "the directory does not answer"));
  }
}
