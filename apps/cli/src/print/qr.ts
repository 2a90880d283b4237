/** A QR code in half-block characters: two modules a line, so that it is square and small. */
import QRCode from "qrcode";
import type { Style } from "./style.ts";

/** Light modules around the code. The standard asks for 4; phones read it with fewer, and the banner is to stay within its lines. */
const QUIET = { side: 2, top: 1, bottom: 2 } as const;

/**
 * An address in capitals fits the alphanumeric mode and so a smaller code: scheme and host are the same in any case (RFC 3986 §6.2.2.1).
 * Only for addresses without a path, where case would matter.
 */
export function compactAddress(url: string): string {
  const trimmed = url.replace(/\/$/, "");
  return /^https?:\/\/[^/?#]+$/.test(trimmed) ? trimmed.toUpperCase() : url;
}

export function qrLines(text: string, style: Style): string[] {
  const { modules } = QRCode.create(text, { errorCorrectionLevel: "L" });
  const isDark = (row: number, column: number) =>
    row >= 0 && column >= 0 && row < modules.size && column < modules.size && modules.get(row, column) === 1;
  const lines: string[] = [];
  for (let row: number = -QUIET.top; row < modules.size + QUIET.bottom; row += 2) {
    let line = "";
    for (let column: number = -QUIET.side; column < modules.size + QUIET.side; column++)
      line += cell(isDark(row, column), isDark(row + 1, column), style.hasColour);
    // Black on white whatever the terminal's own colours are; without colour, light modules are drawn, for the usual dark terminal.
    lines.push(style.hasColour ? `\u001b[30;107m${line}\u001b[0m` : line);
  }
  return lines;
}

function cell(isTopDark: boolean, isBottomDark: boolean, drawsDark: boolean): string {
  const top = isTopDark === drawsDark;
  const bottom = isBottomDark === drawsDark;
  return top ? (bottom ? "█" : "▀") : bottom ? "▄" : " ";
}
