import { inflateRawSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { nativeCompression, packDescription, unpackDescription } from "./description.ts";

const long = Array.from({ length: 2_000 }, (_, mid) => `m=video 9 RTP/SAVPF 96\r\na=mid:${mid}\r\n`).join("");

describe("a description", () => {
  it("goes deflated where it is long, in a form that others read", async () => {
    const { sdp, sdpDeflate } = await packDescription(long);
    expect(sdp).toBe("");
    expect(inflateRawSync(Buffer.from(sdpDeflate ?? "", "base64")).toString()).toBe(long);
    expect(sdpDeflate?.length).toBeLessThan(long.length / 4);
    expect(await unpackDescription({ sdp, sdpDeflate })).toBe(long);
  });

  it("goes as it is where it is short", async () => {
    expect(await packDescription("v=0")).toEqual({ sdp: "v=0" });
    expect(await unpackDescription({ sdp: "v=0" })).toBe("v=0");
  });

  it("goes as it is where the platform cannot deflate, or not in this format", async () => {
    expect(nativeCompression({} as never)).toBeUndefined();
    const old = {
      deflate: () => Promise.reject(new TypeError("format")),
      inflate: () => Promise.reject(new TypeError("format")),
    };
    expect(await packDescription(long, old)).toEqual({ sdp: long });
  });
});
