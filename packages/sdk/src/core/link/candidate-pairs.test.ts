import { expect, it } from "vitest";
import { describePairs, selectedPair } from "./candidate-pairs.ts";

const report = (entries: Record<string, unknown>[]) => new Map(entries.map((entry) => [String(entry.id), entry]));

it("finds the pair in use in Chromium's and in Firefox's report", () => {
  const pairs = [
    { id: "1", type: "candidate-pair", nominated: true, state: "failed", bytesReceived: 1 },
    { id: "2", type: "candidate-pair", nominated: true, state: "succeeded", bytesReceived: 2 },
  ];
  expect(selectedPair(report([{ id: "t", type: "transport", selectedCandidatePairId: "1" }, ...pairs]))).toEqual({
    bytesReceived: 1,
    relayed: false,
  });
  expect(selectedPair(report(pairs))).toEqual({ bytesReceived: 2, relayed: false });
  expect(selectedPair(report([]))).toBeUndefined();
  expect(selectedPair(undefined)).toBeUndefined();
});

it("sees that this side uses a relay", () => {
  const candidates = [
    { id: "l", type: "local-candidate", candidateType: "relay" },
    { id: "r", type: "remote-candidate", candidateType: "relay" },
  ];
  const pair = { id: "1", type: "candidate-pair", nominated: true, state: "succeeded", remoteCandidateId: "r" };
  expect(selectedPair(report([...candidates, { ...pair, localCandidateId: "l" }]))?.relayed).toBe(true);
  expect(selectedPair(report([...candidates, { ...pair, localCandidateId: "host" }]))?.relayed).toBe(false);
});

it("tells which kinds of pairs were tried, without addresses", () => {
  const candidates = [
    { id: "l", type: "local-candidate", candidateType: "host", protocol: "udp", address: "10.0.0.1" },
    { id: "r", type: "remote-candidate", candidateType: "srflx", protocol: "udp", address: "203.0.113.1" },
  ];
  const pair = (id: string) => ({ id, type: "candidate-pair", localCandidateId: "l", remoteCandidateId: "r" });
  expect(describePairs(report([...candidates, pair("1"), pair("2")]))).toBe("tried 2 × host/udp to srflx/udp");
  expect(describePairs(report(candidates))).toBe("no candidate pair could be formed (1 local and 1 remote candidates)");
  expect(describePairs(undefined)).toContain("0 local and 0 remote");
});
