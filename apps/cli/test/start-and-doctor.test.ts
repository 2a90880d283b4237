/** The commands against the real servers, in one process: started with --tls, found well by the doctor, followed by keys. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { run } from "../src/cli.ts";
import { EXIT, type ExitCode } from "../src/exit-codes.ts";
import { type TestIo, testIo } from "../src/test-io.ts";

let cwd: string;
let io: TestIo;
let code: Promise<ExitCode>;
let ready: { urls: string[]; key: string; turn: { udp: number }; caUrl?: string };

beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), "tsunagi-all-"));
  io = testIo({ cwd, wallNow: Date.now() });
  code = run(["start", "--json", "--tls", "--port", "0", "--turn-port", "0", "--turn-tls-port", "0"], io);
  await vi.waitUntil(() => io.out() + io.err() !== "", { timeout: 60_000 });
  expect(io.err()).toBe("");
  ready = JSON.parse(io.out());
}, 70_000);

afterAll(async () => {
  io.stop();
  expect(await code).toBe(EXIT.ok);
  await rm(cwd, { recursive: true, force: true });
});

async function tsunagi(...args: string[]) {
  const own = testIo({ cwd, wallNow: Date.now() });
  const exit = await run([...args, "--json"], own);
  return { exit, value: JSON.parse(own.out()) };
}

describe("a server started with --tls", () => {
  it("is found well by the doctor", async () => {
    const { exit, value } = await tsunagi("doctor", "--url", ready.urls[0] ?? "", "--turn-port", `${ready.turn.udp}`);
    expect(value.checks.filter((check: { status: string }) => check.status === "fail")).toEqual([]);
    expect(exit).toBe(EXIT.ok);
    const of = (id: string) => value.checks.find((check: { id: string }) => check.id === id);
    expect(of("health").status).toBe("ok");
    expect(of("websocket").status).toBe("ok");
    expect(of("stun4").detail).toContain("127.0.0.1");
    expect(of("context").detail).toContain("local CA");
  });

  it("is found wanting by a doctor that does not have its CA", async () => {
    const { exit, value } = await tsunagi(
      "doctor",
      "--url",
      ready.urls[0] ?? "",
      "--turn-port",
      `${ready.turn.udp}`,
      "--data-dir",
      "elsewhere",
    );
    expect(exit).toBe(EXIT.failed);
    expect(value.checks.find((check: { id: string }) => check.id === "context")).toMatchObject({
      code: "doctor.certificate.untrusted",
    });
  });

  it("shares its apps with keys and token", async () => {
    const { value: apps } = await tsunagi("keys", "list");
    expect(apps.map((app: { key: string }) => app.key)).toEqual([ready.key]);
    const { value } = await tsunagi("token", "--peer", "alice");
    expect(value).toMatchObject({ key: ready.key, token: expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/) });
  });
});
