/**
 * SFU rooms encrypted end to end: Chromium and Firefox decode each other; a member without the key, who gets just what the server forwards, decodes
 * nothing of it; who comes late gets keys; who has left reads nothing more.
 */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { type BrowserKind, type BrowserPage, probeMedia } from "@tsunagi/testkit/drivers";
import { afterEach, beforeAll, expect, it } from "vitest";
import { COLOURS, type Colour, expectReceived, OF_ROOM } from "../support/received.ts";
import { openStage, type Stage } from "../support/stage.ts";

declare global {
  var TsunagiE2ee: typeof import("@tsunagi/sdk/e2ee");
  var e2ee: import("@tsunagi/sdk/e2ee").E2ee | undefined;
  /** `memberKey ben secured`, `failed e2ee.member.plain`. */
  var keysHeard: string[];
}

const BUNDLE = readFileSync(new URL("../../packages/sdk/dist/tsunagi-e2ee.js", import.meta.url), "utf8");
const PRELOAD = `${BUNDLE}\n;globalThis.TsunagiE2ee ??= TsunagiE2ee;`;
const SENDS = {
  ann: { colour: "green", hz: 880 },
  fox: { colour: "blue", hz: 440 },
  late: { colour: "red", hz: 1_320 },
} as const satisfies Record<string, { colour: Colour; hz: number }>;

type Join = {
  readonly room: string;
  /** Undefined: does not encrypt. */
  readonly passphrase?: string;
  readonly sends?: { readonly colour: string; readonly hz: number };
  readonly codec?: string;
};

let stage: Stage;
let open: BrowserPage[] = [];

beforeAll(async () => {
  stage = await openStage();
});
afterEach(async () => {
  await Promise.all(open.map((page) => page.close()));
  open = [];
});

async function enter(name: string, join: Join, kind: BrowserKind = "chromium"): Promise<BrowserPage> {
  const page = await stage.peer(name, kind, { preload: [PRELOAD] });
  open.push(page);
  await page.evaluate(async ({ room: to, passphrase, sends, codec }: Join) => {
    globalThis.keysHeard = [];
    globalThis.e2ee = passphrase === undefined ? undefined : TsunagiE2ee.createE2ee({ passphrase });
    e2ee?.on("memberKey", ({ peerId, state }) => keysHeard.push(`memberKey ${peerId} ${state}`));
    e2ee?.on("failed", ({ code }) => keysHeard.push(`failed ${code}`));
    globalThis.room = peer.joinRoom(to, {
      mode: "sfu",
      stream: sends === undefined ? null : helpers.signal(sends),
      ...(codec === undefined ? {} : { videoCodec: codec }),
      ...(e2ee === undefined ? {} : { e2ee }),
    });
    await helpers.within(15_000, "the room's open", room.once("open"));
  }, join);
  return page;
}
const sending = (name: keyof typeof SENDS) => ({ colour: COLOURS[SENDS[name].colour], hz: SENDS[name].hz });
const counters = (page: BrowserPage) => page.evaluate(async () => (await e2ee?.counters()) ?? null);

it.each(["VP8", "VP9"])("Chromium and Firefox decode each other's %s, and a late joiner gets keys", async (codec) => {
  const common = { room: `codec-${codec}`, passphrase: "correct horse battery staple", codec };
  const ann = await enter("ann", { ...common, sends: sending("ann") });
  const fox = await enter("fox", { ...common, sends: sending("fox") }, "firefox");
  await Promise.all([expectReceived(ann, OF_ROOM, [SENDS.fox]), expectReceived(fox, OF_ROOM, [SENDS.ann])]);
  const late = await enter("late", { ...common, sends: sending("late") });
  await Promise.all([
    expectReceived(late, OF_ROOM, [SENDS.ann, SENDS.fox]),
    expectReceived(ann, OF_ROOM, [SENDS.fox, SENDS.late]),
    expectReceived(fox, OF_ROOM, [SENDS.ann, SENDS.late]),
  ]);
  for (const page of [ann, fox, late]) {
    const counted = await counters(page);
    expect(counted?.opened).toBeGreaterThan(10);
    expect(counted?.sealed).toBeGreaterThan(10);
    expect(counted?.dropped).toMatchObject({ forged: 0, malformed: 0 });
    expect(await page.evaluate(() => [...(e2ee?.members.values() ?? [])])).toEqual(["secured", "secured"]);
  }
  expect(await ann.evaluate(() => keysHeard.filter((line) => line.startsWith("failed")))).toEqual([]);
});

it("goes on over a new transport when the SFU's process was killed, with the same keys", async () => {
  const common = { room: "killed", passphrase: "ours" };
  const ann = await enter("ann", { ...common, sends: sending("ann") });
  const late = await enter("late", { ...common, sends: sending("late") });
  await Promise.all([expectReceived(ann, OF_ROOM, [SENDS.late]), expectReceived(late, OF_ROOM, [SENDS.ann])]);
  const keys = await ann.evaluate(() => keysHeard.length);
  const workers = execFileSync("pgrep", ["-P", String(stage.server.pid)], { encoding: "utf8" })
    .split("\n")
    .filter(Boolean);
  expect(workers.length).toBeGreaterThan(0);
  for (const pid of workers) process.kill(Number(pid), "SIGKILL");
  // The pictures of before are no proof.
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  const before = await counters(late);
  await Promise.all([expectReceived(ann, OF_ROOM, [SENDS.late]), expectReceived(late, OF_ROOM, [SENDS.ann])]);
  const after = await counters(late);
  expect(after?.opened).toBeGreaterThan((before?.opened ?? 0) + 5);
  expect(after?.dropped).toMatchObject({ forged: 0, malformed: 0, "no-key": before?.dropped["no-key"] });
  expect(await ann.evaluate(() => keysHeard.length)).toBe(keys);
});

it("who has no key, or another passphrase, gets what the server forwards and decodes nothing of it", async () => {
  const name = "stranger";
  const ann = await enter("ann", { room: name, passphrase: "ours", sends: sending("ann") });
  const eve = await enter("eve", { room: name });
  const mal = await enter("mal", { room: name, passphrase: "guessed" });
  // Packets come, as for anyone.
  const received = () =>
    eve.evaluate(async () => {
      const total = { packets: 0, decoded: 0 };
      for (const connection of room.getPeerConnections().values()) {
        for (const { kind, packetsReceived = 0, framesDecoded = 0 } of (await connection.getStats()).values()) {
          if (kind !== "video") continue;
          total.packets += packetsReceived;
          total.decoded += framesDecoded;
        }
      }
      return total;
    });
  await expect.poll(async () => (await received()).packets, { timeout: 20_000 }).toBeGreaterThan(200);
  const probe = await probeMedia(eve, "[...room.remoteStreams.values()].flat()[0]");
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  const { video, audio } = await probe.read();
  // A decoder may make a picture of anything; ann's green and her tone it does not.
  const [red, green, blue] = video?.colour ?? [0, 0, 0];
  expect(green - Math.max(red, blue)).toBeLessThan(60);
  expect(Math.abs((audio?.dominantHz ?? 0) - SENDS.ann.hz)).toBeGreaterThan(48);
  await probe.stop();
  const counted = await counters(mal);
  expect(counted?.opened).toBe(0);
  expect(await mal.evaluate(() => keysHeard)).toContain("memberKey ann mismatch");
  expect(await ann.evaluate(() => keysHeard)).toContain("failed e2ee.passphrase.mismatch");
  await ann.waitFor(() => keysHeard.includes("memberKey eve plain"), {
    timeoutMs: 20_000,
    what: "ann to hear that eve does not encrypt",
  });
});

it("who has left reads nothing of what is sent afterwards, even where the server lets it in again", async () => {
  const name = "leaver";
  const ann = await enter("ann", { room: name, passphrase: "ours", sends: sending("ann") });
  const page = await stage.peer("leaver", "chromium", { preload: [PRELOAD] });
  open.push(page);
  // Keeps all that it had: its encryption is not told that the room is over.
  await page.evaluate(async (to: string) => {
    const kept = TsunagiE2ee.createE2ee({ passphrase: "ours" });
    globalThis.e2ee = kept;
    globalThis.room = peer.joinRoom(to, {
      mode: "sfu",
      stream: null,
      e2ee: {
        codecs: kept.codecs,
        encodedInsertableStreams: kept.encodedInsertableStreams,
        start: (host) => kept.start({ ...host, send: (data, names) => room.open && host.send(data, names) }),
        handleData: (from, data) => kept.handleData(from, data),
        memberJoined: (member) => kept.memberJoined(member),
        memberLeft: () => {},
        onSender: () => {},
        onReceiver: (receiver, publication) => kept.onReceiver(receiver, publication),
        stop: () => {},
      },
    });
    await helpers.within(15_000, "the room's open", room.once("open"));
  }, name);
  await expectReceived(page, OF_ROOM, [SENDS.ann]);
  await page.evaluate(() => room.close());
  // The new key is in use.
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  const before = await counters(page);
  await page.evaluate(async (to: string) => {
    const kept = e2ee;
    const nothing = () => {};
    globalThis.room = peer.joinRoom(to, {
      mode: "sfu",
      stream: null,
      e2ee: {
        codecs: kept?.codecs,
        encodedInsertableStreams: kept?.encodedInsertableStreams,
        start: nothing,
        handleData: nothing,
        memberJoined: nothing,
        memberLeft: nothing,
        onSender: nothing,
        onReceiver: (receiver, publication) => kept?.onReceiver(receiver, publication),
        stop: nothing,
      },
    });
    await helpers.within(15_000, "the room's open", room.once("open"));
  }, name);
  await page.waitFor(async () => ((await e2ee?.counters())?.dropped["no-key"] ?? 0) > 60, {
    what: "frames that it has no key for",
  });
  const after = await counters(page);
  expect(before?.opened).toBeGreaterThan(5);
  expect(after?.opened).toBe(before?.opened);
  expect(await ann.evaluate(() => keysHeard)).toContain("memberKey leaver secured");
});
