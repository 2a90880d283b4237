import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MediaPlane } from "@tsunagi/media";
import { CanonicalPacket, extensionIds, RtpView, SendList } from "@tsunagi/rtp";
import { buildRtp } from "@tsunagi/rtp/testing";
import { afterEach, expect, it } from "vitest";
import { ForwardDump } from "./forward-dump.ts";

const folder = mkdtempSync(join(tmpdir(), "forward-dump-"));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function setUp(maxBytes?: number) {
  const flushed: Uint8Array[] = [];
  const plane = {
    port: 7,
    counters: { refused: 1 },
    flush: (list: SendList) => {
      for (let at = 0; at < list.length; at++) flushed.push(list.bytes(at).slice());
    },
    close: async () => {},
  } as Partial<MediaPlane> as MediaPlane;
  const clock = { now: 1_000 };
  const options = { folder, name: "w", now: () => clock.now };
  const dump = new ForwardDump(plane, maxBytes === undefined ? options : { ...options, maxBytes });
  const view = new RtpView();
  view.parse(buildRtp({ payloadType: 96, sequence: 1, timestamp: 2, ssrc: 3, payload: Uint8Array.of(9, 8, 7) }));
  const packet = new CanonicalPacket();
  packet.fill(view, extensionIds({}));
  const send = (...ssrcs: readonly number[]) => {
    const list = new SendList();
    for (const ssrc of ssrcs) list.add(5, packet, ssrc, ssrc & 0xffff, 6, 120, extensionIds({}));
    dump.flush(list);
  };
  return { dump, send, flushed, clock };
}

it("writes what is sent to each receiver, as it is sent, with its time", async () => {
  const { dump, send, flushed, clock } = setUp();
  send(0xaa, 0xbb);
  clock.now += 40;
  send(0xaa);
  await dump.close();
  expect(flushed.length).toBe(3);
  expect(readdirSync(folder).toSorted()).toEqual(["w-5-aa.rtpdump", "w-5-bb.rtpdump"]);
  const bytes = readFileSync(join(folder, "w-5-aa.rtpdump"));
  const head = "#!rtpplay1.0 0.0.0.0/0\n";
  expect(bytes.subarray(0, head.length).toString()).toBe(head);
  const packets: { readonly at: number; readonly packet: Buffer }[] = [];
  for (let at = head.length + 16; at < bytes.length; at += bytes.readUInt16BE(at)) {
    expect(bytes.readUInt16BE(at)).toBe(8 + bytes.readUInt16BE(at + 2));
    packets.push({ at: bytes.readUInt32BE(at + 4), packet: bytes.subarray(at + 8, at + bytes.readUInt16BE(at)) });
  }
  expect(packets.map(({ at }) => at)).toEqual([0, 40]);
  expect(packets.map(({ packet }) => [...packet])).toEqual([flushed[0], flushed[2]].map((each) => [...(each ?? [])]));
  expect(dump.counters).toEqual({ refused: 1 });
});

it("ends where it has taken all the room that it has, and sends on", async () => {
  const { dump, send, flushed } = setUp(60);
  for (let i = 0; i < 5; i++) send(0xaa);
  await dump.close();
  expect(flushed.length).toBe(5);
  expect(dump.counters).toMatchObject({ "dump-omitted": 4 });
});
