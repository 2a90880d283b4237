import { readFileSync } from "node:fs";
import { ProtocolError } from "@tsunagi/base";
import fc from "fast-check";
import { parse } from "sdp-transform";
import { describe, expect, it } from "vitest";
import { DEFAULT_SDP_LIMITS, Negotiation, type OwnTransport, parseOffer } from "../src/sdp/index.ts";

const BROWSERS = ["chromium", "firefox"] as const;
const vector = (browser: string, name: string): string =>
  readFileSync(new URL(`../../../vectors/sdp/${browser}-${name}.sdp`, import.meta.url), "utf8");

const own: OwnTransport = {
  iceUfrag: "wxyz",
  icePwd: "abcdefghijklmnopqrstuv",
  fingerprint: { algorithm: "sha-256", value: "AA:BB" },
  setup: "active",
  candidates: [{ foundation: "1", protocol: "udp", priority: 7, address: "192.0.2.1", port: 44_300 }],
  sctpPort: 5_000,
  maxMessageSize: 65_536,
};

const negotiation = () => {
  let next = 1_000;
  return new Negotiation(() => next++);
};
const SEND = [
  { mid: "0", publication: "audio1", kind: "audio", source: "microphone", muted: false },
  { mid: "1", publication: "video1", kind: "video", source: "camera", muted: true },
] as const;
const RECEIVE = [
  { mid: "2", kind: "audio", stream: "alice" },
  { mid: "3", kind: "video", stream: "alice" },
] as const;

describe("a client that names other sections in each offer", () => {
  it("does not fill the memory: those it has not named for longest are new again", () => {
    const offers = negotiation();
    const slots = (from: number, count: number) => {
      const sections = Array.from(
        { length: count },
        (_, at) => ({ mid: `m${from + at}`, kind: "video", direction: "send" }) as const,
      );
      const { media } = parse(offers.offer(sections, own));
      return media.map(({ ssrcs }) => Number(ssrcs?.[0]?.id));
    };
    const [first, second] = [slots(0, 1), slots(1, 1)];
    for (let from = 2; from < 2_200; from += 62) {
      slots(from, 62);
      slots(1, 1);
    }
    expect(slots(1, 1)).toEqual(second);
    expect(slots(0, 1)).not.toEqual(first);
    expect(slots(1, 1)).toEqual(second);
  });
});

describe.each(BROWSERS)("an offer of %s", (browser) => {
  it("with simulcast becomes publications and slots", () => {
    const { publications, slots } = negotiation().decide("bob", parseOffer(vector(browser, "simulcast")), SEND, RECEIVE);
    const [audio, video] = publications;
    expect(audio?.codecs[0]).toMatchObject({ name: "opus", clockRate: 48_000, channels: 2, rtx: undefined });
    expect(audio?.codecs[0]?.feedback.transportCc).toBe(true);
    expect(audio?.extensions).toMatchObject({ "audio-level": 1, mid: browser === "chromium" ? 4 : 3 });
    expect(video?.encodings).toEqual(["q", "h", "f"].map((rid) => ({ rid, ssrc: undefined, rtxSsrc: undefined })));
    expect(video?.extensions).toMatchObject(
      browser === "chromium"
        ? { mid: 4, rid: 10, "repaired-rid": 11, "dependency-descriptor": 12, "transport-sequence": 3, "video-orientation": 13 }
        : { mid: 3, rid: 9, "repaired-rid": 10, "dependency-descriptor": 8, "transport-sequence": 7 },
    );
    const vp8 = video?.codecs.find((codec) => codec.name === "vp8");
    expect(vp8?.feedback).toEqual({ nack: true, pli: true, fir: true, transportCc: true, remb: false });
    expect(vp8?.rtx).toBe(browser === "chromium" ? 97 : 124);
    expect(new Set(video?.codecs.map((codec) => codec.name))).toEqual(
      new Set(browser === "chromium" ? ["vp8", "vp9", "h264", "av1"] : ["vp8", "vp9", "av1"]),
    );
    expect(video).toMatchObject({ id: "video1", peerId: "bob", kind: "video", source: "camera", mid: "1", muted: true });
    expect(slots.map(({ mid, kind, rtxSsrc }) => [mid, kind, rtxSsrc !== undefined])).toEqual([
      ["2", "audio", false],
      ["3", "video", true],
    ]);
    // What the client only sends is not sent to it; and what identifies encodings has no use towards a receiver.
    expect(slots[1]?.extensions.rid).toBeUndefined();
    expect(slots[1]?.extensions["dependency-descriptor"]).toBe(browser === "chromium" ? 12 : undefined);
    expect(slots[1]?.extensions["abs-send-time"]).toBeUndefined();
  });

  it("without simulcast names its SSRCs", () => {
    const { publications } = negotiation().decide("bob", parseOffer(vector(browser, "single")), SEND, []);
    const lines = parse(vector(browser, "single")).media;
    const ssrc = Number(lines[1]?.ssrcs?.[0]?.id);
    const fid = String(lines[1]?.ssrcGroups?.[0]?.ssrcs).split(" ").map(Number);
    expect(publications[1]?.encodings).toEqual([{ rid: undefined, ssrc, rtxSsrc: fid[1] }]);
    expect(publications[0]?.encodings).toEqual([{ rid: undefined, ssrc: Number(lines[0]?.ssrcs?.[0]?.id), rtxSsrc: undefined }]);
  });

  it("is answered section for section", () => {
    const offer = parseOffer(vector(browser, "simulcast"));
    const answer = negotiation().decide("bob", offer, SEND, RECEIVE).answer(own);
    const read = parse(answer);
    expect(read.groups).toEqual([{ type: "BUNDLE", mids: "0 1 2 3 4" }]);
    expect(read.media.map((media) => [media.type, media.port, media.direction])).toEqual([
      ["audio", 9, "recvonly"],
      ["video", 9, "recvonly"],
      ["audio", 9, "sendonly"],
      ["video", 9, "sendonly"],
      ["application", 9, undefined],
    ]);
    const [microphone, camera, voice, picture, data] = read.media;
    expect(microphone?.fmtp[0]?.config).toContain("usedtx=1");
    expect(voice?.fmtp[0]?.config).not.toContain("usedtx=1");
    expect(camera?.rids).toEqual(["q", "h", "f"].map((id) => ({ id, direction: "recv" })));
    expect(camera?.simulcast).toEqual({ dir1: "recv", list1: "q;h;f" });
    expect(camera?.ssrcs).toBeUndefined();
    expect(picture?.ssrcGroups).toEqual([{ semantics: "FID", ssrcs: "1003 1004" }]);
    expect(picture?.msid).toEqual([{ id: "alice", appdata: "slot-3-video" }]);
    expect(voice?.msid).toEqual([{ id: "alice", appdata: "slot-2-audio" }]);
    expect(picture?.rtcpFb).toContainEqual({ payload: browser === "chromium" ? 96 : 120, type: "nack", subtype: "pli" });
    expect(read.media.filter((media) => media.candidates !== undefined)).toHaveLength(1);
    expect(microphone?.candidates?.[0]).toMatchObject({ ip: "192.0.2.1", port: 44_300, transport: "udp", type: "host" });
    expect(data).toMatchObject({ sctpPort: 5_000, maxMessageSize: 65_536 });
    for (const media of read.media) {
      expect(media.setup).toBe("active");
      expect(media.iceUfrag).toBe("wxyz");
      // Nothing that was not offered: payload types and extensions are the client's own.
      const offered = parse(vector(browser, "simulcast")).media.find((each) => String(each.mid) === String(media.mid));
      for (const map of media.rtp) expect(offered?.rtp).toContainEqual(map);
      for (const each of media.ext ?? []) {
        expect(offered?.ext).toContainEqual(expect.objectContaining({ value: each.value, uri: each.uri }));
      }
    }
  });

  it("of a listener leaves unused sections idle", () => {
    const offer = parseOffer(vector(browser, "listener"));
    const read = parse(
      negotiation()
        .decide("bob", offer, [], [{ mid: "0", kind: "audio" }])
        .answer(own),
    );
    expect(read.media.map((media) => media.direction)).toEqual(["sendonly", "inactive", "inactive", undefined]);
    expect(read.media[0]?.msid).toEqual([{ id: "slot-0", appdata: "slot-0-audio" }]);
  });

  it("keeps SSRCs and the session from one answer to the next", () => {
    const session = negotiation();
    const offer = parseOffer(vector(browser, "simulcast"));
    const first = session.decide("bob", offer, SEND, RECEIVE);
    const second = session.decide("bob", offer, [], [...RECEIVE].reverse());
    expect(second.slots).toEqual(first.slots);
    const versions = [first.answer(own), second.answer(own)].map((text) => parse(text).origin);
    expect(versions[1]).toEqual({ ...versions[0], sessionVersion: 2 });
    expect(parse(second.answer(own)).media.map((media) => media.direction)).toEqual([
      "inactive",
      "inactive",
      "sendonly",
      "sendonly",
      undefined,
    ]);
  });
});

describe("an offer", () => {
  const offer = vector("chromium", "simulcast");
  const decide = (sdp: string, send: readonly (typeof SEND)[number][], receive: readonly (typeof RECEIVE)[number][]) =>
    negotiation().decide("bob", parseOffer(sdp), send, receive);

  it("answers stopped sections with port 0 and leaves them out of the group", () => {
    const stopped = offer.replace(/m=video 9 (?=[^\n]*36)/, "m=video 0 ").replace("BUNDLE 0 1 2 3 4", "BUNDLE 0 1 2 4");
    const read = parse(decide(stopped, SEND, [RECEIVE[0]]).answer(own));
    expect(read.media[3]).toMatchObject({ port: 0, type: "video", direction: "inactive" });
    expect(read.groups?.[0]?.mids).toBe("0 1 2 4");
    expect(() => decide(stopped, [], [RECEIVE[1]])).toThrow(expect.objectContaining({ code: "sfu.offer.section" }));
  });

  it("is refused when it does not fit what is wanted", () => {
    const cases = [
      () => decide(offer, [{ ...SEND[0], mid: "9" } as never], []),
      () => decide(offer, [{ ...SEND[0], mid: "1" } as never], []),
      () => decide(offer, [{ ...SEND[0], mid: "2" } as never], []),
      () => decide(offer, [], [{ ...RECEIVE[0], mid: "0" } as never]),
      () => decide(offer, SEND, [{ ...RECEIVE[0], mid: "0" } as never]),
      () => decide(offer, [{ ...SEND[0], mid: "4" } as never], []),
    ];
    for (const each of cases) expect(each).toThrow(expect.objectContaining({ code: "sfu.offer.section" }));
    const speex = offer.replaceAll(/opus\/48000\/2/g, "speex/48000/2");
    expect(() => decide(speex, SEND, [])).toThrow(expect.objectContaining({ code: "sfu.offer.codec" }));
  });

  it("is refused when a connection cannot be made of it", () => {
    const cases: Record<string, string> = {
      empty: "",
      "no sections": "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n",
      "no ICE": offer.replaceAll(/a=ice-ufrag.*\r\n/g, ""),
      "no DTLS": offer.replaceAll(/a=fingerprint.*\r\n/g, ""),
      "no rtcp-mux": offer.replaceAll(/a=rtcp-mux\r\n/g, ""),
      "no group": offer.replace(/a=group.*\r\n/, ""),
      "no mid": offer.replace("a=mid:1\r\n", ""),
      "mid twice": offer.replace("a=mid:1\r\n", "a=mid:0\r\n"),
      "plain RTP": offer.replaceAll("UDP/TLS/RTP/SAVPF", "RTP/AVP"),
      "a RID that is not described": offer.replace("a=rid:h send\r\n", ""),
      "too many encodings": offer
        .replace("a=simulcast:send q;h;f", "a=simulcast:send a;b;c;d;e")
        .replace("a=rid:q send", ["a", "b", "c", "d", "e"].map((rid) => `a=rid:${rid} send`).join("\r\n")),
      "a long line": offer.replace("a=mid:1\r\n", `a=mid:1\r\na=x:${"y".repeat(5_000)}\r\n`),
      "too long": offer + "a=x\r\n".repeat(DEFAULT_SDP_LIMITS.length / 5),
      "too many sections": offer + "m=audio 0 UDP/TLS/RTP/SAVPF 0\r\n".repeat(700),
      "too many SSRC lines": offer.replace("a=simulcast", `${"a=ssrc:5 x:y\r\n".repeat(200)}a=simulcast`),
    };
    for (const [name, sdp] of Object.entries(cases)) {
      expect(() => parseOffer(sdp), name).toThrow(expect.objectContaining({ code: "sfu.offer.malformed" }));
    }
  });

  it("may have the most sections that a client may name", () => {
    const [head = "", ...sections] = offer.split(/(?=m=)/);
    const video =
      sections.find((section) => section.startsWith("m=video"))?.replace(/a=(simulcast|rid|msid|ssrc).*\r\n/g, "") ?? "";
    const many = (direction: string, first: number) =>
      Array.from({ length: 256 }, (_, at) =>
        video.replace(/a=mid:.*/, `a=mid:${first + at}`).replace(/a=(sendonly|sendrecv|recvonly)/, `a=${direction}`),
      );
    const all = [...many("sendonly", 0), ...many("recvonly", 256)];
    const group = `a=group:BUNDLE ${all.map((_, mid) => mid).join(" ")}`;
    // The line of the group has a limit of its own.
    expect(group.length).toBeLessThan(DEFAULT_SDP_LIMITS.lineLength);
    const long = head.replace(/a=group:BUNDLE.*/, group) + all.join("");
    expect(long.length).toBeLessThan(DEFAULT_SDP_LIMITS.length);
    expect(parseOffer(long).sections).toHaveLength(512);
  });

  it("of any shape is either read or refused with a code", () => {
    const lines = BROWSERS.flatMap((browser) =>
      ["simulcast", "single", "listener"].flatMap((name) => vector(browser, name).split("\r\n")),
    );
    const line = fc.oneof(
      { weight: 8, arbitrary: fc.constantFrom(...lines) },
      { weight: 1, arbitrary: fc.string({ maxLength: 30 }) },
      fc
        .tuple(fc.constantFrom(...lines), fc.nat(80), fc.string({ maxLength: 5 }))
        .map(([text, at, add]) => text.slice(0, at) + add + text.slice(at + 2)),
    );
    // A whole offer of which some lines are changed, so that what stands behind the first checks is reached, too.
    const mutated = fc
      .tuple(fc.constantFrom(...BROWSERS), fc.array(fc.tuple(fc.nat(400), fc.boolean(), line), { maxLength: 8 }))
      .map(([browser, changes]) => {
        const text = vector(browser, "simulcast").split("\r\n");
        for (const [at, insert, change] of changes) text.splice(at % text.length, insert ? 0 : 1, change);
        return text.join("\r\n");
      });
    const anything = fc.oneof(
      mutated,
      fc.array(line, { maxLength: 60 }).map((all) => all.join("\n")),
      fc.string(),
    );
    let read = 0;
    fc.assert(
      fc.property(anything, (sdp) => {
        try {
          const answer = negotiation().decide("bob", parseOffer(sdp), SEND, RECEIVE).answer(own);
          expect(answer).not.toMatch(/[^\r]\n|\r[^\n]/);
          expect(answer).not.toContain("undefined");
          expect(answer).not.toContain("NaN");
          read++;
        } catch (error) {
          if (!(error instanceof ProtocolError)) throw error;
        }
      }),
      { numRuns: 600, seed: 7 },
    );
    expect(read).toBeGreaterThan(20);
  });
});
