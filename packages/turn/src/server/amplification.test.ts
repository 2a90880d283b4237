import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AmplificationAccount } from "./amplification.ts";

const ALLOWANCE = 4096;

describe("AmplificationAccount", () => {
  it("sends no more than came in and the allowance, which comes back in a minute", () => {
    const event = fc.record({ wait: fc.nat(2000), received: fc.nat(200), answer: fc.nat(600) });
    fc.assert(
      fc.property(fc.array(event, { maxLength: 200 }), (events) => {
        const account = new AmplificationAccount();
        let now = 0;
        let received = 0;
        let sent = 0;
        for (const { wait, ...bytes } of events) {
          now += wait;
          received += bytes.received;
          account.received(now, "a", bytes.received, ALLOWANCE, 10);
          if (account.maySend(now, "a", bytes.answer, ALLOWANCE, 10)) sent += bytes.answer;
          expect(sent).toBeLessThanOrEqual(received + ALLOWANCE * (1 + now / 60_000) + 0.001);
        }
      }),
    );
  });

  it("answers 180 Binding requests a minute from one address for hours", () => {
    const account = new AmplificationAccount();
    for (let index = 0; index < 180 * 60 * 4; index++) {
      const now = (index * 60_000) / 180;
      account.received(now, "a", 20, ALLOWANCE, 10);
      expect(account.maySend(now, "a", 40, ALLOWANCE, 10)).toBe(true);
    }
  });

  it("keeps a store of 16 allowances and no more", () => {
    const account = new AmplificationAccount();
    account.received(0, "a", 1_000_000, ALLOWANCE, 10);
    expect(account.maySend(0, "a", 17 * ALLOWANCE, ALLOWANCE, 10)).toBe(true);
    expect(account.maySend(0, "a", 1, ALLOWANCE, 10)).toBe(false);
  });
});
