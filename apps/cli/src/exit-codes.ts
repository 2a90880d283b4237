/** What the process ends with. Documented in docs/cli.md. */
export const EXIT = {
  /** Done; for `doctor`, all is well or only warned about. */
  ok: 0,
  /** It could not be done: the code and the remedy are on stderr. For `doctor`, a check failed. */
  failed: 1,
  /** The command line is wrong: nothing was tried. */
  usage: 2,
  /** A mistake of ours, with its stack on stderr. */
  internal: 70,
  /** Stopped by a second Ctrl-C before it could close in order (128 + SIGINT). */
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];
