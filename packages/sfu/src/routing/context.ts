/** What all parts of one router share. */
import { CanonicalPacket, PayloadInfo } from "@tsunagi/rtp";
import type { RouterOutput } from "../router-port.ts";
import type { Slot } from "../subscription/slot.ts";

/** Packets that went no further, by reason. One shape from the start: this is counted on the packet path. */
export class Drops {
  malformed = 0;
  "too-long" = 0;
  "no-transport" = 0;
  "unknown-ssrc" = 0;
  "unknown-payload-type" = 0;
  duplicate = 0;
  "too-old" = 0;
  padding = 0;
  descriptor = 0;
  /** Not dropped: sent on as the lowest layer. */
  "descriptor-unknown" = 0;
  muted = 0;
  "publication-rate" = 0;
  "ssrc-changes" = 0;
  "sequence-jump" = 0;
  "no-codec" = 0;
  "waiting-for-key-frame" = 0;
  layer = 0;
  "repeat-unknown" = 0;
  "repeat-too-soon" = 0;
  "repeat-rate" = 0;
  "rtcp-malformed" = 0;
  "rtcp-unknown-ssrc" = 0;
  "key-frame-request-rate" = 0;
}

export class RoutingContext {
  readonly output: RouterOutput;
  readonly drops = new Drops();
  /** Stands in for a packet whose place was kept but that is not wanted after all. */
  readonly filler = new CanonicalPacket();
  /** For packets out of a store, while the one that came is still being handed round. */
  readonly scratch = new PayloadInfo();
  /** For probes where there is nothing to repeat. */
  readonly padding = new CanonicalPacket();
  /** Slots in which something visible has changed since the last look. */
  readonly changed = new Set<Slot>();

  constructor(output: RouterOutput) {
    this.output = output;
    this.filler.fillPadding(1);
    this.padding.fillPadding(255);
  }
}
