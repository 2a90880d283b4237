/** `tsunagi-turn` as a process: starts, is asked, reads its files again, refuses bad ones, stops. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { METHOD, put } from "@tsunagi/stun";
import { TURN_ATTRIBUTES } from "@tsunagi/turn";
import { afterEach, expect, it } from "vitest";
import { TestClient, udpWire } from "./turn-client.ts";

const MAIN = fileURLToPath(new URL("../src/main.ts", import.meta.url));
const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close();
});

function start(...args: readonly string[]) {
  const child: ChildProcess = spawn(process.execPath, ["--import", "tsx", "--conditions=source", MAIN, ...args]);
  const ended = once(child, "exit");
  open.push({
    async close() {
      child.kill("SIGKILL");
      await ended;
    },
  });
  const lines: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    if (stream !== null) createInterface(stream).on("line", (line) => lines.push(line));
  }
  const line = async (part: string): Promise<string> => {
    await expect.poll(() => lines.some((each) => each.includes(part)), { timeout: 15_000 }).toBe(true);
    return lines.find((each) => each.includes(part)) ?? "";
  };
  return { child, ended, line };
}

it("starts, reads its files again at SIGHUP, and stops at SIGTERM", async () => {
  const folder = mkdtempSync(join(tmpdir(), "tsunagi-turn-"));
  open.push({ close: () => rmSync(folder, { recursive: true }) });
  const users = join(folder, "users");
  writeFileSync(users, "somebody:else\n");
  const { child, ended, line } = start(
    ...["--address", "127.0.0.1", "--port", "0", "--metrics-port", "0", "--users-file", users, "--allow", "127.0.0.1"],
  );
  const { port, metricsPort } = JSON.parse(await line('"ready"')) as { port: number; metricsPort: number };
  const attempt = async () => {
    const wire = await udpWire(port);
    open.push(wire);
    const client = new TestClient(wire);
    const { address } = await client.allocate();
    return { client, address };
  };
  await expect(attempt()).rejects.toThrow("401");

  writeFileSync(users, "user:password\n");
  child.kill("SIGHUP");
  await line("were read again");
  const alice = await attempt();
  expect(alice.address).toBe("127.0.0.1");
  const metrics = await fetch(`http://127.0.0.1:${metricsPort}/metrics`);
  expect(await metrics.text()).toContain('tsunagi_turn_allocations{transport="udp"} 1\n');

  writeFileSync(users, "");
  child.kill("SIGHUP");
  await line("nothing was changed");
  const bob = await attempt();

  child.kill("SIGTERM");
  await line("stopping");
  await expect(attempt()).rejects.toThrow("508");
  for (const { client } of [alice, bob]) await client.request(METHOD.refresh, put(TURN_ATTRIBUTES.LIFETIME, 0));
  expect(await ended).toEqual([0, null]);
  await line('"reason":"deleted"');
}, 60_000);

it("says what is wrong, and what to do, and ends with 1", async () => {
  const { ended, line } = start("--port", "0");
  expect(await line("nobody could use this server")).toContain("turn.option.value");
  expect(await line("→")).toContain("--secret");
  expect(await ended).toEqual([1, null]);
}, 60_000);
