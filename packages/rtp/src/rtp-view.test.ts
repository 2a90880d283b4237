import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CanonicalPacket } from "./canonical-packet.ts";
import { isRtcp } from "./demux.ts";
import { extensionIds } from "./extension-ids.ts";
import { extensionText, RtpView } from "./rtp-view.ts";
import { SendList } from "./send-list.ts";
import { difference16, difference32, isNewer16, Unwrapper16 } from "./sequence.ts";
import { buildRtp } from "./testing/build-rtp.ts";

const base = { payloadType: 96, sequence: 65_535, timestamp: 0xffffffff, ssrc: 0xfedcba98, payload: Uint8Array.of(1, 2, 3) };

describe("an RTP packet", () => {
  it("is read with CSRCs, extensions of both forms and padding", () => {
    const view = new RtpView();
    const long = Array.from({ length: 30 }, (_, i) => i);
    for (const extensions of [
      { 1: [48, 0], 14: [7] },
      { 1: [48, 0], 200: long, 14: [7] },
    ]) {
      const bytes = buildRtp({ ...base, marker: true, csrcs: [1, 2], extensions, padding: 9 });
      expect(isRtcp(bytes)).toBe(false);
      expect(view.parse(bytes)).toBe(true);
      expect(view).toMatchObject({
        marker: true,
        payloadType: 96,
        sequence: 65_535,
        timestamp: 0xffffffff,
        ssrc: 0xfedcba98,
        padding: 9,
      });
      expect([...bytes.subarray(view.payloadStart, view.payloadEnd)]).toEqual([1, 2, 3]);
      expect(extensionText(view, 1)).toBe("0");
      expect(bytes[view.extensionOffset(14)]).toBe(7);
    }
    expect(view.extensionLength(200)).toBe(30);
    expect(view.parse(buildRtp(base))).toBe(true);
    expect([view.extensionOffset(1), view.extensionOffset(200)]).toEqual([0, 0]);
  });

  it("is refused when its lengths are lies", () => {
    const view = new RtpView();
    const bytes = buildRtp({ ...base, extensions: { 3: [1, 2, 3] } });
    for (let cut = 0; cut < 20; cut++) expect(view.parse(bytes.subarray(0, cut))).toBe(false);
    const padded = buildRtp({ ...base, padding: 4 });
    padded[padded.length - 1] = 200;
    expect(view.parse(padded)).toBe(false);
    padded[padded.length - 1] = 0;
    expect(view.parse(padded)).toBe(false);
  });

  it("of any bytes is read within its limits, and passes through canonical form", () => {
    const view = new RtpView();
    const again = new RtpView();
    const packet = new CanonicalPacket();
    const list = new SendList();
    const ids = extensionIds({
      "audio-level": 1,
      "dependency-descriptor": 2,
      "playout-delay": 3,
      "video-orientation": 4,
      "transport-sequence": 5,
    });
    const seed = buildRtp({ ...base, extensions: { 1: [1], 2: Array(20).fill(5), 3: [1, 2, 3], 4: [9] }, padding: 3 });
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 80 }),
      fc.tuple(fc.nat(70), fc.nat(255), fc.nat(40)).map(([at, value, cut]) => {
        const changed = seed.slice(0, seed.length - (cut % seed.length));
        if (changed.length > 0) changed[at % changed.length] = value;
        return changed;
      }),
    );
    fc.assert(
      fc.property(bytes, (data) => {
        if (!view.parse(data)) return;
        const payload = [...data.subarray(view.payloadStart, view.payloadEnd)];
        packet.fill(view, ids);
        list.clear();
        const at = list.add(1, packet, 1, 2, 3, 4, ids);
        list.transportSequence[at] = 77;
        expect(again.parse(list.bytes(at))).toBe(true);
        expect([...again.bytes.subarray(again.payloadStart, again.payloadEnd)]).toEqual(payload);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe("serial arithmetic", () => {
  it("knows newer from older over the wrap", () => {
    expect(difference16(1, 65_535)).toBe(2);
    expect(difference16(65_535, 1)).toBe(-2);
    expect(isNewer16(0, 65_535)).toBe(true);
    expect(difference32(2, 0xfffffffe)).toBe(4);
  });

  it("extends numbers whatever the order in which they come", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -300, max: 1_000 }), { minLength: 1, maxLength: 300 }), (steps) => {
        const unwrapper = new Unwrapper16();
        let at = 70_000;
        let offset: number | undefined;
        for (const step of steps) {
          at += at + step > 66_000 ? step : 1_000;
          const extended = unwrapper.unwrap(at & 0xffff);
          offset ??= at - extended;
          expect(at - extended).toBe(offset);
        }
      }),
      { numRuns: 50 },
    );
  });
});
