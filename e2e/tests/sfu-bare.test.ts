/** The SFU server alone: pages with hand-written offers, and this test in the place of the conference core. */
import { silentLog } from "@tsunagi/base";
import { MemoryBus, type SfuCommand, type SfuEvent } from "@tsunagi/conference";
import { type RunningSfu, startSfu } from "@tsunagi/server-sfu";
import {
  type BrowserPage,
  launchChromium,
  launchFirefox,
  type PageServer,
  probeMedia,
  startPageServer,
  type TestBrowser,
} from "@tsunagi/testkit/drivers";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";

type Negotiate = Extract<SfuCommand, { type: "negotiate" }>;

let server: PageServer;
let sfu: RunningSfu;
const bus = new MemoryBus();
const events: SfuEvent[] = [];
let pages: BrowserPage[] = [];

beforeAll(async () => {
  server = await startPageServer({ sdk: false });
  await bus.attach("core", async (request) => {
    if (request.type === "sfu-event") events.push(request.event);
    return { ok: true };
  });
  sfu = await startSfu({ bus, node: "sfu", log: silentLog, workers: 1, port: 0 });
});

afterEach(async () => {
  await Promise.all(pages.map((page) => page.close()));
  pages = [];
});

afterAll(async () => {
  await sfu?.close();
});

describe("pages with hand-written offers", () => {
  it.each(["chromium", "firefox"] as const)("%s: two see and hear each other, and exchange data by topic", async (kind) => {
    const browser = await (kind === "chromium" ? launchChromium() : launchFirefox());
    const alice = await member(browser, "alice");
    const bob = await member(browser, "bob");
    await offer(alice, "alice", { audio: null, video: null });
    await offer(bob, "bob", { audio: "alice-audio", video: "alice-video" });
    await offer(alice, "alice", { audio: "bob-audio", video: "bob-video" });
    for (const page of [alice, bob]) {
      await page.waitFor(() => helpers.kept.control === "open", { what: "the control channel" });
      const probe = await probeMedia(page, "document.querySelector('#remote')");
      await probe.expectVideo({ frames: 20 });
      await probe.expectAudio();
      await probe.stop();
    }
    await alice.evaluate(() =>
      (helpers.kept.data as RTCDataChannel).send(JSON.stringify({ topic: "greet", data: { hello: 1 } })),
    );
    const got = await bob.waitFor(() => (helpers.kept.messages as string[]).find((text) => text.includes("greet")), {
      what: "the data message",
    });
    expect(JSON.parse(got)).toEqual({ topic: "greet", data: { hello: 1 }, from: "alice" });
    const told = await alice.evaluate(() => (helpers.kept.told as { type: string }[]).map((event) => event.type));
    expect(told).toContain("quality");
    for (const peerId of ["alice", "bob"]) {
      await bus.send("sfu", { type: "sfu", from: "core", command: { type: "leave", appId: "app", room: "room", peerId } });
    }
    expect(sfu.dump().rooms).toEqual([]);
    expect(events.filter((event) => event.type === "transport-connected").length).toBeGreaterThanOrEqual(2);
  });
});

async function member(browser: TestBrowser, name: string): Promise<BrowserPage> {
  const page = await browser.newPage({ name });
  pages.push(page);
  await page.goto(server.url);
  await page.evaluate(async () => {
    const connection = new RTCPeerConnection();
    const media = await navigator.mediaDevices.getUserMedia({ audio: true, video: { width: 640, height: 360 } });
    const told: unknown[] = [];
    const messages: string[] = [];
    Object.assign(helpers.kept, { connection, told, messages });
    const control = connection.createDataChannel("tsunagi.control");
    control.onopen = () => {
      helpers.kept.control = "open";
    };
    control.onmessage = ({ data }) => told.push(JSON.parse(data));
    const data = connection.createDataChannel("tsunagi.data");
    data.onmessage = ({ data: text }) => messages.push(text);
    helpers.kept.data = data;
    connection.createDataChannel("tsunagi.lossy", { ordered: false, maxRetransmits: 0 });
    for (const track of media.getTracks()) connection.addTransceiver(track, { direction: "sendonly", streams: [media] });
    const remote = new MediaStream();
    for (const kind of ["audio", "video"])
      remote.addTrack(connection.addTransceiver(kind, { direction: "recvonly" }).receiver.track);
    helpers.show("remote", remote);
  });
  return page;
}

/** Sections are, in order: own audio, own video, a slot for each kind. */
async function offer(page: BrowserPage, peerId: string, shown: { audio: string | null; video: string | null }): Promise<void> {
  const made = await page.evaluate(async () => {
    const connection = helpers.kept.connection as RTCPeerConnection;
    await connection.setLocalDescription();
    return { sdp: connection.localDescription?.sdp ?? "", mids: connection.getTransceivers().map(({ mid }) => mid ?? "") };
  });
  const [audio = "", video = "", heard = "", seen = ""] = made.mids;
  const command: Negotiate = {
    type: "negotiate",
    appId: "app",
    room: "room",
    peerId,
    epoch: 1,
    sdp: made.sdp,
    send: [
      { mid: audio, publication: `${peerId}-audio`, kind: "audio", source: "microphone", stream: "main", muted: false },
      { mid: video, publication: `${peerId}-video`, kind: "video", source: "camera", stream: "main", muted: false },
    ],
    receive: [
      { mid: heard, kind: "audio", publication: shown.audio },
      { mid: seen, kind: "video", publication: shown.video },
    ],
    limits: { publicationBps: 8_000_000, publicationsPerMember: 16, memberBps: 50_000_000 },
    directions: { publish: true, subscribe: true, data: true },
  };
  const reply = await bus.send("sfu", { type: "sfu", from: "core", command });
  if (reply?.ok !== true) throw new Error(JSON.stringify(reply));
  await page.evaluate(async (sdp) => {
    await (helpers.kept.connection as RTCPeerConnection).setRemoteDescription({ type: "answer", sdp });
  }, reply.sdp ?? "");
}
