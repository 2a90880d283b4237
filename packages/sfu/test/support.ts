/** Publishers, subscribers and links in simulated time around one router. */
import type { Millis } from "@tsunagi/base";
import { buildNack, buildPli, compound, isRtcp, RtcpReader, RtpView, readNack, u16, u32 } from "@tsunagi/rtp";
import { buildRtp } from "@tsunagi/rtp/testing";
import { type Codec, type PublicationInit, Router, type RouterEvent, type RouterOptions, type SlotInit } from "../src/index.ts";

const feedback = { nack: true, pli: true, fir: true, transportCc: true, remb: true };
export const VP8: Codec = { name: "vp8", payloadType: 96, clockRate: 90_000, channels: 1, fmtp: "", rtx: 97, feedback };
export const VP9: Codec = { ...VP8, name: "vp9", payloadType: 98, rtx: 99, fmtp: "profile-id=0" };
export const OPUS: Codec = { name: "opus", payloadType: 111, clockRate: 48_000, channels: 2, fmtp: "", rtx: undefined, feedback };
export const RED: Codec = { ...OPUS, name: "red", payloadType: 63, fmtp: "111/111" };

/** As publishers name them; subscribers have others. */
export const SENT = { mid: 1, rid: 2, "repaired-rid": 3, "transport-sequence": 4, "audio-level": 5 } as const;
export const RECEIVED = { "transport-sequence": 9, "audio-level": 7, "dependency-descriptor": 11 } as const;

export type Received = {
  readonly at: number;
  readonly ssrc: number;
  readonly sequence: number;
  readonly timestamp: number;
  readonly payloadType: number;
  readonly marker: boolean;
  readonly padding: number;
  readonly payload: Uint8Array;
  readonly bytes: Uint8Array;
};

export class World {
  readonly router: Router;
  now = 1_000;
  readonly rtp = new Map<number, Received[]>();
  readonly rtcp = new Map<number, Uint8Array[]>();
  readonly events: RouterEvent[] = [];
  /** What a subscriber's link does with a packet: false loses it. */
  link: (transport: number, packet: Received) => boolean = () => true;
  onRtcp: (transport: number, packet: Uint8Array) => void = () => {};

  constructor(options: RouterOptions = {}) {
    this.router = new Router(options);
  }

  get millis(): Millis {
    return this.now as Millis;
  }

  member(index: number, name = `peer${index}`): void {
    this.router.addTransport(this.millis, index, name);
    this.rtp.set(index, []);
    this.rtcp.set(index, []);
  }

  publish(transport: number, init: Partial<PublicationInit> & { readonly id: string; readonly kind: "audio" | "video" }): void {
    this.router.publish(this.millis, transport, {
      peerId: `peer${transport}`,
      source: init.kind === "audio" ? "microphone" : "camera",
      mid: init.id,
      codecs: init.kind === "audio" ? [OPUS] : [VP8],
      extensions: SENT,
      encodings: [{ rid: undefined, ssrc: undefined, rtxSsrc: undefined }],
      muted: false,
      ...init,
    });
    this.pump();
  }

  subscribe(
    transport: number,
    mid: string,
    kind: "audio" | "video",
    publication: string | null,
    init: Partial<SlotInit> = {},
  ): void {
    const number = 0x80000000 + transport * 1_000 + Number(mid) * 10;
    this.router.addSlot(this.millis, transport, {
      mid,
      kind,
      ssrc: number,
      rtxSsrc: kind === "video" ? number + 1 : undefined,
      codecs: kind === "audio" ? [{ ...OPUS, payloadType: 109 }] : [{ ...VP8, payloadType: 120, rtx: 121 }],
      extensions: RECEIVED,
      ...init,
    });
    this.router.wish(this.millis, transport, { mid, publication });
    this.router.endBurst(this.millis);
    this.pump();
  }

  receive(transport: number, ...packets: readonly Uint8Array[]): void {
    for (const packet of packets) this.router.receive(this.millis, transport, packet);
    this.router.endBurst(this.millis);
    this.pump();
  }

  /** Lets time pass, with ticks when they are due. */
  advance(ms: number): void {
    const until = this.now + ms;
    for (;;) {
      const due = this.router.deadline;
      if (due === undefined || due > until) break;
      this.now = Math.max(this.now, due);
      this.router.tick(this.millis);
      this.pump();
    }
    this.now = until;
  }

  pump(): void {
    const { list, rtcp } = this.router.output;
    const view = new RtpView();
    for (let i = 0; i < list.length; i++) {
      const bytes = list.bytes(i).slice();
      if (!view.parse(bytes)) throw new Error("the router made a malformed packet");
      const transport = list.transport[i] as number;
      const packet: Received = {
        at: this.now,
        ssrc: view.ssrc,
        sequence: view.sequence,
        timestamp: view.timestamp,
        payloadType: view.payloadType,
        marker: view.marker,
        padding: view.padding,
        payload: bytes.slice(view.payloadStart, view.payloadEnd),
        bytes,
      };
      if (this.link(transport, packet)) this.rtp.get(transport)?.push(packet);
    }
    list.clear();
    for (const { transport, packet } of rtcp.splice(0)) {
      if (!isRtcp(packet)) throw new Error("the router made malformed RTCP");
      this.rtcp.get(transport)?.push(packet);
      this.onRtcp(transport, packet);
    }
    this.events.push(...this.router.takeEvents());
  }

  pli(transport: number, ssrc: number): void {
    this.receive(transport, buildPli(5, ssrc));
  }

  nack(transport: number, ssrc: number, missing: readonly number[]): void {
    this.receive(transport, compound([buildNack(5, ssrc, missing)]));
  }
}

/** Media SSRCs of the PLIs in what a member was sent. */
export function plis(packets: readonly Uint8Array[]): number[] {
  const reader = new RtcpReader();
  const found: number[] = [];
  for (const packet of packets) {
    reader.reset(packet);
    while (reader.next()) if (reader.type === 206 && reader.count === 1) found.push(u32(packet, reader.start + 8));
  }
  return found;
}

export function nacks(packets: readonly Uint8Array[]): number[] {
  const reader = new RtcpReader();
  const into = new Uint16Array(256);
  const found: number[] = [];
  for (const packet of packets) {
    reader.reset(packet);
    while (reader.next()) found.push(...into.subarray(0, readNack(reader, into)));
  }
  return found;
}

export type Vp8Options = {
  readonly ssrc: number;
  readonly mid: string;
  readonly rid?: string;
  readonly sequence?: number;
  readonly timestamp?: number;
  readonly pictureId?: number;
  readonly tl0?: number;
  /** Packets of a frame. */
  readonly packets?: number;
  readonly width?: number;
  readonly temporal?: boolean;
};

const TEMPORAL_PATTERN = [0, 2, 1, 2] as const;

/** Makes VP8 as Chromium does: 15-bit picture IDs, TL0PICIDX, three temporal layers where asked. */
export class Vp8Source {
  readonly options: Vp8Options;
  sequence: number;
  timestamp: number;
  pictureId: number;
  tl0: number;
  #frame = 0;
  #transportSequence = 0;

  constructor(options: Vp8Options) {
    this.options = options;
    this.sequence = options.sequence ?? 1_000;
    this.timestamp = options.timestamp ?? 5_000;
    this.pictureId = options.pictureId ?? 100;
    this.tl0 = options.tl0 ?? 10;
  }

  frame(key = false): Uint8Array[] {
    if (key) this.#frame = 0;
    const temporal = this.options.temporal === true ? (TEMPORAL_PATTERN[this.#frame % 4] as number) : 0;
    this.#frame += 1;
    if (temporal === 0) this.tl0 = (this.tl0 + 1) & 0xff;
    const count = this.options.packets ?? 2;
    const packets: Uint8Array[] = [];
    for (let i = 0; i < count; i++) {
      const start = i === 0;
      const descriptor = [
        0x80 | (start ? 0x10 : 0),
        0xe0,
        0x80 | (this.pictureId >> 8),
        this.pictureId & 0xff,
        this.tl0,
        (temporal << 6) | (temporal > 0 ? 0x20 : 0),
      ];
      const width = this.options.width ?? 640;
      const head = start ? (key ? [0, 0, 0, 0x9d, 1, 0x2a, width & 0xff, width >> 8, 224, 1] : [1, 0, 0]) : [];
      const payload = new Uint8Array(400);
      payload.set([...descriptor, ...head]);
      packets.push(this.packet(payload, i === count - 1));
    }
    this.pictureId = (this.pictureId + 1) & 0x7fff;
    this.timestamp = (this.timestamp + 3_000) >>> 0;
    return packets;
  }

  packet(payload: Uint8Array, marker: boolean, padding = 0): Uint8Array {
    const { mid, rid, ssrc } = this.options;
    const extensions: Record<number, number[]> = { [SENT.mid]: codes(mid) };
    if (rid !== undefined) extensions[SENT.rid] = codes(rid);
    this.#transportSequence = (this.#transportSequence + 1) & 0xffff;
    extensions[SENT["transport-sequence"]] = [this.#transportSequence >> 8, this.#transportSequence & 0xff];
    const sequence = this.sequence;
    this.sequence = (this.sequence + 1) & 0xffff;
    return buildRtp({ payloadType: 96, sequence, timestamp: this.timestamp, ssrc, marker, payload, padding, extensions });
  }
}

export function codes(text: string): number[] {
  return [...text].map((letter) => letter.charCodeAt(0));
}

/** Picture ID and TL0PICIDX of a VP8 packet as `Vp8Source` makes them. */
export function vp8Ids(packet: Received): { readonly picture: number; readonly tl0: number; readonly temporal: number } {
  return {
    picture: u16(packet.payload, 2) & 0x7fff,
    tl0: packet.payload[4] as number,
    temporal: (packet.payload[5] as number) >> 6,
  };
}

export function audioPacket(
  mid: string,
  ssrc: number,
  sequence: number,
  timestamp: number,
  payload: readonly number[],
  pt = 111,
): Uint8Array {
  return buildRtp({
    payloadType: pt,
    sequence: sequence & 0xffff,
    timestamp: timestamp >>> 0,
    ssrc,
    payload: Uint8Array.from(payload),
    extensions: { [SENT.mid]: codes(mid), [SENT["audio-level"]]: [0x80 | 30] },
  });
}

/** Sequence numbers with their turns, in the order received. */
export function extend(packets: readonly Received[]): number[] {
  let high = 0;
  let last = -1;
  return packets.map(({ sequence }) => {
    if (last >= 0 && last > 0xc000 && sequence < 0x4000) high += 0x10000;
    last = sequence;
    return high + sequence;
  });
}

export function isContiguous(numbers: readonly number[]): boolean {
  return numbers.every((number, i) => i === 0 || number === (numbers[i - 1] as number) + 1);
}
