/** Tests over real browsers and processes: one file at a time, since two cores carry about four browsers' media. */
import { defineConfig } from "vitest/config";

export default defineConfig({
  root: import.meta.dirname,
  resolve: { conditions: ["source", "module", "node", "import", "default"] },
  ssr: { resolve: { conditions: ["source", "module", "node", "import", "default"], externalConditions: ["source"] } },
  test: {
    include: ["tests/**/*.test.ts"],
    setupFiles: ["support/setup.ts"],
    // Processes and not threads: the drivers tie browsers and servers to the life of their process.
    pool: "forks",
    maxWorkers: 1,
    fileParallelism: false,
    testTimeout: 90_000,
    hookTimeout: 60_000,
    teardownTimeout: 20_000,
  },
});
