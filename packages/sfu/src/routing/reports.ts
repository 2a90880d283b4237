/** Sender reports to subscribers: the slot's timestamps against the publisher's own clock, so that all it sends stays in step. */
import type { Millis } from "@tsunagi/base";
import { buildSdes, buildSenderReport, compound, emptySenderReport, ntpMiddle } from "@tsunagi/rtp";
import type { Slot } from "../subscription/slot.ts";
import type { RoutingContext } from "./context.ts";
import { CNAME } from "./publisher-feedback.ts";
import type { Transport } from "./transport.ts";

const REPORT_MS = 1_000;

export class Reports {
  readonly #context: RoutingContext;
  readonly #report = emptySenderReport();

  constructor(context: RoutingContext) {
    this.#context = context;
  }

  tick(now: Millis, transports: ReadonlyMap<number, Transport>): void {
    for (const transport of transports.values()) {
      for (const slot of transport.slots.values()) {
        if (slot.current !== -1 && now - slot.reportAt >= REPORT_MS) this.#send(now, slot);
      }
    }
  }

  #send(now: Millis, slot: Slot): void {
    const clock = slot.publication?.encodings[slot.current]?.clock;
    if (clock === undefined || !clock.known) return;
    const ntpMs = now - clock.offsetMs;
    const timestamp = slot.timestampAt(ntpMs);
    if (timestamp === undefined) return;
    const report = this.#report;
    report.ssrc = slot.ssrc;
    report.ntpMs = ntpMs;
    report.rtpTimestamp = timestamp;
    report.packets = slot.packets;
    report.octets = slot.octets >>> 0;
    slot.reportAt = now;
    slot.reportMiddle = ntpMiddle(ntpMs);
    const packet = compound([buildSenderReport(report), buildSdes(slot.ssrc, CNAME)]);
    this.#context.output.rtcp.push({ transport: slot.transport.index, packet });
  }
}
