/** A track that a member sends: its encodings, and who receives it. */
import type { Millis } from "@tsunagi/base";
import { type ExtensionIds, extensionIds } from "@tsunagi/rtp";
import type { Step } from "../allocation/ladder.ts";
import type { Voice } from "../audio/voice.ts";
import type { Codec, PublicationInit } from "../router-port.ts";
import type { Transport } from "../routing/transport.ts";
import type { Slot } from "../subscription/slot.ts";
import { Encoding } from "./encoding.ts";
import { RateLimit } from "./rate-limit.ts";

export class Publication {
  readonly id: string;
  readonly peerId: string;
  readonly kind: "audio" | "video";
  transport: Transport;
  init: PublicationInit;
  ids: ExtensionIds;
  encodings: readonly Encoding[];
  muted: boolean;
  readonly subscribers: Slot[] = [];
  readonly limit: RateLimit;
  /** How loud it is; of audio alone. */
  voice: Voice | undefined;
  /** Last packet of any encoding. */
  lastAt: Millis = Number.NEGATIVE_INFINITY;
  /** Packets of it when they were counted last; −1: they were not. */
  counted = -1;
  /** Next to nothing has come since the time before, as told. */
  isQuiet = false;
  /** By payload type. */
  #codecs = new Map<number, Codec>();
  /** By the payload type of its retransmissions. */
  #repairs = new Map<number, Codec>();
  /** Highest encoding that anyone wants, as told last; −1: none. At first all are taken to be wanted. */
  demandTop = 0;
  /** Someone's wish has changed: what is wanted is to be looked at now. */
  isDemandStale = true;
  demandAt: Millis = Number.NEGATIVE_INFINITY;
  /** Since when less is wanted than was told; −1: it is not. */
  lessSince: Millis = -1;
  /** What can be had of it (allocation/ladder.ts), and when that was made. */
  steps: readonly Step[] = [];
  stepsAt: Millis = Number.NEGATIVE_INFINITY;

  constructor(transport: Transport, init: PublicationInit, limitBps: number) {
    this.id = init.id;
    this.peerId = init.peerId;
    this.kind = init.kind;
    this.transport = transport;
    this.init = init;
    this.ids = extensionIds(init.extensions);
    this.muted = init.muted;
    this.limit = new RateLimit(limitBps);
    this.encodings = [];
    this.configure(transport, init);
  }

  /** The same publication, perhaps over another transport or with other encodings. */
  configure(transport: Transport, init: PublicationInit): void {
    this.transport = transport;
    this.init = init;
    this.ids = extensionIds(init.extensions);
    this.muted = init.muted;
    this.encodings = init.encodings.map((encoding, index) => new Encoding(this, index, encoding.rid));
    this.#codecs = new Map();
    this.#repairs = new Map();
    for (const codec of init.codecs) {
      this.#codecs.set(codec.payloadType, codec);
      if (codec.rtx !== undefined) this.#repairs.set(codec.rtx, codec);
    }
    this.demandTop = this.encodings.length - 1;
    this.lessSince = -1;
    this.stepsAt = Number.NEGATIVE_INFINITY;
  }

  /** Whether `init` over `transport` is what it is already, but for being muted. */
  is(transport: Transport, init: PublicationInit): boolean {
    return (
      transport === this.transport && JSON.stringify({ ...init, muted: false }) === JSON.stringify({ ...this.init, muted: false })
    );
  }

  codec(payloadType: number): Codec | undefined {
    return this.#codecs.get(payloadType);
  }

  repairedCodec(payloadType: number): Codec | undefined {
    return this.#repairs.get(payloadType);
  }

  get isScreen(): boolean {
    return this.init.source === "screen";
  }
}
