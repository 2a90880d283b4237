/** Colour, where there is a terminal that shows it. Nothing is told by colour alone. */
import type { Io, Out } from "../io.ts";

export type Style = {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly good: (text: string) => string;
  readonly warn: (text: string) => string;
  readonly bad: (text: string) => string;
  readonly accent: (text: string) => string;
  readonly hasColour: boolean;
};

/** https://no-color.org, and FORCE_COLOR for pipes that end in a terminal. */
export function styleFor(out: Out, env: Io["env"]): Style {
  const forced = env.FORCE_COLOR !== undefined && env.FORCE_COLOR !== "" && env.FORCE_COLOR !== "0";
  const hasColour = forced || (out.isTty && !env.NO_COLOR && env.TERM !== "dumb");
  const wrap = (open: number, close: number) => (text: string) => (hasColour ? `\u001b[${open}m${text}\u001b[${close}m` : text);
  return {
    bold: wrap(1, 22),
    dim: wrap(2, 22),
    good: wrap(32, 39),
    warn: wrap(33, 39),
    bad: wrap(31, 39),
    accent: wrap(36, 39),
    hasColour,
  };
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: the escape character starts the sequences that take no room
const ESCAPES = /\u001b\[[\d;]*m/g;

/** Columns that a text takes, colour sequences left out. Wide East Asian characters count two. */
export function widthOf(text: string): number {
  let width = 0;
  for (const character of text.replace(ESCAPES, ""))
    width += /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/.test(character)
      ? 2
      : 1;
  return width;
}

export function padEnd(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - widthOf(text)));
}
