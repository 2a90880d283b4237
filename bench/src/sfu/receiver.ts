/**
 * What a receiver does with what comes: counts it, notes how long it took, and reports back as a browser does: transport-wide feedback every
 * 100 ms where the packets carry such numbers, receiver reports every second.
 */
import { EXTENSION_ID, VP8_RTX } from "./scenarios.ts";
import { nowMicros, readTrailer, type Trailer } from "./source.ts";
import { transportFeedback } from "./twcc.ts";

export const FEEDBACK_MS = 100;
const REPORT_MS = 1_000;
/** RFC 3550 §6.4: the count has five bits. */
const MAX_BLOCKS = 31;
const BUCKET_MICROS = 10;

/** Of all receivers together. */
export class Tally {
  /** Packets sent in between count. */
  fromMicros = Number.POSITIVE_INFINITY;
  toMicros = Number.POSITIVE_INFINITY;
  counted = 0;
  repeats = 0;
  /** Probes, padding and what else is no packet of the load. */
  others = 0;
  readonly #latency = new Uint32Array(100_000);

  note(micros: number): void {
    this.counted++;
    const bucket = Math.min(this.#latency.length - 1, Math.max(0, Math.floor(micros / BUCKET_MICROS)));
    this.#latency[bucket] = (this.#latency[bucket] ?? 0) + 1;
  }

  /** Milliseconds below which this part of the packets stayed. */
  latencyMs(part: number): number {
    let left = this.counted * part;
    for (let at = 0; at < this.#latency.length; at++) {
      left -= this.#latency[at] ?? 0;
      if (left <= 0) return ((at + 1) * BUCKET_MICROS) / 1000;
    }
    return Number.NaN;
  }
}

type Received = { ssrc: number; highest: number; cycles: number; senderReport: number; senderReportAtMs: number };

const trailer: Trailer = { stream: 0, count: 0, sentAtMicros: 0 };

export type ReceiverOptions = {
  /** Its own. */
  readonly ssrc: number;
  readonly transportSequenceId: number;
  /** When its first report is due. */
  readonly phaseMs: number;
  readonly send: (packet: Buffer) => void;
  readonly onKeyFrameWanted: () => void;
};

export class Receiver {
  readonly #tally: Tally;
  readonly #options: ReceiverOptions;
  readonly #streams = new Map<number, Received>();
  /** Transport-wide numbers and arrivals since the last feedback. */
  readonly #sequences: number[] = [];
  readonly #arrivals: number[] = [];
  #feedbackCount = 0;
  /** abs-send-time of the last packet, and the arrival that was told for it. */
  #lastSent = -1;
  #lastArrival = 0;
  #mediaSsrc = 0;
  #reportDueMs: number;

  constructor(tally: Tally, options: ReceiverOptions) {
    this.#tally = tally;
    this.#options = options;
    this.#reportDueMs = options.phaseMs;
  }

  onPacket(packet: Buffer): void {
    const type = packet[1] as number;
    // RFC 5761 §4.
    if (type >= 192 && type <= 223) this.#onRtcp(packet);
    else this.#onRtp(packet, type & 0x7f);
  }

  #onRtp(packet: Buffer, payloadType: number): void {
    const micros = nowMicros();
    const sequenceAt = extensionAt(packet, this.#options.transportSequenceId);
    if (sequenceAt > 0) {
      this.#sequences.push(packet.readUInt16BE(sequenceAt));
      this.#arrivals.push(this.#arrivedAt(packet, micros));
    }
    if (payloadType === VP8_RTX) {
      this.#tally.repeats++;
      return;
    }
    if (!readTrailer(packet, trailer)) {
      this.#tally.others++;
      return;
    }
    const ssrc = packet.readUInt32BE(8);
    this.#mediaSsrc = ssrc;
    const number = packet.readUInt16BE(2);
    const stream = this.#streams.get(ssrc);
    if (stream === undefined) {
      this.#streams.set(ssrc, { ssrc, highest: number, cycles: 0, senderReport: 0, senderReportAtMs: 0 });
    } else if (((number - stream.highest) & 0xffff) < 0x8000) {
      if (number < stream.highest) stream.cycles++;
      stream.highest = number;
    }
    const { sentAtMicros } = trailer;
    if (sentAtMicros >= this.#tally.fromMicros && sentAtMicros < this.#tally.toMicros) this.#tally.note(micros - sentAtMicros);
  }

  /** Called every 100 ms. */
  report(nowMs: number): void {
    const { ssrc, send } = this.#options;
    if (this.#sequences.length > 0) {
      send(transportFeedback(ssrc, this.#mediaSsrc, this.#feedbackCount++ & 0xff, this.#sequences, this.#arrivals));
      this.#sequences.length = 0;
      this.#arrivals.length = 0;
    }
    if (nowMs < this.#reportDueMs || this.#streams.size === 0) return;
    this.#reportDueMs = Math.max(this.#reportDueMs + REPORT_MS, nowMs);
    const streams = [...this.#streams.values()];
    for (let at = 0; at < streams.length; at += MAX_BLOCKS) {
      send(receiverReport(ssrc, streams.slice(at, at + MAX_BLOCKS), nowMs));
    }
  }

  /**
   * When the server says that it sent the packet (abs-send-time, 6.18 fixed point of seconds), where it does: a path without delay of its own. What
   * the machine's other work delays in here is no property of a network, and must not make a server send less.
   */
  #arrivedAt(packet: Buffer, micros: number): number {
    const at = extensionAt(packet, EXTENSION_ID.absSendTime);
    if (at === 0) return micros;
    const sent = packet.readUIntBE(at, 3);
    if (this.#lastSent < 0) this.#lastArrival = micros;
    else this.#lastArrival += ((((sent - this.#lastSent) << 8) >> 8) * 1e6) / 2 ** 18;
    this.#lastSent = sent;
    return this.#lastArrival;
  }

  #onRtcp(compound: Buffer): void {
    for (let at = 0; at + 8 <= compound.length; at += 4 * (compound.readUInt16BE(at + 2) + 1)) {
      const type = compound[at + 1] as number;
      const format = (compound[at] as number) & 0x1f;
      // RFC 4585 §6.3.1, RFC 5104 §4.3.1.
      if (type === 206 && (format === 1 || format === 4)) this.#options.onKeyFrameWanted();
      else if (type === 200 && at + 20 <= compound.length) {
        const stream = this.#streams.get(compound.readUInt32BE(at + 4));
        if (stream === undefined) continue;
        stream.senderReport = compound.readUInt32BE(at + 10);
        stream.senderReportAtMs = nowMicros() / 1000;
      }
    }
  }
}

/** Where the value of a one-byte extension stands (RFC 8285 §4.2); 0: it is not there. */
function extensionAt(packet: Buffer, id: number): number {
  const first = packet[0] as number;
  if ((first & 0x10) === 0) return 0;
  let at = 12 + 4 * (first & 0x0f);
  if (packet.readUInt16BE(at) !== 0xbede) return 0;
  const end = at + 4 + 4 * packet.readUInt16BE(at + 2);
  at += 4;
  while (at < end) {
    const head = packet[at] as number;
    if (head === 0) {
      at++;
      continue;
    }
    if (head >> 4 === id) return at + 1;
    at += 2 + (head & 0x0f);
  }
  return 0;
}

/** RFC 3550 §6.4.2; nothing is said to be lost, what was is counted by the tally. */
function receiverReport(ssrc: number, streams: readonly Received[], nowMs: number): Buffer {
  const report = Buffer.alloc(8 + 24 * streams.length);
  report[0] = 0x80 | streams.length;
  report[1] = 201;
  report.writeUInt16BE(report.length / 4 - 1, 2);
  report.writeUInt32BE(ssrc, 4);
  for (const [index, stream] of streams.entries()) {
    const at = 8 + 24 * index;
    report.writeUInt32BE(stream.ssrc, at);
    report.writeUInt32BE(((stream.cycles & 0xffff) << 16) >>> 0, at + 8);
    report.writeUInt16BE(stream.highest, at + 10);
    report.writeUInt32BE(20, at + 12);
    report.writeUInt32BE(stream.senderReport, at + 16);
    const delay = stream.senderReport === 0 ? 0 : ((nowMs - stream.senderReportAtMs) / 1000) * 65_536;
    report.writeUInt32BE(Math.max(0, Math.round(delay)), at + 20);
  }
  return report;
}
