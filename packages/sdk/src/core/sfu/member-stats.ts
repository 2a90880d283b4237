/** Statistics of an SFU's one connection, taken apart by member. */
import type { Clock } from "@tsunagi/base";
import type { PeerConnectionPort, StatsReportPort } from "../ports.ts";
import { type ConnectionStats, StatsReader } from "../stats/index.ts";

type Entry = Readonly<Record<string, unknown>>;

export class MemberStats {
  readonly #readers = new Map<string, StatsReader>();

  /**
   * @param memberOf whose publication is in the section of this mid
   * @param self under this ID what is sent
   */
  async read(
    clock: Clock,
    pc: PeerConnectionPort | undefined,
    members: readonly string[],
    memberOf: (mid: string) => string | undefined,
    self: string,
  ): Promise<Map<string, ConnectionStats>> {
    const report = await pc?.getStats();
    const entries: (readonly [string, Entry])[] = [];
    report?.forEach((entry, id) => void entries.push([id, entry]));
    for (const peerId of [...this.#readers.keys()]) if (!members.includes(peerId)) this.#readers.delete(peerId);
    const now = clock.now();
    return new Map(
      members.map((peerId) => {
        const reader = this.#readers.get(peerId) ?? new StatsReader();
        this.#readers.set(peerId, reader);
        return [peerId, reader.read(now, only(entries, peerId, memberOf, self))] as const;
      }),
    );
  }
}

/** What all have in common, such as the path, and of the RTP streams only one member's. */
function only(
  entries: readonly (readonly [string, Entry])[],
  peerId: string,
  memberOf: (mid: string) => string | undefined,
  self: string,
): StatsReportPort {
  const belongs = ({ type, mid }: Entry) => {
    switch (type) {
      case "inbound-rtp":
      case "remote-outbound-rtp":
        return typeof mid === "string" && memberOf(mid) === peerId;
      case "outbound-rtp":
      case "remote-inbound-rtp":
      case "media-source":
      case "data-channel":
        return peerId === self;
      default:
        return true;
    }
  };
  return {
    forEach: (visit) => {
      for (const [id, entry] of entries) if (belongs(entry)) visit(entry, id);
    },
  };
}
