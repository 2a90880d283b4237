/** What one section of an offer says: codecs, encodings and header extensions, line by line. */
import { EXTENSION_URI } from "@tsunagi/rtp";
import { type MediaDescription, parse } from "sdp-transform";
import { describe, expect, it } from "vitest";
import { codecsOf } from "./codecs.ts";
import { encodingsOf } from "./encodings.ts";
import { extensionsOf } from "./extensions.ts";
import { DEFAULT_SDP_LIMITS } from "./limits.ts";

function section(mLine: string, ...lines: string[]): MediaDescription {
  const sdp = [
    "v=0",
    "o=- 1 1 IN IP4 0.0.0.0",
    "s=-",
    "t=0 0",
    mLine,
    "c=IN IP4 0.0.0.0",
    ...lines.map((line) => `a=${line}`),
    "",
  ];
  const [media] = parse(sdp.join("\r\n")).media;
  if (media === undefined) throw new Error("no section");
  return media;
}
const video = (payloads: string, ...lines: string[]) => section(`m=video 9 UDP/TLS/RTP/SAVPF ${payloads}`, ...lines);

describe("codecs", () => {
  it("are those that can be forwarded, in the order of the m-line, each with its RTX", () => {
    const media = video(
      "98 96 99 97 35 118",
      "rtpmap:96 VP8/90000",
      "rtpmap:97 rtx/90000",
      "fmtp:97 apt=96",
      "rtpmap:98 VP9/90000",
      "fmtp:98 profile-id=0",
      "rtpmap:99 rtx/90000",
      "fmtp:99 apt=98;rtx-time=3000",
      "rtpmap:35 flexfec-03/90000",
      "rtpmap:118 H266/90000",
    );
    expect(codecsOf(media, "video")).toMatchObject([
      { name: "vp9", payloadType: 98, rtx: 99, fmtp: "profile-id=0" },
      { name: "vp8", payloadType: 96, rtx: 97, fmtp: "" },
    ]);
    expect(codecsOf(media, "audio")).toEqual([]);
  });

  it("are none with a payload type that would be taken for RTCP, another clock, an endless fmtp, or twice the same", () => {
    const codecs = (payloads: string, ...lines: string[]) => codecsOf(video(payloads, ...lines), "video").length;
    expect(codecs("95", "rtpmap:95 VP8/90000")).toBe(0);
    expect(codecs("96", "rtpmap:96 VP8/48000")).toBe(0);
    expect(codecs("96", "rtpmap:96 VP8/90000", `fmtp:96 ${"x".repeat(257)}`)).toBe(0);
    expect(codecs("96 96", "rtpmap:96 VP8/90000")).toBe(1);
    expect(codecs("97", "rtpmap:96 VP8/90000")).toBe(0);
    expect(codecs("96", "rtpmap:96 VP8/90000", "rtpmap:64 rtx/90000", "fmtp:64 apt=96")).toBe(1);
    expect(
      codecsOf(video("96", "rtpmap:96 VP8/90000", "rtpmap:64 rtx/90000", "fmtp:64 apt=96"), "video")[0]?.rtx,
    ).toBeUndefined();
  });

  it("have the feedback that is named for them or for all, and REMB only where nothing better is", () => {
    const feedback = (...lines: string[]) => codecsOf(video("96", "rtpmap:96 VP8/90000", ...lines), "video")[0]?.feedback;
    expect(feedback()).toEqual({ nack: false, pli: false, fir: false, transportCc: false, remb: false });
    expect(feedback("rtcp-fb:96 nack pli", "rtcp-fb:97 nack", "rtcp-fb:96 goog-remb")).toMatchObject({
      nack: false,
      pli: true,
      remb: true,
    });
    expect(feedback("rtcp-fb:* nack", "rtcp-fb:96 ccm fir", "rtcp-fb:96 goog-remb", "rtcp-fb:96 transport-cc")).toEqual({
      nack: true,
      pli: false,
      fir: true,
      transportCc: true,
      remb: false,
    });
  });
});

describe("encodings", () => {
  const rids = ["rid:q send", "rid:h send", "rid:f send"];
  const named = (media: MediaDescription, hasRid = true) => encodingsOf(media, hasRid, DEFAULT_SDP_LIMITS);

  it("are those of the simulcast line, in its order, of alternatives the first, paused ones too", () => {
    expect(named(video("96", ...rids, "simulcast:send q,h;~f"))).toEqual([
      { rid: "q", ssrc: undefined, rtxSsrc: undefined },
      { rid: "f", ssrc: undefined, rtxSsrc: undefined },
    ]);
    expect(named(video("96", ...rids, "rid:x recv", "simulcast:recv x send h;q")).map(({ rid }) => rid)).toEqual(["h", "q"]);
  });

  it("have the SSRCs of the section, with their RTX, where packets carry no RID", () => {
    const ssrcs = ["ssrc-group:FID 11 12", "ssrc:11 cname:a", "ssrc:12 cname:a", "ssrc:21 cname:a", "ssrc:21 msid:s t"];
    expect(named(video("96", ...ssrcs))).toEqual([{ rid: undefined, ssrc: 11, rtxSsrc: 12 }]);
    expect(named(video("96", ...rids, "simulcast:send q;h", ...ssrcs), false)).toEqual([
      { rid: "q", ssrc: 11, rtxSsrc: 12 },
      { rid: "h", ssrc: 21, rtxSsrc: undefined },
    ]);
    expect(named(video("96"))).toEqual([{ rid: undefined, ssrc: undefined, rtxSsrc: undefined }]);
    expect(named(video("96", "ssrc:0 cname:a", "ssrc:4294967296 cname:a"))[0]?.ssrc).toBeUndefined();
  });

  it.each([
    ["twice the same", "simulcast:send q;q"],
    ["without a RID line", "simulcast:send q;z"],
    ["that are received only", "simulcast:send x"],
    ["too many", "simulcast:send q;h;f;a;b"],
  ])("are refused: %s", (_, line) => {
    expect(() => named(video("96", ...rids, "rid:x recv", "rid:a send", "rid:b send", line))).toThrow(
      expect.objectContaining({ code: "sfu.offer.malformed" }),
    );
  });
});

describe("header extensions", () => {
  const map = (...lines: [id: string, kind: keyof typeof EXTENSION_URI][]) =>
    video("96", ...lines.map(([id, kind]) => `extmap:${id} ${EXTENSION_URI[kind]}`));

  it("are the client's IDs of those that are known, and send times only without transport-wide numbers", () => {
    const media = map(["4", "mid"], ["10", "rid"], ["2", "abs-send-time"]);
    media.ext?.push({ value: 5, uri: "urn:example:unknown" });
    expect(extensionsOf(media, "sends")).toEqual({ mid: 4, rid: 10, "abs-send-time": 2 });
    // No slot carries RIDs.
    expect(extensionsOf(media, "receives")).toEqual({ mid: 4, "abs-send-time": 2 });
    expect(extensionsOf(map(["2", "abs-send-time"], ["3", "transport-sequence"]), "sends")).toEqual({ "transport-sequence": 3 });
  });

  it("are left out where the ID cannot be written or is taken, or the direction is another", () => {
    expect(extensionsOf(map(["15", "mid"]), "sends")).toEqual({});
    expect(extensionsOf(map(["3", "mid"], ["3", "audio-level"], ["4", "mid"]), "sends")).toEqual({ mid: 3 });
    const oneWay = map(["3/sendonly", "mid"], ["4/recvonly", "audio-level"], ["5/inactive", "playout-delay"]);
    expect(extensionsOf(oneWay, "sends")).toEqual({ mid: 3 });
    expect(extensionsOf(oneWay, "receives")).toEqual({ "audio-level": 4 });
  });
});
