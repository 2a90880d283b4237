/** `doctor --skyway` and `--peerjs` against the real servers in one process. */
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
let url: string;

beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), "tsunagi-faces-"));
  io = testIo({ cwd, wallNow: Date.now(), env: { TSUNAGI_SFU_PORT: "0", TSUNAGI_SFU_WORKERS: "1" } });
  code = run(["start", "--json", "--port", "0", "--turn-port", "0"], io);
  await vi.waitUntil(() => io.out() + io.err() !== "", { timeout: 60_000 });
  expect(io.err()).toBe("");
  url = JSON.parse(io.out()).urls[0];
}, 70_000);

afterAll(async () => {
  io.stop();
  expect(await code).toBe(EXIT.ok);
  await rm(cwd, { recursive: true, force: true });
});

type Checked = { id: string; status: string; detail: string; code?: string };

async function doctor(...args: string[]) {
  const own = testIo({ cwd, wallNow: Date.now() });
  const exit = await run(["doctor", ...args, "--timeout", "10s", "--json"], own);
  const { checks } = JSON.parse(own.out()) as { checks: Checked[] };
  const of = (id: string) => checks.find((check) => check.id === id);
  return { exit, checks, of };
}

describe("doctor --peerjs", () => {
  it("finds the server well", async () => {
    const { exit, checks, of } = await doctor("--peerjs", `${url}/peerjs`);
    expect(checks.filter(({ status }) => status === "fail" || status === "warn")).toEqual([]);
    expect(exit).toBe(EXIT.ok);
    expect(checks.map(({ id }) => id)).toEqual("port certificate about id open taken relay listing".split(" "));
    expect(of("relay")?.status).toBe("ok");
  });

  it("finds the root served, too, and another path wanting", async () => {
    expect((await doctor("--peerjs", `${url}/`)).exit).toBe(EXIT.ok);
    const wrong = await doctor("--peerjs", `${url}/elsewhere`);
    expect(wrong.exit).toBe(EXIT.failed);
    expect(wrong.of("id")).toMatchObject({ status: "fail", code: "doctor.peerjs.http" });
  });
});

describe("doctor --skyway", () => {
  it("finds the server well, but for what needs https on 443", async () => {
    const { exit, checks, of } = await doctor("--skyway", url);
    expect(checks.filter(({ status }) => status === "fail")).toEqual([]);
    expect(exit).toBe(EXIT.ok);
    for (const id of "port polling cors open wrong-key upgrade listing sfu-room turn-name".split(" "))
      expect([id, of(id)?.status]).toEqual([id, "ok"]);
    expect(of("dispatcher")).toMatchObject({ status: "warn", code: "doctor.skyway.dispatcher" });
    expect(of("sfu-room")?.detail).toContain("takes audio and video");
  });

  it("says why a session is refused, and goes on with what opens it", async () => {
    const io = testIo({ cwd, wallNow: Date.now() });
    await run(
      ["keys", "create", "closed", "--switch", "requireAuthentication=true", "--origin", "https://shop.example", "--json"],
      io,
    );
    const { key } = JSON.parse(io.out());
    // The server follows the store within seconds.
    await vi.waitUntil(
      async () => (await doctor("--skyway", url, "--key", key)).of("open")?.detail.startsWith("invalid-domain"),
      {
        timeout: 30_000,
        interval: 500,
      },
    );
    const there = ["--skyway", url, "--key", key, "--origin", "https://shop.example"];
    const refused = await doctor(...there);
    expect(refused.exit).toBe(EXIT.failed);
    expect(refused.of("open")).toMatchObject({
      code: "doctor.skyway.refused",
      detail: expect.stringContaining("authentication"),
    });
    const signed = testIo({ cwd, wallNow: Date.now() });
    await run(["token", "closed", "--skyway", "--peer", "alice", "--ttl", "600"], signed);
    const opened = await doctor(...there, "--peer", "alice", "--credential", signed.out().trim());
    expect(opened.exit).toBe(EXIT.ok);
    expect(opened.of("open")?.detail).toBe("OPEN as alice");
  }, 60_000);
});
