import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { StatsReader, summarizeStats } from "./summary.ts";

type Entry = Record<string, unknown>;
const report = (...entries: Entry[]) => new Map(entries.map((each, n) => [String(each.id ?? n), each]));
/** Two reports 2 s apart of a call between Chromium and Firefox, see test/capture-stats.ts. */
const captured = (browser: string) => {
  const path = new URL(`../../../test/fixtures/stats-${browser}.json`, import.meta.url);
  return (JSON.parse(readFileSync(path, "utf8")) as Record<string, Entry>[]).map((each) => new Map(Object.entries(each)));
};

describe("summary of statistics", () => {
  it.each(["chromium", "firefox"])("reads what %s reports", (browser) => {
    const [first, second] = captured(browser);
    const reader = new StatsReader();
    const before = reader.read(0, first);
    expect(before.audio.send?.bitrateBps).toBe(0);
    const stats = reader.read(2000, second);
    expect(stats).toMatchObject({
      at: 2000,
      relayed: false,
      localCandidate: { type: "host", protocol: "udp", address: "2001:db8::1", port: expect.any(Number) },
      remoteCandidate: { type: "host", protocol: "udp" },
      audio: { send: { codec: "opus", packetLoss: 0 }, receive: { codec: "opus", packetLoss: 0 } },
      video: {
        send: { codec: "VP8", width: 320, height: 180 },
        receive: { codec: "VP8", width: 320, height: 180, freezeCount: expect.any(Number) },
      },
    });
    expect(stats.rttMs).toBeGreaterThanOrEqual(0);
    expect(stats.rttMs).toBeLessThan(500);
    for (const track of [stats.audio.send, stats.audio.receive, stats.video.send, stats.video.receive]) {
      expect(track?.bitrateBps).toBeGreaterThan(1_000);
      expect(track?.bitrateBps).toBeLessThan(5_000_000);
      expect(track?.jitterMs).toBeLessThan(500);
    }
    expect(stats.video.receive?.framesPerSecond).toBeGreaterThan(1);
    expect(stats.video.receive?.framesDecoded).toBeGreaterThan(before.video.receive?.framesDecoded ?? 0);
    expect(stats.audio.receive?.audioLevel).toBeGreaterThan(0.01);
  });

  it("takes rates and loss from the difference to the report before", () => {
    const at = (timestamp: number, bytesReceived: number, packetsReceived: number, packetsLost: number) =>
      report({ type: "inbound-rtp", kind: "audio", id: "i", timestamp, bytesReceived, packetsReceived, packetsLost });
    const first = summarizeStats(0, at(1000, 5000, 100, 50));
    const second = summarizeStats(0, at(3000, 30_000, 190, 60), first.snapshot);
    expect(second.stats.audio.receive).toEqual({ bitrateBps: 100_000, packetLoss: 0.1 });
    // A packet thought lost came after all; the counters of a restarted stream began again.
    expect(summarizeStats(0, at(5000, 30_000, 191, 59), second.snapshot).stats.audio.receive?.packetLoss).toBe(0);
    expect(summarizeStats(0, at(5000, 0, 0, 0), second.snapshot).stats.audio.receive).toEqual({ bitrateBps: 0, packetLoss: 0 });
  });

  it("adds streams of a kind, shows the largest picture, and believes the other end about loss", () => {
    const layer = (id: string, frameWidth: number) => ({
      type: "outbound-rtp",
      kind: "video",
      id,
      timestamp: 0,
      bytesSent: 0,
      frameWidth,
      frameHeight: frameWidth,
    });
    const first = summarizeStats(0, report(layer("a", 100), layer("b", 200)));
    const next = report(
      { ...layer("a", 100), timestamp: 1000, bytesSent: 1000 },
      { ...layer("b", 200), timestamp: 1000, bytesSent: 2000 },
      { type: "remote-inbound-rtp", kind: "video", id: "r", localId: "a", fractionLost: 0.25, jitter: 0.02, roundTripTime: 0.1 },
    );
    const { stats } = summarizeStats(0, next, first.snapshot);
    expect(stats.video.send).toEqual({ bitrateBps: 24_000, packetLoss: 0.25, jitterMs: 20, width: 200, height: 200 });
    expect(stats.rttMs).toBe(100);
  });

  it("says when a path is relayed, and by what", () => {
    const { stats } = summarizeStats(
      0,
      report(
        { type: "transport", id: "t", selectedCandidatePairId: "p" },
        { type: "candidate-pair", id: "other", nominated: true, state: "succeeded", currentRoundTripTime: 9 },
        {
          type: "candidate-pair",
          id: "p",
          localCandidateId: "l",
          remoteCandidateId: "r",
          currentRoundTripTime: 0.05,
          availableOutgoingBitrate: 1e6,
        },
        { type: "local-candidate", id: "l", candidateType: "relay", protocol: "udp", relayProtocol: "tls" },
        { type: "remote-candidate", id: "r", candidateType: "odd", protocol: "udp" },
      ),
    );
    expect(stats).toMatchObject({
      relayed: true,
      rttMs: 50,
      availableOutgoingBps: 1e6,
      localCandidate: { type: "relay", protocol: "tls" },
      remoteCandidate: { type: "unknown" },
    });
  });

  it("counts a data connection", () => {
    const channel = { type: "data-channel", id: "d", bytesSent: 1, bytesReceived: 2, messagesSent: 3, messagesReceived: 4 };
    expect(summarizeStats(0, report(channel), undefined, 5).stats.data).toEqual({
      bytesSent: 1,
      bytesReceived: 2,
      messagesSent: 3,
      messagesReceived: 4,
      messagesDropped: 5,
    });
    expect(summarizeStats(0, undefined).stats).toEqual({ at: 0, audio: {}, video: {} });
  });

  it("takes any report without failing", () => {
    const type = fc.constantFrom(
      "inbound-rtp",
      "outbound-rtp",
      "remote-inbound-rtp",
      "transport",
      "candidate-pair",
      "local-candidate",
      "codec",
      "data-channel",
    );
    const field = fc.constantFrom(
      "id",
      "kind",
      "timestamp",
      "bytesSent",
      "packetsLost",
      "localId",
      "codecId",
      "selectedCandidatePairId",
      "frameWidth",
      "candidateType",
      "address",
    );
    const entry = fc.tuple(type, fc.dictionary(field, fc.anything())).map(([name, fields]): Entry => ({ ...fields, type: name }));
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.string(), entry)), (entries) => {
        const once = summarizeStats(0, new Map(entries));
        summarizeStats(1, new Map(entries), once.snapshot);
      }),
    );
  });
});
