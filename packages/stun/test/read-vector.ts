/** Reads a `.hex` file of the repository's `vectors/` folder. */
import { readFileSync } from "node:fs";

export function readVector(path: string): Uint8Array {
  const text = readFileSync(new URL(`../../../vectors/${path}`, import.meta.url), "utf8");
  const hex = text.replace(/#.*$/gm, "").replace(/\s/g, "");
  if (!/^([0-9a-f]{2})+$/.test(hex)) throw new Error(`${path} is not hexadecimal`);
  return Uint8Array.from(Buffer.from(hex, "hex"));
}
