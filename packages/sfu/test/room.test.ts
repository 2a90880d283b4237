import { buildRtp } from "@tsunagi/rtp/testing";
import { describe, expect, it } from "vitest";
import { Router } from "../src/index.ts";
import { audioPacket, codes, extend, isContiguous, OPUS, plis, RED, SENT, Vp8Source, World } from "./support.ts";

describe("audio", () => {
  it("in RED passes to who knows it, and as its primary to who does not", () => {
    const world = new World();
    for (const member of [1, 2, 3]) world.member(member);
    world.publish(1, { id: "a", kind: "audio", codecs: [RED, OPUS] });
    world.subscribe(2, "5", "audio", "a", {
      codecs: [
        { ...RED, payloadType: 64 },
        { ...OPUS, payloadType: 109 },
      ],
    });
    world.subscribe(3, "5", "audio", "a");
    for (let i = 0; i < 10; i++) {
      const red = i === 0 ? [111, 1, 2, i] : [0x80 | 111, 0x0f, 0, 3, 111, 1, 2, i - 1, 1, 2, i];
      world.receive(1, audioPacket("a", 7, 10 + i, 960 * i, red, 63));
      world.advance(20);
    }
    const red = world.rtp.get(2) ?? [];
    expect(red.map(({ payloadType }) => payloadType)).toEqual(Array(10).fill(64));
    expect(red[3]?.payload.length).toBe(11);
    const plain = world.rtp.get(3) ?? [];
    expect(plain.map(({ payloadType, payload }) => [payloadType, ...payload])).toEqual(
      Array.from({ length: 10 }, (_, i) => [109, 1, 2, i]),
    );
    expect(isContiguous(extend(plain))).toBe(true);
  });

  it("with DTX keeps its pauses", () => {
    const world = new World();
    world.member(1);
    world.member(2);
    world.publish(1, { id: "a", kind: "audio" });
    world.subscribe(2, "5", "audio", "a");
    for (const [sequence, at, silent] of [
      [1, 0, false],
      [2, 960, false],
      [3, 1_920, true],
      [4, 21_120, true],
      [5, 40_320, false],
    ] as const) {
      world.receive(1, audioPacket("a", 7, sequence, at, silent ? [0xf8] : [0xf8, 1, 2, 3]));
      world.advance(silent ? 400 : 20);
    }
    const got = world.rtp.get(2) ?? [];
    expect(got.map(({ timestamp }) => timestamp - (got[0]?.timestamp ?? 0))).toEqual([0, 960, 1_920, 21_120, 40_320]);
    expect(isContiguous(extend(got))).toBe(true);
  });

  it("of which next to nothing comes any more is told once, until more comes again", () => {
    const world = new World();
    world.member(1);
    world.publish(1, { id: "a", kind: "audio" });
    const quiet = () => world.events.splice(0).filter(({ type }) => type === "quiet");
    const speak = (forMs: number, everyMs: number) => {
      for (let at = 0; at < forMs; at += everyMs) {
        sequence++;
        world.receive(1, audioPacket("a", 7, sequence, 960 * sequence, [0xf8, 1]));
        world.advance(everyMs);
      }
    };
    let sequence = 0;
    world.advance(5_000);
    for (let round = 0; round < 2; round++) {
      speak(8_000, 400);
      expect(quiet()).toEqual([]);
      if (round === 0) world.advance(5_000);
      else speak(10_000, 1_000);
      expect(quiet()).toEqual([{ type: "quiet", transport: 1, publication: "a" }]);
      world.advance(60_000);
      expect(quiet()).toEqual([]);
    }
  });

  it("names who speaks, and under last-N shows those who spoke last", () => {
    const world = new World({ downlink: { startBps: 20_000_000 } });
    const sources: Vp8Source[] = [];
    for (let member = 1; member <= 4; member++) {
      world.member(member);
      world.publish(member, { id: `a${member}`, kind: "audio" });
      world.publish(member, { id: `v${member}`, kind: "video" });
      sources.push(new Vp8Source({ ssrc: 100 + member, mid: `v${member}` }));
    }
    world.member(9);
    for (let member = 1; member <= 4; member++) world.subscribe(9, `${member}`, "video", `v${member}`);
    world.router.setLastN(world.millis, 9, 2);
    let sequence = 0;
    const speak = (speaker: number, frames: number) => {
      for (let i = 0; i < frames; i++) {
        sequence += 1;
        for (let member = 1; member <= 4; member++) {
          const level = member === speaker ? 20 : 127;
          const packet = buildRtp({
            payloadType: 111,
            sequence: sequence & 0xffff,
            timestamp: sequence * 960,
            ssrc: member,
            payload: Uint8Array.of(1, 2, 3),
            extensions: { [SENT.mid]: codes(`a${member}`), [SENT["audio-level"]]: [level] },
          });
          world.receive(member, packet);
        }
        if (i % 2 === 0) for (const [i, source] of sources.entries()) world.receive(i + 1, ...source.frame(sequence % 20 === 1));
        world.advance(20);
      }
    };
    speak(3, 150);
    speak(4, 150);
    const speakers = world.events.flatMap((event) => (event.type === "speakers" ? [event.active] : []));
    expect(speakers).toContain("peer3");
    expect(speakers.at(-1)).toBe("peer4");
    const shown = () => {
      const got = world.rtp.get(9)?.slice(-30) ?? [];
      return [...new Set(got.map(({ ssrc }) => (ssrc - 0x80000000 - 9_000) / 10))].toSorted();
    };
    expect(shown()).toEqual([3, 4]);
    speak(1, 150);
    expect(shown()).toEqual([1, 4]);
    expect(world.events.some((event) => event.type === "quality" && event.reason === "last-n")).toBe(true);
  });
});

describe("a publication", () => {
  it("that is muted sends nothing, and begins with a key frame again", () => {
    const world = new World();
    world.member(1);
    world.member(2);
    world.publish(1, { id: "v", kind: "video" });
    const source = new Vp8Source({ ssrc: 9, mid: "v" });
    world.receive(1, ...source.frame(true));
    world.subscribe(2, "3", "video", "v");
    const play = (frames: number, key = false) => {
      for (let i = 0; i < frames; i++) {
        world.receive(1, ...source.frame(key && i === 0));
        world.advance(33);
      }
    };
    play(10);
    const before = world.rtp.get(2)?.length ?? 0;
    world.router.setMuted(world.millis, "v", true);
    play(20);
    expect(world.rtp.get(2)?.length).toBe(before);
    expect(world.events.at(-1)).toMatchObject({ type: "quality", layer: null, reason: "muted" });
    world.router.setMuted(world.millis, "v", false);
    world.rtcp.get(1)?.splice(0);
    play(3);
    expect(plis(world.rtcp.get(1) ?? []).length).toBeGreaterThan(0);
    play(10, true);
    const got = world.rtp.get(2) ?? [];
    expect(got.length).toBe(before + 20);
    expect(isContiguous(extend(got))).toBe(true);
  });

  it("goes on over another transport of its member without its subscribers' doing", () => {
    const world = new World();
    world.member(1, "anna");
    world.member(2);
    const init = { id: "v", kind: "video", peerId: "anna" } as const;
    world.publish(1, init);
    const one = new Vp8Source({ ssrc: 9, mid: "v" });
    world.receive(1, ...one.frame(true));
    world.subscribe(2, "3", "video", "v");
    for (let i = 0; i < 10; i++) {
      world.receive(1, ...one.frame());
      world.advance(33);
    }
    world.member(7, "anna");
    world.publish(7, init);
    world.router.removeTransport(world.millis, 1);
    const two = new Vp8Source({ ssrc: 10, mid: "v", sequence: 3, timestamp: 77 });
    for (let i = 0; i < 10; i++) {
      world.receive(7, ...two.frame(i === 0));
      world.advance(33);
    }
    const got = world.rtp.get(2) ?? [];
    expect(got.length).toBe(2 * 21);
    expect(isContiguous(extend(got))).toBe(true);
    expect(() => world.publish(2, init)).toThrow(expect.objectContaining({ code: "sfu.publication.duplicate" }));
  });

  it("that is asked for before it is there comes when it does", () => {
    const world = new World();
    world.member(1);
    world.member(2);
    world.subscribe(2, "3", "video", "v");
    world.publish(1, { id: "v", kind: "video" });
    const source = new Vp8Source({ ssrc: 9, mid: "v" });
    world.receive(1, ...source.frame(true));
    expect(world.rtp.get(2)?.length).toBe(2);
  });

  it("without a MID is known by its payload type, where only one section has that", () => {
    const world = new World();
    world.member(1);
    world.member(2);
    world.publish(1, { id: "a", kind: "audio" });
    world.subscribe(2, "5", "audio", "a");
    const fields = { payloadType: 111, timestamp: 5, payload: Uint8Array.of(1, 2, 3) };
    world.receive(1, buildRtp({ ...fields, sequence: 1, ssrc: 77 }));
    // The section has its stream: another one is not taken for it.
    world.receive(1, buildRtp({ ...fields, sequence: 1, ssrc: 78 }));
    expect(world.rtp.get(2)?.length).toBe(1);
    world.member(3);
    world.publish(3, { id: "b", kind: "audio" });
    world.publish(3, { id: "c", kind: "audio" });
    world.subscribe(2, "6", "audio", "b");
    world.receive(3, buildRtp({ ...fields, sequence: 1, ssrc: 79 }));
    expect(world.rtp.get(2)?.length).toBe(1);
  });

  it("of ten times its limit is cut to it, and harms no other", () => {
    const world = new World({ limits: { publicationBps: 500_000 } });
    for (const member of [1, 2, 3]) world.member(member);
    world.publish(1, { id: "v", kind: "video" });
    world.publish(2, { id: "w", kind: "video" });
    const flood = new Vp8Source({ ssrc: 9, mid: "v", packets: 50 });
    const good = new Vp8Source({ ssrc: 8, mid: "w" });
    world.receive(1, ...flood.frame(true));
    world.receive(2, ...good.frame(true));
    world.subscribe(3, "3", "video", "v");
    world.subscribe(3, "4", "video", "w");
    for (let i = 0; i < 150; i++) {
      world.receive(1, ...flood.frame(i % 30 === 0));
      world.receive(2, ...good.frame(i % 30 === 0));
      world.advance(33);
    }
    const got = world.rtp.get(3) ?? [];
    const bytes = got
      .filter(({ ssrc }) => ssrc % 100 === (0x80000000 + 3_030) % 100)
      .reduce((sum, packet) => sum + packet.bytes.length, 0);
    expect((bytes * 8) / 5).toBeLessThan(700_000);
    expect(got.filter(({ ssrc }) => ssrc === 0x80000000 + 3_040).length).toBeGreaterThan(290);
    expect(world.router.dump(world.millis)).toMatchObject({ drops: { "publication-rate": expect.any(Number) } });
  });
});

describe("a room", () => {
  it("refuses more publications and slots than a member may have, with a code", () => {
    const world = new World({ limits: { publications: 1, slots: 1 } });
    world.member(1);
    world.publish(1, { id: "v", kind: "video" });
    expect(() => world.publish(1, { id: "w", kind: "video" })).toThrow(
      expect.objectContaining({ code: "sfu.publication.limit" }),
    );
    world.subscribe(1, "3", "video", null);
    expect(() => world.subscribe(1, "4", "video", null)).toThrow(expect.objectContaining({ code: "sfu.slot.limit" }));
    expect(() => world.router.wish(world.millis, 1, { mid: "9" })).toThrow(expect.objectContaining({ code: "sfu.slot.unknown" }));
    expect(() => world.router.setLastN(world.millis, 9, 1)).toThrow(expect.objectContaining({ code: "sfu.transport.unknown" }));
    expect(() => world.router.setMuted(world.millis, "x", true)).toThrow(
      expect.objectContaining({ code: "sfu.publication.unknown" }),
    );
  });

  it("keeps nothing of members who left", () => {
    const world = new World();
    for (let i = 0; i < 200; i++) {
      world.member(1);
      world.member(2);
      world.publish(1, { id: `v${i}`, kind: "video" });
      world.publish(1, { id: `a${i}`, kind: "audio" });
      world.receive(1, ...new Vp8Source({ ssrc: 9, mid: `v${i}` }).frame(true));
      world.subscribe(2, "3", "video", `v${i}`);
      world.advance(20);
      world.router.removeTransport(world.millis, i % 2 === 0 ? 1 : 2);
      world.router.removeTransport(world.millis, i % 2 === 0 ? 2 : 1);
    }
    expect(world.router.dump(world.millis)).toMatchObject({ publications: [], transports: [] });
    expect(world.router.deadline).toBeUndefined();
    world.router.takeEvents();
    expect(world.router.takeEvents()).toEqual([]);
  });

  it("says when it wants to be woken, and not at all when it is empty", () => {
    const router = new Router();
    expect(router.deadline).toBeUndefined();
  });
});
