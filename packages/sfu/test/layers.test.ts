import { put16 } from "@tsunagi/rtp";
import { buildRtp } from "@tsunagi/rtp/testing";
import { describe, expect, it } from "vitest";
import type { Codec } from "../src/index.ts";
import {
  codes,
  extend,
  isContiguous,
  plis,
  RECEIVED,
  type Received,
  SENT,
  VP8,
  VP9,
  Vp8Source,
  vp8Ids,
  World,
} from "./support.ts";

const AV1: Codec = { ...VP8, name: "av1", payloadType: 45, rtx: 46 };
const H264: Codec = { ...VP8, name: "h264", payloadType: 102, rtx: 103, fmtp: "packetization-mode=1;profile-level-id=42e01f" };
const DESCRIPTOR = 6;

function room(codec: Codec, fmtp = codec.fmtp) {
  const world = new World({ downlink: { startBps: 20_000_000 } });
  world.member(1);
  world.member(2);
  world.publish(1, { id: "v", kind: "video", codecs: [codec], extensions: { ...SENT, "dependency-descriptor": DESCRIPTOR } });
  const subscribe = () => world.subscribe(2, "3", "video", "v", { codecs: [{ ...codec, payloadType: 120, rtx: 121, fmtp }] });
  return { world, subscribe, got: world.rtp.get(2) ?? [] };
}

describe("temporal layers of VP8", () => {
  it("are left out and taken in again without a gap in sequence numbers, picture IDs or TL0PICIDX", () => {
    const { world, subscribe, got } = room(VP8);
    const source = new Vp8Source({ ssrc: 9, mid: "v", temporal: true, pictureId: 0x7ff0, tl0: 250 });
    const play = (frames: number, key = false) => {
      for (let i = 0; i < frames; i++) {
        world.receive(1, ...source.frame(key && i === 0));
        world.advance(33);
      }
    };
    play(60, true);
    subscribe();
    play(60, true);
    const all = got.length;
    expect(all).toBe(120);
    world.router.wish(world.millis, 2, { mid: "3", maxFrameRate: 7 });
    play(120);
    const base = got.slice(all + 16);
    expect(base.every((packet) => vp8Ids(packet).temporal === 0)).toBe(true);
    expect(got.length - all).toBeLessThan(80);
    world.router.wish(world.millis, 2, { mid: "3", maxFrameRate: 30 });
    play(120);
    expect(got.slice(-80).some((packet) => vp8Ids(packet).temporal === 2)).toBe(true);
    expect(isContiguous(extend(got))).toBe(true);
    const pictures = [...new Set(got.map((packet) => vp8Ids(packet).picture))];
    expect(pictures.every((picture, i) => i === 0 || picture === (((pictures[i - 1] ?? 0) + 1) & 0x7fff))).toBe(true);
    const tl0 = got.map((packet) => vp8Ids(packet).tl0);
    expect(tl0.every((index, i) => i === 0 || ((index - (tl0[i - 1] ?? 0)) & 0xff) <= 1)).toBe(true);
  });
});

/** VP9, three spatial layers, flexible off, as browsers send it: one SSRC. */
class Vp9Source {
  #sequence = 100;
  #timestamp = 50;
  #picture = 0x7ffe;

  picture(key: boolean): Uint8Array[] {
    const packets: Uint8Array[] = [];
    for (let spatial = 0; spatial < 3; spatial++) {
      for (let part = 0; part < 2; part++) {
        const begin = part === 0;
        const head =
          0xa0 | (key ? 0 : 0x40) | (begin ? 0x08 : 0) | (begin ? 0 : 0x04) | (begin && key && spatial === 0 ? 0x02 : 0);
        const layer = (spatial << 1) | (spatial > 0 ? 1 : 0);
        const structure = begin && key && spatial === 0 ? [0x50, 1, 64, 0, 180, 2, 128, 1, 104, 5, 0, 2, 208] : [];
        const payload = new Uint8Array(300 << spatial);
        payload.set([head, 0x80 | (this.#picture >> 8), this.#picture & 0xff, layer, 7, ...structure]);
        packets.push(
          buildRtp({
            payloadType: 98,
            sequence: this.#sequence++ & 0xffff,
            timestamp: this.#timestamp,
            ssrc: 9,
            marker: spatial === 2 && !begin,
            payload,
            extensions: { [SENT.mid]: codes("v") },
          }),
        );
      }
    }
    this.#picture = (this.#picture + 1) & 0x7fff;
    this.#timestamp += 3_000;
    return packets;
  }
}

describe("spatial layers of VP9", () => {
  const spatial = (packet: Received) => ((packet.payload[3] ?? 0) >> 1) & 7;

  it("are cut off at a picture, which then ends with its marker, and come back with a key frame", () => {
    const { world, subscribe, got } = room(VP9);
    const source = new Vp9Source();
    let key = true;
    world.onRtcp = (transport, packet) => {
      if (transport === 1 && packet[1] === 206) key = true;
    };
    const play = (pictures: number) => {
      for (let i = 0; i < pictures; i++) {
        world.receive(1, ...source.picture(key));
        key = false;
        world.advance(33);
      }
    };
    play(30);
    subscribe();
    play(60);
    expect(new Set(got.map(spatial))).toEqual(new Set([0, 1, 2]));
    world.router.wish(world.millis, 2, { mid: "3", maxWidth: 320, maxHeight: 180 });
    const cutAt = got.length;
    play(60);
    const low = got.slice(cutAt + 6);
    expect(new Set(low.map(spatial))).toEqual(new Set([0]));
    // Every other packet ends a picture.
    expect(low.filter(({ marker }) => marker).length).toBe(low.length / 2);
    world.router.wish(world.millis, 2, { mid: "3", maxWidth: 1_280, maxHeight: 720 });
    play(90);
    expect(new Set(got.slice(-30).map(spatial))).toEqual(new Set([0, 1, 2]));
    expect(isContiguous(extend(got))).toBe(true);
    const markers = new Map<number, number>();
    for (const { timestamp, marker } of got) markers.set(timestamp, (markers.get(timestamp) ?? 0) + (marker ? 1 : 0));
    expect([...markers.values()].every((count) => count === 1)).toBe(true);
    const event = world.events.filter(({ type }) => type === "quality").at(-1);
    expect(event).toMatchObject({ layer: { encoding: 0, spatial: 2 } });
  });
});

/** Bits as text. */
function bits(text: string): number[] {
  const digits = text.replaceAll(/[^01]/g, "");
  return Array.from({ length: Math.ceil(digits.length / 8) }, (_, i) =>
    Number.parseInt(digits.slice(i * 8, i * 8 + 8).padEnd(8, "0"), 2),
  );
}

const L1T2 = `1 0 000  000000 00001  00 01 11  10 10  10 10  00 01  0 1 0001 0 1 0000 0  01 0000 0010 0001  1 0000001001111111 0000000101100111`;

/** Of the dependency descriptor, as a receiver reads it. */
function frameNumber(packet: Received): number {
  const view = packet.bytes;
  let at = 16;
  const isLong = view[12] === 0x10;
  while (at < view.length) {
    const id = isLong ? (view[at] ?? 0) : (view[at] ?? 0) >> 4;
    const length = isLong ? (view[at + 1] ?? 0) : ((view[at] ?? 0) & 15) + 1;
    at += isLong ? 2 : 1;
    if (id === RECEIVED["dependency-descriptor"]) return ((view[at + 1] ?? 0) << 8) | (view[at + 2] ?? 0);
    at += id === 0 ? 0 : length;
  }
  return -1;
}

describe("VP8 whose layers stand in the dependency descriptor alone, as browsers that send one have it", () => {
  it("loses its upper temporal layer; receivers get one descriptor, with picture IDs that go on", () => {
    const { world, subscribe, got } = room(VP8);
    let number = 0;
    const play = (frames: number, keyed = false) => {
      for (let i = 0; i < frames; i++, number++) {
        const key = keyed && i === 0;
        const template = key ? 0 : i % 2 === 1 ? 2 : 1;
        const frame = ((0x7ff0 + number) & 0xffff).toString(2).padStart(16, "0");
        const descriptor = bits(`11 ${template.toString(2).padStart(6, "0")} ${frame} ${key ? L1T2 : ""}`);
        const payload = new Uint8Array(500);
        payload.set([0x90, 0x80, 0x80 | (((0x7ff0 + number) >> 8) & 0x7f), (0x7ff0 + number) & 0xff, key ? 0 : 1]);
        const extensions = { [SENT.mid]: codes("v"), [DESCRIPTOR]: descriptor };
        const timestamp = 1 + number * 3_000;
        world.receive(1, buildRtp({ payloadType: 96, sequence: number, timestamp, ssrc: 9, marker: true, payload, extensions }));
        world.advance(33);
      }
    };
    play(30, true);
    subscribe();
    play(60, true);
    expect(got.length).toBe(60);
    const whole = got.length;
    world.router.wish(world.millis, 2, { mid: "3", maxFrameRate: 15 });
    play(60);
    expect(got.length - whole).toBeGreaterThanOrEqual(30);
    expect(got.length - whole).toBeLessThan(34);
    expect(isContiguous(extend(got))).toBe(true);
    const pictures = got.map((packet) => vp8Ids(packet).picture);
    expect(pictures.every((picture, i) => i === 0 || picture === (((pictures[i - 1] ?? 0) + 1) & 0x7fff))).toBe(true);
    expect(new Set(got.map(frameNumber))).toEqual(new Set([-1]));
    expect(new Set(got.map(({ payload }) => payload.length))).toEqual(new Set([500]));
  });
});

describe("AV1", () => {
  it("loses its upper temporal layer by the dependency descriptor, whose frame numbers go on", () => {
    const { world, subscribe, got } = room(AV1);
    let sequence = 65_530;
    let frame = 65_530;
    let timestamp = 1;
    const play = (frames: number, keyed = false) => {
      for (let i = 0; i < frames; i++) {
        const key = keyed && i === 0;
        const upper = i % 2 === 1;
        const template = key ? 0 : upper ? 2 : 1;
        const number = (frame++ & 0xffff).toString(2).padStart(16, "0");
        const descriptor = bits(`11 ${template.toString(2).padStart(6, "0")} ${number} ${key ? L1T2 : ""}`);
        const payload = new Uint8Array(500);
        payload[0] = key ? 0x18 : 0x10;
        const extensions = { [SENT.mid]: codes("v"), [DESCRIPTOR]: descriptor };
        world.receive(
          1,
          buildRtp({ payloadType: 45, sequence: sequence++ & 0xffff, timestamp, ssrc: 9, marker: true, payload, extensions }),
        );
        timestamp += 3_000;
        world.advance(33);
      }
    };
    play(30, true);
    subscribe();
    play(60, true);
    expect(got.length).toBe(60);
    world.router.wish(world.millis, 2, { mid: "3", maxFrameRate: 15 });
    play(60);
    expect(got.length).toBeLessThan(60 + 34);
    expect(isContiguous(extend(got))).toBe(true);
    const numbers = got.map(frameNumber);
    expect(numbers.slice(0, 60).every((number, i) => i === 0 || number === (((numbers[i - 1] ?? 0) + 1) & 0xffff))).toBe(true);
    // The distances that references are told by stay.
    expect(numbers.slice(-10).every((number, i, all) => i === 0 || number === (((all[i - 1] ?? 0) + 2) & 0xffff))).toBe(true);
  });
});

const L2T1 =
  "1 0 000  000000 00001  00 10 00 11  10 10  10 10  00 10  00 10  0 1 0001 0 1 0000 0 1 0001 1 0000 0  0  1 0000000100111111 0000000010110011 0000001001111111 0000000101100111";

describe("AV1 with spatial layers", () => {
  it.each([
    ["both to who takes the dependency descriptor", RECEIVED, 4],
    ["the lowest alone to who does not: it could not put them together", { "transport-sequence": 9 } as const, 2],
  ])("sends %s", (_, extensions, packetsOfTwoPictures) => {
    const world = new World({ downlink: { startBps: 20_000_000 } });
    world.member(1);
    world.member(2);
    world.publish(1, { id: "v", kind: "video", codecs: [AV1], extensions: { ...SENT, "dependency-descriptor": DESCRIPTOR } });
    let sequence = 1;
    let frame = 1;
    let timestamp = 1;
    const play = (pictures: number) => {
      for (let i = 0; i < pictures; i++) {
        for (const spatial of [0, 1]) {
          const template = spatial * 2 + (i === 0 ? 0 : 1);
          const number = (frame++ & 0xffff).toString(2).padStart(16, "0");
          const descriptor = bits(
            `11 ${template.toString(2).padStart(6, "0")} ${number} ${i === 0 && spatial === 0 ? L2T1 : ""}`,
          );
          const payload = new Uint8Array(400);
          payload[0] = i === 0 && spatial === 0 ? 0x18 : 0x10;
          world.receive(
            1,
            buildRtp({
              payloadType: 45,
              sequence: sequence++ & 0xffff,
              timestamp,
              ssrc: 9,
              marker: spatial === 1,
              payload,
              extensions: { [SENT.mid]: codes("v"), [DESCRIPTOR]: descriptor },
            }),
          );
        }
        timestamp += 3_000;
        world.advance(33);
      }
    };
    play(60);
    world.subscribe(2, "3", "video", "v", { codecs: [{ ...AV1, payloadType: 120, rtx: 121 }], extensions });
    play(60);
    const got = world.rtp.get(2) ?? [];
    expect(isContiguous(extend(got))).toBe(true);
    const last = got.slice(-packetsOfTwoPictures);
    expect(new Set(last.map((packet) => packet.timestamp)).size).toBe(2);
    // Each picture ends once, whichever of its layers is its last.
    expect(last.filter(({ marker }) => marker).length).toBe(2);
    expect(got.length).toBe(30 * packetsOfTwoPictures);
  });
});

describe("AV1 in simulcast", () => {
  it("switches with a key frame that brings its structure, and frame numbers go on by one", () => {
    const world = new World({ downlink: { startBps: 20_000_000 } });
    world.member(1);
    world.member(2);
    world.publish(1, {
      id: "v",
      kind: "video",
      codecs: [AV1],
      extensions: { ...SENT, "dependency-descriptor": DESCRIPTOR },
      encodings: ["l", "h"].map((rid) => ({ rid, ssrc: undefined, rtxSsrc: undefined })),
    });
    const wanted = new Set([0, 1]);
    world.onRtcp = (transport, packet) => {
      if (transport === 1) for (const ssrc of plis([packet])) wanted.add(ssrc - 20);
    };
    const frames = [40_000, 7];
    const play = (count: number) => {
      for (let i = 0; i < count; i++) {
        for (const [index, rid] of ["l", "h"].entries()) {
          const key = wanted.delete(index);
          const number = frames[index] ?? 0;
          frames[index] = number + 1;
          const structure = L1T2.replace(
            "0000001001111111 0000000101100111",
            index === 0 ? "0000000100111111 0000000010110011" : "0000001001111111 0000000101100111",
          );
          const descriptor = bits(`11 00000${key ? 0 : 1} ${number.toString(2).padStart(16, "0")} ${key ? structure : ""}`);
          const payload = new Uint8Array(200 + 600 * index);
          payload[0] = key ? 0x18 : 0x10;
          const extensions = { [SENT.mid]: codes("v"), [SENT.rid]: codes(rid), [DESCRIPTOR]: descriptor };
          const fields = {
            payloadType: 45,
            sequence: number & 0xffff,
            timestamp: number * 3_000,
            ssrc: 20 + index,
            marker: true,
          };
          world.receive(1, buildRtp({ ...fields, payload, extensions }));
        }
        world.advance(33);
      }
    };
    play(10);
    world.subscribe(2, "3", "video", "v", { codecs: [{ ...AV1, payloadType: 120, rtx: 121 }] });
    play(60);
    const got = world.rtp.get(2) ?? [];
    expect(got.at(-1)?.payload.length).toBe(800);
    world.router.wish(world.millis, 2, { mid: "3", maxWidth: 320, maxHeight: 180 });
    play(60);
    expect(got.at(-1)?.payload.length).toBe(200);
    expect(isContiguous(extend(got))).toBe(true);
    const numbers = got.map(frameNumber);
    expect(numbers.every((number, i) => i === 0 || number === (((numbers[i - 1] ?? 0) + 1) & 0xffff))).toBe(true);
    const switched = got.findIndex(({ payload }, i) => i > 0 && payload.length !== got[i - 1]?.payload.length);
    expect(got[switched]?.payload[0]).toBe(0x18);
  });
});

describe("H.264", () => {
  function pictures(world: World, count: number, key: boolean, at: { sequence: number; timestamp: number }) {
    for (let i = 0; i < count; i++) {
      const sps = [0x67, 0x42, 0xc0, 0x1f, 0xda, 1, 0x40, 0x16, 0xe8, 0x40, 0, 0, 3, 0, 0x40, 0, 0, 0x0c, 0x23, 0xc6, 0x0c, 0xa8];
      const units = key && i === 0 ? [sps, [0x68, 0xce, 0x3c, 0x80], [0x7c, 0x85, 1, 2], [0x7c, 0x45, 3]] : [[0x41, 0x9a, 5]];
      for (const [n, unit] of units.entries()) {
        const marker = n === units.length - 1;
        const payload = Uint8Array.from(unit);
        const fields = { payloadType: 102, sequence: at.sequence++ & 0xffff, timestamp: at.timestamp, ssrc: 9, marker, payload };
        world.receive(1, buildRtp({ ...fields, extensions: { [SENT.mid]: codes("v") } }));
      }
      at.timestamp += 3_000;
      world.advance(33);
    }
  }

  it("begins with the parameter sets, for a receiver of the same profile", () => {
    const { world, subscribe, got } = room(H264, "packetization-mode=1;profile-level-id=42e034");
    const at = { sequence: 5, timestamp: 9 };
    pictures(world, 20, true, at);
    subscribe();
    pictures(world, 20, true, at);
    expect(got.length).toBe(23);
    expect(got[0]?.payload[0]).toBe(0x67);
    expect(isContiguous(extend(got))).toBe(true);
    expect(world.router.dump(world.millis)).toMatchObject({
      publications: [{ encodings: [{ width: 1_280, height: 720, keyFrames: 2 }] }],
    });
  });

  it("is not sent to a receiver that cannot decode it", () => {
    const { world, subscribe, got } = room(H264, "packetization-mode=1;profile-level-id=640032");
    const at = { sequence: 5, timestamp: 9 };
    pictures(world, 5, true, at);
    subscribe();
    pictures(world, 20, true, at);
    expect(got).toEqual([]);
    expect(world.events.filter(({ type }) => type === "quality").at(-1)).toMatchObject({ layer: null, reason: "codec" });
  });
});

describe("probing", () => {
  it("repeats what was sent where more is wanted than the estimate allows", () => {
    const world = new World({ downlink: { startBps: 300_000 } });
    world.member(1);
    world.member(2);
    world.publish(1, { id: "v", kind: "video" });
    const source = new Vp8Source({ ssrc: 9, mid: "v", packets: 10, temporal: true });
    let transportSequence = 0;
    // Feedback: all that was sent arrives at once.
    const acknowledge = () => {
      const got = world.rtp.get(2)?.splice(0) ?? [];
      if (got.length === 0) return 0;
      const bytes = new Uint8Array(20 + 2 + got.length + ((4 - ((22 + got.length) & 3)) & 3));
      bytes.set([0x8f, 205, 0, bytes.length / 4 - 1]);
      put16(bytes, 12, transportSequence);
      put16(bytes, 14, got.length);
      put16(bytes, 16, Math.floor(world.now / 64) >> 8);
      bytes[18] = Math.floor(world.now / 64);
      put16(bytes, 20, 0x2000 | got.length);
      transportSequence += got.length;
      world.receive(2, bytes);
      return got.filter(({ ssrc }) => ssrc === 0x80000000 + 2_031).length;
    };
    world.receive(1, ...source.frame(true));
    world.subscribe(2, "3", "video", "v");
    let repeats = 0;
    for (let i = 0; i < 300; i++) {
      world.receive(1, ...source.frame());
      world.advance(33);
      repeats += acknowledge();
    }
    expect(repeats).toBeGreaterThan(5);
    const { transports } = world.router.dump(world.millis) as { transports: { downlink: { estimateBps: number } }[] };
    expect(transports[1]?.downlink.estimateBps).toBeGreaterThan(800_000);
  });
});
