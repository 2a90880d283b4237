import fc from "fast-check";
import { expect, it } from "vitest";
import type { StoredSfuRoom } from "../sfu-port.ts";
import { readStored } from "./stored.ts";

const state = {
  epoch: 3,
  mayPublish: true,
  needsTag: false,
  wanted: true,
  ownStream: "s",
  own: [["0", "p", "microphone"]],
  sections: [
    { mid: "0", kind: "audio", use: { is: "up" }, sent: true },
    { mid: "1", kind: "video", use: { is: "up" }, sent: false },
    { mid: "2", kind: "video", use: { is: "slot", publication: "v", stream: "t" }, sent: false },
    { mid: "3", kind: "video", use: { is: "free" }, sent: false },
  ],
  streams: [{ key: "k", id: "t", peerId: "alice", publications: [["v", "video"]] }],
} as StoredSfuRoom;

it("is read as it was written, and otherwise not at all", () => {
  expect(readStored(state)).toEqual(state);
  // By the version before, which did not note where a client sends.
  const section = { mid: "0", kind: "audio", use: { is: "up" } };
  const before = { ...(state as object), own: [["0", "p"]], sections: [section, section] } as StoredSfuRoom;
  expect(readStored(before)).toMatchObject({ own: [["0", "p"]], sections: [{ ...section, sent: false }, section] });
  expect(readStored(undefined)).toBeUndefined();
  for (const change of [{ epoch: -1 }, { sections: [] }, { own: [["0"]] }, { streams: [{ key: "k" }] }]) {
    expect(readStored({ ...(state as object), ...change } as StoredSfuRoom)).toBeUndefined();
  }
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      readStored(value as StoredSfuRoom);
    }),
    { numRuns: 200 },
  );
});
