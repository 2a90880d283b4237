/** The lists of codes and the page that explains them stay the same. */
import { readFileSync } from "node:fs";
import { MEDIA_ERROR_CODES } from "@tsunagi/media";
import { SDP_ERROR_CODES } from "@tsunagi/sfu";
import { expect, it } from "vitest";
import { SFU_SERVER_CODES } from "./errors.ts";

const page = readFileSync(new URL("../../../docs/sfu.md", import.meta.url), "utf8");

it("docs/sfu.md lists each code, and no other", () => {
  const listed = [...page.matchAll(/^\| `((?:sfu|media)\.[a-z]+\.[a-z]+)`/gm)].map((match) => match[1] ?? "");
  const limits = listed.filter((code) => !code.startsWith("sfu.limits."));
  expect(limits.sort()).toEqual([...SFU_SERVER_CODES, ...SDP_ERROR_CODES, ...MEDIA_ERROR_CODES].sort());
});
