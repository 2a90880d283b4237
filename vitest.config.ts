/** Unit and package tests. Workspace packages resolve to their sources through the `source` export condition, so nothing is built first. */
import { defineConfig } from "vitest/config";

export default defineConfig({
  resolve: { conditions: ["source", "node"] },
  ssr: { resolve: { conditions: ["source", "node"], externalConditions: ["source"] } },
  test: {
    include: [
      "{packages,servers,apps}/*/src/**/*.test.{ts,tsx}",
      "{packages,servers,apps}/*/test/**/*.test.{ts,tsx}",
      "scripts/**/*.test.ts",
    ],
    // One process for many files: to load what they import takes as long as to run them. A test that changes something global puts it back.
    isolate: false,
    // Two cores: more workers only fight each other.
    maxWorkers: 2,
    testTimeout: 20_000,
  },
});
