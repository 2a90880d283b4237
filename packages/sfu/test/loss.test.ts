import {
  buildReceiverReport,
  buildSenderReport,
  emptyReportBlock,
  emptySenderReport,
  RtcpReader,
  readSenderReport,
  u16,
} from "@tsunagi/rtp";
import { buildRtp } from "@tsunagi/rtp/testing";
import { describe, expect, it } from "vitest";
import { audioPacket, codes, extend, isContiguous, nacks, plis, SENT, VP8, Vp8Source, vp8Ids, World } from "./support.ts";

const SSRC = 0x80000000 + 2_030;

function playing(options: { temporal?: boolean } = {}) {
  const world = new World({ downlink: { startBps: 20_000_000 } });
  world.member(1);
  world.member(2);
  world.publish(1, { id: "v", kind: "video" });
  const source = new Vp8Source({ ssrc: 9, mid: "v", ...options, packets: 3, sequence: 65_500 });
  world.receive(1, ...source.frame(true));
  world.subscribe(2, "3", "video", "v");
  world.receive(1, ...source.frame(true));
  world.advance(33);
  return { world, source, got: world.rtp.get(2) ?? [] };
}

describe("losses on the way to a subscriber", () => {
  it("are repeated on the RTX stream, with the numbers as sent the first time", () => {
    const { world, source, got } = playing();
    for (let i = 0; i < 20; i++) {
      world.receive(1, ...source.frame());
      world.advance(33);
    }
    const missed = got[got.length - 7];
    if (missed === undefined) throw new Error("nothing came");
    world.nack(2, SSRC, [missed.sequence]);
    const repeat = got.at(-1);
    expect([repeat?.ssrc, repeat?.payloadType, repeat?.timestamp, repeat?.marker]).toEqual([
      SSRC + 1,
      121,
      missed.timestamp,
      missed.marker,
    ]);
    expect(u16(repeat?.payload ?? new Uint8Array(2), 0)).toBe(missed.sequence);
    expect([...(repeat?.payload.subarray(2) ?? [])]).toEqual([...missed.payload]);
  });

  it("are repeated no more often than a round trip lets answers arrive", () => {
    const { world, source, got } = playing();
    for (let i = 0; i < 20; i++) {
      world.receive(1, ...source.frame());
      world.advance(33);
    }
    const { sequence } = got[got.length - 3] ?? { sequence: 0 };
    const before = got.length;
    for (let i = 0; i < 50; i++) {
      world.nack(2, SSRC, [sequence]);
      world.advance(1);
    }
    expect(got.length - before).toBe(1);
    // Nor for what was never sent.
    world.nack(2, SSRC, [(sequence + 5_000) & 0xffff]);
    expect(got.length - before).toBe(1);
  });

  it("cannot be used to make the server send without bound", () => {
    const { world, source, got } = playing();
    for (let i = 0; i < 100; i++) {
      world.receive(1, ...source.frame());
      world.advance(10);
    }
    const all = got.map(({ sequence }) => sequence);
    const before = got.length;
    for (let i = 0; i < 100; i++) {
      world.nack(2, SSRC, all);
      world.advance(10);
    }
    expect(got.length - before).toBeLessThan(all.length * 11);
  });

  it("go to the same SSRC where the receiver has no RTX", () => {
    const world = new World();
    world.member(1);
    world.member(2);
    world.publish(1, { id: "v", kind: "video" });
    const source = new Vp8Source({ ssrc: 9, mid: "v" });
    world.receive(1, ...source.frame(true));
    world.subscribe(2, "3", "video", "v", { codecs: [{ ...VP8, rtx: undefined }], rtxSsrc: undefined });
    world.receive(1, ...source.frame(true));
    world.advance(50);
    const got = world.rtp.get(2) ?? [];
    world.nack(2, SSRC, [got[1]?.sequence ?? 0]);
    expect(got.at(-1)?.bytes).toEqual(
      (() => {
        const again = (got[1]?.bytes ?? new Uint8Array()).slice();
        again.set(got.at(-1)?.bytes.subarray(16, 20) ?? [], 16);
        return again;
      })(),
    );
  });
});

describe("losses on the way from a publisher", () => {
  it("are asked for, and the repeat takes its place in the subscriber's order", () => {
    const { world, source, got } = playing();
    const frame = source.frame();
    const lost = frame[1] ?? new Uint8Array();
    world.receive(1, frame[0] ?? lost, frame[2] ?? lost);
    world.receive(1, ...source.frame());
    expect(nacks(world.rtcp.get(1) ?? [])).toEqual([]);
    world.advance(20);
    expect(nacks(world.rtcp.get(1) ?? [])).toEqual([u16(lost, 2)]);
    const before = extend(got);
    expect(isContiguous(before)).toBe(false);
    // By RTX: an SSRC of its own, learnt from MID, the number as sent the first time in front.
    const payload = new Uint8Array(402);
    payload.set(lost.subarray(2, 4));
    payload.set(lost.subarray(lost.length - 400), 2);
    const rtx = { payloadType: 97, sequence: 7, timestamp: 1, ssrc: 10, payload, extensions: { [SENT.mid]: codes("v") } };
    world.receive(1, buildRtp(rtx), buildRtp({ ...rtx, sequence: 8 }));
    const sorted = extend(got).toSorted((a, b) => a - b);
    expect(isContiguous(sorted)).toBe(true);
    world.advance(500);
    expect(nacks(world.rtcp.get(1) ?? []).length).toBe(1);
    const dump = world.router.dump(world.millis) as { drops: { duplicate: number } };
    expect(dump.drops.duplicate).toBe(1);
  });

  it("are not asked for when packets only overtake each other", () => {
    const { world, source } = playing();
    for (let i = 0; i < 20; i++) {
      const frame = source.frame();
      world.receive(1, ...frame.toReversed());
      world.advance(33);
    }
    expect(nacks(world.rtcp.get(1) ?? [])).toEqual([]);
  });

  it("call for a key frame when they stay", () => {
    const { world, source } = playing();
    const frame = source.frame();
    world.receive(1, frame[0] ?? new Uint8Array());
    world.advance(600);
    const before = plis(world.rtcp.get(1) ?? []).length;
    for (let i = 0; i < 45; i++) {
      world.receive(1, ...source.frame());
      world.advance(33);
    }
    expect(nacks(world.rtcp.get(1) ?? []).length).toBeGreaterThan(2);
    expect(nacks(world.rtcp.get(1) ?? []).length).toBeLessThanOrEqual(2 * 10);
    expect(plis(world.rtcp.get(1) ?? []).length).toBeGreaterThan(before);
  });

  it("leave no trace where what comes late is not wanted any more", () => {
    const { world, source, got } = playing({ temporal: true });
    world.router.wish(world.millis, 2, { mid: "3", maxFrameRate: 7 });
    let late: Uint8Array[] = [];
    for (let i = 0; i < 60; i++) {
      const frame = source.frame();
      world.receive(1, ...late);
      // An upper layer's packet comes two packets later.
      if (i % 4 === 1) {
        late = [frame.splice(1, 1)[0] ?? new Uint8Array()];
        world.receive(1, ...frame);
      } else {
        late = [];
        world.receive(1, ...frame);
      }
      world.advance(33);
    }
    const numbers = extend(got).toSorted((a, b) => a - b);
    expect(isContiguous(numbers)).toBe(true);
    const layers = got.slice(-20).filter(({ padding }) => padding === 0);
    expect(layers.every((packet) => vp8Ids(packet).temporal === 0)).toBe(true);
  });
});

describe("reports", () => {
  it("tie the slot's timestamps to the publisher's clock and give the round trip", () => {
    const { world, source, got } = playing();
    const ntp = 3_900_000_000_000;
    const { timestamp } = source;
    const sent = world.now;
    const report = new Uint8Array(28);
    report.set([0x80, 200, 0, 6, 0, 0, 0, 9]);
    const view = new DataView(report.buffer);
    view.setUint32(8, ntp / 1_000);
    view.setUint32(16, timestamp);
    world.receive(1, report);
    const offset = ((got.at(-1)?.timestamp ?? 0) - (timestamp - 3_000)) | 0;
    world.rtcp.get(2)?.splice(0);
    world.advance(1_500);
    const reader = new RtcpReader();
    const read = emptySenderReport();
    const packet = world.rtcp.get(2)?.find((bytes) => bytes[1] === 200) ?? new Uint8Array();
    reader.reset(packet);
    expect(reader.next() && readSenderReport(reader, read)).toBe(true);
    expect(read.ssrc).toBe(SSRC);
    const elapsed = read.ntpMs - ntp;
    expect(elapsed).toBeGreaterThanOrEqual(0);
    expect(elapsed).toBeLessThanOrEqual(world.now - sent);
    expect(Math.abs(((read.rtpTimestamp - offset - timestamp) | 0) - elapsed * 90)).toBeLessThan(2);

    const at = world.rtcp.get(2)?.indexOf(packet) ?? -1;
    expect(at).toBe(0);
    const middle = new DataView(packet.buffer, packet.byteOffset).getUint32(10);
    world.receive(
      2,
      buildReceiverReport(5, [{ ...emptyReportBlock(), ssrc: SSRC, lastSenderReport: middle, delaySinceLastSenderReport: 0 }]),
    );
    const dump = world.router.dump(world.millis) as { transports: { downlink: { rttMs: number } }[] };
    expect(dump.transports[1]?.downlink.rttMs).toBeGreaterThanOrEqual(0);
  });

  it("of all slots of one publisher go by one clock, however late its own came", () => {
    const world = new World();
    world.member(1);
    world.member(2);
    world.publish(1, { id: "v", kind: "video" });
    world.publish(1, { id: "a", kind: "audio" });
    const source = new Vp8Source({ ssrc: 9, mid: "v" });
    world.receive(1, ...source.frame(true));
    world.receive(1, audioPacket("a", 7, 5, 960, [1, 2, 3]));
    world.subscribe(2, "3", "video", "v");
    world.subscribe(2, "5", "audio", "a");
    const ntpMs = 3_900_000_000_000;
    const report = { packets: 1, octets: 1, ntpMs };
    world.receive(1, buildSenderReport({ ...report, ssrc: 7, rtpTimestamp: 960 }));
    world.advance(80);
    world.receive(1, buildSenderReport({ ...report, ssrc: 9, rtpTimestamp: source.timestamp }));
    world.receive(1, ...source.frame(true), audioPacket("a", 7, 6, 1_920, [1, 2, 3]));
    const got = world.rtp.get(2) ?? [];
    const video = got.findLast(({ payloadType }) => payloadType === 120)?.timestamp ?? 0;
    const audio = got.findLast(({ payloadType }) => payloadType === 109)?.timestamp ?? 0;
    world.advance(2_500);
    const reader = new RtcpReader();
    const read = emptySenderReport();
    const moments = new Map<number, number>();
    for (const packet of world.rtcp.get(2) ?? []) {
      reader.reset(packet);
      if (!reader.next() || !readSenderReport(reader, read)) continue;
      // When what was captured at `ntpMs` is to be played, by this report.
      const isVideo = read.ssrc === SSRC;
      const behind = isVideo ? (read.rtpTimestamp - video) / 90 : (read.rtpTimestamp - (audio - 960)) / 48;
      moments.set(read.ssrc, read.ntpMs - behind);
    }
    expect(moments.size).toBe(2);
    for (const moment of moments.values()) expect(Math.abs(moment - ntpMs)).toBeLessThan(1);
  });
});
