/** What publishers are told: what arrives, what is missing, what rate would pass, and when a key frame is needed. */
import type { Millis } from "@tsunagi/base";
import {
  buildFir,
  buildNack,
  buildPli,
  buildReceiverReport,
  buildRemb,
  buildSdes,
  compound,
  emptyReportBlock,
  type ReportBlock,
} from "@tsunagi/rtp";
import type { Encoding } from "../publication/encoding.ts";
import type { Publication } from "../publication/publication.ts";
import type { RoutingContext } from "./context.ts";
import type { Transport } from "./transport.ts";

/** Reports go out once a second (RFC 3550 §6.2 allows less only on slow links), and soon after the first packet. */
const REPORT_MS = 1_000;
/** Sequence numbers of one request: 16 pairs or more. */
const MAX_MISSING = 128;
/** One report holds no more (RFC 3550 §6.4.1: 5 bits). */
const MAX_BLOCKS = 31;

export const CNAME = "tsunagi";

export class PublisherFeedback {
  readonly #context: RoutingContext;
  readonly #missing = new Uint16Array(MAX_MISSING);
  #firSequence = 0;

  constructor(context: RoutingContext) {
    this.#context = context;
  }

  /** Requests that should not wait: for missing packets and for key frames. */
  urgent(now: Millis, publications: ReadonlyMap<string, Publication>): void {
    for (const publication of publications.values()) {
      for (const encoding of publication.encodings) {
        if (encoding.ssrc === -1) continue;
        if (encoding.nack.missing > 0) this.#nack(now, encoding);
        if (encoding.nack.gaveUp) {
          encoding.nack.gaveUp = false;
          if (publication.kind === "video" && publication.subscribers.some((slot) => slot.current === encoding.index)) {
            encoding.keyframes.want(now, true);
          }
        }
        if (!encoding.keyframes.wanted) continue;
        if (!isAwaited(encoding)) encoding.keyframes.cancel();
        else if (encoding.keyframes.due(now)) this.#keyframe(encoding);
      }
    }
  }

  tick(now: Millis, transports: ReadonlyMap<number, Transport>, publications: ReadonlyMap<string, Publication>): void {
    this.urgent(now, publications);
    for (const transport of transports.values()) {
      const due = transport.feedback.deadline;
      if (due !== undefined && now >= due) {
        const media = anySsrc(transport);
        for (;;) {
          const packet = transport.feedback.take(transport.ssrc, media);
          if (packet === undefined) break;
          this.#send(transport, packet);
        }
      }
      if (transport.sources.size > 0 && now - transport.lastReportAt >= REPORT_MS) this.#report(now, transport);
    }
  }

  #nack(now: Millis, encoding: Encoding): void {
    if (encoding.codec?.feedback.nack !== true) {
      encoding.nack.giveUp(now);
      return;
    }
    const count = encoding.nack.due(now, this.#missing);
    if (count === 0) return;
    const { transport } = encoding.publication;
    this.#send(transport, buildNack(transport.ssrc, encoding.ssrc, this.#missing, count));
  }

  #keyframe(encoding: Encoding): void {
    const { transport } = encoding.publication;
    if (encoding.codec !== undefined && !encoding.codec.feedback.pli && encoding.codec.feedback.fir) {
      this.#firSequence = (this.#firSequence + 1) & 0xff;
      this.#send(transport, buildFir(transport.ssrc, encoding.ssrc, this.#firSequence));
    } else this.#send(transport, buildPli(transport.ssrc, encoding.ssrc));
  }

  #report(now: Millis, transport: Transport): void {
    const blocks: ReportBlock[] = [];
    let bps = 0;
    let worst = 0;
    const ssrcs: number[] = [];
    for (const publication of transport.publications) {
      for (const { statistics } of publication.encodings) {
        if (statistics === undefined || !statistics.active || blocks.length === MAX_BLOCKS) continue;
        const block = emptyReportBlock();
        statistics.report(now, block);
        blocks.push(block);
        ssrcs.push(statistics.ssrc);
        bps += statistics.bps(now);
        worst = Math.max(worst, block.fractionLost);
      }
    }
    if (blocks.length === 0) return;
    transport.lastReportAt = now;
    const parts = [buildReceiverReport(transport.ssrc, blocks), buildSdes(transport.ssrc, CNAME)];
    if (transport.transportSequenceId === 0 && transport.remb) {
      transport.estimate.measured(now, bps, worst);
      const rate = transport.estimate.due(now);
      if (rate !== undefined) parts.push(buildRemb(transport.ssrc, rate, ssrcs));
    }
    this.#send(transport, compound(parts));
  }

  #send(transport: Transport, packet: Uint8Array): void {
    this.#context.output.rtcp.push({ transport: transport.index, packet });
  }
}

/** Whether any subscriber has the encoding, or waits for it. */
function isAwaited(encoding: Encoding): boolean {
  for (const { target, current } of encoding.publication.subscribers) {
    if (target === encoding.index || current === encoding.index) return true;
  }
  return false;
}

function anySsrc(transport: Transport): number {
  for (const ssrc of transport.sources.keys()) return ssrc >>> 0;
  return 0;
}
