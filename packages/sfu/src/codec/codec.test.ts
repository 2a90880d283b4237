import { describe, expect, it } from "vitest";
import type { Codec } from "../router-port.ts";
import { matchCodec } from "./codec.ts";

const feedback = { nack: true, pli: true, fir: true, transportCc: true, remb: false };

function codec(name: Codec["name"], payloadType: number, fmtp = ""): Codec {
  return {
    name,
    payloadType,
    clockRate: name === "opus" || name === "red" ? 48_000 : 90_000,
    channels: 1,
    fmtp,
    rtx: undefined,
    feedback,
  };
}

describe("a receiver's codec", () => {
  it("of H.264 is the one of the same profile and packetization mode", () => {
    const sent = codec("h264", 1, "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f");
    const high = codec("h264", 2, "packetization-mode=1;profile-level-id=640c1f");
    const mode0 = codec("h264", 3, "profile-level-id=42e01f");
    const level = codec("h264", 4, "packetization-mode=1;profile-level-id=42E034");
    const same = codec("h264", 5, "profile-level-id=42e01f; packetization-mode=1");
    expect(matchCodec(sent, [high, mode0, level])?.payloadType).toBe(4);
    expect(matchCodec(sent, [high, mode0, level, same])?.payloadType).toBe(5);
    expect(matchCodec(sent, [high, mode0])).toBeUndefined();
    const main = codec("h264", 6, "packetization-mode=1;profile-level-id=4d001f");
    expect(matchCodec(main, [same, high])?.payloadType).toBe(2);
    expect(matchCodec(high, [same, main])).toBeUndefined();
  });

  it("of VP9 is the one of the same profile, 0 where none is named", () => {
    expect(matchCodec(codec("vp9", 1), [codec("vp9", 2, "profile-id=2"), codec("vp9", 3, "profile-id=0")])?.payloadType).toBe(3);
    expect(matchCodec(codec("vp9", 1, "profile-id=2"), [codec("vp9", 3)])).toBeUndefined();
  });

  it("of all else goes by name", () => {
    expect(matchCodec(codec("vp8", 1), [codec("vp9", 2), codec("vp8", 3)])?.payloadType).toBe(3);
    expect(matchCodec(codec("opus", 1), [codec("red", 2)])).toBeUndefined();
  });
});
