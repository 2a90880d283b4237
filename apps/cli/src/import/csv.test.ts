import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseCsv } from "./csv.ts";

describe("parseCsv", () => {
  it.each([
    [
      "a,b\n1,2\n",
      [
        [1, "a", "b"],
        [2, "1", "2"],
      ],
    ],
    [
      "\uFEFFa;b\r\n1;2\r\n\r\n3;4",
      [
        [1, "a", "b"],
        [2, "1", "2"],
        [4, "3", "4"],
      ],
    ],
    [
      "a\tb\n1, 2\t3",
      [
        [1, "a", "b"],
        [2, "1, 2", "3"],
      ],
    ],
    [
      'a,b\n"x ""y"", z","two\nlines"\n1,2',
      [
        [1, "a", "b"],
        [2, 'x "y", z', "two\nlines"],
        [4, "1", "2"],
      ],
    ],
    [
      "a,b\n1,\n,\n",
      [
        [1, "a", "b"],
        [2, "1", ""],
      ],
    ],
    ["", []],
  ])("reads %j", (text, expected) => {
    const result = parseCsv(text);
    expect("rows" in result && result.rows.map(({ line, cells }) => [line, ...cells])).toEqual(expected);
  });

  it("says where a quote was opened that is not closed", () => {
    expect(parseCsv('a\n1\n"2\n3')).toEqual({ unclosedLine: 3 });
  });

  it("gives back any table", () => {
    const cell = fc.string({ maxLength: 20 }).map((text) => text.replace(/\r/g, "").trim());
    const table = fc.array(fc.array(cell, { minLength: 2, maxLength: 4 }), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(table, (rows) => {
        const text = [["h", "i"], ...rows]
          .map((row) => row.map((each) => `"${each.replaceAll('"', '""')}"`).join(","))
          .join("\r\n");
        const result = parseCsv(text);
        expect("rows" in result && result.rows.slice(1).map(({ cells }) => cells)).toEqual(
          rows.filter((row) => row.some((each) => each !== "")),
        );
      }),
      { numRuns: 200 },
    );
  });
});
