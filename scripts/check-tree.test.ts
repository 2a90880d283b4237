/** The check of the tree is known to fail: each fault is put into a small repository made for it. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
// @ts-expect-error plain JavaScript without types: it runs before anything is installed
import { checkTree } from "./check-tree.mjs";

let root: string;

function write(path: string, content: string): void {
  const file = join(root, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
}

const faults = (long: Record<string, string> = {}): string => checkTree(root, long).join("\n");
const lock = (resolved: string) => JSON.stringify({ packages: { "node_modules/x": { version: "1.0.0", resolved } } });

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "tsunagi-tree-"));
  write("package.json", JSON.stringify({ workspaces: ["packages/*"] }));
  write("package-lock.json", lock("packages/x"));
  write("packages/x/package.json", JSON.stringify({ name: "@tsunagi/x" }));
  write(
    "packages/x/README.md",
    "# The `x` package\n\nSee [the guide](../../docs/guide.md#second-part), `[no](link.md)`, [out](https://example.org).",
  );
  write("docs/guide.md", "# Guide\n\n## Second part\n\n[back](#guide)\n");
});

afterEach(() => rmSync(root, { recursive: true, force: true }));

describe("checkTree", () => {
  it("finds nothing where all is right", () => expect(faults()).toBe(""));

  it("finds a host in the lock", () => {
    write("package-lock.json", lock("https://registry.example/x.tgz"));
    expect(faults()).toContain("node_modules/x is bound to https://registry.example/x.tgz");
  });

  it("finds a long file unless its reason is given, and a reason that is not needed", () => {
    write("packages/x/src/long.ts", "line\n".repeat(501));
    expect(faults()).toContain("packages/x/src/long.ts: 501 lines");
    expect(faults({ "packages/x/src/long.ts": "one table" })).toBe("");
    write("packages/x/src/long.ts", "line\n");
    expect(faults({ "packages/x/src/long.ts": "one table" })).toContain("needs no entry");
    expect(faults({ "gone.ts": "one table" })).toContain("gone.ts: is in LONG_FILES and does not exist");
  });

  it("finds links that lead nowhere", () => {
    write("docs/a.md", "[one](./missing.md) ![two](missing.png) [three](guide.md#third-part)");
    expect(faults()).toContain("./missing.md leads nowhere");
    expect(faults()).toContain("missing.png leads nowhere");
    expect(faults()).toContain("guide.md#third-part names no heading there");
  });

  it("finds a package that does not say what it is", () => {
    rmSync(join(root, "packages/x/README.md"));
    expect(faults()).toContain("packages/x: no README.md");
  });

  it("finds a path of one machine", () => {
    write("docs/b.md", `see ${["", "home", "somebody", "tsunagi"].join("/")}`);
    expect(faults()).toContain("names a path of one machine");
  });
});
