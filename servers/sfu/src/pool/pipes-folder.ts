/** Where the workers' pipes are: a folder of its own that no other user enters, or named pipes with a name nobody guesses. */
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export type PipesFolder = { path(worker: number): string; remove(): void };

export function pipesFolder(): PipesFolder {
  if (process.platform === "win32") {
    const name = randomBytes(16).toString("hex");
    return { path: (worker) => `\\\\.\\pipe\\tsunagi-sfu-${name}-${worker}`, remove: () => {} };
  }
  // mkdtemp gives it mode 0700.
  const folder = mkdtempSync(join(tmpdir(), "tsunagi-sfu-"));
  return { path: (worker) => join(folder, `${worker}.sock`), remove: () => rmSync(folder, { recursive: true, force: true }) };
}
