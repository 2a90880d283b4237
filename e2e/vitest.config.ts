/** Tests over real browsers and processes: several files at a time where only what happens counts, and fewer where it also counts when. */
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

const files = (...names: readonly string[]) => names.map((name) => `tests/${name}.test.ts`);

/** They hold gaps and round trips to a limit, and mostly wait: two of them do not change each other's figures, browsers that start would. */
const MEASURING = files("hostile", "relay-recovery", "renegotiation", "resilience-network", "sfu-recovery", "sfu-room");

/** What they measure another file beside them would change. */
const ALONE = files("flood", "link", "sfu-auto", "sfu-impaired", "sfu-large", "sfu-lips");

/** The longest: begun first, so that no lane is left with one of them at the end. */
const LONG = files(
  "files",
  "meet",
  "memory",
  "check",
  "examples",
  "doctor-networks",
  "calls",
  "resilience",
  "mesh-room",
  "nat",
  "relay",
);

class LongestFirst extends BaseSequencer {
  override async sort(specs: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      const at = LONG.findIndex((file) => moduleId.endsWith(`/${file}`));
      return at === -1 ? LONG.length : at;
    };
    const groupOf = ({ project }: TestSpecification) => project.config.sequence.groupOrder;
    // Sorting keeps the order of equals: of the rest the larger files come first.
    return (await super.sort(specs)).sort((a, b) => groupOf(a) - groupOf(b) || rank(a) - rank(b));
  }
}

/** A machine that is lent cores loses them for a second at times, which is more than these limits allow: what fails twice in a row is ours. */
const ONCE_MORE = 1;

export default defineConfig({
  root: import.meta.dirname,
  resolve: { conditions: ["source", "module", "node", "import", "default"] },
  ssr: { resolve: { conditions: ["source", "module", "node", "import", "default"], externalConditions: ["source"] } },
  test: {
    setupFiles: ["support/setup.ts"],
    // Processes and not threads: the drivers tie browsers and servers to the life of their process.
    pool: "forks",
    sequence: { sequencer: LongestFirst },
    // Of the tests that say that they may: they have servers and pages of their own, and mostly wait.
    maxConcurrency: 2,
    retry: ONCE_MORE,
    testTimeout: 90_000,
    hookTimeout: 60_000,
    teardownTimeout: 20_000,
    projects: [
      {
        extends: true,
        test: {
          name: "beside",
          include: ["tests/**/*.test.ts"],
          exclude: [...MEASURING, ...ALONE],
          // More than there are cores: they wait more than they work.
          maxWorkers: 3,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: { name: "measuring", include: MEASURING, maxWorkers: 2, sequence: { groupOrder: 1 } },
      },
      {
        extends: true,
        test: {
          name: "alone",
          include: ALONE,
          maxWorkers: 1,
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
