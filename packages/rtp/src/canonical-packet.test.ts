import { describe, expect, it } from "vitest";
import { CanonicalPacket } from "./canonical-packet.ts";
import { extensionIds } from "./extension-ids.ts";
import { RtpView } from "./rtp-view.ts";
import { SendList } from "./send-list.ts";
import { buildRtp } from "./testing/build-rtp.ts";

const publisher = extensionIds({ mid: 1, "audio-level": 5, "transport-sequence": 3, "dependency-descriptor": 9 });

function stored(packet: Uint8Array): CanonicalPacket {
  const view = new RtpView();
  expect(view.parse(packet)).toBe(true);
  const canonical = new CanonicalPacket();
  canonical.fill(view, publisher);
  return canonical;
}

function sent(list: SendList, at: number): RtpView {
  const view = new RtpView();
  expect(view.parse(list.bytes(at).slice())).toBe(true);
  return view;
}

const payload = Uint8Array.from({ length: 40 }, (_, i) => i);

describe("a canonical packet", () => {
  it("is written for each receiver with its own numbers and extension IDs", () => {
    const packet = stored(
      buildRtp({
        payloadType: 96,
        sequence: 7,
        timestamp: 9,
        ssrc: 1,
        marker: true,
        payload,
        extensions: { 5: [0x85], 3: [1, 2], 1: [48] },
      }),
    );
    const list = new SendList();
    const first = list.add(
      1,
      packet,
      0xfffffff0,
      65_535,
      0xffffffff,
      111,
      extensionIds({ "audio-level": 2, "transport-sequence": 4 }),
    );
    list.transportSequence[first] = 500;
    const second = list.add(2, packet, 12, 1, 2, 96, extensionIds({ "audio-level": 14, "abs-send-time": 6 }));
    list.sendTime = 0x123456;
    list.marker[second] = 0;

    const one = sent(list, first);
    expect([one.ssrc, one.sequence, one.timestamp, one.payloadType, one.marker]).toEqual([
      0xfffffff0,
      65_535,
      0xffffffff,
      111,
      true,
    ]);
    expect(one.bytes[one.extensionOffset(2)]).toBe(0x85);
    expect([...one.bytes.subarray(one.extensionOffset(4), one.extensionOffset(4) + 2)]).toEqual([1, 244]);
    expect(one.extensionOffset(1)).toBe(0);
    expect([...one.bytes.subarray(one.payloadStart, one.payloadEnd)]).toEqual([...payload]);

    const two = sent(list, second);
    expect([two.ssrc, two.sequence, two.timestamp, two.payloadType, two.marker]).toEqual([12, 1, 2, 96, false]);
    expect(two.bytes[two.extensionOffset(14)]).toBe(0x85);
    expect([...two.bytes.subarray(two.extensionOffset(6), two.extensionOffset(6) + 3)]).toEqual([0x12, 0x34, 0x56]);
    expect(two.extensionOffset(4)).toBe(0);
    expect([...two.bytes.subarray(two.payloadStart, two.payloadEnd)]).toEqual([...payload]);
    expect(packet.wireLength).toBe(two.bytes.length);
  });

  it("puts the original sequence number before the payload of a repeat, and is media again afterwards", () => {
    const packet = stored(buildRtp({ payloadType: 96, sequence: 7, timestamp: 9, ssrc: 1, payload }));
    const list = new SendList();
    const ids = extensionIds({ "transport-sequence": 4 });
    const repeat = list.add(1, packet, 5, 100, 9, 97, ids);
    list.originalSequence[repeat] = 0xabcd;
    const media = list.add(1, packet, 6, 101, 9, 96, ids);
    const one = sent(list, repeat);
    expect([...one.bytes.subarray(one.payloadStart, one.payloadEnd)]).toEqual([0xab, 0xcd, ...payload]);
    const two = sent(list, media);
    expect([...two.bytes.subarray(two.payloadStart, two.payloadEnd)]).toEqual([...payload]);
  });

  it("writes picture ID and TL0PICIDX, and restores them where nothing is to be changed", () => {
    const vp8 = Uint8Array.of(0x90, 0xe0, 0x92, 0x34, 0x77, 0x00, 1, 2, 3);
    const packet = stored(buildRtp({ payloadType: 96, sequence: 7, timestamp: 9, ssrc: 1, payload: vp8 }));
    packet.describe(2, 15, 0x1234, 4, 0x77);
    const list = new SendList();
    const changed = list.add(1, packet, 5, 1, 9, 96, extensionIds({}));
    list.pictureId[changed] = 0x7fff;
    list.tl0PicIdx[changed] = 3;
    const asReceived = list.add(1, packet, 5, 1, 9, 96, extensionIds({}));
    const one = sent(list, changed);
    expect([...one.bytes.subarray(one.payloadStart, one.payloadStart + 5)]).toEqual([0x90, 0xe0, 0xff, 0xff, 3]);
    const two = sent(list, asReceived);
    expect([...two.bytes.subarray(two.payloadStart, two.payloadStart + 9)]).toEqual([...vp8]);
  });

  it("carries a long dependency descriptor in the two-byte form", () => {
    const descriptor = Array.from({ length: 40 }, (_, i) => i + 1);
    const packet = stored(
      buildRtp({ payloadType: 96, sequence: 7, timestamp: 9, ssrc: 1, payload, extensions: { 9: descriptor, 3: [1, 2] } }),
    );
    const list = new SendList();
    const at = list.add(1, packet, 5, 1, 9, 96, extensionIds({ "dependency-descriptor": 13, "transport-sequence": 3 }));
    list.transportSequence[at] = 8;
    const view = sent(list, at);
    expect(view.extensionLength(13)).toBe(40);
    const from = view.extensionOffset(13);
    expect([...view.bytes.subarray(from, from + 40)]).toEqual(descriptor);
    expect([...view.bytes.subarray(view.payloadStart, view.payloadEnd)]).toEqual([...payload]);
  });

  it("drops received padding, and makes padding of its own", () => {
    const packet = stored(buildRtp({ payloadType: 96, sequence: 7, timestamp: 9, ssrc: 1, payload, padding: 20 }));
    const list = new SendList();
    const at = list.add(1, packet, 5, 1, 9, 96, extensionIds({}));
    expect(sent(list, at).payloadEnd - sent(list, at).payloadStart).toBe(40);
    packet.fillPadding(200);
    const view = sent(list, at);
    expect(view.padding).toBe(200);
    expect(view.payloadEnd).toBe(view.payloadStart);
  });

  it("makes no new view for a second receiver", () => {
    const packet = stored(buildRtp({ payloadType: 96, sequence: 7, timestamp: 9, ssrc: 1, payload }));
    const list = new SendList();
    const one = list.add(1, packet, 5, 1, 9, 96, extensionIds({}));
    const two = list.add(2, packet, 6, 1, 9, 96, extensionIds({}));
    expect(list.bytes(one)).toBe(list.bytes(two));
  });
});
