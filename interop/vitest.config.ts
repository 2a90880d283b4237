/** Interoperability with others' implementations, from Debian packages: `npx vitest run --config interop/vitest.config.ts`. */
import { defineConfig, mergeConfig } from "vitest/config";
import base from "../vitest.config.ts";

const { test: _unitTests, ...shared } = base;

export default mergeConfig(
  shared,
  defineConfig({ test: { include: ["interop/**/*.test.ts"], maxWorkers: 2, testTimeout: 60_000 } }),
);
