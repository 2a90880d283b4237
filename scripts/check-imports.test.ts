/** The check of the import arrows is known to fail: each fault is put into a small repository made for it. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
// @ts-expect-error plain JavaScript without types: it runs before anything is installed
import { checkImports } from "./check-imports.mjs";

let root: string;

function write(path: string, content: string | object): void {
  const file = join(root, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, typeof content === "string" ? content : JSON.stringify(content));
}

function addPackage(name: string, dependencies: readonly string[], source: string): void {
  const scoped = Object.fromEntries(dependencies.map((each) => [each, "0.1.0"]));
  write(`packages/${name}/package.json`, {
    name: `@tsunagi/${name}`,
    exports: { ".": "./dist/index.js", "./node": "./dist/node.js" },
    dependencies: scoped,
  });
  const references = dependencies.filter((each) => each.startsWith("@tsunagi/")).map((each) => ({ path: `../${each.slice(9)}` }));
  write(`packages/${name}/tsconfig.json`, { references });
  write(`packages/${name}/src/index.ts`, source);
}

const faults = (): string[] => checkImports(root);

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "tsunagi-arrows-"));
  write("package.json", { workspaces: ["packages/*"], devDependencies: { vitest: "4" } });
  write("tsconfig.json", { references: ["base", "stun", "protocol", "sdk"].map((name) => ({ path: `packages/${name}` })) });
  addPackage("base", [], "export const one = 1;");
  addPackage("stun", ["@tsunagi/base"], 'import { one } from "@tsunagi/base";\nexport { one };');
  addPackage("protocol", ["@tsunagi/base"], 'import type { one } from "@tsunagi/base";\nexport type { one };');
  addPackage("sdk", ["@tsunagi/protocol"], 'export * from "@tsunagi/protocol";');
});

afterEach(() => rmSync(root, { recursive: true, force: true }));

describe("checkImports", () => {
  it("finds nothing where all is right, tests and comments included", () => {
    write(
      "packages/base/src/index.test.ts",
      'import { it } from "vitest";\nimport "node:fs";\nimport { one } from "./index.ts";\nit(one);',
    );
    write("packages/base/src/comment.ts", '/* import "node:fs"; */\n// import "@tsunagi/sdk";\nexport {};');
    expect(faults()).toEqual([]);
  });

  const cases: [string, () => void, string][] = [
    [
      "an arrow that points up",
      () => addPackage("base", ["@tsunagi/stun"], 'import "@tsunagi/stun";'),
      "@tsunagi/base may not import @tsunagi/stun",
    ],
    [
      "a type import that points up",
      () => addPackage("base", ["@tsunagi/stun"], 'import type { X } from "@tsunagi/stun";'),
      "may not import",
    ],
    [
      "an import over several lines",
      () => addPackage("base", ["@tsunagi/stun"], 'import {\n  a,\n  b,\n} from "@tsunagi/stun";'),
      "may not import",
    ],
    [
      "a dynamic import",
      () => write("packages/base/src/late.ts", 'export const x = () => import("@tsunagi/stun");'),
      "may not import",
    ],
    ["a re-export", () => addPackage("base", ["@tsunagi/stun"], 'export * from "@tsunagi/stun";'), "may not import"],
    [
      "a relative import that leaves the package",
      () => write("packages/stun/src/x.ts", 'import "../../base/src/index.ts";'),
      '"../../base/src/index.ts" leaves the package',
    ],
    [
      "a file that is not exported",
      () => write("packages/stun/src/x.ts", 'import "@tsunagi/base/src/index.ts";'),
      "not in the exports",
    ],
    ["Node in a pure package", () => write("packages/base/src/x.ts", 'import { readFileSync } from "node:fs";'), "is pure"],
    ["a built-in without its prefix", () => write("packages/stun/src/node.ts", 'import "dgram";'), 'write "node:dgram"'],
    [
      "a dependency that is not declared",
      () => write("packages/base/src/x.ts", 'import "left-pad";'),
      '"left-pad" is not in the dependencies',
    ],
    [
      "a test's tool in the source",
      () => write("packages/base/src/x.ts", 'import { it } from "vitest";'),
      '"vitest" is not in the dependencies',
    ],
    ["a dependency that nobody imports", () => addPackage("base", ["left-pad"], ""), '"left-pad" is imported nowhere'],
    [
      "zod in the SDK",
      () => addPackage("sdk", ["@tsunagi/protocol", "zod"], 'import "zod";\nimport "@tsunagi/protocol";'),
      "not for @tsunagi/sdk",
    ],
    ["a workspace out of the table", () => addPackage("fancy", [], ""), "@tsunagi/fancy is not in the table"],
    [
      "a workspace that does not exist",
      () => write("packages/base/src/x.ts", 'import "@tsunagi/none";'),
      "there is no workspace @tsunagi/none",
    ],
    [
      "a missing project reference",
      () => write("packages/stun/tsconfig.json", { references: [] }),
      "no reference to @tsunagi/base",
    ],
    [
      "a project reference too many",
      () => write("packages/protocol/tsconfig.json", { references: [{ path: "../base" }, { path: "../stun" }] }),
      "a reference to @tsunagi/stun",
    ],
    [
      "a package that the root does not build",
      () => write("tsconfig.json", { references: [] }),
      "tsconfig.json: no reference to packages/base",
    ],
  ];
  for (const [name, spoil, sentence] of cases) {
    it(`finds ${name}`, () => {
      spoil();
      expect(faults().join("\n")).toContain(sentence);
    });
  }

  it("lets the one entry of a pure package that is for Node import Node", () => {
    write("packages/stun/src/node.ts", 'import "node:dgram";');
    expect(faults()).toEqual([]);
  });
});
