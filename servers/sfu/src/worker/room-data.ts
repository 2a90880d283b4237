/** Members' messages by topic within one room: read, limited, and delivered to those here and, by pipe, elsewhere. */
import type { Millis } from "@tsunagi/base";
import type { PipedData } from "../pipe/outlets.ts";
import type { WorkerCounters } from "./counters.ts";
import { dataText, deliver, parseData } from "./data-relay.ts";
import type { Member } from "./member.ts";
import type { Session } from "./session.ts";

export type RoomDataParts = {
  readonly members: ReadonlyMap<string, Member>;
  readonly counters: WorkerCounters;
  readonly now: () => Millis;
  /** To other workers that have members of the room. */
  readonly pipe: (data: PipedData) => void;
};

export class RoomData {
  readonly #parts: RoomDataParts;

  constructor(parts: RoomDataParts) {
    this.#parts = parts;
  }

  onMessage(member: Member, session: Session, message: string | Uint8Array, lossy: boolean): void {
    const { counters, now } = this.#parts;
    counters.dataMessages++;
    const refuse = (code: string, reason: string, text: string) => {
      counters.drop(reason);
      if (!lossy && member.controlRate.take(now())) session.tell({ type: "error", code, message: text });
    };
    if (!member.directions.data) {
      refuse("sfu.direction.denied", "data-denied", "This member may not send data here.");
      return;
    }
    if (!member.mayRelay(now(), lossy, message.length)) {
      refuse("sfu.data.rate", "data-rate", "Too much data at once.");
      return;
    }
    const data = parseData(message, lossy);
    if (data === undefined) {
      refuse("sfu.data.malformed", "data-malformed", "A data message cannot be read.");
      return;
    }
    const relayed: PipedData = { from: member.peerId, to: data.to, lossy, text: dataText(data, member.peerId) };
    this.deliver(relayed);
    this.#parts.pipe(relayed);
  }

  /** To the members that are here. */
  deliver({ from, to, lossy, text }: PipedData): void {
    const wanted = to === undefined ? undefined : new Set(to);
    for (const other of this.#parts.members.values()) {
      if (other.peerId === from || (wanted !== undefined && !wanted.has(other.peerId)) || !other.directions.data) continue;
      this.#deliverTo(other, text, lossy);
    }
  }

  #deliverTo(member: Member, text: string, lossy: boolean): void {
    const { counters, now } = this.#parts;
    // While a transport replaces another, the newer one that has its channel open.
    const session = member.sessions.find((each) => each.dataChannel(lossy) !== undefined);
    const channel = session?.dataChannel(lossy);
    if (session === undefined || channel === undefined) {
      counters.drop("data-no-channel");
    } else if (!deliver(channel, text, lossy)) {
      counters.drop("data-slow-receiver");
      if (!lossy && member.controlRate.take(now())) {
        const message = "Messages were lost: they came faster than they could be received.";
        session.tell({ type: "error", code: "sfu.data.overflow", message });
      }
    }
  }
}
