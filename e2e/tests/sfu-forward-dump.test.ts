/** The SFU's own record of what it forwards: of a room in the clear FFmpeg makes the pictures that were sent, of one that encrypts end to end it does not. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type BrowserPage,
  launchChromium,
  type PageServer,
  type ServerProcess,
  startPageServer,
  startServer,
} from "@tsunagi/testkit/drivers";
import { afterAll, beforeAll, expect, it } from "vitest";
import { COLOURS } from "../support/received.ts";
import { openPeer } from "../support/sdk.ts";

const BUNDLE = readFileSync(new URL("../../packages/sdk/dist/tsunagi-e2ee.js", import.meta.url), "utf8");
const PRELOAD = `${BUNDLE}\n;globalThis.TsunagiE2ee ??= TsunagiE2ee;`;
const MIN_FRAMES = 40;

let folder: string;
let server: ServerProcess;
let pages: PageServer;
let open: (name: string) => Promise<BrowserPage>;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "forwarded-"));
  server = await startServer({ env: { TSUNAGI_SFU_FORWARD_DUMP: folder } });
  pages = await startPageServer();
  const chromium = await launchChromium();
  open = async (name) => {
    const page = await chromium.newPage({ name, preload: [PRELOAD] });
    await page.goto(pages.url);
    await openPeer(page, server, name);
    return page;
  };
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function enter(name: string, to: string, passphrase: string | null, sends: boolean): Promise<BrowserPage> {
  const page = await open(name);
  await page.evaluate(
    async (name: string, words: string | null, signal: { colour: string; audio: boolean } | null) => {
      globalThis.room = peer.joinRoom(name, {
        mode: "sfu",
        simulcast: false,
        videoCodec: "VP8",
        stream: signal === null ? null : helpers.signal(signal),
        ...(words === null ? {} : { e2ee: TsunagiE2ee.createE2ee({ passphrase: words }) }),
      });
      await helpers.within(15_000, "the room's open", room.once("open"));
    },
    to,
    passphrase,
    sends ? { colour: COLOURS.red, audio: false } : null,
  );
  return page;
}

const framesDecoded = (page: BrowserPage) =>
  page.evaluate(async () => {
    let frames = 0;
    for (const connection of room.getPeerConnections().values()) {
      for (const { kind, framesDecoded: decoded = 0 } of (await connection.getStats()).values())
        if (kind === "video") frames += decoded;
    }
    return frames;
  });

/** RTP packets of one file of rtpdump's format: a line, 16 bytes, then records of 8 bytes and a packet. */
function packetsOf(file: string): Buffer[] {
  const bytes = readFileSync(file);
  const packets: Buffer[] = [];
  let at = bytes.indexOf(10) + 17;
  while (at + 8 <= bytes.length && at + bytes.readUInt16BE(at) <= bytes.length) {
    packets.push(bytes.subarray(at + 8, at + bytes.readUInt16BE(at)));
    at += bytes.readUInt16BE(at);
  }
  return packets;
}

/** The VP8 frame's part in a packet (RFC 7741 §4.2), and whether it is its first. */
function vp8Of(packet: Buffer): { readonly isFirst: boolean; readonly data: Buffer } {
  let at = 12 + 4 + packet.readUInt16BE(14) * 4;
  const first = packet[at++] ?? 0;
  if (first & 0x80) {
    const extended = packet[at++] ?? 0;
    if (extended & 0x80) at += (packet[at] ?? 0) & 0x80 ? 2 : 1;
    if (extended & 0x40) at++;
    if (extended & 0x30) at++;
  }
  return { isFirst: (first & 0x17) === 0x10, data: packet.subarray(at) };
}

/** From the first key frame on, in the container that FFmpeg reads. */
function ivfOf(packets: readonly Buffer[]): Buffer {
  const frames: Buffer[][] = [];
  for (const packet of packets) {
    const isPadding = ((packet[0] ?? 0) & 0x20) !== 0;
    if (isPadding) continue;
    const { isFirst, data } = vp8Of(packet);
    if (isFirst && (frames.length > 0 || ((data[0] ?? 0) & 1) === 0)) frames.push([]);
    frames.at(-1)?.push(data);
  }
  const head = Buffer.alloc(32);
  head.write("DKIF\0\0 \0VP80", 0, "latin1");
  head.writeUInt32LE(30, 16);
  head.writeUInt32LE(1, 20);
  head.writeUInt32LE(frames.length, 24);
  const parts = frames.flatMap((frame, at) => {
    const data = Buffer.concat(frame);
    const before = Buffer.alloc(12);
    before.writeUInt32LE(data.length, 0);
    before.writeUInt32LE(at, 4);
    return [before, data];
  });
  return Buffer.concat([head, ...parts]);
}

/** The middle of each picture that FFmpeg makes of a recording: red, green, blue. */
function picturesOf(ivf: Buffer): number[][] {
  const file = join(folder, "frames.ivf");
  writeFileSync(file, ivf);
  const filter = "crop=iw/4:ih/4,scale=1:1:flags=area,format=rgb24";
  let raw: Buffer;
  try {
    const args = ["-v", "quiet", "-i", file, "-vf", filter, "-fps_mode", "passthrough", "-f", "rawvideo", "-"];
    raw = execFileSync("ffmpeg", args, { timeout: 20_000 });
  } catch (error) {
    // What it made before it gave up counts, too.
    raw = (error as { stdout?: Buffer }).stdout ?? Buffer.alloc(0);
  }
  return Array.from({ length: Math.floor(raw.length / 3) }, (_, at) => [...raw.subarray(at * 3, at * 3 + 3)]);
}

/** Not green, which is what decoders make of nothing. */
const isSent = ([red = 0, green = 0, blue = 0]: readonly number[]): boolean => red - Math.max(green, blue) > 80;

it("decodes of a room in the clear, and of one that encrypts does not", async () => {
  const shown: Record<string, { readonly packets: number; readonly pictures: number; readonly sent: number }> = {};
  for (const [name, passphrase] of [
    ["clear", null],
    ["secret", "correct horse battery staple"],
  ] as const) {
    const before = new Set(readdirSync(folder));
    const sender = await enter(`${name}-ann`, name, passphrase, true);
    const viewer = await enter(`${name}-ben`, name, passphrase, false);
    // Who has the key sees it.
    await expect.poll(() => framesDecoded(viewer), { timeout: 30_000 }).toBeGreaterThan(MIN_FRAMES);
    await Promise.all([sender.close(), viewer.close()]);
    const files = readdirSync(folder).filter((file) => file.endsWith(".rtpdump") && !before.has(file));
    // The picture is all that is sent; the other SSRC of its slot is for repeats.
    const [video = []] = files.map((file) => packetsOf(join(folder, file))).toSorted((a, b) => b.length - a.length);
    const pictures = picturesOf(ivfOf(video));
    shown[name] = { packets: video.length, pictures: pictures.length, sent: pictures.filter(isSent).length };
  }
  console.log(`forwarded and recorded: ${JSON.stringify(shown)}`);
  const { clear, secret } = shown;
  expect(clear?.sent).toBeGreaterThan(MIN_FRAMES / 2);
  expect(clear?.sent).toBe(clear?.pictures);
  expect(secret?.packets).toBeGreaterThan(MIN_FRAMES / 2);
  expect(secret?.sent).toBe(0);
});
