import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { StartOptions } from "@tsunagi/server-all";
import type { Config } from "@tsunagi/server-all/config";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { EXIT } from "../exit-codes.ts";
import { MAX_BANNER_LINES } from "../print/banner.ts";
import { widthOf } from "../print/style.ts";
import { type TestIo, testIo } from "../test-io.ts";
import { type StartedServer, start } from "./start.ts";

let cwd: string;
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), "tsunagi-start-"));
});
afterEach(() => rm(cwd, { recursive: true, force: true }));

/** Starts, lets it run until `meanwhile` ends, and stops it. */
async function started(args: string[], io: TestIo, server: Partial<StartedServer> = {}, meanwhile = async () => io.stop()) {
  let options: StartOptions | undefined;
  let drained = 0;
  const reloaded: unknown[] = [];
  const startAll = async (given: StartOptions) => {
    options = given;
    return {
      version: "1.2.3",
      addresses: { http: { address: "::", port: 8080, secure: false }, turn: { udp: 3478, tcp: 3478 } },
      defaultApp: { name: "default", key: "11111111-2222-3333-4444-555555555555" },
      tls: undefined,
      reload: (load: () => Config) => reloaded.push(load().turn.users) > 0,
      drain: async () => void drained++,
      ...server,
    };
  };
  const code = start(args, io, startAll, ["192.0.2.7", "2001:db8::7"]);
  // The first start loads the log and configuration modules.
  await expect.poll(() => io.out(), { timeout: 15_000 }).not.toBe("");
  await meanwhile();
  return { code: await code, config: options?.config, drained: () => drained, reloaded };
}

const TLS = {
  addresses: { http: { address: "::", port: 8080, secure: true }, turn: {} },
  tls: { caFile: "/data/tls/ca.crt", caFingerprint: "AA" },
};

describe("start", () => {
  it("prints address, key, services and log within the banner's lines, and drains at the signal", async () => {
    const io = testIo({ cwd });
    const { code, drained } = await started([], io);
    expect(code).toBe(EXIT.ok);
    expect(drained()).toBe(1);
    const [banner = ""] = io.out().split("Closing");
    for (const text of [
      "http://localhost:8080",
      "http://localhost:8080/admin/docs, token in .tsunagi/admin-token",
      "tsunagi start --tls",
      "11111111-2222-3333-4444-555555555555",
      "STUN and TURN 3478 UDP+TCP",
      ".tsunagi/tsunagi.log",
      "start --tls",
    ]) {
      expect(banner).toContain(text);
    }
    expect(banner.trimEnd().split("\n").length).toBeLessThanOrEqual(MAX_BANNER_LINES);
    expect(banner).not.toContain("\u001b[");
  });

  it("shows where phones get the CA, and a QR code beside it in a wide terminal", async () => {
    const wide = testIo({ cwd, isTty: true, columns: 120 });
    await started(["--tls"], wide, TLS);
    const [banner = ""] = wide.out().split("Closing");
    expect(banner).toContain("https://localhost:8080");
    const lines = banner.trimEnd().split("\n");
    expect(Math.max(...lines.map(widthOf))).toBeLessThanOrEqual(120);
    expect(banner).toContain("install once: ");
    expect(banner).toContain("https://192.0.2.7:8080/ca.crt");
    expect(banner).toMatch(/[▀▄█]{3}/);
    expect(lines.length).toBeLessThanOrEqual(MAX_BANNER_LINES);
    const piped = testIo({ cwd });
    await started(["--tls"], piped, TLS);
    expect(piped.out()).not.toMatch(/[▀▄█]/);
  });

  it("hands flags over as settings, above the environment", async () => {
    const io = testIo({ cwd, env: { TSUNAGI_HTTP_PORT: "1", TSUNAGI_LOG_LEVEL: "debug" } });
    const args = [
      "--port",
      "81",
      "--host",
      "127.0.0.1",
      "--tls",
      "--tls-name",
      "a.example",
      "--tls-name",
      "192.0.2.1",
      "--no-turn",
      "--session-grace-ms",
      "5000",
    ];
    const { config } = await started(args, io);
    expect(config).toMatchObject({
      dataDir: join(cwd, ".tsunagi"),
      http: { port: 81, address: "127.0.0.1" },
      tls: { enabled: true, names: ["a.example", "192.0.2.1"] },
      turn: { enabled: false },
      session: { graceMs: 5000 },
      log: { level: "debug" },
    });
  });

  it("writes the log to its file", async () => {
    const io = testIo({ cwd });
    let log: StartOptions["log"];
    const code = start(["--log-file", "logs/mine.log"], io, async (options) => {
      log = options.log;
      throw new Error("stop here");
    });
    await expect(code).rejects.toThrow("stop here");
    log?.info({ answer: 42 }, "hello");
    await expect.poll(() => readFile(join(cwd, "logs/mine.log"), "utf8")).toContain('"answer":42');
  });

  it("gives scripts one line of JSON", async () => {
    const io = testIo({ cwd });
    await started(["--json"], io);
    expect(JSON.parse(io.out())).toMatchObject({
      ready: true,
      version: "1.2.3",
      key: "11111111-2222-3333-4444-555555555555",
      turn: { udp: 3478, tcp: 3478 },
      urls: expect.arrayContaining(["http://localhost:8080"]),
    });
  });

  it("reads the configuration again at SIGHUP, but in a terminal leaves that signal to mean its end", async () => {
    const write = (password: string) => writeFile(join(cwd, "tsunagi.config.yaml"), `turn: { users: { camera: ${password} } }`);
    for (const isTty of [false, true]) {
      await write("first");
      const io = testIo({ cwd, isTty });
      const { reloaded } = await started([], io, {}, async () => {
        await write("second");
        io.hangUp();
        io.stop();
      });
      expect(reloaded).toEqual(isTty ? [] : [{ camera: "second" }]);
    }
  });

  it("stops at once at a second signal", async () => {
    const io = testIo({ cwd });
    const { code } = await started([], io, { drain: () => new Promise(() => {}) }, async () => {
      io.stop();
      await expect.poll(() => io.out()).toContain("again to stop at once");
      io.again();
    });
    expect(code).toBe(EXIT.interrupted);
  });
});
