/** For each test file: what it started ends with it, and a failed test shows what its pages and servers said. */
import { endAll, reportAll } from "@tsunagi/testkit/drivers";
import { afterAll, beforeEach } from "vitest";

beforeEach(({ onTestFailed }) => {
  onTestFailed(() => {
    const report = reportAll();
    if (report !== "") process.stderr.write(`${report}\n`);
  });
});

afterAll(endAll);
