/** The server's log as a file in the data directory: appended to, and set aside when it has grown. */
import { createWriteStream, mkdirSync, renameSync, statSync, type WriteStream } from "node:fs";
import { dirname } from "node:path";

/** One older file is kept beside it, so the two take at most about twice this. */
const SET_ASIDE_BYTES = 20 * 1024 * 1024;

/** At a start only: while it runs, whoever wants rotation gives `--log-file -` to a program that does it. */
export function openLogFile(path: string): WriteStream {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) > SET_ASIDE_BYTES) renameSync(path, `${path}.1`);
  // Peers and rooms appear in it at debug level: for this user alone.
  return createWriteStream(path, { flags: "a", mode: 0o600 });
}
