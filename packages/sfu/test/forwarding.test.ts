import { RtpView, u16 } from "@tsunagi/rtp";
import { describe, expect, it } from "vitest";
import { audioPacket, extend, isContiguous, plis, RECEIVED, Vp8Source, vp8Ids, World } from "./support.ts";

describe("forwarding", () => {
  it("carries audio to a slot under the slot's own SSRC, payload type and extension IDs", () => {
    const world = new World();
    world.member(1);
    world.member(2);
    world.publish(1, { id: "a", kind: "audio" });
    world.subscribe(2, "5", "audio", "a");
    for (let i = 0; i < 5; i++) {
      world.receive(1, audioPacket("a", 7, 65_533 + i, 4_294_967_000 + i * 960, [1, 2, i]));
      world.advance(20);
    }
    const got = world.rtp.get(2) ?? [];
    expect(got.length).toBe(5);
    expect(new Set(got.map(({ ssrc }) => ssrc))).toEqual(new Set([0x80000000 + 2_050]));
    expect(got.every(({ payloadType }) => payloadType === 109)).toBe(true);
    expect(isContiguous(extend(got))).toBe(true);
    expect(got.map(({ timestamp }, i) => (i === 0 ? 960 : (timestamp - (got[i - 1]?.timestamp ?? 0)) >>> 0))).toEqual(
      Array(5).fill(960),
    );
    expect([...(got[4]?.payload ?? [])]).toEqual([1, 2, 4]);
    expect(got[0]?.marker).toBe(true);
    const view = new RtpView();
    const bytes = got[2]?.bytes ?? new Uint8Array();
    expect(view.parse(bytes)).toBe(true);
    expect(bytes[view.extensionOffset(RECEIVED["audio-level"])]).toBe(0x80 | 30);
    expect(u16(bytes, view.extensionOffset(RECEIVED["transport-sequence"]))).toBe(2);
  });

  it("asks for a key frame when video is wanted, and sends from there on", () => {
    const world = new World();
    world.member(1);
    world.member(2);
    world.publish(1, { id: "v", kind: "video" });
    const source = new Vp8Source({ ssrc: 0xf0000001, mid: "v" });
    world.receive(1, ...source.frame(true));
    world.advance(600);
    world.subscribe(2, "3", "video", "v");
    expect(plis(world.rtcp.get(1) ?? [])).toEqual([0xf0000001]);
    world.receive(1, ...source.frame());
    expect(world.rtp.get(2)).toEqual([]);
    world.receive(1, ...source.frame(true));
    for (let i = 0; i < 10; i++) {
      world.advance(33);
      world.receive(1, ...source.frame());
    }
    const got = world.rtp.get(2) ?? [];
    expect(got.length).toBe(22);
    expect(isContiguous(extend(got))).toBe(true);
    expect(got.every(({ payloadType }) => payloadType === 120)).toBe(true);
    const pictures = got.map((packet) => vp8Ids(packet).picture);
    expect(isContiguous([...new Set(pictures)])).toBe(true);
    expect(plis(world.rtcp.get(1) ?? []).length).toBe(1);
  });

  it("begins at once with a key frame that came a moment ago", () => {
    const world = new World();
    world.member(1);
    world.member(2);
    world.publish(1, { id: "v", kind: "video" });
    const source = new Vp8Source({ ssrc: 9, mid: "v" });
    for (let i = 0; i < 5; i++) {
      world.receive(1, ...source.frame(i === 0));
      world.advance(33);
    }
    world.subscribe(2, "3", "video", "v");
    const got = world.rtp.get(2) ?? [];
    expect(got.length).toBe(10);
    expect(plis(world.rtcp.get(1) ?? [])).toEqual([]);
    for (let i = 0; i < 5; i++) {
      world.receive(1, ...source.frame());
      world.advance(33);
    }
    expect(got.length).toBe(20);
    expect(isContiguous(extend(got))).toBe(true);
    expect(isContiguous([...new Set(got.map((packet) => vp8Ids(packet).picture))])).toBe(true);
  });

  it("begins with a key frame whose first packet came last", () => {
    const world = new World();
    world.member(1);
    world.member(2);
    world.publish(1, { id: "v", kind: "video" });
    const source = new Vp8Source({ ssrc: 9, mid: "v", packets: 4 });
    world.receive(1, ...source.frame());
    world.advance(400);
    world.subscribe(2, "3", "video", "v");
    const frame = source.frame(true);
    world.receive(1, ...frame.slice(1), ...source.frame(), frame[0] ?? new Uint8Array());
    const got = world.rtp.get(2) ?? [];
    expect(got.length).toBe(8);
    expect(isContiguous(extend(got))).toBe(true);
  });

  it("begins anew for a receiver whose connection is made at last: with the key frame that was lost, or with the next", () => {
    for (const [tookMs, pliCount] of [
      [200, 1],
      [700, 2],
    ] as const) {
      const world = new World();
      world.member(1);
      world.member(2);
      world.publish(1, { id: "v", kind: "video" });
      const source = new Vp8Source({ ssrc: 9, mid: "v" });
      world.receive(1, ...source.frame(true));
      world.advance(1_000);
      let isOpen = false;
      world.link = () => isOpen;
      world.subscribe(2, "3", "video", "v");
      // Asked for while the connection is still being made, and sent into the void.
      expect(plis(world.rtcp.get(1) ?? []).length).toBe(1);
      world.receive(1, ...source.frame(true));
      for (let ms = 0; ms < tookMs; ms += 20) {
        world.advance(20);
        world.receive(1, ...source.frame());
      }
      isOpen = true;
      world.router.connected(world.millis, 2);
      world.pump();
      expect(plis(world.rtcp.get(1) ?? []).length).toBe(pliCount);
      const got = world.rtp.get(2) ?? [];
      expect(got.length > 0).toBe(pliCount === 1);
      world.receive(1, ...source.frame(pliCount === 2));
      expect((got[0]?.payload[0] ?? 0) & 0x10).toBe(0x10);
      expect(isContiguous(extend(got))).toBe(true);
      expect(got.length).toBe(pliCount === 1 ? 2 * (1 + tookMs / 20 + 1) : 2);
    }
  });

  it("acts at once on what is asked for in a room that has been silent", () => {
    const world = new World();
    world.member(1);
    world.member(2);
    world.publish(1, { id: "v", kind: "video" });
    world.subscribe(2, "3", "video", "v");
    const source = new Vp8Source({ ssrc: 9, mid: "v" });
    world.receive(1, ...source.frame(true));
    world.router.wish(world.millis, 2, { mid: "3", paused: true });
    world.advance(8_000);
    const demands = () => world.events.flatMap((event) => (event.type === "demand" ? [event.encodings] : []));
    expect(demands().at(-1)).toEqual([false]);
    world.router.wish(world.millis, 2, { mid: "3", paused: false });
    world.advance(1);
    expect(demands().at(-1)).toEqual([true]);
  });

  it("tells the rate of a layer once it is measured", () => {
    const world = new World();
    world.member(1);
    world.member(2);
    world.publish(1, { id: "v", kind: "video" });
    world.subscribe(2, "3", "video", "v");
    const source = new Vp8Source({ ssrc: 9, mid: "v" });
    for (let i = 0; i < 90; i++) {
      world.receive(1, ...source.frame(i === 0));
      world.advance(33);
    }
    const told = world.events.flatMap((event) => (event.type === "quality" && event.layer !== null ? [event.layer.bps] : []));
    expect(told.length).toBe(2);
    expect(told[0]).toBe(0);
    // Two packets of 400 bytes and their headers, 30 times a second.
    expect(told[1]).toBeGreaterThan(150_000);
    expect(told[1]).toBeLessThan(300_000);
  });

  it("gathers key frame requests of many, and of one who floods", () => {
    const world = new World();
    world.member(1);
    world.publish(1, { id: "v", kind: "video" });
    const source = new Vp8Source({ ssrc: 9, mid: "v" });
    world.receive(1, ...source.frame(true));
    world.advance(600);
    for (let i = 2; i < 12; i++) {
      world.member(i);
      world.subscribe(i, "3", "video", "v");
    }
    expect(plis(world.rtcp.get(1) ?? []).length).toBe(1);
    world.receive(1, ...source.frame(true));
    world.advance(1_000);
    for (let i = 0; i < 1_000; i++) {
      for (let member = 2; member < 12; member++) world.pli(member, 0x80000000 + member * 1_000 + 30);
      world.advance(2);
      if (i % 25 === 0) world.receive(1, ...source.frame(true));
    }
    // Two seconds: one every half second at most.
    expect(plis(world.rtcp.get(1) ?? []).length).toBeLessThanOrEqual(6);
  });

  it("reports to publishers: receiver reports and transport-wide feedback", () => {
    const world = new World();
    world.member(1);
    world.publish(1, { id: "v", kind: "video" });
    const source = new Vp8Source({ ssrc: 9, mid: "v" });
    for (let i = 0; i < 60; i++) {
      world.receive(1, ...source.frame(i === 0));
      world.advance(33);
    }
    const types = (world.rtcp.get(1) ?? []).map((packet) => `${packet[1]}/${(packet[0] ?? 0) & 31}`);
    expect(types.filter((type) => type === "201/1").length).toBeGreaterThanOrEqual(2);
    expect(types.filter((type) => type === "205/15").length).toBeGreaterThanOrEqual(15);
  });

  it("goes on over a change of the publication in a slot without a jump", () => {
    const world = new World();
    for (const member of [1, 2, 3]) world.member(member);
    world.publish(1, { id: "v", kind: "video" });
    world.publish(2, { id: "w", kind: "video" });
    const one = new Vp8Source({ ssrc: 9, mid: "v", sequence: 60_000, timestamp: 7, pictureId: 0x7ffe });
    const two = new Vp8Source({ ssrc: 8, mid: "w", sequence: 5, timestamp: 0xf0000000, pictureId: 3, tl0: 250 });
    world.receive(1, ...one.frame(true));
    world.receive(2, ...two.frame(true));
    world.advance(600);
    world.subscribe(3, "3", "video", "v");
    const play = (key: boolean) => {
      world.receive(1, ...one.frame(key));
      world.receive(2, ...two.frame(key));
      world.advance(33);
    };
    for (let i = 0; i < 16; i++) play(i === 0);
    world.router.wish(world.millis, 3, { mid: "3", publication: "w" });
    for (let i = 0; i < 10; i++) play(i === 2);
    // Its own key frame is 528 ms old when the slot changes: it waits for the next.
    const got = world.rtp.get(3) ?? [];
    expect(got.length).toBe(2 * (16 + 8));
    expect(isContiguous(extend(got))).toBe(true);
    const steps = got
      .map(({ timestamp }, i) => (timestamp - (got[i - 1]?.timestamp ?? timestamp)) >>> 0)
      .filter((step) => step > 0);
    expect(steps.length).toBe(23);
    expect(Math.max(...steps)).toBeLessThan(10_000);
    const pictures = [...new Set(got.map((packet) => vp8Ids(packet).picture))];
    expect(pictures.length).toBe(24);
    expect(pictures.every((picture, i) => i === 0 || picture === (((pictures[i - 1] ?? 0) + 1) & 0x7fff))).toBe(true);
    const tl0 = [...new Set(got.map((packet) => vp8Ids(packet).tl0))];
    expect(tl0.every((index, i) => i === 0 || index === (((tl0[i - 1] ?? 0) + 1) & 0xff))).toBe(true);
  });
});
