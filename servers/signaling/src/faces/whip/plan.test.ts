import { readFile } from "node:fs/promises";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { planEgress, planIngest, readOffer } from "./plan.ts";

const vector = (name: string) => readFile(new URL(`../../../../../vectors/sdp/${name}.sdp`, import.meta.url), "utf8");
const malformed = expect.objectContaining({ code: "whip.offer.malformed" });

describe("offers", () => {
  it("of a browser that sends become publications, one a section", async () => {
    const offer = readOffer(await vector("chromium-single"));
    let next = 0;
    const send = planIngest(offer, "whip", () => `id${next++}`);
    expect(send.length).toBeGreaterThan(0);
    expect(send.map(({ publication }) => publication)).toEqual(send.map((_, index) => `id${index}`));
    expect(send.every(({ kind, source }) => source === (kind === "video" ? "camera" : "other"))).toBe(true);
    expect(offer.iceUfrag.length).toBeGreaterThanOrEqual(4);
    expect(offer.icePwd.length).toBeGreaterThanOrEqual(22);
  });

  it("of a browser that receives become sections to fill", async () => {
    const offer = readOffer(await vector("firefox-listener"));
    const receive = planEgress(offer);
    expect(receive.map(({ kind }) => kind)).toContain("video");
    expect(receive.every(({ publication }) => publication === null)).toBe(true);
    expect(() => planIngest(offer, "whip", () => "x")).toThrow(expect.objectContaining({ code: "whip.offer.direction" }));
  });

  it("leave out data channels and stopped sections", () => {
    const head = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=ice-ufrag:abcd\r\na=ice-pwd:aaaaaaaaaaaaaaaaaaaaaaaa\r\n";
    const audio = "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=sendonly\r\n";
    const stopped = "m=video 0 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\na=sendonly\r\n";
    const bundled = "m=video 0 UDP/TLS/RTP/SAVPF 96\r\na=mid:2\r\na=bundle-only\r\na=recvonly\r\n";
    const data = "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:3\r\n";
    const { sections } = readOffer(head + audio + stopped + bundled + data);
    expect(sections).toEqual([
      { mid: "0", kind: "audio", sends: true, receives: false },
      { mid: "2", kind: "video", sends: false, receives: true },
    ]);
    expect(() => readOffer(head + data)).toThrow(malformed);
    expect(() => readOffer(head + audio.repeat(33))).toThrow(malformed);
    expect(() => readOffer(`${head}m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n`)).toThrow(malformed);
    expect(() => readOffer(`${head.replace("a=ice-ufrag:abcd\r\n", "")}${audio}`)).toThrow(malformed);
  });

  it("of any text are read or refused with a code", async () => {
    const good = await vector("chromium-simulcast");
    const cut = fc
      .tuple(fc.nat(good.length), fc.nat(good.length), fc.string())
      .map(([a, b, text]) => good.slice(0, a) + text + good.slice(b));
    fc.assert(
      fc.property(fc.oneof(fc.string(), cut), (sdp) => {
        try {
          readOffer(sdp);
        } catch (error) {
          expect(error).toEqual(malformed);
        }
      }),
    );
  });
});
