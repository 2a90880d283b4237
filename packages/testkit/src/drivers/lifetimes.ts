/** Whatever a driver starts is entered here, so that it ends also when a test fails, times out or its process is stopped. */

type Entry = {
  readonly name: string;
  readonly end: () => Promise<void>;
  readonly endNow: (() => void) | undefined;
  readonly report: (() => string) | undefined;
};

const entries = new Set<Entry>();
let exitHookSet = false;

/** Longest time one thing may take to end before it is left to `endNow`. */
const END_LIMIT_MS = 10_000;

export type Lifetime = {
  readonly name: string;
  /** Ends it in good order. Called at most once. */
  readonly end: () => Promise<void>;
  /** Ends it at once and synchronously: for the process's exit, or when `end` hangs. */
  readonly endNow?: () => void;
  /** What a person wants to see of it when a test has failed: the last lines of a log. */
  readonly report?: () => string;
};

/** Enters something that lives. The returned function ends it, once; a second call waits for the first. */
export function track(lifetime: Lifetime): () => Promise<void> {
  if (!exitHookSet) {
    exitHookSet = true;
    process.on("exit", () => {
      for (const entry of [...entries].reverse()) attempt(entry.endNow);
    });
  }
  let ending: Promise<void> | undefined;
  const entry: Entry = {
    name: lifetime.name,
    end: () => {
      ending ??= endWithin(lifetime).finally(() => entries.delete(entry));
      return ending;
    },
    endNow: lifetime.endNow,
    report: lifetime.report,
  };
  entries.add(entry);
  return entry.end;
}

/** Ends everything that still lives, the newest first. For an `afterAll` of each test file. */
export async function endAll(): Promise<void> {
  const failures: unknown[] = [];
  for (const entry of [...entries].reverse()) {
    await entry.end().catch((error: unknown) => failures.push(new Error(`${entry.name} did not end well`, { cause: error })));
  }
  if (failures.length > 0) throw new AggregateError(failures, failures.map(String).join("; "));
}

/** The reports of all that lives, for the output of a failed test. */
export function reportAll(): string {
  const parts: string[] = [];
  for (const entry of entries) {
    const text = entry.report?.().trimEnd();
    if (text) parts.push(`--- ${entry.name}\n${text}`);
  }
  return parts.join("\n");
}

async function endWithin(lifetime: Lifetime): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not ended after ${END_LIMIT_MS} ms`)), END_LIMIT_MS);
  });
  try {
    await Promise.race([lifetime.end(), late]);
  } catch (error) {
    attempt(lifetime.endNow);
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

function attempt(action: (() => void) | undefined): void {
  try {
    action?.();
  } catch {
    // Nobody is left to tell: the process is ending, or the first error is already on its way.
  }
}
