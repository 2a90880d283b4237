import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseFragment } from "./fragment.ts";

const malformed = expect.objectContaining({ code: "whip.fragment.malformed" });
/** As RFC 9725 §4.3.2 shows one, with an own candidate. */
const FRAGMENT = [
  "a=group:BUNDLE 0 1",
  "m=audio 9 UDP/TLS/RTP/SAVPF 111",
  "a=mid:0",
  "a=ice-ufrag:EsAw",
  "a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1",
  "a=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host generation 0 ufrag EsAw network-id 1",
  "a=end-of-candidates",
];

describe("parseFragment", () => {
  it.each(["\r\n", "\n"])("reads credentials and candidates, lines ended by %j", (end) => {
    expect(parseFragment(FRAGMENT.join(end) + end)).toEqual({
      iceUfrag: "EsAw",
      icePwd: "P2uYro0UCOQ4zxjKXaWCBui1",
      candidates: [{ mid: "0", candidate: (FRAGMENT[5] ?? "").slice(2) }],
      ended: true,
    });
  });

  it("refuses what has no credentials, wrong ones, too many lines, or is no SDP", () => {
    for (const text of [
      "",
      FRAGMENT.filter((line) => !line.includes("ufrag:")).join("\n"),
      FRAGMENT.map((line) => line.replace("P2uYro0UCOQ4zxjKXaWCBui1", "short")).join("\n"),
      [...FRAGMENT, "garbage"].join("\n"),
      [...FRAGMENT, ...Array<string>(600).fill("a=x")].join("\n"),
    ]) {
      expect(() => parseFragment(text)).toThrow(malformed);
    }
  });

  it("reads or refuses any text", () => {
    const line = fc.oneof(fc.constantFrom(...FRAGMENT), fc.string());
    fc.assert(
      fc.property(fc.array(line, { maxLength: 12 }), (lines) => {
        try {
          expect(parseFragment(lines.join("\r\n")).icePwd.length).toBeGreaterThanOrEqual(22);
        } catch (error) {
          expect(error).toEqual(malformed);
        }
      }),
    );
  });
});
