import { readFile } from "node:fs/promises";
import { runInNewContext } from "node:vm";
import { expect, it } from "vitest";
// @ts-expect-error a script without types
import { makeSource } from "../../../scripts/e2ee-worker.mjs";
import { WORKER_SOURCE } from "./source.ts";

it("is what main.ts makes (else: npm run build:e2ee-worker -w packages/sdk)", async () => {
  const committed = await readFile(new URL("source.ts", import.meta.url), "utf8");
  expect(committed === (await makeSource())).toBe(true);
});

it("runs in a global scope of its own and says that it is ready", () => {
  const said: unknown[] = [];
  const self = { postMessage: (message: unknown) => said.push(message) };
  runInNewContext(WORKER_SOURCE, { self, performance, crypto, TextEncoder, TransformStream, Uint8Array, Uint32Array });
  expect(said).toEqual([{ type: "ready" }]);
  expect(self).toHaveProperty("onrtctransform");
});
