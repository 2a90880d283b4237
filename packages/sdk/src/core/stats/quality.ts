/**
 * The network's quality as a level from 5 (excellent) to 1 (bad), 0 while unknown or lost.
 *
 * The level is the transmission rating R of the E-model in the categories of ITU-T G.107 Annex B: R ≥ 90 very satisfied, 80 satisfied,
 * 70 some users dissatisfied, 60 many, below that nearly all. Of R = 93.2 − Id − Ie,eff two impairments are taken:
 * - delay, by the fit of Cole and Rosenbluth (2001): Id = 0.024 d + 0.11 (d − 177.3) beyond d = 177.3 ms one way;
 * - loss, G.107 §7.2 with Ie = 0, BurstR = 1: Ie,eff = 95 P / (P + Bpl), P in percent. Bpl = 25.1 is that of G.711 with concealment
 *   (G.113 Appendix I), which Opus does not fall behind.
 * Video adds caps of its own, since R knows only speech: see {@link rateQuality}.
 */
import type { ConnectionStats, TrackStats } from "./summary.ts";

export type QualityLevel = 0 | 1 | 2 | 3 | 4 | 5;
export type QualityReason = "none" | "loss" | "rtt" | "jitter" | "bitrate" | "disconnected";
/** `reason`: what costs most; `none` at level 5 and while nothing is known. */
export type QualityReport = { readonly level: QualityLevel; readonly reason: QualityReason };

/** Packetisation and coding of a 20 ms frame, one way. */
const CODING_DELAY_MS = 30;

/** A jitter buffer settles at about twice the interarrival jitter (RFC 3550 §6.4.1), one way. */
const JITTER_BUFFER_FACTOR = 2;

const LOSS_ROBUSTNESS = 25.1;

/** The least R of levels 5, 4, 3 and 2. */
const CATEGORIES = [90, 80, 70, 60] as const;

/** Estimated bandwidth under which video falls to a slide show (one small picture at 15 frames/s), and under which it is poor. */
const STARVED_BPS = 150_000;
const POOR_BPS = 300_000;

/** A worse level is believed after two reports, a better one after three, so that one bad or good moment does not flicker. */
const WORSE_AFTER = 2;
const BETTER_AFTER = 3;

/** The level that one report alone stands for. `before`: the report before it, for what counts up. */
export function rateQuality(stats: ConnectionStats, before?: ConnectionStats): QualityReport {
  const tracks = [stats.audio.send, stats.audio.receive, stats.video.send, stats.video.receive].filter((t) => t !== undefined);
  if (stats.rttMs === undefined && tracks.length === 0) return { level: 0, reason: "none" };
  const lossPercent = 100 * worst(tracks, (each) => each.packetLoss);
  const loss = (95 * lossPercent) / (lossPercent + LOSS_ROBUSTNESS);
  const jitterMs = worst(tracks, (each) => each.jitterMs) * JITTER_BUFFER_FACTOR;
  const wireMs = (stats.rttMs ?? 0) / 2;
  const delay = delayImpairment(CODING_DELAY_MS + wireMs + jitterMs);
  const rating = 93.2 - loss - delay;
  const level = (5 - CATEGORIES.filter((least) => rating < least).length) as QualityLevel;
  const network: QualityReport = {
    level,
    reason: level === 5 ? "none" : loss >= delay ? "loss" : wireMs >= jitterMs ? "rtt" : "jitter",
  };
  const cap = videoCap(stats, before);
  return cap < network.level ? { level: cap, reason: "bitrate" } : network;
}

/** Follows one connection; with hysteresis. */
export class QualityMeter {
  #report: QualityReport = { level: 0, reason: "none" };
  #before: ConnectionStats | undefined;
  /** For how many reports in a row the level was another one, on the same side. */
  #streak = 0;

  get report(): QualityReport {
    return this.#report;
  }

  /** Takes the next report. Returns the new quality when the level changed. */
  update(stats: ConnectionStats): QualityReport | undefined {
    const next = rateQuality(stats, this.#before);
    this.#before = stats;
    const difference = Math.sign(next.level - this.#report.level);
    if (difference === 0) {
      this.#streak = 0;
      return undefined;
    }
    this.#streak = Math.sign(this.#streak) === difference ? this.#streak + difference : difference;
    const known = this.#report.level !== 0 && next.level !== 0;
    if (known && this.#streak < BETTER_AFTER && this.#streak > -WORSE_AFTER) return undefined;
    return this.#change(next);
  }

  /** The connection is interrupted: known at once. */
  disconnected(): QualityReport | undefined {
    this.#before = undefined;
    return this.#report.reason === "disconnected" ? undefined : this.#change({ level: 0, reason: "disconnected" });
  }

  #change(report: QualityReport): QualityReport {
    this.#streak = 0;
    this.#report = report;
    return report;
  }
}

function delayImpairment(oneWayMs: number): number {
  return 0.024 * oneWayMs + Math.max(0, 0.11 * (oneWayMs - 177.3));
}

/** A picture that froze since the last report is at most level 2 (3 after one freeze); so is video on a path without room for it. */
function videoCap(stats: ConnectionStats, before: ConnectionStats | undefined): QualityLevel {
  const freezes = (stats.video.receive?.freezeCount ?? 0) - (before?.video.receive?.freezeCount ?? Number.POSITIVE_INFINITY);
  let cap: QualityLevel = freezes > 1 ? 2 : freezes === 1 ? 3 : 5;
  if (stats.video.send !== undefined && stats.availableOutgoingBps !== undefined && stats.video.send.bitrateBps > 0) {
    if (stats.availableOutgoingBps < STARVED_BPS) cap = 2;
    else if (stats.availableOutgoingBps < POOR_BPS && cap > 3) cap = 3;
  }
  return cap;
}

function worst(tracks: readonly TrackStats[], of: (track: TrackStats) => number | undefined): number {
  return Math.max(0, ...tracks.map((track) => of(track) ?? 0));
}
