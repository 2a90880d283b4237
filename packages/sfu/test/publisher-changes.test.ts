/** What a publisher may do in the middle of a stream without its subscribers losing it, or anybody else being harmed. */
import { buildRtp } from "@tsunagi/rtp/testing";
import { describe, expect, it } from "vitest";
import { audioPacket, codes, extend, isContiguous, plis, SENT, VP8, VP9, Vp8Source, World } from "./support.ts";

/** Browsers name a stream (MID, RID) until they know that it arrives; then packets carry nothing but their SSRC. */
function withoutNames(packet: Uint8Array): Uint8Array {
  const bare = packet.slice();
  // The one-byte form: the MID, which comes first, becomes an extension that nobody knows.
  if (bare[16] === (SENT.mid << 4) >>> 0) bare[16] = 14 << 4;
  return bare;
}

function watched() {
  const world = new World({ downlink: { startBps: 20_000_000 } });
  world.member(1);
  world.member(2);
  world.publish(1, { id: "v", kind: "video", codecs: [VP8, VP9] });
  world.publish(1, { id: "w", kind: "video", codecs: [VP8, VP9] });
  const source = new Vp8Source({ ssrc: 9, mid: "v" });
  world.subscribe(2, "3", "video", "v", {
    codecs: [
      { ...VP8, payloadType: 120, rtx: 121 },
      { ...VP9, payloadType: 122, rtx: 123 },
    ],
  });
  world.receive(1, ...source.frame(true));
  world.advance(33);
  return { world, source, got: world.rtp.get(2) ?? [] };
}

describe("a publication that is negotiated anew on the same connection", () => {
  it("is still known by its SSRC, which the publisher does not name again", () => {
    const { world, source, got } = watched();
    const before = got.length;
    world.publish(1, { id: "v", kind: "video", codecs: [VP8, VP9], source: "screen" });
    world.receive(1, ...source.frame(true).map(withoutNames));
    world.advance(33);
    world.receive(1, ...source.frame().map(withoutNames));
    expect(got.length).toBe(before + 4);
    expect(isContiguous(extend(got))).toBe(true);
  });

  it("is not known by it where the section is another one", () => {
    const { world, source, got } = watched();
    const before = got.length;
    world.publish(1, { id: "v", kind: "video", codecs: [VP8, VP9], mid: "x" });
    world.receive(1, ...source.frame(true).map(withoutNames));
    expect(got.length).toBe(before);
  });
});

describe("another codec in the middle of a stream", () => {
  const vp9 = (source: Vp8Source, key: boolean) => {
    const payload = new Uint8Array(300);
    payload.set([0x8c | (key ? 0 : 0x40), 0x81, 5]);
    const packet = source.packet(payload, true);
    packet[1] = 0x80 | VP9.payloadType;
    source.timestamp += 3_000;
    return packet;
  };

  it("goes on with the key frame that it begins with", () => {
    const { world, source, got } = watched();
    const before = got.length;
    world.receive(1, vp9(source, true));
    world.receive(1, vp9(source, false));
    expect(got.slice(before).map(({ payloadType }) => payloadType)).toEqual([122, 122]);
    expect(isContiguous(extend(got))).toBe(true);
  });

  it("asks for a key frame at once where it begins without one", () => {
    const { world, source, got } = watched();
    world.advance(600);
    const before = got.length;
    const asked = plis(world.rtcp.get(1) ?? []).length;
    world.receive(1, vp9(source, false));
    expect(got.length).toBe(before);
    expect(plis(world.rtcp.get(1) ?? []).length).toBe(asked + 1);
  });
});

describe("sequence numbers that begin anew", () => {
  it("are taken for another stream with the second packet in order", () => {
    const { world, source, got } = watched();
    for (let i = 0; i < 30; i++) {
      world.receive(1, ...source.frame());
      world.advance(33);
    }
    source.sequence = (source.sequence - 20_000) & 0xffff;
    world.advance(600);
    const before = got.length;
    world.receive(1, ...source.frame());
    world.advance(33);
    world.receive(1, ...source.frame(true));
    world.advance(33);
    for (let i = 0; i < 10; i++) {
      world.receive(1, ...source.frame());
      world.advance(33);
    }
    expect(got.length - before).toBe(22);
    expect(isContiguous(extend(got))).toBe(true);
  });

  it("are not begun anew by one packet that lies", () => {
    const { world, source, got } = watched();
    for (const by of [20_000, -20_000, 32_000]) {
      const { sequence } = source;
      source.sequence = (sequence + by) & 0xffff;
      world.receive(1, ...source.frame().slice(0, 1));
      source.sequence = sequence;
      const before = got.length;
      world.receive(1, ...source.frame());
      expect(got.length).toBe(before + 2);
    }
  });

  it("are not begun anew by a repeat of something long gone", () => {
    const { world, source, got } = watched();
    const payload = new Uint8Array(100);
    payload.set([(source.sequence + 9_000) >> 8, (source.sequence + 9_000) & 0xff]);
    const extensions = { [SENT.mid]: codes("v") };
    world.receive(1, buildRtp({ payloadType: 97, sequence: 7, timestamp: 1, ssrc: 10, payload, extensions }));
    const before = got.length;
    world.receive(1, ...source.frame());
    expect(got.length).toBe(before + 2);
  });

  it("never carry a subscriber's numbers so far that its SRTP loses count", () => {
    const world = new World();
    world.member(1);
    world.member(2);
    world.publish(1, { id: "a", kind: "audio" });
    world.subscribe(2, "3", "audio", "a");
    for (let i = 0; i < 40; i++) world.receive(1, audioPacket("a", 7, 1_000 + i * 2_900, 960 * i, [1, 2, 3]));
    const got = extend(world.rtp.get(2) ?? []);
    expect(got.length).toBe(40);
    expect((got.at(-1) ?? 0) - (got[0] ?? 0)).toBeLessThan(0x2000);
  });
});

describe("a publication that is muted", () => {
  it("is not asked for key frames that cannot come, and the first one after it is asked for at once", () => {
    const { world, source } = watched();
    world.advance(600);
    world.pli(2, 0x80000000 + 2_030);
    world.router.setMuted(world.millis, "v", true);
    world.rtcp.get(1)?.splice(0);
    for (let i = 0; i < 200; i++) {
      world.receive(1, ...source.frame());
      world.advance(33);
    }
    expect(plis(world.rtcp.get(1) ?? [])).toEqual([]);
    world.router.setMuted(world.millis, "v", false);
    world.receive(1, ...source.frame());
    world.advance(20);
    expect(plis(world.rtcp.get(1) ?? []).length).toBe(1);
  });
});

describe("key frames that nobody waits for any more", () => {
  it("are not asked for again", () => {
    const { world, source } = watched();
    world.advance(600);
    world.pli(2, 0x80000000 + 2_030);
    expect(plis(world.rtcp.get(1) ?? []).length).toBeGreaterThan(0);
    world.router.wish(world.millis, 2, { mid: "3", publication: null });
    world.rtcp.get(1)?.splice(0);
    for (let i = 0; i < 200; i++) {
      world.receive(1, ...source.frame());
      world.advance(33);
    }
    expect(plis(world.rtcp.get(1) ?? [])).toEqual([]);
  });
});

describe("a key frame that arrived with a hole", () => {
  it("is shown to who comes, and another is asked for", () => {
    const world = new World({ downlink: { startBps: 20_000_000 } });
    world.member(1);
    world.member(2);
    world.publish(1, { id: "v", kind: "video", codecs: [{ ...VP8, feedback: { ...VP8.feedback, nack: false } }] });
    const source = new Vp8Source({ ssrc: 9, mid: "v", packets: 4 });
    world.receive(1, ...source.frame(true));
    const frame = source.frame(true);
    world.receive(1, ...frame.filter((_, i) => i !== 2));
    world.advance(100);
    world.receive(1, ...source.frame());
    world.rtcp.get(1)?.splice(0);
    world.subscribe(2, "3", "video", "v");
    world.advance(600);
    expect(plis(world.rtcp.get(1) ?? []).length).toBeGreaterThan(0);
  });
});

describe("losses of a publisher that repeats nothing", () => {
  it("call for a key frame soon", () => {
    const world = new World({ downlink: { startBps: 20_000_000 } });
    world.member(1);
    world.member(2);
    world.publish(1, { id: "v", kind: "video", codecs: [{ ...VP8, feedback: { ...VP8.feedback, nack: false } }] });
    const source = new Vp8Source({ ssrc: 9, mid: "v", packets: 4 });
    world.subscribe(2, "3", "video", "v");
    world.receive(1, ...source.frame(true));
    world.advance(600);
    world.rtcp.get(1)?.splice(0);
    world.receive(1, ...source.frame().slice(1));
    world.advance(33);
    world.receive(1, ...source.frame().slice(1));
    for (let i = 0; i < 4; i++) {
      world.advance(33);
      world.receive(1, ...source.frame());
    }
    expect(plis(world.rtcp.get(1) ?? []).length).toBe(1);
  });
});

describe("packets longer than any network carries whole", () => {
  it("are not kept", () => {
    const { world, source, got } = watched();
    const before = got.length;
    world.receive(1, source.packet(new Uint8Array(4_000), true));
    expect(got.length).toBe(before);
  });
});
