import { FakeClock } from "@tsunagi/testkit";
import { expect, it } from "vitest";
import type { PeerConnectionPort } from "../ports.ts";
import { MemberStats } from "./member-stats.ts";

it("takes one connection's statistics apart by member, with rates of each", async () => {
  const clock = new FakeClock();
  let bytes = 0;
  const pc = {
    getStats: async () =>
      new Map(
        [
          { id: "T", type: "transport", selectedCandidatePairId: "P" },
          { id: "P", type: "candidate-pair", currentRoundTripTime: 0.04 },
          {
            id: "a",
            type: "inbound-rtp",
            kind: "video",
            mid: "1",
            bytesReceived: bytes,
            packetsReceived: 1,
            framesPerSecond: 25,
          },
          {
            id: "b",
            type: "inbound-rtp",
            kind: "video",
            mid: "2",
            bytesReceived: 2 * bytes,
            packetsReceived: 1,
            framesPerSecond: 5,
          },
          { id: "s", type: "outbound-rtp", kind: "audio", mid: "0", bytesSent: bytes, packetsSent: 1 },
        ].map((entry) => [entry.id, entry] as const),
      ),
  } as unknown as PeerConnectionPort;
  const stats = new MemberStats();
  const read = () => stats.read(clock, pc, ["a", "b", "me"], (mid) => ({ 1: "a", 2: "b" })[mid], "me");
  await read();
  bytes = 1_000;
  clock.advance(1_000);
  const all = await read();
  expect(all.get("a")?.video.receive).toMatchObject({ framesPerSecond: 25, bitrateBps: 8_000 });
  expect(all.get("b")?.video.receive).toMatchObject({ framesPerSecond: 5, bitrateBps: 16_000 });
  expect(all.get("a")?.audio.send).toBeUndefined();
  expect(all.get("me")?.audio.send?.bitrateBps).toBe(8_000);
  expect(all.get("me")?.video.receive).toBeUndefined();
  for (const each of all.values()) expect(each.rttMs).toBe(40);
  expect((await stats.read(clock, undefined, ["a"], () => undefined, "me")).get("a")?.rttMs).toBeUndefined();
});
