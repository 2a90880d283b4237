/** What members' RTCP asks of us and tells us. */
import type { Millis } from "@tsunagi/base";
import {
  emptyReportBlock,
  emptySenderReport,
  isPli,
  isTransportFeedback,
  mediaSsrc,
  ntpFraction,
  ntpSeconds,
  RTCP,
  RtcpReader,
  readBye,
  readFir,
  readNack,
  readRemb,
  readReportBlock,
  readSenderReport,
} from "@tsunagi/rtp";
import type { RoutingContext } from "./context.ts";
import type { Transport } from "./transport.ts";

/** One NACK packet may name so many; more is a flood. */
const MAX_NACK = 256;
/** Reports of one packet that are looked at. */
const MAX_BLOCKS = 31;

export class RtcpIn {
  readonly #context: RoutingContext;
  readonly #reader = new RtcpReader();
  readonly #sender = emptySenderReport();
  readonly #block = emptyReportBlock();
  readonly #missing = new Uint16Array(MAX_NACK);

  constructor(context: RoutingContext) {
    this.#context = context;
  }

  receive(now: Millis, transport: Transport, bytes: Uint8Array): void {
    const reader = this.#reader;
    reader.reset(bytes);
    let packets = 0;
    while (reader.next()) {
      packets += 1;
      switch (reader.type) {
        case RTCP.SR:
          this.#senderReport(now, transport);
          this.#blocks(now, transport);
          break;
        case RTCP.RR:
          this.#blocks(now, transport);
          break;
        case RTCP.BYE:
          this.#bye(transport);
          break;
        case RTCP.RTPFB:
          if (isTransportFeedback(reader)) transport.downlink.feedback(now, bytes.subarray(reader.start, reader.end));
          else this.#nack(now, transport);
          break;
        case RTCP.PSFB:
          this.#payloadFeedback(now, transport);
          break;
        default:
        // SDES, APP and XR tell nothing that is needed here.
      }
    }
    if (packets === 0) this.#context.drops["rtcp-malformed"] += 1;
  }

  #senderReport(now: Millis, transport: Transport): void {
    if (!readSenderReport(this.#reader, this.#sender)) return;
    const source = transport.sources.get(this.#sender.ssrc | 0);
    if (source === undefined || source.repair) return;
    const { ntpMs } = this.#sender;
    source.encoding.clock.report(now, ntpMs, this.#sender.rtpTimestamp);
    source.encoding.statistics?.senderReport(now, ntpSeconds(ntpMs), ntpFraction(ntpMs));
  }

  #blocks(now: Millis, transport: Transport): void {
    const block = this.#block;
    let worst = -1;
    let rtt: number | undefined;
    for (let i = 0; i < MAX_BLOCKS && readReportBlock(this.#reader, i, block); i++) {
      const target = transport.targets.get(block.ssrc | 0);
      if (target === undefined || target.repeat) continue;
      const { slot } = target;
      slot.fractionLost = block.fractionLost;
      if (block.fractionLost > worst) worst = block.fractionLost;
      if (block.lastSenderReport !== 0 && block.lastSenderReport === slot.reportMiddle) {
        const took = now - slot.reportAt - (block.delaySinceLastSenderReport * 1_000) / 65_536;
        if (took >= 0 && took < 10_000) rtt = rtt === undefined ? took : Math.min(rtt, took);
      }
    }
    if (worst >= 0) transport.downlink.report(now, worst, rtt);
  }

  #bye(transport: Transport): void {
    for (let i = 0; i < MAX_BLOCKS; i++) {
      const ssrc = readBye(this.#reader, i);
      if (ssrc === undefined) return;
      const source = transport.sources.get(ssrc | 0);
      // The publication stays: signalling ends it. Another SSRC may follow.
      if (source !== undefined && !source.repair) source.encoding.nack.reset();
    }
  }

  #nack(now: Millis, transport: Transport): void {
    const count = readNack(this.#reader, this.#missing);
    if (count === 0) return;
    const target = transport.targets.get(mediaSsrc(this.#reader) | 0);
    if (target === undefined || target.repeat) {
      this.#context.drops["rtcp-unknown-ssrc"] += 1;
      return;
    }
    const { slot } = target;
    for (let i = 0; i < count; i++) {
      if (!transport.mayRepeat(now)) {
        this.#context.drops["repeat-rate"] += count - i;
        return;
      }
      transport.repeated(slot.repeat(now, this.#missing[i] as number, transport.downlink.rttMs));
    }
  }

  #payloadFeedback(now: Millis, transport: Transport): void {
    const reader = this.#reader;
    if (isPli(reader)) {
      this.#keyframe(now, transport, mediaSsrc(reader));
      return;
    }
    const bps = readRemb(reader);
    if (bps !== undefined) {
      transport.downlink.remb(now, bps);
      return;
    }
    for (let i = 0; i < MAX_BLOCKS; i++) {
      const ssrc = readFir(reader, i);
      if (ssrc === undefined) return;
      this.#keyframe(now, transport, ssrc);
    }
  }

  #keyframe(now: Millis, transport: Transport, ssrc: number): void {
    const target = transport.targets.get(ssrc | 0);
    if (target === undefined) {
      this.#context.drops["rtcp-unknown-ssrc"] += 1;
      return;
    }
    const { slot } = target;
    if (slot.current === -1 || slot.kind !== "video") return;
    if (!slot.keyframeRequests.take(now)) {
      this.#context.drops["key-frame-request-rate"] += 1;
      return;
    }
    slot.publication?.encodings[slot.current]?.keyframes.want(now, false);
  }
}
