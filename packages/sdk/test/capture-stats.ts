/**
 * Writes fixtures/stats-*.json: two reports, 2 s apart, of each end of a call between two browsers, as getStats() gave them.
 * Run after a change of what is read: node --conditions=source --import tsx packages/sdk/test/capture-stats.ts
 */
import { writeFile } from "node:fs/promises";
import { type BrowserPage, endAll, launchChromium, launchFirefox, plainCall, startPageServer } from "@tsunagi/testkit/drivers";

/** tsx names functions with a helper that a page does not have. */
const preload = ["globalThis.__name = (named) => named"];
const READ_AFTER_MS = 4000;
const BETWEEN_MS = 2000;

async function capture(page: BrowserPage, file: string): Promise<void> {
  const reports = await page.evaluate(
    async (first: number, between: number) => {
      const read = async () => Object.fromEntries((await connection.getStats()).entries());
      const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
      await wait(first);
      const before = await read();
      await wait(between);
      return [before, await read()];
    },
    READ_AFTER_MS,
    BETWEEN_MS,
  );
  const path = new URL(`fixtures/${file}`, import.meta.url);
  // Whose machine it was is nobody's concern: RFC 3849's documentation address for each candidate's.
  const text = JSON.stringify(
    reports,
    (name, value) => (name === "address" || name === "ip" ? "2001:db8::1" : value),
    undefined,
    2,
  );
  await writeFile(path, `${text}\n`);
  console.log(file, Object.keys(reports[1] ?? {}).length, "entries");
}

const server = await startPageServer({ sdk: false });
const [chromium, firefox] = [await launchChromium(), await launchFirefox()];
try {
  const [a, b] = [await chromium.newPage({ name: "chromium", preload }), await firefox.newPage({ name: "firefox", preload })];
  for (const page of [a, b]) await page.goto(server.url);
  await plainCall(a, b, "signal");
  await Promise.all([capture(a, "stats-chromium.json"), capture(b, "stats-firefox.json")]);
} finally {
  await endAll();
}
