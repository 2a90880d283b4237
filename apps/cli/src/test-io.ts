/** A terminal and a system for tests. */
import type { Io } from "./io.ts";

export type TestIo = Io & {
  readonly out: () => string;
  readonly err: () => string;
  readonly questions: readonly string[];
  stop(): void;
  again(): void;
  hangUp(): void;
};

export type TestIoOptions = {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly isTty?: boolean;
  readonly columns?: number;
  readonly wallNow?: number;
  readonly confirms?: boolean;
};

export function testIo(options: TestIoOptions = {}): TestIo {
  const { env = {}, cwd = "/nowhere", isTty = false, columns = 100, wallNow = Date.UTC(2026, 5, 1), confirms = false } = options;
  const out: string[] = [];
  const err: string[] = [];
  let stop = () => {};
  let again = () => {};
  let hangUp = () => {};
  const questions: string[] = [];
  return {
    stdout: { write: (text) => void out.push(text), isTty, columns },
    stderr: { write: (text) => void err.push(text), isTty, columns },
    env,
    cwd,
    clock: { now: () => 0, wallNow: () => wallNow, after: () => () => {} },
    confirm: async (question) => {
      questions.push(question);
      return confirms;
    },
    onHangUp(listener) {
      hangUp = listener;
    },
    stopSignal(onAgain) {
      again = onAgain;
      return new Promise((resolve) => {
        stop = () => resolve("SIGINT");
      });
    },
    out: () => out.join(""),
    err: () => err.join(""),
    questions,
    stop: () => stop(),
    again: () => again(),
    hangUp: () => hangUp(),
  };
}
