/** The border of the router: what its owner tells it, and what it answers. The owner is the shell in servers/sfu, or a test. */
import type { Millis } from "@tsunagi/base";
import type { ExtensionKind, SendList } from "@tsunagi/rtp";

export type CodecName = "opus" | "red" | "vp8" | "vp9" | "h264" | "av1";

/** One payload type as negotiated with one client (RFC 8866 §6.6 rtpmap, fmtp). */
export type Codec = {
  readonly name: CodecName;
  readonly payloadType: number;
  /** Hz. */
  readonly clockRate: number;
  readonly channels: number;
  /** As in the SDP, such as `profile-level-id=42e01f;packetization-mode=1`. Two codecs fit when name and what matters of this are equal. */
  readonly fmtp: string;
  /** Payload type of its retransmissions (RFC 4588). */
  readonly rtx: number | undefined;
  readonly feedback: {
    readonly nack: boolean;
    readonly pli: boolean;
    readonly fir: boolean;
    readonly transportCc: boolean;
    readonly remb: boolean;
  };
};

/** Negotiated header extensions, ID by kind (RFC 8285). */
export type Extensions = Readonly<Partial<Record<ExtensionKind, number>>>;

/** A section in which the client sends one track. */
export type PublicationInit = {
  /** Unique in the room; chosen by the client, so that it outlives a transport. */
  readonly id: string;
  readonly peerId: string;
  readonly kind: "audio" | "video";
  /** `camera`, `screen` … : screens keep their resolution and lose frames first. */
  readonly source: string;
  readonly mid: string;
  readonly codecs: readonly Codec[];
  readonly extensions: Extensions;
  /** Low to high. One without a RID where there is no simulcast; SSRCs where the SDP names them (Firefox, WHIP), else learnt from MID and RID. */
  readonly encodings: readonly {
    readonly rid: string | undefined;
    readonly ssrc: number | undefined;
    readonly rtxSsrc: number | undefined;
  }[];
  readonly muted: boolean;
};

/** A section in which the client receives: a place for one publication after the other. SSRCs are ours and stay. */
export type SlotInit = {
  readonly mid: string;
  readonly kind: "audio" | "video";
  readonly ssrc: number;
  readonly rtxSsrc: number | undefined;
  readonly codecs: readonly Codec[];
  readonly extensions: Extensions;
};

/** What the subscriber wants in a slot. Absent fields stay as they were; at first: no limit, not paused, priority 0. */
export type SlotWish = {
  readonly mid: string;
  /** null: nothing. */
  readonly publication?: string | null | undefined;
  /** Pixels as rendered, device pixel ratio included. 0: not visible. */
  readonly maxWidth?: number | undefined;
  readonly maxHeight?: number | undefined;
  readonly maxFrameRate?: number | undefined;
  readonly paused?: boolean | undefined;
  /** Higher ones get bandwidth first. −10 to 10. */
  readonly priority?: number | undefined;
};

export type RouterLimits = {
  /** Bits a second that one publication may send; more is dropped and counted. Default 8,000,000. */
  readonly publicationBps: number;
  /** Of one member. Default 16. */
  readonly publications: number;
  /** Of one member. Default 256. */
  readonly slots: number;
  /** Towards one member, whatever its network could carry. Default 50,000,000. */
  readonly memberBps: number;
};

/** What happened; the owner takes them after each call (`takeEvents`). */
export type RouterEvent =
  /** Which encodings of a publication anyone wants, low to high: the publisher may stop sending the others. */
  | { readonly type: "demand"; readonly transport: number; readonly publication: string; readonly encodings: readonly boolean[] }
  /** What a subscriber gets in a slot has changed. `layer` null: nothing, for `reason`. */
  | {
      readonly type: "quality";
      readonly transport: number;
      readonly mid: string;
      readonly publication: string | null;
      readonly layer: {
        readonly encoding: number;
        readonly spatial: number;
        readonly temporal: number;
        /** Bits a second, measured. */
        readonly bps: number;
      } | null;
      readonly reason: "bandwidth" | "wish" | "paused" | "muted" | "last-n" | "codec" | "waiting" | "none";
    }
  /** Most recent speaker first; loudness 0 (silent) to 127, by peer. At most four times a second, and only on a change. */
  | {
      readonly type: "speakers";
      readonly active: string | null;
      readonly levels: readonly (readonly [peerId: string, level: number])[];
    }
  /** Nothing, or next to nothing, has come of a publication for two seconds that did before. Told once, until more comes again. */
  | { readonly type: "quiet"; readonly transport: number; readonly publication: string }
  /** The estimate towards a member. At most once a second, and only on a change of over 10 %. */
  | { readonly type: "bandwidth"; readonly transport: number; readonly bps: number };

/** Who wants packets of this publication elsewhere: another worker, a recorder, the MCU. Its codecs and extensions are the publication's own. */
export type RouterOutput = {
  readonly list: SendList;
  /** RTCP to send, one compound packet each. */
  readonly rtcp: { readonly transport: number; readonly packet: Uint8Array }[];
};

/** One room on one worker. Pure: no sockets, no clock, no timers. */
export interface RouterPort {
  /** Filled by `receive` and `tick`; the owner flushes and clears it. One list may serve all routers of a worker. */
  readonly output: RouterOutput;
  /** When `tick` is due next; undefined: not before something else happens. */
  readonly deadline: Millis | undefined;

  addTransport(now: Millis, transport: number, member: string): void;
  /** Packets reach it from now on: what was sent before is lost, and its pictures begin anew. */
  connected(now: Millis, transport: number): void;
  /** Ends its publications and slots, too. */
  removeTransport(now: Millis, transport: number): void;
  /** @throws {CodedError} `sfu.publication.*` */
  publish(now: Millis, transport: number, publication: PublicationInit): void;
  /** The same publication over a new transport of the same member, or with other codecs or encodings: subscribers keep their slots. */
  unpublish(now: Millis, publication: string): void;
  setMuted(now: Millis, publication: string, muted: boolean): void;
  /** @throws {CodedError} `sfu.slot.*` */
  addSlot(now: Millis, transport: number, slot: SlotInit): void;
  removeSlot(now: Millis, transport: number, mid: string): void;
  wish(now: Millis, transport: number, wish: SlotWish): void;
  /** Video of the `n` who spoke last only; undefined: of all. */
  setLastN(now: Millis, transport: number, n: number | undefined): void;

  /** One packet of a burst. Bytes are the router's from now on. Never throws. */
  receive(now: Millis, transport: number, bytes: Uint8Array): void;
  /** The end of the burst: sends what the burst made due. */
  endBurst(now: Millis): void;
  tick(now: Millis): void;

  takeEvents(): readonly RouterEvent[];
  /** For the operator, as JSON: publications, slots, layers, estimates, counters by reason. */
  dump(now: Millis): unknown;
}

/** Congestion control towards one member, as the router uses it (congestion/). */
export interface CongestionPort {
  /** Next transport-wide sequence number, for a packet of `bytes` that is sent now. */
  sent(now: Millis, bytes: number, kind: "media" | "rtx" | "probe" | "audio"): number;
  /** Transport-wide feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01): the RTCP packet's bytes from its header on. */
  feedback(now: Millis, packet: Uint8Array): void;
  /** REMB, where there is no transport-wide feedback. */
  remb(now: Millis, bps: number): void;
  /** Of receiver reports: fraction lost 0 to 1, round trip in ms where known. */
  report(now: Millis, fractionLost: number, rttMs: number | undefined): void;
  /** What may be sent in bits a second. */
  readonly estimateBps: number;
  readonly rttMs: number;
  /** Asks to be probed at this rate: more is wanted than the estimate allows, and it may be there. */
  probeWanted(now: Millis, wantedBps: number): { readonly bps: number; readonly bytes: number } | undefined;
}

/** One slot that wants bandwidth (allocation/). */
export type Candidate = {
  readonly slot: number;
  readonly priority: number;
  /** What can be had, low to high, with measured rates; already cut to what is wanted (size, frame rate). */
  readonly layers: readonly {
    readonly encoding: number;
    readonly spatial: number;
    readonly temporal: number;
    readonly bps: number;
  }[];
  /** Index in `layers` that is sent now; −1: none. */
  readonly current: number;
};
