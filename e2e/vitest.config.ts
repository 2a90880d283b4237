/** Tests over real browsers and processes: two files at a time where only what happens counts, one at a time where it also counts when. */
import { defineConfig } from "vitest/config";

/** They hold gaps and round trips to a limit, which another file's browsers beside them would change. */
const MEASURING = ["flood", "hostile", "relay-recovery", "renegotiation", "resilience-network"].map(
  (name) => `tests/${name}.test.ts`,
);

export default defineConfig({
  root: import.meta.dirname,
  resolve: { conditions: ["source", "module", "node", "import", "default"] },
  ssr: { resolve: { conditions: ["source", "module", "node", "import", "default"], externalConditions: ["source"] } },
  test: {
    setupFiles: ["support/setup.ts"],
    // Processes and not threads: the drivers tie browsers and servers to the life of their process.
    pool: "forks",
    testTimeout: 90_000,
    hookTimeout: 60_000,
    teardownTimeout: 20_000,
    projects: [
      {
        extends: true,
        test: { name: "beside", include: ["tests/**/*.test.ts"], exclude: MEASURING, maxWorkers: 2, sequence: { groupOrder: 0 } },
      },
      {
        extends: true,
        test: {
          name: "alone",
          include: MEASURING,
          maxWorkers: 1,
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
