import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, it } from "vitest";
import { readAnswer } from "./answer.ts";

const sdp = (...lines: string[]) => ["v=0", "o=- 1 1 IN IP4 0.0.0.0", "s=-", "t=0 0", ...lines, ""].join("\r\n");

it("says in which sections the client sends and receives", () => {
  const text = sdp(
    ...["m=audio 9 UDP/TLS/RTP/SAVPF 111", "a=mid:0", "a=ice-ufrag:1234", "a=sendonly"],
    ...["m=video 9 UDP/TLS/RTP/SAVPF 96", "a=mid:1", "a=sendrecv"],
    ...["m=video 9 UDP/TLS/RTP/SAVPF 96", "a=mid:2", "a=recvonly"],
    ...["m=video 0 UDP/TLS/RTP/SAVPF 96", "a=mid:3", "a=recvonly"],
  );
  const read = readAnswer(text);
  expect([read?.iceUfrag, read?.isMozilla]).toEqual(["1234", false]);
  expect(readAnswer(text.replace("o=-", "o=mozilla...THIS_IS_SDPARTA-99.0"))?.isMozilla).toBe(true);
  expect([...(read?.sections ?? [])].map(([mid, { sends, receives }]) => [mid, sends, receives])).toEqual([
    ["0", true, false],
    ["1", true, true],
    ["2", false, true],
    ["3", false, false],
  ]);
});

it("is nothing where it cannot be used", () => {
  const media = ["m=audio 9 UDP/TLS/RTP/SAVPF 111", "a=ice-ufrag:u"];
  for (const text of [
    "",
    "v=0",
    sdp(),
    sdp(...media),
    sdp("m=audio 9 X 1", "a=mid:0"),
    `${sdp(...media, "a=mid:0")}${"x".repeat(1e6)}`,
  ]) {
    expect(readAnswer(text)).toBeUndefined();
  }
  expect(readAnswer(sdp(...media, "a=mid:0"))).toBeDefined();
  expect(readAnswer(sdp(...Array.from({ length: 401 }, (_, at) => [...media, `a=mid:${at}`]).flat()))).toBeUndefined();
});

it("reads any text without failing", () => {
  const whole = readFileSync(new URL("../../../../../../vectors/sdp/chromium-listener.sdp", import.meta.url), "utf8");
  fc.assert(
    fc.property(fc.nat(whole.length), fc.nat(200), fc.string(), (at, length, text) => {
      readAnswer(`${whole.slice(0, at)}${text}${whole.slice(at + length)}`);
      readAnswer(`v=0\r\n${text}`);
    }),
    { numRuns: 300 },
  );
});
