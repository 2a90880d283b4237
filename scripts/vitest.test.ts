/** The counting of test results: whatever goes wrong must show as a failure. */
import { describe, expect, it } from "vitest";
// @ts-expect-error plain JavaScript without types: it runs before anything is installed
import { count } from "./lib/vitest.mjs";

const test = (status: string) => ({ status, fullName: status, failureMessages: status === "failed" ? ["because"] : [] });
const report = (...statuses: string[]) => ({
  testResults: [
    { name: "a.test.ts", status: statuses.includes("failed") ? "failed" : "passed", assertionResults: statuses.map(test) },
  ],
});
const ended = (code: number, output = "") => ({ code, output, timedOut: false });

describe("count", () => {
  it("counts passed, failed and skipped tests, and says which", () => {
    expect(count(report("passed", "passed", "failed", "pending"), ended(1))).toMatchObject({
      passed: 2,
      failed: 1,
      skipped: 1,
      failures: [{ name: "a.test.ts > failed", output: "because" }],
      skips: ["a.test.ts > pending"],
    });
  });

  it("counts a file that does not load", () => {
    const broken = { testResults: [{ name: "b.test.ts", status: "failed", message: "no such module", assertionResults: [] }] };
    expect(count(broken, ended(1))).toMatchObject({ failed: 1, failures: [{ name: "b.test.ts", output: "no such module" }] });
  });

  it("counts an error outside of all tests, no report, no tests and a hang", () => {
    expect(count(report("passed"), ended(1, "Unhandled error")).failed).toBe(1);
    expect(count(undefined, ended(1)).failed).toBe(1);
    expect(count({ testResults: [] }, ended(0)).failed).toBe(1);
    expect(count(report("passed"), { code: 143, output: "", timedOut: true }, 1_000)).toMatchObject({ passed: 1, failed: 1 });
    expect(count(report("passed"), ended(0)).failed).toBe(0);
  });
});
