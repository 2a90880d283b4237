/** Follows the quality of what comes from each member, while the transport is connected. */
import type { Clock } from "@tsunagi/base";
import { type ConnectionStats, QualityMeter, type QualityReport } from "../stats/index.ts";
import { MemberStats } from "./member-stats.ts";

const EVERY_MS = 2_000;

export type MemberQualityHost = {
  readonly clock: Clock;
  readonly read: (stats: MemberStats) => Promise<ReadonlyMap<string, ConnectionStats>>;
  readonly onChange: (peerId: string, report: QualityReport) => void;
};

export class MemberQuality {
  readonly #host: MemberQualityHost;
  readonly #stats = new MemberStats();
  readonly #meters = new Map<string, QualityMeter>();
  #cancel: (() => void) | undefined;

  constructor(host: MemberQualityHost) {
    this.#host = host;
  }

  start(): void {
    this.#cancel?.();
    this.#cancel = this.#host.clock.after(EVERY_MS, () => void this.#read());
  }

  disconnected(): void {
    this.stop();
    for (const [peerId, meter] of this.#meters) this.#tell(peerId, meter.disconnected());
  }

  forget(peerId: string): void {
    this.#meters.delete(peerId);
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  async #read(): Promise<void> {
    const turn = this.#cancel;
    const all = await this.#host.read(this.#stats).catch(() => new Map<string, ConnectionStats>());
    // Stopped, or stopped and started again, while the browser was busy.
    if (this.#cancel !== turn) return;
    for (const [peerId, stats] of all) {
      const meter = this.#meters.get(peerId) ?? new QualityMeter();
      this.#meters.set(peerId, meter);
      this.#tell(peerId, meter.update(stats));
      if (this.#cancel !== turn) return;
    }
    this.start();
  }

  #tell(peerId: string, report: QualityReport | undefined): void {
    if (report !== undefined) this.#host.onChange(peerId, report);
  }
}
