/** K-SVC (`L3T3_KEY` and the like): between key frames only the spatial layer that is shown is sent, and every frame sent can be decoded. */
import { buildRtp } from "@tsunagi/rtp/testing";
import { describe, expect, it } from "vitest";
import { codes, extend, isContiguous, plis, type Received, SENT, VP9, World } from "./support.ts";

const SIZES = [200, 500, 1_000] as const;

/** VP9, three spatial layers, not flexible. `isFree`: they meet at key pictures alone. */
class Source {
  isFree = true;
  layers = 3;
  #sequence = 65_500;
  #timestamp = 50;
  #picture = 0x7ff0;
  #next = 0;

  picture(key: boolean): Uint8Array[] {
    const packets: Uint8Array[] = [];
    for (let spatial = 0; spatial < this.layers; spatial++) {
      for (const part of [0, 1]) {
        const begin = part === 0;
        const isSpared = (this.isFree && !key) || spatial === 2;
        const head = 0xa0 | (key ? 0 : 0x40) | (begin ? 0x08 : 0x04) | (isSpared ? 0x01 : 0);
        const isInter = spatial > 0 && (key || !this.isFree);
        const payload = new Uint8Array(SIZES[spatial] ?? 0);
        payload.set([head, 0x80 | (this.#picture >> 8), this.#picture & 0xff, (spatial << 1) | (isInter ? 1 : 0), 7, this.#next]);
        packets.push(
          buildRtp({
            payloadType: 98,
            sequence: this.#sequence++ & 0xffff,
            timestamp: this.#timestamp,
            ssrc: 9,
            marker: spatial === this.layers - 1 && !begin,
            payload,
            extensions: { [SENT.mid]: codes("v") },
          }),
        );
      }
    }
    this.#picture = (this.#picture + 1) & 0x7fff;
    this.#timestamp += 3_000;
    this.#next = (this.#next + 1) & 0xff;
    return packets;
  }
}

const spatialOf = ({ payload }: Received) => ((payload[3] ?? 0) >> 1) & 7;
const isDelta = ({ payload }: Received) => ((payload[0] ?? 0) & 0x40) !== 0;
const isInterLayer = ({ payload }: Received) => ((payload[3] ?? 0) & 1) !== 0;
const numberOf = ({ payload }: Received) => payload[5] ?? 0;

/** Frames that refer to one that was not sent before them. */
function undecodable(packets: readonly Received[]): number {
  const last = new Map<number, number>();
  let bad = 0;
  for (const packet of packets) {
    const spatial = spatialOf(packet);
    const number = numberOf(packet);
    if (last.get(spatial) === number) continue;
    const hasEarlier = last.get(spatial) === ((number - 1) & 0xff);
    if (isDelta(packet) && !hasEarlier) bad++;
    if (isInterLayer(packet) && last.get(spatial - 1) !== number) bad++;
    last.set(spatial, number);
  }
  return bad;
}

function setUp() {
  const world = new World({ downlink: { startBps: 20_000_000 } });
  world.member(1);
  world.member(2);
  world.publish(1, { id: "v", kind: "video", codecs: [VP9] });
  const source = new Source();
  let key = true;
  let requests = 0;
  world.onRtcp = (transport, packet) => {
    if (transport !== 1 || plis([packet]).length === 0) return;
    key = true;
    requests++;
  };
  const play = (pictures: number) => {
    for (let i = 0; i < pictures; i++) {
      const isKey = key;
      key = false;
      world.receive(1, ...source.picture(isKey));
      world.advance(33);
    }
  };
  play(30);
  world.subscribe(2, "3", "video", "v", { codecs: [{ ...VP9, payloadType: 120, rtx: 121 }] });
  const got = world.rtp.get(2) ?? [];
  const size = (width: number) => world.router.wish(world.millis, 2, { mid: "3", maxWidth: width, maxHeight: (width * 9) / 16 });
  return { world, source, play, got, size, requests: () => requests };
}

describe("VP9 whose layers meet at key frames alone", () => {
  it("is sent with its lower layers at key frames, and without them between", () => {
    const { play, got } = setUp();
    play(60);
    const deltas = got.filter(isDelta);
    expect(deltas.length).toBeGreaterThan(100);
    expect(new Set(deltas.map(spatialOf))).toEqual(new Set([2]));
    expect(new Set(got.filter((packet) => !isDelta(packet)).map(spatialOf))).toEqual(new Set([0, 1, 2]));
    expect(undecodable(got)).toBe(0);
    expect(isContiguous(extend(got))).toBe(true);
    const markers = new Map<number, number>();
    for (const { timestamp, marker } of got) markers.set(timestamp, (markers.get(timestamp) ?? 0) + (marker ? 1 : 0));
    expect([...markers.values()].every((count) => count === 1)).toBe(true);
  });

  it("goes to another layer with a key frame that is asked for, and nothing undecodable is sent on the way", () => {
    const { play, got, size, requests } = setUp();
    play(60);
    let before = requests();
    for (const [width, layer] of [
      [320, 0],
      [640, 1],
      [1_280, 2],
      [320, 0],
      [1_280, 2],
    ] as const) {
      size(width);
      play(60);
      expect(new Set(got.slice(-20).map(spatialOf))).toEqual(new Set([layer]));
      expect(requests() - before).toBe(1);
      before = requests();
    }
    expect(undecodable(got)).toBe(0);
    expect(isContiguous(extend(got))).toBe(true);
  });

  it("costs what is sent: the rate told is the layer's own", () => {
    const { world, play } = setUp();
    play(90);
    const told = world.events.filter((event) => event.type === "quality").at(-1);
    const dump = world.router.dump(world.millis) as { publications: { encodings: { bps: number }[] }[] };
    const whole = dump.publications[0]?.encodings[0]?.bps ?? 0;
    expect(told?.layer?.bps).toBeGreaterThan(whole * 0.5);
    expect(told?.layer?.bps).toBeLessThan(whole * 0.7);
  });

  it("asks for a key frame when its publisher switches the top layer off", () => {
    const { source, play, got } = setUp();
    play(60);
    source.layers = 2;
    play(30);
    const last = got.slice(-20);
    expect(new Set(last.map(spatialOf))).toEqual(new Set([1]));
    expect(undecodable(got)).toBe(0);
  });

  it("is sent whole where its layers turn out to need each other", () => {
    const { source, play, got } = setUp();
    play(60);
    // Without a key frame, as none does that means it.
    source.isFree = false;
    play(60);
    expect(new Set(got.slice(-12).map(spatialOf))).toEqual(new Set([0, 1, 2]));
    source.isFree = true;
    play(60);
    expect(new Set(got.slice(-12).map(spatialOf))).toEqual(new Set([0, 1, 2]));
  });
});
