/**
 * Probe clusters: for some hundredths of a second more is sent than allowed, by repeats and padding, and what arrives of it shows whether more
 * would pass. Only that lifts an estimate quickly where the layers sent do not fill it.
 */
import type { Millis } from "@tsunagi/base";

/** What is tried, over the estimate. */
const STEP = 2;
const FIRST_STEP = 3;
/** Where the link was full lately, a step of those that share it fairly; the next, after a success, is a whole one. */
const GENTLE_STEP = 1.3;
/** A cluster is this long, or has this many packets, where that does not take too long. */
const CLUSTER_MS = 40;
const CLUSTER_PACKETS = 6;
const LONGEST_CLUSTER_MS = 400;
const PACKET_BYTES = 1_200;
/** At most, for one trial. */
const MOST_BYTES = 60_000;
/** After failures: the first pause, doubled each time, and the longest. */
const PAUSE_MS = 750;
const LONGEST_PAUSE_MS = 4_000;
/** After a success, the next can follow. */
const NEXT_MS = 30;
/** Told of this share of the cluster's packets, it can be judged; and how long to wait for that. */
const TOLD = 0.8;
const PATIENCE_MS = 400;
/** Arrived slower than sent: the link is full, and this share of what arrived is safe. */
const FULL = 0.9;
const SAFE = 0.92;
/** Faster than this over sent means that a queue on the way let go: it shows nothing. */
const BUNCHED = 2.5;
/** More must be won than this to count as a success. */
const WORTH = 1.08;

export type Probe = { readonly bps: number; readonly bytes: number };

export class Probes {
  /** Of the packets sent now; 0: no cluster is on. */
  cluster = 0;
  /** The cluster is being sent until then. */
  endsAt: Millis = Number.NEGATIVE_INFINITY;
  #last = 0;
  #startedAt: Millis = 0;
  #bytes = 0;
  #bps = 0;
  #baseBps = 0;
  #awaiting = false;
  #nextAt: Millis = Number.NEGATIVE_INFINITY;
  #pauseMs = PAUSE_MS;
  #first = true;
  #succeeded = false;
  // Sent in the cluster.
  #sent = 0;
  #sentBytes = 0;
  #firstSentAt = 0;
  #lastSentAt = 0;
  #lastBytes = 0;
  // Of those, told.
  #told = 0;
  #received = 0;
  #receivedBytes = 0;
  #firstArrival = 0;
  #firstBytes = 0;
  #lastArrival = 0;

  /** Begins a cluster where one is due. Its packets are then to be sent at `bps` until `bytes` are out. */
  start(now: Millis, estimateBps: number, wantedBps: number, wasFull: boolean): Probe | undefined {
    if (this.#awaiting || now < this.#nextAt || wantedBps <= estimateBps * WORTH) return undefined;
    const step = this.#first ? FIRST_STEP : wasFull && !this.#succeeded ? GENTLE_STEP : STEP;
    const bps = Math.min(estimateBps * step, wantedBps * 1.3);
    const bytes = Math.min(
      MOST_BYTES,
      Math.ceil(
        Math.max((bps * CLUSTER_MS) / 8_000, Math.min(CLUSTER_PACKETS * PACKET_BYTES, (bps * LONGEST_CLUSTER_MS) / 8_000)),
      ),
    );
    this.#first = false;
    this.#last = this.#last >= 255 ? 1 : this.#last + 1;
    this.cluster = this.#last;
    this.#awaiting = true;
    this.#startedAt = now;
    this.#bytes = bytes;
    this.#bps = bps;
    this.#baseBps = estimateBps;
    this.endsAt = now + Math.max(CLUSTER_MS, (bytes * 8_000) / bps) * 2;
    this.#sent = 0;
    this.#sentBytes = 0;
    this.#told = 0;
    this.#received = 0;
    this.#receivedBytes = 0;
    return { bps, bytes };
  }

  /** A packet is sent while a cluster is on: media counts, too. */
  sent(now: Millis, bytes: number): void {
    if (this.#sent === 0) this.#firstSentAt = now;
    this.#sent += 1;
    this.#sentBytes += bytes;
    this.#lastSentAt = now;
    this.#lastBytes = bytes;
    if (this.#sentBytes >= this.#bytes) {
      this.endsAt = now;
      this.cluster = 0;
    }
  }

  /** A packet of the cluster was told of; `arrival` below 0: lost. */
  told(cluster: number, bytes: number, arrival: number): void {
    if (cluster !== this.#last || !this.#awaiting) return;
    this.#told += 1;
    if (arrival < 0) return;
    if (this.#received === 0 || arrival < this.#firstArrival) {
      this.#firstArrival = arrival;
      this.#firstBytes = bytes;
    }
    if (this.#received === 0 || arrival > this.#lastArrival) this.#lastArrival = arrival;
    this.#received += 1;
    this.#receivedBytes += bytes;
  }

  /** The rate that the cluster has shown to pass, once it is known; undefined: not yet, or nothing. */
  judge(now: Millis, rttMs: number): number | undefined {
    if (!this.#awaiting) return undefined;
    if (this.cluster !== 0) {
      if (now < this.endsAt) return undefined;
      this.cluster = 0;
    }
    const late = now > this.endsAt + rttMs + PATIENCE_MS;
    // All of it, or so late that what is missing will not be told.
    if (this.#told < this.#sent && !late) return undefined;
    this.#awaiting = false;
    const shown = this.#shown();
    this.#succeeded = shown !== undefined && shown >= this.#baseBps * WORTH;
    if (shown === undefined || !this.#succeeded) {
      this.#nextAt = now + this.#pauseMs;
      this.#pauseMs = Math.min(LONGEST_PAUSE_MS, this.#pauseMs * 2);
      return undefined;
    }
    // Shown in full: try further at once. In part: the link is full, give it time.
    const full = shown < this.#bps * FULL;
    this.#nextAt = now + (full ? PAUSE_MS : NEXT_MS);
    this.#pauseMs = PAUSE_MS;
    return shown;
  }

  /** The path showed itself full: the next trial waits. */
  refused(now: Millis): void {
    this.#nextAt = Math.max(this.#nextAt, now + this.#pauseMs);
  }

  /** Something has changed for the better (the path is back, more is wanted): the next trial may come at once. */
  encourage(now: Millis): void {
    this.#pauseMs = PAUSE_MS;
    this.#nextAt = Math.min(this.#nextAt, now);
  }

  /** Bytes that should have been sent of the cluster by now, less what was: 0 or more: send. Undefined: no cluster is on. */
  due(now: Millis): number | undefined {
    if (this.cluster === 0) return undefined;
    if (now >= this.endsAt) {
      this.cluster = 0;
      return undefined;
    }
    return ((now - this.#startedAt) * this.#bps) / 8_000 - this.#sentBytes;
  }

  /** Nothing more can be sent of the cluster. */
  end(now: Millis): void {
    if (this.cluster === 0) return;
    this.cluster = 0;
    this.endsAt = now;
  }

  #shown(): number | undefined {
    if (this.#sent < 3 || this.#told < this.#sent * TOLD || this.#received < this.#sent * TOLD) return undefined;
    const sentMs = this.#lastSentAt - this.#firstSentAt;
    const receivedMs = this.#lastArrival - this.#firstArrival;
    if (sentMs < 2) return undefined;
    const sendBps = ((this.#sentBytes - this.#lastBytes) * 8_000) / sentMs;
    const receiveBps = ((this.#receivedBytes - this.#firstBytes) * 8_000) / Math.max(1, receivedMs);
    if (receiveBps > sendBps * BUNCHED) return undefined;
    if (receiveBps < sendBps * FULL) return receiveBps * SAFE;
    return Math.min(sendBps, receiveBps, this.#bps);
  }
}
