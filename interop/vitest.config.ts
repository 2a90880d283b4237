/** Interoperability with others' implementations, from Debian packages and the registry: `npx vitest run --config interop/vitest.config.ts`. */
import { defineConfig, mergeConfig } from "vitest/config";
import base from "../vitest.config.ts";

const { test: _unitTests, ...shared } = base;

/** They hold the time of a restart to what a client library waits: another file beside them would change it. */
const ALONE = ["interop/skyway-restart.test.ts"];

const project = (name: string, groupOrder: number, test: { include: string[]; exclude?: string[]; maxWorkers: number }) => ({
  extends: true as const,
  test: { name, ...test, sequence: { groupOrder } },
});

export default mergeConfig(
  shared,
  defineConfig({
    test: {
      // As in e2e: browsers on lent cores. What fails twice in a row is ours.
      retry: 1,
      testTimeout: 60_000,
      hookTimeout: 60_000,
      projects: [
        // More than there are cores: they wait more than they work.
        project("beside", 0, { include: ["interop/**/*.test.ts"], exclude: ALONE, maxWorkers: 3 }),
        project("alone", 1, { include: ALONE, maxWorkers: 1 }),
      ],
    },
  }),
);
