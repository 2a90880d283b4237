/**
 * Whether a queue grows on the way to one member (draft-ietf-rmcat-gcc-02 §5): packets are taken together as they were sent, the delay of each
 * group is compared with the one before, and the slope of the sum over the last groups with a threshold that adapts itself.
 */

export type DelaySignal = "normal" | "over" | "under";

/** Packets sent within this are one group: what a frame or the pacer sends at once (gcc-02 §5.2). */
const GROUP_MS = 5;
/** Groups in the regression. */
const WINDOW = 20;
/** Share of the past in the smoothed delay. */
const SMOOTHING = 0.9;
/** The slope is weighed with the count of groups, up to this, and this gain; so it compares with a threshold in ms. */
const MOST_GROUPS = 60;
const GAIN = 4;
/** gcc-02 §5.4: the threshold, its bounds and how quickly it follows; and how long the slope must be above it. */
const THRESHOLD_START = 12.5;
const THRESHOLD_MIN = 6;
const THRESHOLD_MAX = 600;
const THRESHOLD_UP = 0.0087;
const THRESHOLD_DOWN = 0.039;
/** A slope this far beyond the threshold is an outlier (a path that changed): the threshold does not learn from it. */
const OUTLIER = 15;
const OVERUSE_MS = 10;
/** Gaps longer than this, on either clock, say nothing about a queue. */
const GAP_MS = 2_000;

export class DelayDetector {
  signal: DelaySignal = "normal";
  /** The group being filled, and the one before: sent first and last, arrived last. */
  #firstSent = -1;
  #lastSent = 0;
  #lastArrival = 0;
  #firstArrival = 0;
  #priorSent = -1;
  #priorArrival = 0;
  readonly #times = new Float64Array(WINDOW);
  readonly #delays = new Float64Array(WINDOW);
  #count = 0;
  #origin = 0;
  #sum = 0;
  #smoothed = 0;
  #threshold = THRESHOLD_START;
  #thresholdAt = -1;
  #trend = 0;
  #overMs = -1;
  #overCount = 0;

  /** Forgets the path: after silence, or when clocks jumped. */
  reset(): void {
    this.signal = "normal";
    this.#firstSent = -1;
    this.#priorSent = -1;
    this.#count = 0;
    this.#sum = 0;
    this.#smoothed = 0;
    this.#threshold = THRESHOLD_START;
    this.#thresholdAt = -1;
    this.#trend = 0;
    this.#overMs = -1;
    this.#overCount = 0;
  }

  /** One received packet, in the order of its sequence number; times in ms on the sender's and the receiver's clock. */
  sample(sentAt: number, arrivedAt: number): void {
    if (this.#firstSent < 0) {
      this.#begin(sentAt, arrivedAt);
      return;
    }
    // Overtaken by a later group: it would only confuse.
    if (sentAt < this.#firstSent) return;
    if (sentAt - this.#firstSent <= GROUP_MS || this.#isBurst(sentAt, arrivedAt)) {
      if (sentAt > this.#lastSent) this.#lastSent = sentAt;
      if (arrivedAt > this.#lastArrival) this.#lastArrival = arrivedAt;
      return;
    }
    if (this.#priorSent >= 0) {
      const sentDelta = this.#lastSent - this.#priorSent;
      const arrivalDelta = this.#lastArrival - this.#priorArrival;
      if (sentDelta > GAP_MS || arrivalDelta > GAP_MS || arrivalDelta < -GAP_MS) this.reset();
      else if (arrivalDelta >= 0) this.#update(sentDelta, arrivalDelta, this.#lastArrival);
    }
    if (this.#firstSent >= 0) {
      this.#priorSent = this.#lastSent;
      this.#priorArrival = this.#lastArrival;
    }
    this.#begin(sentAt, arrivedAt);
  }

  #begin(sentAt: number, arrivedAt: number): void {
    this.#firstSent = sentAt;
    this.#lastSent = sentAt;
    this.#firstArrival = arrivedAt;
    this.#lastArrival = arrivedAt;
  }

  /** Packets that a link held and let go at once (Wi-Fi, cellular) arrive closer than they were sent: one group. */
  #isBurst(sentAt: number, arrivedAt: number): boolean {
    const arrivalDelta = arrivedAt - this.#lastArrival;
    return (
      arrivalDelta >= 0 &&
      arrivalDelta <= GROUP_MS &&
      arrivalDelta - (sentAt - this.#lastSent) <= 0 &&
      arrivedAt - this.#firstArrival < 100
    );
  }

  #update(sentDelta: number, arrivalDelta: number, arrivedAt: number): void {
    this.#sum += arrivalDelta - sentDelta;
    this.#smoothed = SMOOTHING * this.#smoothed + (1 - SMOOTHING) * this.#sum;
    if (this.#count === 0) this.#origin = arrivedAt;
    const place = this.#count % WINDOW;
    this.#times[place] = arrivedAt - this.#origin;
    this.#delays[place] = this.#smoothed;
    this.#count += 1;
    const slope = this.#count < WINDOW ? this.#trend : this.#slope();
    this.#detect(slope, sentDelta, arrivedAt);
  }

  /** Least squares over the window; the last slope where all times are one. */
  #slope(): number {
    let time = 0;
    let delay = 0;
    for (let index = 0; index < WINDOW; index += 1) {
      time += this.#times[index] ?? 0;
      delay += this.#delays[index] ?? 0;
    }
    time /= WINDOW;
    delay /= WINDOW;
    let above = 0;
    let below = 0;
    for (let index = 0; index < WINDOW; index += 1) {
      const x = (this.#times[index] ?? 0) - time;
      above += x * ((this.#delays[index] ?? 0) - delay);
      below += x * x;
    }
    return below > 0 ? above / below : this.#trend;
  }

  #detect(slope: number, sentDelta: number, arrivedAt: number): void {
    const weighed = Math.min(this.#count, MOST_GROUPS) * slope * GAIN;
    if (weighed > this.#threshold) {
      this.#overMs = this.#overMs < 0 ? sentDelta / 2 : this.#overMs + sentDelta;
      this.#overCount += 1;
      if (this.#overMs > OVERUSE_MS && this.#overCount > 1 && slope >= this.#trend) {
        this.#overMs = 0;
        this.#overCount = 0;
        this.signal = "over";
      }
    } else {
      this.#overMs = -1;
      this.#overCount = 0;
      this.signal = weighed < -this.#threshold ? "under" : "normal";
    }
    this.#trend = slope;
    this.#adapt(Math.abs(weighed), arrivedAt);
  }

  #adapt(weighed: number, at: number): void {
    const since = this.#thresholdAt < 0 ? 0 : Math.min(100, Math.max(0, at - this.#thresholdAt));
    this.#thresholdAt = at;
    if (weighed > this.#threshold + OUTLIER) return;
    const gain = weighed < this.#threshold ? THRESHOLD_DOWN : THRESHOLD_UP;
    const next = this.#threshold + gain * (weighed - this.#threshold) * since;
    this.#threshold = Math.min(THRESHOLD_MAX, Math.max(THRESHOLD_MIN, next));
  }
}
