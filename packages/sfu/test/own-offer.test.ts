/** Our own offers: what is in them, and that a client's answer is read as if it had offered. */
import { parse } from "sdp-transform";
import { describe, expect, it } from "vitest";
import { Negotiation, type OwnOfferSection, type OwnTransport, parseOffer } from "../src/sdp/index.ts";

const own: OwnTransport = {
  iceUfrag: "wxyz",
  icePwd: "abcdefghijklmnopqrstuv",
  fingerprint: { algorithm: "sha-256", value: "AA:BB" },
  setup: "passive",
  candidates: [
    { foundation: "1", protocol: "udp", priority: 7, address: "192.0.2.1", port: 44_300 },
    { foundation: "2", protocol: "udp", priority: 6, address: "2001:db8::1", port: 44_300 },
  ],
  sctpPort: 5_000,
  maxMessageSize: 65_536,
};

const negotiation = () => {
  let next = 1_000;
  return new Negotiation(() => next++);
};

const UP: readonly OwnOfferSection[] = [
  { mid: "0", kind: "audio", direction: "receive" },
  { mid: "1", kind: "video", direction: "receive" },
];
const ALICE: readonly OwnOfferSection[] = [
  { mid: "2", kind: "audio", direction: "send", stream: "S-alice" },
  { mid: "3", kind: "video", direction: "send", stream: "S-alice" },
];

/** As a browser does: the same sections and payload types, directions turned, its own transport and sources. */
function answerTo(offer: string, directions: Readonly<Record<string, string>> = {}): string {
  let mid = "";
  return offer
    .split("\r\n")
    .filter((line) => !/^a=(?:candidate|end-of-candidates|ssrc|msid:)/.test(line))
    .flatMap((line) => {
      if (line.startsWith("a=mid:")) mid = line.slice(6);
      if (line.startsWith("a=ice-ufrag:")) return "a=ice-ufrag:client";
      if (line.startsWith("a=setup:")) return "a=setup:active";
      if (line === "a=recvonly") {
        const direction = directions[mid] ?? "sendonly";
        return direction === "sendonly" ? ["a=sendonly", `a=ssrc:${Number(mid) + 70} cname:c`] : `a=${direction}`;
      }
      if (line === "a=sendonly") return `a=${directions[mid] ?? "recvonly"}`;
      if (line === "a=sendrecv") {
        const direction = directions[mid] ?? "recvonly";
        return direction === "sendrecv" ? ["a=sendrecv", `a=ssrc:${Number(mid) + 70} cname:c`] : `a=${direction}`;
      }
      return line;
    })
    .join("\r\n");
}

const ssrcOf = (offer: string, mid: string) =>
  parse(offer)
    .media.find((media) => String(media.mid) === mid)
    ?.ssrcs?.map(({ id }) => Number(id));

describe("an offer of ours", () => {
  it("has all candidates in its first section, one BUNDLE group, and a stream for each slot", () => {
    const text = negotiation().offer([...UP, ...ALICE], own);
    const offer = parse(text);
    expect(offer.groups).toEqual([{ type: "BUNDLE", mids: "0 1 2 3" }]);
    expect(offer.icelite).toBe("ice-lite");
    expect(text).toContain("a=msid-semantic:WMS *\r\n");
    expect(offer.media.map(({ type, direction, setup }) => [type, direction, setup])).toEqual([
      ["audio", "recvonly", "actpass"],
      ["video", "recvonly", "actpass"],
      ["audio", "sendonly", "actpass"],
      ["video", "sendonly", "actpass"],
    ]);
    expect(offer.media.map(({ candidates }) => candidates?.length ?? 0)).toEqual([2, 0, 0, 0]);
    expect(offer.media[0]?.endOfCandidates).toBe("end-of-candidates");
    expect(text.match(/^a=msid:.*$/gm)).toEqual(["a=msid:S-alice S-alice-audio-2", "a=msid:S-alice S-alice-video-3"]);
    expect([ssrcOf(text, "1"), ssrcOf(text, "2")?.length, ssrcOf(text, "3")?.length]).toEqual([undefined, 1, 2]);
  });

  it("is never the same twice, and keeps the sources of what goes on", () => {
    const one = negotiation();
    const first = one.offer([...UP, ...ALICE], own);
    const again = one.offer([...UP, ...ALICE], own);
    expect(again).not.toBe(first);
    const version = (text: string) => [parse(text).origin?.sessionId, parse(text).origin?.sessionVersion];
    expect(version(again)).toEqual([version(first)[0], Number(version(first)[1]) + 1]);
    expect(ssrcOf(again, "3")).toEqual(ssrcOf(first, "3"));
  });

  it("gives a section that is used again sources of its own", () => {
    const one = negotiation();
    const first = one.offer([...UP, ...ALICE], own);
    const ended = one.offer([...UP, ...ALICE.map((each) => ({ ...each, direction: "inactive" }) as const)], own);
    expect(parse(ended).media.map(({ direction }) => direction)).toEqual(["recvonly", "recvonly", "inactive", "inactive"]);
    expect(ended).not.toContain("a=msid:");
    const bob = one.offer([...UP, ...ALICE.map((each) => ({ ...each, stream: "S-bob" }))], own);
    expect(ssrcOf(bob, "3")).not.toEqual(ssrcOf(first, "3"));
  });
});

describe("a new connection for a client that cannot begin DTLS anew", () => {
  it("is that of a section of its own, which all others take", () => {
    const tags: readonly OwnOfferSection[] = [
      { mid: "4", kind: "audio", direction: "stopped" },
      { mid: "5", kind: "audio", direction: "tag" },
    ];
    const text = negotiation().offer([...UP, ...ALICE, ...tags], own);
    const { groups, media } = parse(text);
    expect(groups).toEqual([{ type: "BUNDLE", mids: "5 0 1 2 3" }]);
    expect(media.map(({ candidates }) => candidates?.length ?? 0)).toEqual([0, 0, 0, 0, 0, 2]);
    expect(media.slice(4).map(({ port, direction }) => [port, direction])).toEqual([
      [0, "inactive"],
      [9, "recvonly"],
    ]);
    expect(parseOffer(text.replaceAll("a=ice-lite\r\n", "")).transport.iceUfrag).toBe("wxyz");
  });

  it("leaves the section that led before alone on its transport, until it may go", () => {
    const transport = { iceUfrag: "then", icePwd: "ponmlkjihgfedcbaponmlkji", fingerprint: "sha-256 CC:DD" };
    const relic: OwnOfferSection = { mid: "4", kind: "audio", direction: "relic", transport };
    const tag: OwnOfferSection = { mid: "5", kind: "audio", direction: "tag" };
    const one = negotiation();
    const { groups, media } = parse(one.offer([...UP, ...ALICE, relic, tag], own));
    expect(groups).toEqual([{ type: "BUNDLE", mids: "5 0 1 2 3" }]);
    expect(media.map(({ iceUfrag }) => iceUfrag)).toEqual(["wxyz", "wxyz", "wxyz", "wxyz", "then", "wxyz"]);
    expect(media[4]).toMatchObject({ port: 9, direction: "inactive", fingerprint: { type: "sha-256", hash: "CC:DD" } });
    expect(media[4]?.candidates).toBeUndefined();
    expect(() => one.offer([...UP, { ...relic, transport: undefined }], own)).toThrow();
  });
});

describe("the answer to it", () => {
  const sections = [...UP, ...ALICE];
  const send = [
    { mid: "0", publication: "a", kind: "audio", source: "microphone", muted: false },
    { mid: "1", publication: "v", kind: "video", source: "camera", muted: false },
  ] as const;
  const receive = [
    { mid: "2", kind: "audio" },
    { mid: "3", kind: "video" },
  ] as const;

  it("makes publications of what the client sends and slots, with the sources offered, of what it receives", () => {
    const one = negotiation();
    const offer = one.offer(sections, own);
    const { publications, slots } = one.decide("bob", parseOffer(answerTo(offer)), send, receive);
    expect(publications.map(({ id, encodings }) => [id, encodings])).toEqual([
      ["a", [{ rid: undefined, ssrc: 70, rtxSsrc: undefined }]],
      ["v", [{ rid: undefined, ssrc: 71, rtxSsrc: undefined }]],
    ]);
    expect(new Set(publications[1]?.codecs.map(({ name }) => name))).toEqual(new Set(["vp8", "vp9", "h264", "av1"]));
    expect(publications[1]?.codecs[0]?.rtx).toBe(97);
    expect(publications[0]?.extensions).toMatchObject({ "audio-level": 1, "transport-sequence": 3 });
    const [audio, video] = slots;
    expect([audio?.ssrc]).toEqual(ssrcOf(offer, "2"));
    expect([video?.ssrc, video?.rtxSsrc]).toEqual(ssrcOf(offer, "3"));
  });

  it("may send in a slot, too, where that is offered", () => {
    const one = negotiation();
    const text = one.offer([...UP, ...ALICE.map((each) => ({ ...each, direction: "both" }) as const)], own);
    expect(parse(text).media.map(({ direction }) => direction)).toEqual(["recvonly", "recvonly", "sendrecv", "sendrecv"]);
    const answer = parseOffer(answerTo(text, { "1": "inactive", "3": "sendrecv" }));
    const moved = [send[0], { ...send[1], mid: "3" }];
    const { publications, slots, answer: agreed } = one.decide("bob", answer, moved, receive);
    expect(publications.map(({ id, mid, encodings }) => [id, mid, encodings[0]?.ssrc])).toEqual([
      ["a", "0", 70],
      ["v", "3", 73],
    ]);
    expect(slots.map(({ mid, ssrc }) => [mid, ssrc])).toEqual(["2", "3"].map((mid) => [mid, ssrcOf(text, mid)?.[0]]));
    expect(parse(agreed(own)).media.map(({ direction }) => direction)).toEqual(["recvonly", "inactive", "sendonly", "sendrecv"]);
    expect(() => one.decide("bob", answer, moved, [...receive, { mid: "3", kind: "video" }])).toThrow(
      expect.objectContaining({ code: "sfu.offer.section" }),
    );
    // Its end ends the slot's sources, and not what the client sends there.
    const ended = one.offer([...UP, { mid: "2", kind: "audio", direction: "receive" }, ...ALICE.slice(1)], own);
    expect(ended.match(/a=msid:/g)).toHaveLength(1);
  });

  it("may leave sections unused", () => {
    const one = negotiation();
    const text = answerTo(one.offer(sections, own), { "0": "inactive", "1": "inactive" });
    expect(one.decide("bob", parseOffer(text), [], receive).slots).toHaveLength(2);
    expect(() => one.decide("bob", parseOffer(text), send, receive)).toThrow(
      expect.objectContaining({ code: "sfu.offer.section" }),
    );
  });
});
