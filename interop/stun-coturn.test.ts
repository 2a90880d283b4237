/** coturn's STUN client (Debian package `coturn`; its daemon is not started) against our Binding responder. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type RunningStunServer, startStunServer } from "../servers/turn/src/index.ts";

const CLIENT = "turnutils_stunclient";
const run = promisify(execFile);
let server: RunningStunServer;

beforeAll(async () => {
  server = await startStunServer({ port: 0 });
});
afterAll(() => server.close());

async function stunClient(host: string): Promise<string> {
  try {
    const { stdout, stderr } = await run(CLIENT, ["-p", `${server.addresses[0]?.port}`, host], { timeout: 20_000 });
    return stdout + stderr;
  } catch (error) {
    if ((error as { code?: unknown }).code === "ENOENT") throw new Error(`${CLIENT} is missing: apt-get install coturn`);
    throw error;
  }
}

describe("coturn's client", () => {
  it.each([
    ["127.0.0.1", /IPv4\. UDP reflexive addr: 127\.0\.0\.1:\d+/],
    ["::1", /IPv6\. UDP reflexive addr: (\[::1\]|::1):\d+/],
  ])("learns its address from %s", async (host, expected) => {
    const before = server.stats().answered.success;
    expect(await stunClient(host)).toMatch(expected);
    await expect.poll(() => server.stats().answered.success).toBeGreaterThan(before);
    expect(server.stats().dropped).toEqual(expect.objectContaining({ malformed: 0, method: 0, rate: 0 }));
  });
});
