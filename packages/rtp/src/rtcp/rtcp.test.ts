import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isRtcp } from "../demux.ts";
import {
  buildFir,
  buildNack,
  buildPli,
  buildRemb,
  isPli,
  isTransportFeedback,
  mediaSsrc,
  readFir,
  readNack,
  readRemb,
} from "./feedback.ts";
import { RtcpReader } from "./reader.ts";
import {
  buildBye,
  buildReceiverReport,
  buildSdes,
  buildSenderReport,
  compound,
  emptyReportBlock,
  emptySenderReport,
  readBye,
  readCname,
  readReportBlock,
  readSenderReport,
} from "./reports.ts";
import { buildTransportFeedback, readTransportFeedback, TransportFeedback } from "./transport-feedback.ts";

function on(bytes: Uint8Array): RtcpReader {
  const reader = new RtcpReader();
  reader.reset(bytes);
  expect(reader.next()).toBe(true);
  return reader;
}

describe("RTCP", () => {
  it("reads back a compound of sender report, SDES and BYE", () => {
    const report = { ssrc: 0xfffffffe, ntpMs: 3_900_000_000_123.5, rtpTimestamp: 0xfffffff1, packets: 5, octets: 0xf0000000 };
    const block = {
      ssrc: 9,
      fractionLost: 0.25,
      cumulativeLost: -3,
      highestSequence: 0x10002,
      jitter: 7,
      lastSenderReport: 0xaabbccdd,
      delaySinceLastSenderReport: 65_536,
    };
    const bytes = compound([buildSenderReport(report, [block]), buildSdes(1, "名前"), buildBye([1, 0xffffffff])]);
    expect(isRtcp(bytes)).toBe(true);
    const reader = on(bytes);
    const sender = emptySenderReport();
    expect(readSenderReport(reader, sender)).toBe(true);
    expect(sender).toEqual({ ...report, ntpMs: expect.closeTo(report.ntpMs, 2) });
    const read = emptyReportBlock();
    expect(readReportBlock(reader, 0, read)).toBe(true);
    expect(read).toEqual(block);
    expect(readReportBlock(reader, 1, read)).toBe(false);
    expect(reader.next()).toBe(true);
    expect(readCname(reader)).toBe("名前");
    expect(reader.next()).toBe(true);
    expect([readBye(reader, 0), readBye(reader, 1), readBye(reader, 2)]).toEqual([1, 0xffffffff, undefined]);
    expect(reader.next()).toBe(false);
  });

  it("reads back a receiver report", () => {
    const block = { ...emptyReportBlock(), ssrc: 3, cumulativeLost: 70_000 };
    const reader = on(buildReceiverReport(1, [block, block]));
    const read = emptyReportBlock();
    expect(readReportBlock(reader, 1, read)).toBe(true);
    expect(read).toEqual(block);
    expect(reader.sender).toBe(1);
  });

  it("reads back NACK, whatever is missing", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 65_535 }),
        fc.uniqueArray(fc.integer({ min: 0, max: 200 }), { minLength: 1, maxLength: 60 }),
        (base, steps) => {
          const missing = steps.toSorted((a, b) => a - b).map((step) => (base + step) & 0xffff);
          const into = new Uint16Array(256);
          const reader = on(buildNack(1, 2, missing));
          expect(mediaSsrc(reader)).toBe(2);
          expect([...into.subarray(0, readNack(reader, into))]).toEqual(missing);
        },
      ),
      { numRuns: 50 },
    );
  });

  it("never writes more of a NACK than there is room for", () => {
    const into = new Uint16Array(3);
    expect(readNack(on(buildNack(1, 2, [1, 2, 3, 4, 5])), into)).toBe(3);
  });

  it("reads back PLI, FIR and REMB", () => {
    const pli = on(buildPli(1, 0xfedcba98));
    expect(isPli(pli)).toBe(true);
    expect(mediaSsrc(pli)).toBe(0xfedcba98);
    const fir = on(buildFir(1, 77, 3));
    expect([readFir(fir, 0), readFir(fir, 1)]).toEqual([77, undefined]);
    expect(isPli(fir)).toBe(false);
    for (const bps of [0, 1_000, 262_143, 262_144, 2_500_000, 1e9]) {
      const read = readRemb(on(buildRemb(1, bps, [4, 5]))) ?? -1;
      expect(Math.abs(read - bps)).toBeLessThanOrEqual(bps / 100_000);
    }
  });

  it("reads back transport-wide feedback to a quarter of a millisecond", () => {
    const arrival = fc.array(fc.option(fc.integer({ min: -40, max: 300 }), { nil: null, freq: 4 }), {
      minLength: 1,
      maxLength: 300,
    });
    fc.assert(
      fc.property(arrival, fc.integer({ min: 0, max: 65_535 }), (steps, base) => {
        let now = 5_000_000;
        const ms = steps.map((step) => {
          now += step ?? 0;
          return step === null ? -1 : now;
        });
        const { packet, told } = buildTransportFeedback(1, 2, 9, base, ms, ms.length);
        expect(packet.length % 4).toBe(0);
        const reader = on(packet);
        expect(isTransportFeedback(reader)).toBe(true);
        const into = new TransportFeedback();
        expect(readTransportFeedback(packet, reader.start, reader.end, into)).toBe(true);
        expect([into.baseSequence, into.count, into.feedbackCount, told]).toEqual([base, ms.length, 9, ms.length]);
        const first = ms.findIndex((at) => at >= 0);
        for (let i = 0; i < told; i++) {
          const was = ms[i] as number;
          if (was < 0) expect(into.arrivalUs[i]).toBe(-1);
          else
            expect(((into.arrivalUs[i] as number) - (into.arrivalUs[first] as number)) / 1_000).toBeCloseTo(
              was - (ms[first] as number),
              0,
            );
        }
      }),
      { numRuns: 100 },
    );
  });

  it("reads the draft's chunk kinds from bytes made by hand", () => {
    // Base 1, 9 packets; reference 1 (64 ms); a run of 2 small, a 7 vector with a large one, then deltas.
    const hex = "8fcd0008 00000001 00000002 00010009 00000105 2002 d200 04 08 10 fff8 00 00 00 00 00 00 00 00";
    const bytes = Uint8Array.from(hex.replaceAll(" ", "").match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
    const into = new TransportFeedback();
    expect(readTransportFeedback(bytes, 0, bytes.length, into)).toBe(true);
    expect([...into.arrivalUs.subarray(0, 9)]).toEqual([65_000, 67_000, 71_000, -1, 69_000, -1, -1, -1, -1]);
  });

  it("survives any bytes", () => {
    const reader = new RtcpReader();
    const sender = emptySenderReport();
    const block = emptyReportBlock();
    const nack = new Uint16Array(64);
    const feedback = new TransportFeedback();
    const seeds = [
      buildSenderReport(sender, [block]),
      buildNack(1, 2, [1, 2, 90]),
      buildTransportFeedback(1, 2, 3, 4, [5, -1, 7], 3).packet,
      buildSdes(1, "x"),
      buildRemb(1, 5, [1]),
    ];
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 100 }),
      fc.tuple(fc.constantFrom(...seeds), fc.nat(200), fc.nat(255), fc.nat(100)).map(([seed, at, value, cut]) => {
        const changed = seed.slice(0, Math.max(4, seed.length - (cut % 8)));
        changed[at % changed.length] = value;
        return changed;
      }),
    );
    fc.assert(
      fc.property(bytes, (data) => {
        reader.reset(data);
        let packets = 0;
        while (reader.next()) {
          packets += 1;
          readSenderReport(reader, sender);
          for (let i = 0; i < 32; i++) readReportBlock(reader, i, block);
          readCname(reader);
          readNack(reader, nack);
          readRemb(reader);
          readFir(reader, 0);
          readBye(reader, 0);
          readTransportFeedback(data, reader.start, reader.end, feedback);
        }
        expect(packets).toBeLessThanOrEqual(data.length / 4);
      }),
      { numRuns: 500 },
    );
  });
});
