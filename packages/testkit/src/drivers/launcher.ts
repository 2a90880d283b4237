/** A small shell script in front of a browser or server: enters a network namespace, ties it to this process's life, adds switches. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export type LauncherOptions = {
  readonly program: string;
  /** Network namespace to run in. */
  readonly netns?: string | undefined;
  /** Appended to the program's `--disable-features=`, of which Chromium obeys the last one only. */
  readonly disableFeatures?: readonly string[];
};

/** The words to put before a command so that the kernel ends it with us (Linux), and so that it runs in `netns`. */
export function commandPrefix(netns: string | undefined): readonly string[] {
  const tied = existsSync("/usr/bin/setpriv") ? ["/usr/bin/setpriv", "--pdeathsig", "KILL", "--"] : [];
  return [...tied, ...(netns === undefined ? [] : ["ip", "netns", "exec", netns])];
}

/** Writes the script, in a folder of its own; `remove` deletes both again. */
export function writeLauncher(options: LauncherOptions): { readonly path: string; readonly folder: string; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), "tsunagi-launch-"));
  const path = join(folder, "launch.sh");
  const features = options.disableFeatures?.map((each) => `,${each}`).join("") ?? "";
  const command = [...commandPrefix(options.netns), options.program].map(quote).join(" ");
  const script = `#!/bin/sh
for arg do
  shift
  case "$arg" in --disable-features=*) arg="$arg${features}" ;; esac
  set -- "$@" "$arg"
done
exec ${command} "$@"
`;
  writeFileSync(path, script, { mode: 0o755 });
  return { path, folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
