/** All kinds of peers with each other, and that docs/compatibility.md says how it is. `npm run matrix` prints it. */
import { readFileSync, writeFileSync } from "node:fs";
import { beforeAll, expect, it } from "vitest";
import { openFolkStage } from "./lib/folk.ts";
import { type Matrix, printMatrix, tryAll } from "./lib/kinds.ts";

const DOCUMENT = new URL("../docs/compatibility.md", import.meta.url);

let matrix: Matrix;

beforeAll(async () => {
  const stage = await openFolkStage({ env: { TSUNAGI_FACES_PEERJS_DISCOVERY: "true" } });
  matrix = await tryAll(stage);
  const file = process.env.TSUNAGI_MATRIX_FILE;
  if (file !== undefined) writeFileSync(file, printMatrix(matrix));
}, 180_000);

it.each(["call", "presence", "mesh", "sfu", "data"] as const)("%s between all kinds", (what) => {
  const outcomes = Object.entries(matrix[what]).flatMap(([from, row]) =>
    Object.entries(row).map(([to, outcome]) => `${from} → ${to}: ${outcome}`),
  );
  expect(outcomes.filter((each) => /fails|without a word/.test(each))).toEqual([]);
});

it("each kind is reached in its own framing, and foreign ones are refused with a reason", () => {
  const refused = Object.values(matrix.data).flatMap((row) => Object.values(row).filter((cell) => cell.includes("refused")));
  // skyway-js and peerjs pack differently, and neither can be told otherwise.
  expect(refused.length).toBe(2);
});

it("docs/compatibility.md holds the same tables", () => {
  // After a change: npm run matrix -- --write
  expect(readFileSync(DOCUMENT, "utf8")).toContain(printMatrix(matrix));
});
