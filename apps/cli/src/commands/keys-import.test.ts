/** `tsunagi keys import` over a real store in a temporary folder. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { run } from "../cli.ts";
import { EXIT } from "../exit-codes.ts";
import { testIo } from "../test-io.ts";

const A = "2be88034-8e65-4e86-bf79-a2a915b8bd93";
const B = "zzzzzzzz-1111-2222-3333-yyyyyyyyyyyy";

let cwd: string;
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), "tsunagi-import-"));
});
afterEach(() => rm(cwd, { recursive: true, force: true }));

async function tsunagi(line: string) {
  const io = testIo({ cwd, wallNow: Date.UTC(2026, 0, 1) });
  const code = await run(line.split(" "), io);
  return { code, out: io.out(), err: io.err() };
}

async function keys() {
  return JSON.parse((await tsunagi("keys list --json")).out) as { key: string; name: string; origins: string[] }[];
}

const LISTS = {
  "keys.csv": `API Key,Secret Key,Name,Available Domains,listPeers,requireAuthentication,rooms\n${A},0123456789abcdef,"Shop, main",shop.example localhost,true,no,7\n${B},,,,off,,\n`,
  "keys.json": JSON.stringify([
    {
      key: A,
      secret: "0123456789abcdef",
      name: "Shop, main",
      domains: ["shop.example", "localhost"],
      switches: { listPeers: true, requireAuthentication: false },
      limits: { rooms: 7 },
    },
    { key: B, listPeers: false },
  ]),
  "keys.yaml": `keys:\n  - key: ${A}\n    secret: 0123456789abcdef\n    name: Shop, main\n    domains: [shop.example, localhost]\n    rooms: 7\n  - { key: ${B}, listPeers: false }\n`,
};

describe("keys import", () => {
  it.each(Object.entries(LISTS))("brings along what %s says, and nothing the second time", async (file, text) => {
    await writeFile(join(cwd, file), text);
    const dry = await tsunagi(`keys import ${file} --dry-run`);
    expect(dry).toMatchObject({ code: EXIT.ok, out: expect.stringContaining("2 would be created") });
    expect(dry.out).toContain("Nothing was changed.");
    expect(await keys()).toEqual([]);

    const first = await tsunagi(`keys import ${file}`);
    expect(first).toMatchObject({ code: EXIT.ok, err: "", out: expect.stringMatching(/2 created, 0 updated, 0 unchanged\.\n$/) });
    const shown = JSON.parse((await tsunagi(`keys show ${A} --secret --json`)).out);
    expect(shown).toMatchObject({
      name: "Shop, main",
      secret: "0123456789abcdef",
      origins: ["https://shop.example:*", "http://shop.example:*", "https://localhost:*", "http://localhost:*"],
      switches: { listPeers: true, requireAuthentication: false },
      limits: { rooms: 7 },
    });
    expect(JSON.parse((await tsunagi(`keys show ${B} --json`)).out)).toMatchObject({
      name: "zzzzzzzz",
      origins: [],
      switches: { listPeers: false },
    });
    expect((await tsunagi(`keys import ${file}`)).out).toBe("0 created, 0 updated, 2 unchanged.\n");
  });

  it("changes what differs, and names it", async () => {
    await writeFile(join(cwd, "keys.csv"), `key,listPeers\n${A},true\n`);
    await tsunagi("keys import keys.csv");
    await writeFile(join(cwd, "keys.csv"), `key,listPeers,domain\n${A},false,shop.example\n`);
    const { out } = await tsunagi("keys import keys.csv --json");
    expect(JSON.parse(out)).toEqual({
      done: true,
      created: 0,
      updated: 1,
      unchanged: 0,
      faulty: 0,
      entries: [{ line: 2, key: A, outcome: "updated", changed: ["origins", "listPeers"] }],
    });
  });

  it("tells each faulty line with its number and code, and does nothing; or the rest, when told so", async () => {
    await writeFile(
      join(cwd, "keys.csv"),
      `key,listPeers,domains,colour\n${A},,,\na b,,,\n,true,,\n${B},maybe,,\n${B},,a/b,\n${B},,,red\n${A},,,\n`,
    );
    const refused = await tsunagi("keys import keys.csv");
    expect(refused).toMatchObject({ code: EXIT.failed, err: expect.stringContaining("cli.import.refused") });
    for (const [line, code] of [
      [3, "import.key.invalid"],
      [4, "import.key.missing"],
      [5, "import.field.invalid"],
      [6, "import.field.invalid"],
      [7, "import.field.unknown"],
      [8, "store.key.repeated"],
    ])
      expect(refused.out).toMatch(new RegExp(`✗ line ${line} .*\\(${code}\\)\n`));
    expect(refused.out).toContain("Nothing was changed.");
    expect(await keys()).toEqual([]);
    const skipped = await tsunagi("keys import keys.csv --skip-invalid --json");
    expect(skipped).toMatchObject({ code: EXIT.ok, err: "" });
    expect(JSON.parse(skipped.out)).toMatchObject({ done: true, created: 1, faulty: 6 });
    expect((await keys()).map(({ key }) => key)).toEqual([A]);
    expect(await tsunagi("keys import keys.csv --dry-run")).toMatchObject({ code: EXIT.failed, err: "" });
  });

  it.each([
    ["keys.json", '[{"key": "a"', "cli.import.malformed"],
    ["keys.json", '{"other": []}', "cli.import.malformed"],
    ["keys.json", "[]", "cli.import.malformed"],
    ["keys.yaml", "- key: a\n- [", "cli.import.malformed"],
    [
      "keys.yaml",
      `- key: a\n  domains: &a [${"x".repeat(9)}]\n  origins: &b [${Array(99).fill("*a")}]\n  modes: [${Array(99).fill("*b")}]\n`,
      "cli.import.malformed",
    ],
    ["keys.csv", "name,secret\na,b\n", "cli.import.malformed"],
    ["keys.csv", 'key\n"a\n', "cli.import.malformed"],
    ["keys.csv", "key\n", "cli.import.malformed"],
    ["missing.csv", undefined, "cli.import.unreadable"],
  ])("refuses %s with %j", async (file, text, code) => {
    if (text !== undefined) await writeFile(join(cwd, file), text);
    expect(await tsunagi(`keys import ${file}`)).toMatchObject({
      code: EXIT.failed,
      out: "",
      err: expect.stringContaining(code),
    });
  });

  it("says what skyway-js would refuse, and which secrets are weak", async () => {
    await writeFile(join(cwd, "keys.yml"), "- { key: short, secret: 12345 }\n");
    expect((await tsunagi("keys import keys.yml")).out).toMatch(
      /! 1 of the keys is not of the shape.*\n! 1 of the secrets is shorter/,
    );
    expect(JSON.parse((await tsunagi("keys show short --secret --json")).out).secret).toBe("12345");
    expect(await tsunagi("keys create x --key other")).toMatchObject({
      code: EXIT.ok,
      err: expect.stringContaining("skyway-js"),
    });
  });
});
