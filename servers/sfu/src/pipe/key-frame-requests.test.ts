import { expect, it } from "vitest";
import { keyFrameRequests } from "./key-frame-requests.ts";

it("takes PLI and FIR out of a compound packet and leaves the rest", () => {
  const report = [0x80, 201, 0, 1, 0, 0, 0, 1];
  const pli = [0x81, 206, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2];
  const remb = [0x8f, 206, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0];
  const fir = [0x84, 206, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 1, 0, 0, 0];
  expect(keyFrameRequests(Uint8Array.from([...report, ...pli, ...remb, ...fir])).map((packet) => [...packet])).toEqual([
    pli,
    fir,
  ]);
  expect(keyFrameRequests(Uint8Array.from([...pli.slice(0, 11)]))).toEqual([]);
  expect(keyFrameRequests(new Uint8Array())).toEqual([]);
});
