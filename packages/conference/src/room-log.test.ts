import { describe, expect, it } from "vitest";
import { RoomLog } from "./room-log.ts";

const data = (at: number, text = "x") => ({ type: "data", at, peerId: "a", data: text }) as const;

describe("RoomLog", () => {
  it("keeps the newest entries", () => {
    const log = new RoomLog();
    for (let at = 0; at < 10; at += 1) log.add(data(at), 3);
    expect(log.entries.map(({ at }) => at)).toEqual([7, 8, 9]);
    log.add(data(10), 1);
    expect(log.entries.map(({ at }) => at)).toEqual([10]);
  });

  it("is bounded in size, too", () => {
    const log = new RoomLog();
    for (let at = 0; at < 10; at += 1) log.add(data(at, "x".repeat(250_000)), 200);
    expect(log.entries.map(({ at }) => at)).toEqual([6, 7, 8, 9]);
    log.add(data(10, "x".repeat(2_000_000)), 200);
    expect(log.entries).toEqual([]);
  });

  it("keeps the JSON of data in another form, or only how much it was", () => {
    const log = new RoomLog();
    const sized = (size: number) => ({ size, toJSON: () => ({ bytes: "AA==" }) }) as unknown as string;
    log.add({ type: "data", at: 1, peerId: "a", data: sized(10) }, 200);
    log.add({ type: "data", at: 2, peerId: "a", data: sized(20_000_000) }, 200);
    expect(log.entries).toMatchObject([{ data: { bytes: "AA==" } }, { data: { $omitted: 20_000_000 } }]);
  });

  it("keeps nothing when the limit is 0", () => {
    const log = new RoomLog();
    log.add(data(1), 0);
    expect(log.entries).toEqual([]);
  });
});
