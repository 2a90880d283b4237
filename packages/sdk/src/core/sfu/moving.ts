/**
 * From a mesh to the SFU without a gap: a link with a member goes on until both of its ends get each other's media over the SFU. Each tells the
 * other so (topic `$moved`); whoever came later hangs up.
 */
import type { Clock } from "@tsunagi/base";
import type { MediaStream } from "../ports.ts";
import { isLater } from "../room/pairing.ts";
import type { MeshMediaPort, RoomView } from "../room/room-media.ts";

export const MOVED_TOPIC = "$moved";
/** A member that has not come over until then: its link costs more than it is worth. Counted while the SFU is connected here. */
const LIMIT_MS = 20_000;

export class Moving {
  readonly #room: RoomView;
  readonly #mesh: MeshMediaPort;
  readonly #arrived: (peerId: string) => boolean;
  readonly #told = new Set<string>();
  readonly #heard = new Set<string>();
  readonly #clock: Clock;
  #cancel: (() => void) | undefined;

  /** @param arrived whether what a member sends comes over the SFU */
  constructor(room: RoomView, mesh: MeshMediaPort, arrived: (peerId: string) => boolean) {
    this.#room = room;
    this.#mesh = mesh;
    this.#arrived = arrived;
    this.#clock = room.host.platform.clock;
  }

  get streams(): ReadonlyMap<string, readonly MediaStream[]> {
    return this.#mesh.remoteStreams;
  }

  /** The stream that shows this member already, to go on in. */
  adopt(peerId: string, name: string): MediaStream | undefined {
    const stream = this.streams.get(peerId)?.find(({ id }) => id === name);
    if (stream !== undefined) this.#mesh.adopted.add(stream);
    return stream;
  }

  /** The SFU is connected here. */
  connected(): void {
    this.#cancel ??= this.#clock.after(LIMIT_MS, () => {
      for (const peerId of this.#room.members.keys()) this.#drop(peerId);
    });
    this.check();
  }

  /** Something has come over. */
  check(): void {
    for (const peerId of this.#room.members.keys()) {
      if (this.#told.has(peerId) || !this.#arrived(peerId)) continue;
      this.#told.add(peerId);
      this.#room.host.send({ type: "room-data", room: this.#room.name, topic: MOVED_TOPIC, data: null, to: [peerId] });
      if (this.#heard.has(peerId)) this.#drop(peerId);
    }
  }

  heard(peerId: string): void {
    this.#heard.add(peerId);
    if (this.#told.has(peerId)) this.#drop(peerId);
  }

  release(): void {
    this.#cancel?.();
  }

  #drop(peerId: string): void {
    const member = this.#room.members.get(peerId);
    const { self } = this.#room;
    this.#mesh.dropMember(peerId, member !== undefined && self !== undefined && isLater(self, member));
  }
}
