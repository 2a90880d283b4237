import type { App } from "@tsunagi/conference";
import { describe, expect, it } from "vitest";
import { NativeSession, type SessionOwner } from "./session.ts";
import type { NativeSocket } from "./socket.ts";

const RATE = 50;

/** The rate needs the app's limit only; neither owner nor socket is touched. */
function makeSession(): NativeSession {
  const app = { limits: { messagesPerSecond: RATE } } as App;
  return new NativeSession({} as SessionOwner, "session", app, "mallory", {} as NativeSocket, 0);
}

/** How a client fares that sends so many messages a second, evenly, for a while. */
function send(session: NativeSession, perSecond: number, seconds: number) {
  const outcome = { passed: 0, told: 0, endedAtMs: undefined as number | undefined };
  for (let number = 0; number < perSecond * seconds && outcome.endedAtMs === undefined; number += 1) {
    const now = (number * 1_000) / perSecond;
    if (session.mayPass(now)) {
      outcome.passed += 1;
      continue;
    }
    const step = session.rateRefusal(now);
    if (step === "tell") outcome.told += 1;
    if (step === "last") outcome.endedAtMs = now;
  }
  return outcome;
}

describe("the rate of a session", () => {
  it("lets pass what is allowed, and a burst of ten seconds' worth", () => {
    expect(send(makeSession(), RATE, 120)).toEqual({ passed: RATE * 120, told: 0, endedAtMs: undefined });
    expect(send(makeSession(), 1_000_000, 0.0005).passed).toBe(RATE * 10);
  });

  it("refuses what is a little above it, told once a second, without ending the session", () => {
    const { passed, told, endedAtMs } = send(makeSession(), RATE * 1.2, 600);
    expect(passed).toBeLessThan(RATE * 611);
    expect(told).toBeGreaterThan(500);
    expect(told).toBeLessThanOrEqual(600);
    expect(endedAtMs).toBeUndefined();
  });

  it("ends a flood, although one of its messages passes now and then", () => {
    const { endedAtMs } = send(makeSession(), 5_000, 10);
    expect(endedAtMs).toBeLessThan(2_000);
    expect(send(makeSession(), RATE * 4, 120).endedAtMs).toBeLessThan(120_000);
  });
});
