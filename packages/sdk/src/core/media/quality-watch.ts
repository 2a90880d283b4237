/** Follows the quality of one link while it is connected. */
import type { PeerLink } from "../link/peer-link.ts";
import type { Platform } from "../ports.ts";
import { QualityMeter, type QualityReport, StatsReader } from "../stats/index.ts";

const EVERY_MS = 2_000;

export class QualityWatch {
  readonly #link: PeerLink;
  readonly #platform: Platform;
  readonly #onChange: (report: QualityReport) => void;
  readonly #meter = new QualityMeter();
  readonly #reader = new StatsReader();
  #cancel: (() => void) | undefined;

  constructor(link: PeerLink, platform: Platform, onChange: (report: QualityReport) => void) {
    this.#link = link;
    this.#platform = platform;
    this.#onChange = onChange;
    link.on("state", (state) => this.#onState(state));
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #onState(state: PeerLink["state"]): void {
    this.stop();
    if (state === "connected") this.#schedule();
    else if (state === "reconnecting") this.#tell(this.#meter.disconnected());
  }

  #schedule(): void {
    this.#cancel = this.#platform.clock.after(EVERY_MS, () => void this.#read());
  }

  async #read(): Promise<void> {
    const turn = this.#cancel;
    const report = await this.#link.peerConnection?.getStats().catch(() => undefined);
    // Stopped, or stopped and started again, while the browser was busy.
    if (this.#cancel !== turn) return;
    this.#tell(this.#meter.update(this.#reader.read(this.#platform.clock.now(), report)));
    if (this.#cancel === turn) this.#schedule();
  }

  #tell(report: QualityReport | undefined): void {
    if (report !== undefined) this.#onChange(report);
  }
}
