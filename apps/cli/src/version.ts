/** The version of the package, read from where it is installed. */
import { readFileSync } from "node:fs";

const text: unknown = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));

export const VERSION: string =
  typeof text === "object" && text !== null && "version" in text && typeof text.version === "string" ? text.version : "unknown";
