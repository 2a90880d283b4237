/** Whatever order a publisher's packets come in, with losses and repeats, and whatever a subscriber wishes meanwhile: what it is sent stays one stream. */
import { buildRtp } from "@tsunagi/rtp/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { codes, plis, type Received, SENT, VP9, World } from "./support.ts";

const SSRC = 0x80000000 + 2_030;

type Made = { readonly packet: Uint8Array; readonly repeat: Uint8Array };

/** VP9 with three spatial and three temporal layers; each payload tells its picture and place. `isFree`: spatial layers meet at key pictures alone. */
class Source {
  readonly isFree: boolean;
  #sequence = 65_400;
  #timestamp = 0xffff_0000;
  #picture = 0x7fe0;
  #count = 0;
  #repeats = 0;

  constructor(isFree: boolean) {
    this.isFree = isFree;
  }

  picture(key: boolean): Made[] {
    if (key) this.#count = 0;
    const temporal = [0, 2, 1, 2][this.#count++ % 4] ?? 0;
    const made: Made[] = [];
    for (let spatial = 0; spatial < 3; spatial++) {
      for (const part of [0, 1]) {
        const spared = (this.isFree && !key) || spatial === 2;
        const head = 0xa0 | (key ? 0 : 0x40) | (part === 0 ? 0x08 : 0x04) | (spared ? 1 : 0);
        const inter = spatial > 0 && (key || !this.isFree) ? 1 : 0;
        const payload = new Uint8Array(100 << spatial);
        const ids = [0x80 | (this.#picture >> 8), this.#picture & 0xff, (temporal << 5) | 0x10 | (spatial << 1) | inter, 7];
        payload.set([head, ...ids, this.#picture >> 8, this.#picture & 0xff, spatial * 2 + part]);
        const sequence = this.#sequence++ & 0xffff;
        const fields = { timestamp: this.#timestamp, extensions: { [SENT.mid]: codes("v") }, marker: spatial * part === 2 };
        const repeated = new Uint8Array(payload.length + 2);
        repeated.set([sequence >> 8, sequence & 0xff]);
        repeated.set(payload, 2);
        made.push({
          packet: buildRtp({ ...fields, payloadType: 98, sequence, ssrc: 9, payload }),
          repeat: buildRtp({ ...fields, payloadType: 99, sequence: this.#repeats++ & 0xffff, ssrc: 10, payload: repeated }),
        });
      }
    }
    this.#picture = (this.#picture + 1) & 0x7fff;
    this.#timestamp = (this.#timestamp + 3_000) >>> 0;
    return made;
  }
}

const what = ({ payload }: Received) => `${payload[5]} ${payload[6]} ${payload[7]}`;
const pictureOf = ({ payload }: Received) => `${payload[5]} ${payload[6]}`;

describe("a stream of layers in any order", () => {
  it("has each number once, each picture at one time, with one end, and no holes but what was lost", () => {
    const step = fc.record({
      /** Of the six packets of a picture: 0 comes, 1 comes later, 2 comes by repeat, 3 comes twice, 4 is lost. */
      fates: fc.array(fc.constantFrom(0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 3, 4), { minLength: 6, maxLength: 6 }),
      late: fc.integer({ min: 1, max: 20 }),
      wish: fc.option(
        fc.record({
          maxWidth: fc.constantFrom(320, 640, 1_280),
          maxFrameRate: fc.constantFrom(7, 15, 30),
          paused: fc.constant(false),
        }),
        { freq: 12, nil: undefined },
      ),
      asks: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { minLength: 30, maxLength: 90 }), fc.boolean(), (steps, isFree) => {
        const world = new World({ downlink: { startBps: 20_000_000 } });
        world.member(1);
        world.member(2);
        world.publish(1, { id: "v", kind: "video", codecs: [VP9] });
        const source = new Source(isFree);
        let key = true;
        let keyAgo = 0;
        world.onRtcp = (transport, packet) => {
          if (transport === 1 && plis([packet]).length > 0) key = true;
        };
        for (const { packet } of source.picture(true)) world.receive(1, packet);
        world.subscribe(2, "3", "video", "v", { codecs: [{ ...VP9, payloadType: 120, rtx: 121 }] });
        const later: { readonly at: number; readonly packet: Uint8Array }[] = [];
        let lost = 0;
        for (const [at, { fates, late, wish, asks }] of steps.entries()) {
          if (wish !== undefined) world.router.wish(world.millis, 2, { mid: "3", ...wish });
          if (asks) world.pli(2, SSRC);
          const isKey = key || keyAgo > 25;
          keyAgo = isKey ? 0 : keyAgo + 1;
          key = false;
          for (const [i, { packet, repeat }] of source.picture(isKey).entries()) {
            const fate = fates[i] ?? 0;
            if (fate === 0 || fate === 3) world.receive(1, packet);
            if (fate === 1) later.push({ at: at + Math.ceil(late / 8), packet });
            if (fate === 2) later.push({ at: at + Math.ceil(late / 8), packet: repeat });
            if (fate === 3) later.push({ at: at + 1, packet: repeat });
            if (fate === 4) lost++;
          }
          for (let i = later.length - 1; i >= 0; i--) {
            const due = later[i];
            if (due === undefined || due.at > at) continue;
            later.splice(i, 1);
            world.receive(1, due.packet);
          }
          world.advance(33);
        }
        for (const { packet } of later) world.receive(1, packet);
        world.advance(100);

        const got = (world.rtp.get(2) ?? []).filter(({ ssrc }) => ssrc === SSRC);
        const media = got.filter(({ padding }) => padding === 0);
        let highest = (got[0]?.sequence ?? 0) + 0x10000;
        const numbers = got.map(({ sequence }) => {
          const number = highest + (((sequence - highest) << 16) >> 16);
          highest = Math.max(highest, number);
          // SRTP remembers a window of what it sent.
          expect(highest - number).toBeLessThan(512);
          return number;
        });
        expect(new Set(numbers).size).toBe(numbers.length);
        expect(new Set(media.map(what)).size).toBe(media.length);
        // What has a place and did not come is what was lost, or may have been.
        expect(Math.max(...numbers) - Math.min(...numbers) + 1 - numbers.length).toBeLessThanOrEqual(lost);
        const times = new Map<string, number>();
        const ends = new Map<string, number>();
        for (const packet of media) {
          const picture = pictureOf(packet);
          expect(times.get(picture) ?? packet.timestamp).toBe(packet.timestamp);
          times.set(picture, packet.timestamp);
          if (packet.marker) ends.set(picture, (ends.get(picture) ?? 0) + 1);
        }
        expect(new Set(times.values()).size).toBe(times.size);
        for (const count of ends.values()) expect(count).toBe(1);
      }),
      { numRuns: 12 },
    );
  });
});
