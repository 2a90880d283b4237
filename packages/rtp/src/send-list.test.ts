import { expect, it } from "vitest";
import { CanonicalPacket } from "./canonical-packet.ts";
import { extensionIds } from "./extension-ids.ts";
import { NONE, SendList } from "./send-list.ts";

it("keeps every column when it grows, and begins each entry with nothing changed", () => {
  const list = new SendList();
  const packet = new CanonicalPacket();
  const ids = extensionIds({});
  const count = list.transport.length * 2 + 1;
  for (let index = 0; index < count; index += 1) {
    const at = list.add(index, packet, index + 1, index & 0xffff, index + 2, index & 0x7f, ids);
    expect(at).toBe(index);
    list.marker[at] = index & 1;
    list.transportSequence[at] = index + 3;
    list.originalSequence[at] = index + 4;
    list.pictureId[at] = index + 5;
    list.tl0PicIdx[at] = index & 0xff;
  }
  expect(list.length).toBe(count);
  const lengths = [list.ssrc, list.sequence, list.timestamp, list.payloadType, list.marker, list.packet, list.extensions];
  for (const column of [...lengths, list.transportSequence, list.originalSequence, list.pictureId, list.tl0PicIdx]) {
    expect(column.length).toBe(list.transport.length);
  }
  for (const index of [0, 1_023, 1_024, 2_047, 2_048]) {
    expect([
      list.transport[index],
      list.ssrc[index],
      list.sequence[index],
      list.timestamp[index],
      list.payloadType[index],
    ]).toEqual([index, index + 1, index, index + 2, index & 0x7f]);
    expect([list.marker[index], list.transportSequence[index], list.originalSequence[index]]).toEqual([
      index & 1,
      index + 3,
      index + 4,
    ]);
    expect([list.pictureId[index], list.tl0PicIdx[index], list.packet[index], list.extensions[index]]).toEqual([
      index + 5,
      index & 0xff,
      packet,
      ids,
    ]);
  }
  list.clear();
  // It holds no packet back from being collected or written over.
  expect([
    list.length,
    list.packet.every((each) => each === undefined),
    list.extensions.every((each) => each === undefined),
  ]).toEqual([0, true, true]);
  const at = list.add(9, packet, 9, 9, 9, 9, ids);
  for (const column of [list.marker, list.transportSequence, list.originalSequence, list.pictureId, list.tl0PicIdx]) {
    expect(column[at]).toBe(NONE);
  }
});
