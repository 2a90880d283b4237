import { describe, expect, test } from "vitest";
import { factsOf, judge, portOf } from "./facts.ts";
import { formatReport } from "./report.ts";
import { failureOf, type Results, serversFor, stepOf } from "./steps.ts";

const SERVERS = [
  { urls: ["stun:calls.example:3478"] },
  {
    urls: ["turn:calls.example:3478?transport=udp", "turn:calls.example:443?transport=tcp", "turns:calls.example?transport=tcp"],
    username: "1:a",
    credential: "c",
  },
];

const RESULTS: Results = {
  server: { state: "ok", ms: 12 },
  direct: { state: "ok", ms: 3 },
  stun: { state: "ok", ms: 5, sameAddress: true },
  "turn-udp": { state: "failed", why: "no-echo", ms: 8000, detail: "701 x" },
  "turn-tcp": { state: "ok", ms: 40, rttMs: 1.26 },
  "turn-tls": { state: "absent" },
};

describe("the steps", () => {
  test.each([
    ["stun:h", "stun"],
    ["turn:h", "turn-udp"],
    ["turn:h:3478?transport=udp", "turn-udp"],
    ["TURN:h?transport=TCP", "turn-tcp"],
    ["turns:[2001:db8::1]:443?transport=tcp", "turn-tls"],
    ["http://h", undefined],
    ["", undefined],
  ])("%s belongs to %s", (url, step) => expect(stepOf(url)).toBe(step));

  test("each has its own URLs alone, with their credentials", () => {
    expect(serversFor("turn-tcp", SERVERS)).toEqual([
      { urls: ["turn:calls.example:443?transport=tcp"], username: "1:a", credential: "c" },
    ]);
    expect(serversFor("turn-tls", [SERVERS[0] ?? { urls: [] }])).toEqual([]);
  });

  test.each([
    ["turn:h:443?transport=tcp", 443],
    ["turns:h", 5349],
    ["turn:[2001:db8::1]:5000", 5000],
    ["stun:h?x", 3478],
  ])("the port of %s is %i", (url, port) => expect(portOf(url)).toBe(port));

  test("what went wrong is told apart", () => {
    expect(
      failureOf(
        [
          { code: 701, text: "timed out" },
          { code: 401, text: "Unauthorized" },
        ],
        false,
      ),
    ).toBe("credentials");
    expect(failureOf([{ code: 508, text: "Insufficient Capacity" }], false)).toBe("refused");
    expect(failureOf([{ code: 701, text: "" }], false)).toBe("timeout");
    expect(failureOf([{ code: 701, text: "" }], true)).toBe("certificate");
    expect(failureOf([], true)).toBe("timeout");
  });
});

test("only a stream that worked on 443 counts as a way out over 443", () => {
  expect(factsOf(RESULTS, SERVERS).on443).toBe(true);
  expect(factsOf({ ...RESULTS, "turn-tcp": { state: "absent" } }, SERVERS).on443).toBe(false);
});

test("the report tells steps, times and causes, and no credentials", () => {
  const text = formatReport({ phase: "done", results: RESULTS, verdict: judge(RESULTS, SERVERS), error: undefined });
  expect(text.split("\n")).toEqual([
    "Tsunagi connection check",
    "server: ok 12 ms",
    "direct: ok 3 ms",
    "stun: ok 5 ms",
    "turn-udp: failed (no-echo: 701 x) 8000 ms",
    "turn-tcp: ok 40 ms, echo 1.3 ms",
    "turn-tls: absent",
    "network: open",
    "warn: relay.no-echo",
    "warn: relay.tls.absent",
  ]);
});
