/** Tests over network namespaces: skipped aloud where the machine cannot make them, so that nobody takes the run for a whole one. */
import { netnsUnavailable } from "@tsunagi/testkit/drivers";
import { describe } from "vitest";

const why = netnsUnavailable();
if (why !== undefined) process.stderr.write(`SKIPPED: tests over network namespaces, since ${why}\n`);

/** `describe`, or a skipped one with the reason in its name. */
export function describeNetns(name: string, tests: () => void): void {
  if (why === undefined) describe(name, tests);
  else describe.skip(`${name} (${why})`, tests);
}
