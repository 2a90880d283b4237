import { silentLog } from "@tsunagi/base";
import { describe, expect, it } from "vitest";
import type { MediaStreamTrackPort, SenderPort, SendParameters } from "../ports.ts";
import { applyContentHint, applySendParameters, sendKeyFrame, sortCodecs } from "./media-options.ts";

const codec = (mimeType: string) => ({ mimeType, clockRate: 90_000 });
const track = (kind: string) => ({ kind, contentHint: "" }) as MediaStreamTrackPort;

function sender(kind: string, parameters: SendParameters): SenderPort & { readonly calls: SendParameters[] } {
  const calls: SendParameters[] = [];
  return {
    calls,
    track: track(kind),
    replaceTrack: async () => {},
    getParameters: () => structuredClone(calls.at(-1) ?? parameters),
    setParameters: async (next) => void calls.push(next),
  };
}

describe("media options", () => {
  it("puts preferred codecs first and keeps the order of the rest", () => {
    const all = ["video/VP8", "video/rtx", "video/VP9", "video/H264", "video/AV1"].map(codec);
    const sorted = sortCodecs(all, "video", ["AV1", "vp9"]).map(({ mimeType }) => mimeType);
    expect(sorted).toEqual(["video/AV1", "video/VP9", "video/VP8", "video/rtx", "video/H264"]);
    expect(sortCodecs(all, "video", "nonsense")).toEqual(all);
  });

  it("sets limits once, and takes them back", async () => {
    const video = sender("video", { encodings: [{}] });
    await applySendParameters(video, { videoMaxBitrate: 300_000, degradationPreference: "maintain-framerate" }, silentLog);
    await applySendParameters(video, { videoMaxBitrate: 300_000, degradationPreference: "maintain-framerate" }, silentLog);
    await applySendParameters(video, { audioMaxBitrate: 1 }, silentLog);
    expect(video.calls).toEqual([
      { encodings: [{ maxBitrate: 300_000 }], degradationPreference: "maintain-framerate" },
      { encodings: [{}], degradationPreference: "maintain-framerate" },
    ]);
  });

  it("asks for a key frame by the option, where the browser reads it", async () => {
    const wishes: unknown[] = [];
    const video = sender("video", { encodings: [{}, {}] });
    await sendKeyFrame({ ...video, setParameters: async (_next, options) => void wishes.push(options?.encodingOptions) });
    expect(wishes).toEqual([[{ keyFrame: true }, { keyFrame: true }]]);
  });

  it("elsewhere lets the encodings that are active begin anew, and no others", async () => {
    const video = sender("video", { encodings: [{ active: true, maxBitrate: 1 }, { active: false }] });
    await sendKeyFrame(video);
    expect(video.calls.slice(1)).toEqual([
      { encodings: [{ active: false, maxBitrate: 1 }, { active: false }] },
      { encodings: [{ active: true, maxBitrate: 1 }, { active: false }] },
    ]);
  });

  it("gives hints to the kind of track that they are for", () => {
    const [audio, video] = [track("audio"), track("video")];
    for (const each of [audio, video]) applyContentHint(each, { contentHint: "detail" });
    expect([audio.contentHint, video.contentHint]).toEqual(["", "detail"]);
    for (const each of [audio, video]) applyContentHint(each, { contentHint: "" });
    expect(video.contentHint).toBe("");
  });
});
