import { deflateRawSync, gzipSync } from "node:zlib";
import { CodedError } from "@tsunagi/base";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { deflateSdp, inflateSdp } from "./sdp-deflate.ts";

const base64 = (text: string) => deflateRawSync(text).toString("base64");
const codeOf = (text: string) =>
  inflateSdp(text).then(
    () => "none",
    (error: unknown) => (error instanceof CodedError ? error.code : String(error)),
  );

describe("deflated descriptions", () => {
  it("come back as they were, and repetitions cost next to nothing", async () => {
    const section = "m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\na=rtpmap:96 VP8/90000\r\n";
    const sdp = Array.from({ length: 256 }, (_, mid) => `${section}a=mid:${mid}\r\n`).join("");
    const short = await deflateSdp(sdp);
    expect(await inflateSdp(short)).toBe(sdp);
    expect(short.length).toBeLessThan(sdp.length / 10);
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: "grapheme" }), async (text) => {
        expect(await inflateSdp(await deflateSdp(text))).toBe(text);
      }),
      { numRuns: 30 },
    );
  });

  it("are refused when they unfold to more than 2,000,000 bytes", async () => {
    expect(await codeOf(base64("a".repeat(2_000_000)))).toBe("none");
    expect(await codeOf(base64("a".repeat(2_000_001)))).toBe("sfu.offer.too-large");
    const bomb = base64("a".repeat(20_000_000));
    expect(bomb.length).toBeLessThan(30_000);
    expect(await codeOf(bomb)).toBe("sfu.offer.too-large");
  });

  it("are refused when they are something else, or cut off", async () => {
    expect(await codeOf(base64("a description").slice(0, 8))).toBe("sfu.offer.malformed");
    expect(await codeOf(gzipSync("a description").toString("base64"))).toBe("sfu.offer.malformed");
    expect(await codeOf("")).toBe("sfu.offer.malformed");
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 64 }), async (bytes) => {
        expect(["none", "sfu.offer.malformed"]).toContain(await codeOf(Buffer.from(bytes).toString("base64")));
      }),
      { numRuns: 50 },
    );
  });
});
