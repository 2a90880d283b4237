import { describe, expect, it } from "vitest";
import type { CodecCapability } from "../ports.ts";
import { forwardedCodecs } from "./forwarded-codecs.ts";

const video = (name: string, sdpFmtpLine?: string): CodecCapability => ({
  mimeType: `video/${name}`,
  clockRate: 90_000,
  ...(sdpFmtpLine === undefined ? {} : { sdpFmtpLine }),
});
const h264 = (profile: string, mode = 1) =>
  video("H264", `level-asymmetry-allowed=1;packetization-mode=${mode};profile-level-id=${profile}`);
const audio = (name: string) => ({ mimeType: `audio/${name}`, clockRate: 48_000, channels: 2 });

describe("codecs of an offer to the SFU", () => {
  it("are those that it forwards, in the browser's order, with their repairs", () => {
    const kept = [
      video("VP8"),
      video("rtx"),
      video("VP9", "profile-id=0"),
      h264("42e01f"),
      video("AV1", "level-idx=5;profile=0;tier=0"),
    ];
    const high = h264("64001f");
    const all = [
      ...kept.slice(0, 3),
      video("VP9", "profile-id=2"),
      video("VP9", "profile-id=1"),
      h264("42001f"),
      h264("42001f", 0),
      ...kept.slice(3, 4),
      h264("42e01f", 0),
      h264("4d001f"),
      h264("f4001f"),
      ...kept.slice(4),
      video("AV1", "level-idx=5;profile=1;tier=0"),
      high,
      h264("640c1f"),
      video("red"),
      video("ulpfec"),
      video("flexfec-03", "repair-window=10000000"),
      video("H265", "level-id=180"),
    ];
    expect(forwardedCodecs(all)).toEqual([...kept, high]);
    expect(forwardedCodecs(["opus", "red", "G722", "PCMU", "CN", "telephone-event"].map(audio))).toEqual([
      audio("opus"),
      audio("red"),
    ]);
  });

  it("take names in any case, parameters that are not there, and any baseline where there is no constrained one", () => {
    expect(forwardedCodecs([video("vp9"), video("av1"), h264("42001f"), h264("4d001f")])).toEqual([
      video("vp9"),
      video("av1"),
      h264("42001f"),
    ]);
    expect(forwardedCodecs([video("H264"), video("VP8")])).toEqual([video("VP8")]);
  });

  it("are all that there are where none is known", () => {
    const strange = [video("X"), video("Y")];
    expect(forwardedCodecs(strange)).toEqual(strange);
    expect(forwardedCodecs([])).toEqual([]);
  });
});
