import { CodedError } from "@tsunagi/base";
import { describe, expect, it } from "vitest";
import { COMMANDS, report, run } from "./cli.ts";
import { EXIT } from "./exit-codes.ts";
import { testIo } from "./test-io.ts";

describe("tsunagi", () => {
  it("shows what there is, by each way people ask", async () => {
    for (const args of [[], ["help"], ["--help"], ["-h"]]) {
      const io = testIo();
      expect(await run(args, io)).toBe(EXIT.ok);
      for (const { name, summary } of COMMANDS) expect(io.out()).toContain(`${name.padEnd(9)}${summary}`);
      expect(io.err()).toBe("");
    }
  });

  it.each(COMMANDS.map(({ name }) => name))("%s --help names every option and has examples, in 100 columns", async (name) => {
    const io = testIo();
    expect(await run([name, "--wrong-even", "--help"], io)).toBe(EXIT.ok);
    const command = COMMANDS.find((each) => each.name === name);
    for (const option of Object.keys(command?.options ?? {})) expect(io.out()).toContain(`--${option}`);
    expect(io.out()).toMatch(/Examples\n {2}tsunagi /);
    expect(
      Math.max(
        ...io
          .out()
          .split("\n")
          .map((line) => line.length),
      ),
    ).toBeLessThanOrEqual(110);
    const byHelp = testIo();
    await run(["help", name], byHelp);
    expect(byHelp.out()).toBe(io.out());
  });

  it("prints its version", async () => {
    const io = testIo();
    await run(["--version"], io);
    expect(io.out()).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it.each([
    [["strat"], "cli.usage.command"],
    [["start", "--prot", "1"], "cli.usage.option"],
    [["start", "extra"], "cli.usage.argument"],
    [["keys"], "cli.usage.argument"],
    [["keys", "create"], "cli.usage.argument"],
    [["keys", "lsit"], "cli.usage.value"],
    [["doctor", "--timeout", "soon"], "cli.usage.value"],
    [["doctor", "--url", "ftp://x"], "cli.usage.value"],
    [["doctor", "--skyway", "ftp://x"], "cli.usage.value"],
    [["doctor", "--skyway", "a.example", "--peerjs", "a.example"], "cli.usage.option"],
    [["doctor", "--skyway", "a.example", "--origin", "x y"], "cli.usage.value"],
    [["doctor", "--origin", "https://a.example"], "cli.usage.option"],
    [["doctor", "--key", "k"], "cli.usage.option"],
    [["keys", "import"], "cli.usage.argument"],
    [["token", "--ttl", "0"], "cli.usage.value"],
    [["token", "--mode", "star"], "cli.usage.value"],
    [["token", "--room", "a", "--no-rooms"], "cli.usage.option"],
  ])("%j is wrong use: code and remedy on standard error, exit code 2", async (args, code) => {
    const io = testIo();
    expect(await run(args, io)).toBe(EXIT.usage);
    expect(io.out()).toBe("");
    expect(io.err()).toContain(`(${code})`);
    expect(io.err()).toMatch(/\n {2}→ .+\n$/);
  });

  it("tells a failure from a mistake of its own", () => {
    const io = testIo();
    expect(report(new CodedError("store.database.unreachable", "no"), io)).toBe(EXIT.failed);
    expect(report(new Error("broken"), io)).toBe(EXIT.internal);
    expect(io.err()).toContain("please report it");
  });

  it("colours only for a terminal, and never against NO_COLOR", async () => {
    const errorOf = async (options: object) => {
      const io = testIo(options);
      await run(["strat"], io);
      return io.err();
    };
    expect(await errorOf({})).not.toContain("\u001b[");
    expect(await errorOf({ isTty: true })).toContain("\u001b[31m");
    expect(await errorOf({ isTty: true, env: { NO_COLOR: "1" } })).not.toContain("\u001b[");
    expect(await errorOf({ isTty: true, env: { TERM: "dumb" } })).not.toContain("\u001b[");
    expect(await errorOf({ env: { FORCE_COLOR: "1" } })).toContain("\u001b[31m");
  });
});
