/** Frames encrypted by `@tsunagi/sdk/e2ee` between two plain connections in one page: codecs, browsers and both kinds of transforms, no server at all. */
import { readFileSync } from "node:fs";
import {
  type BrowserKind,
  type BrowserPage,
  launchChromium,
  launchFirefox,
  type PageServer,
  probeMedia,
  startPageServer,
  type TestBrowser,
} from "@tsunagi/testkit/drivers";
import { afterEach, beforeAll, expect, it } from "vitest";

type E2ee = import("@tsunagi/sdk/e2ee").E2ee;

declare global {
  var TsunagiE2ee: typeof import("@tsunagi/sdk/e2ee");
  /** Who sends, who receives, and one who receives the same without a passphrase. */
  var ends: { readonly sender: E2ee; readonly receiver: E2ee; readonly connections: RTCPeerConnection[] };
}

const BUNDLE = readFileSync(new URL("../../packages/sdk/dist/tsunagi-e2ee.js", import.meta.url), "utf8");
const WORKER = readFileSync(new URL("../../packages/sdk/dist/tsunagi-e2ee-worker.js", import.meta.url), "utf8");

let server: PageServer;
let chromium: TestBrowser;
let firefox: TestBrowser;
let page: BrowserPage | undefined;

beforeAll(async () => {
  server = await startPageServer({ sdk: false, pages: { "/e2ee.js": BUNDLE, "/worker.js": WORKER } });
  [chromium, firefox] = await Promise.all([launchChromium(), launchFirefox()]);
});
afterEach(() => page?.close());

type Options = {
  readonly codec: string;
  /** The older way of Chromium. */
  readonly streams?: boolean;
  readonly workerUrl?: string;
  /** The receiver stands without keys. */
  readonly keyless?: boolean;
};

async function connect(kind: BrowserKind, options: Options): Promise<BrowserPage> {
  const opened = await (kind === "chromium" ? chromium : firefox).newPage({ name: `${kind} ${options.codec}` });
  page = opened;
  await opened.goto(server.url);
  await opened.evaluate(async ({ codec, streams, workerUrl, keyless }: Options) => {
    if (streams === true) delete (globalThis as { RTCRtpScriptTransform?: unknown }).RTCRtpScriptTransform;
    await new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = "/e2ee.js";
      script.onload = resolve;
      script.onerror = reject;
      document.head.append(script);
    });
    const make = () => TsunagiE2ee.createE2ee({ passphrase: "a good one", ...(workerUrl === undefined ? {} : { workerUrl }) });
    const ends = { sender: make(), receiver: make() };
    const all: Record<string, E2ee> = { sender: ends.sender, receiver: ends.receiver };
    const member = (peerId: string) => ({ peerId, joinedAt: 0, receiveOnly: false });
    for (const [name, e2ee] of Object.entries(all)) {
      const others = Object.keys(all).filter((other) => other !== name);
      e2ee.start({
        room: "r",
        self: member(name),
        members: new Map(others.map((other) => [other, member(other)])),
        clock: {
          now: () => performance.now() as never,
          wallNow: () => Date.now(),
          after: (ms, callback) => {
            const timer = setTimeout(callback, ms);
            return () => clearTimeout(timer);
          },
        },
        random: (length) => crypto.getRandomValues(new Uint8Array(length)),
        log: console as never,
        send: (data, to) => {
          if (keyless === true && name === "sender") return;
          for (const other of to) setTimeout(() => all[other]?.handleData(name, data), 5);
        },
        fail: (error) => console.error(error),
      });
    }

    const config = { encodedInsertableStreams: ends.sender.encodedInsertableStreams } as RTCConfiguration;
    const out = new RTCPeerConnection(config);
    const into = new RTCPeerConnection(config);
    globalThis.ends = { ...ends, connections: [out, into] };
    const publication = (kind: string) => ({
      id: kind,
      peerId: "sender",
      kind: kind as "audio" | "video",
      source: "camera" as const,
      stream: "s",
      muted: false,
    });
    const remote = new MediaStream();
    into.addEventListener("track", ({ track, receiver }) => {
      ends.receiver.onReceiver(receiver as never, publication(track.kind));
      remote.addTrack(track);
      helpers.show("remote", remote);
    });
    const signal = helpers.signal({ colour: "#20a020", hz: 880 });
    for (const track of signal.getTracks()) {
      const transceiver = out.addTransceiver(track, { direction: "sendonly", streams: [signal] });
      ends.sender.onSender(transceiver.sender as never, publication(track.kind));
      const codecs = RTCRtpSender.getCapabilities(track.kind)?.codecs ?? [];
      const wanted = track.kind === "audio" ? "audio/opus" : `video/${codec}`;
      transceiver.setCodecPreferences(codecs.filter(({ mimeType }) => mimeType.toLowerCase() === wanted.toLowerCase()));
    }
    out.onicecandidate = ({ candidate }) => void into.addIceCandidate(candidate ?? undefined);
    into.onicecandidate = ({ candidate }) => void out.addIceCandidate(candidate ?? undefined);
    await out.setLocalDescription();
    await into.setRemoteDescription(out.localDescription as RTCSessionDescription);
    await into.setLocalDescription();
    await out.setRemoteDescription(into.localDescription as RTCSessionDescription);
  }, options);
  return opened;
}

const CASES: readonly (readonly [BrowserKind, Options])[] = [
  ["chromium", { codec: "VP8" }],
  ["chromium", { codec: "VP9" }],
  ["chromium", { codec: "VP8", streams: true }],
  ["chromium", { codec: "VP8", workerUrl: "/worker.js" }],
  ["firefox", { codec: "VP8" }],
  ["firefox", { codec: "VP9" }],
];

it.each(CASES)("%s decodes and hears what was encrypted: %o", async (kind, options) => {
  const opened = await connect(kind, options);
  const probe = await probeMedia(opened, "document.querySelector('#remote')");
  const { video } = await probe.expectVideo({ frames: 20 });
  expect(video.colour[1]).toBeGreaterThan(video.colour[0] + 50);
  const { audio } = await probe.expectAudio();
  expect(audio.dominantHz).toBeGreaterThan(850);
  const counters = await opened.evaluate(async () => ({
    sent: await ends.sender.counters(),
    received: await ends.receiver.counters(),
    encrypted: ends.receiver.encrypted("sender"),
  }));
  expect(counters.encrypted).toBe(true);
  expect(counters.sent?.sealed).toBeGreaterThan(20);
  expect(counters.received?.opened).toBeGreaterThan(20);
  expect(counters.received?.dropped.forged).toBe(0);
});

it("shows nothing at all to who has no key", async () => {
  const opened = await connect("chromium", { codec: "VP8", keyless: true });
  await opened.waitFor(async () => ((await ends.receiver.counters())?.dropped["no-key"] ?? 0) > 50, { what: "frames" });
  const decoded = await opened.evaluate(async () => {
    let frames = 0;
    const [, into] = ends.connections;
    for (const entry of (await into?.getStats())?.values() ?? [])
      frames += (entry as { framesDecoded?: number }).framesDecoded ?? 0;
    return frames;
  });
  expect(decoded).toBe(0);
});
