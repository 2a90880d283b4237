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
  await vi.waitUntil(() => io.out() + io.err() !== "", { timeout: 15_000 });
  expect(io.err()).toBe("");
  url = JSON.parse(io.out()).urls[0];
}, 20_000);

afterAll(async () => {
  io.stop();
  expect(await code).toBe(EXIT.ok);
  await rm(cwd, { recursive: true, force: true });
});

type Checked = { id: string; status: string; detail: string; code?: string };

async function doctor(...args: string[]) {
  const own = testIo({ cwd, wallNow: Date.now() });
  const exit = await run(["doctor", ...args, "--json"], own);
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
