import QRCode from "qrcode";
import { describe, expect, it } from "vitest";
import { testIo } from "../test-io.ts";
import { withQr } from "./banner.ts";
import { compactAddress, qrLines } from "./qr.ts";
import { padEnd, styleFor, widthOf } from "./style.ts";
import { table } from "./table.ts";
import { phoneUrl, urlsOf } from "./urls.ts";

const plain = styleFor(testIo().stdout, {});
const colour = styleFor(testIo({ isTty: true }).stdout, {});

/** The modules that a drawing shows: true for dark. */
function modulesOf(lines: readonly string[], drawsDark: boolean): boolean[][] {
  return lines.flatMap((line) => {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape character starts the colour sequences
    const cells = [...line.replace(/\u001b\[[\d;]*m/g, "")];
    const row = (characters: string) => cells.map((cell) => characters.includes(cell) === drawsDark);
    return [row("█▀"), row("█▄")];
  });
}

describe("QR code", () => {
  it.each([
    ["with colour", colour, true],
    ["without", plain, false],
  ])("draws each module of the code, %s", (_, style, drawsDark) => {
    const text = "HTTPS://192.0.2.7:8080";
    const drawn = modulesOf(qrLines(text, style), drawsDark);
    const { modules } = QRCode.create(text, { errorCorrectionLevel: "L" });
    for (let row = 0; row < modules.size; row++) {
      for (let column = 0; column < modules.size; column++) {
        expect(drawn[row + 1]?.[column + 2], `${row},${column}`).toBe(modules.get(row, column) === 1);
      }
    }
    // The quiet zone is light all around.
    expect(drawn[0]?.some(Boolean)).toBe(false);
    expect(drawn.at(-1)?.some(Boolean)).toBe(false);
    expect(
      drawn.every((row) =>
        row
          .slice(0, 2)
          .concat(row.slice(-2))
          .every((dark) => !dark),
      ),
    ).toBe(true);
  });

  it("takes 12 lines for the usual address", () => {
    expect(qrLines(compactAddress("https://192.168.1.20:8080"), plain)).toHaveLength(12);
  });

  it("writes capitals only where case means nothing", () => {
    expect(compactAddress("https://studio.local:8080/")).toBe("HTTPS://STUDIO.LOCAL:8080");
    expect(compactAddress("https://studio.local/Room")).toBe("https://studio.local/Room");
  });

  it("stands beside the text where there is room, else below", () => {
    expect(withQr(["ab", "c"], ["##", "##", "##"], 80)).toEqual(["ab   ##", "c    ##", "     ##"]);
    expect(withQr(["ab", "c"], ["##"], 5)).toEqual(["ab", "c", "", "  ##"]);
  });
});

describe("text", () => {
  it("measures without colours, and wide characters as two", () => {
    expect(widthOf(colour.bold("abc"))).toBe(3);
    expect(widthOf("部屋a")).toBe(5);
    expect(padEnd("部", 4)).toBe("部  ");
  });

  it("aligns columns", () => {
    expect(
      table(
        ["A", "LONG"],
        [
          ["部屋", "x"],
          ["y", "z"],
        ],
        plain,
      ),
    ).toBe("A     LONG\n部屋  x\ny     z\n");
  });
});

describe("addresses to open", () => {
  const lan = ["192.0.2.7", "2001:db8::7"];
  it.each([
    [
      { address: "::", port: 8080, secure: false },
      ["http://localhost:8080", "http://192.0.2.7:8080", "http://[2001:db8::7]:8080"],
    ],
    [{ address: "0.0.0.0", port: 443, secure: true }, ["https://localhost", "https://192.0.2.7"]],
    [{ address: "127.0.0.1", port: 80, secure: false }, ["http://localhost"]],
    [{ address: "192.0.2.7", port: 9, secure: true }, ["https://192.0.2.7:9"]],
  ])("%o", (listening, urls) => {
    expect(urlsOf(listening, lan)).toEqual(urls);
  });

  it("gives phones IPv4 first, and never localhost", () => {
    expect(phoneUrl(["https://localhost", "https://[2001:db8::7]", "https://192.0.2.7"])).toBe("https://192.0.2.7");
    expect(phoneUrl(["https://localhost", "https://[2001:db8::7]"])).toBe("https://[2001:db8::7]");
    expect(phoneUrl(["https://localhost"])).toBeUndefined();
  });
});
