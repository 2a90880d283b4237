/** WHIP and WHEP between clients that were not written here: bare browser pages, GStreamer. */
import {
  type BrowserKind,
  type BrowserPage,
  endAll,
  launchChromium,
  launchFirefox,
  type PageServer,
  probeMedia,
  type ServerProcess,
  startPageServer,
  startServer,
  type TestBrowser,
} from "@tsunagi/testkit/drivers";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { publishBare, watchBare } from "./lib/bare-pages.ts";
import { startWhipClient } from "./lib/gstreamer.ts";

declare global {
  var Tsunagi: typeof import("@tsunagi/sdk");
}

let server: ServerProcess;
let pages: PageServer;
let browsers: Record<BrowserKind, TestBrowser>;
let open: BrowserPage[] = [];

beforeAll(async () => {
  const started = [startServer(), startPageServer({ sdk: false }), launchChromium(), launchFirefox()] as const;
  const [running, serving, chromium, firefox] = await Promise.all(started);
  [server, pages, browsers] = [running, serving, { chromium, firefox }];
}, 60_000);
afterEach(async () => {
  await Promise.all(open.map((page) => page.close()));
  open = [];
});
afterAll(endAll);

async function page(name: string, kind: BrowserKind = "chromium"): Promise<BrowserPage> {
  const opened = await browsers[kind].newPage({ name });
  open.push(opened);
  await opened.goto(pages.url);
  return opened;
}
async function watch(room: string, kind?: BrowserKind): Promise<BrowserPage> {
  const viewer = await page("viewer", kind);
  expect(await viewer.evaluate(watchBare, { url: address("whep", room) })).toBe(201);
  return viewer;
}

/** Red with 880 Hz, or green with 440. */
async function expectShown(viewer: BrowserPage, colour: "red" | "green" = "red"): Promise<void> {
  const [strong, weak] = colour === "red" ? ([0, 1] as const) : ([1, 0] as const);
  await viewer.waitFor(() => document.querySelector<HTMLVideoElement>("#remote")?.srcObject instanceof MediaStream, {
    what: "a stream",
  });
  const probe = await probeMedia(viewer, "document.querySelector('#remote')");
  await expect
    .poll(
      async () => {
        const { video } = await probe.expectVideo({ frames: 20 });
        return video.colour[strong] - video.colour[weak];
      },
      { timeout: 20_000 },
    )
    .toBeGreaterThan(50);
  await expect
    .poll(async () => Math.abs(((await probe.expectAudio()).audio.dominantHz ?? 0) - (colour === "red" ? 880 : 440)), {
      timeout: 15_000,
    })
    .toBeLessThan(48);
  await probe.stop();
}

async function send(room: string, colour: "red" | "green", kind?: BrowserKind): Promise<BrowserPage> {
  const sender = await page(`sender of ${colour}`, kind);
  expect(await sender.evaluate(publishBare, { url: address("whip", room), colour })).toBe(201);
  await sender.waitFor(() => session.connection.connectionState === "connected", { what: "the sender's connection" });
  return sender;
}
const address = (kind: "whip" | "whep", room: string) => `${server.url}/${kind}/${room}?key=${server.key}`;

describe("bare pages", () => {
  it.each([
    ["chromium", "firefox"],
    ["firefox", "chromium"],
  ] as const)("%s sends, %s on a page of another origin shows and hears it", async (from, to) => {
    const room = `from-${from}`;
    await send(room, "red", from);
    await expectShown(await watch(room, to));
  });

  it("a viewer who came first gets one sender after the other, in one session", async () => {
    const viewer = await watch("stage");
    const red = await send("stage", "red");
    await expectShown(viewer);
    const status = await red.evaluate(async () => (await fetch(session.url, { method: "DELETE" })).status);
    expect(status).toBe(200);
    await send("stage", "green");
    await expectShown(viewer, "green");
  });

  it("a page that sends in three layers is shown, and not in the lowest for long", async () => {
    const sender = await page("sender of layers");
    const status = await sender.evaluate(publishBare, { url: address("whip", "layers"), colour: "red", layers: true });
    expect(status).toBe(201);
    expect(await sender.evaluate(() => session.connection.remoteDescription?.sdp ?? "")).toContain("a=simulcast:recv l;m;h");
    const viewer = await watch("layers");
    await expectShown(viewer);
    // Layers are chosen for it, too. How high it goes is the machine's business: three encoders run beside all else.
    await expect
      .poll(() => viewer.evaluate(() => document.querySelector<HTMLVideoElement>("#remote")?.videoWidth), { timeout: 20_000 })
      .toBeGreaterThan(160);
  });

  it("what a page of another origin may see: where its session is, how to trickle, ICE servers", async () => {
    const sender = await send("headers", "red");
    const headers = await sender.evaluate(() => session.headers);
    expect(headers).toMatchObject({
      etag: expect.stringMatching(/^"\w+"$/),
      location: expect.stringMatching(/^\/whip\/headers\/\w+$/),
      "accept-patch": "application/trickle-ice-sdpfrag",
      link: expect.stringMatching(
        /<turn:[^>]+>; rel="ice-server"; username="[^"]+"; credential="[^"]+"; credential-type="password"/,
      ),
    });
    const trickled = await sender.evaluate(async () => {
      const sdp = session.connection.localDescription?.sdp ?? "";
      const line = (name: string) => new RegExp(`^a=${name}:.*$`, "m").exec(sdp)?.[0].trim() ?? "";
      const body = [line("ice-ufrag"), line("ice-pwd"), "m=audio 9 UDP/TLS/RTP/SAVPF 0", "a=mid:0", "a=end-of-candidates", ""];
      const reply = await fetch(session.url, {
        method: "PATCH",
        headers: { "content-type": "application/trickle-ice-sdpfrag", "if-match": session.headers.etag ?? "" },
        body: body.join("\r\n"),
      });
      return reply.status;
    });
    expect(trickled).toBe(204);
  });
});

describe("members with the SDK", () => {
  it("see who sends by WHIP, and are seen by who watches by WHEP", async () => {
    const pagesWithSdk = await startPageServer();
    const member = await browsers.chromium.newPage({ name: "member" });
    open.push(member);
    await member.goto(pagesWithSdk.url);
    await send("mixed", "red");
    await member.evaluate(
      async (url: string, key: string) => {
        const peer = new Tsunagi.Peer("member", { server: url, key });
        await helpers.within(15_000, "the peer's open", peer.once("open"));
        const room = peer.joinRoom("mixed", { mode: "sfu", stream: helpers.signal({ colour: "#20a020", hz: 440 }) });
        room.on("stream", (stream) => helpers.show("remote", stream));
        await helpers.within(15_000, "the room's open", room.once("open"));
        helpers.kept.via = [...room.members.values()].map(({ metadata }) => metadata);
      },
      server.url,
      server.key,
    );
    await expectShown(member);
    expect(await member.evaluate(() => helpers.kept.via)).toEqual([{ via: "whip" }]);
    const viewer = await page("viewer of member");
    expect(await viewer.evaluate(watchBare, { url: `${address("whep", "mixed")}&from=member` })).toBe(201);
    await expectShown(viewer, "green");
  });
});

describe("GStreamer", () => {
  it.each([
    { what: "candidates trickled, the key as token", trickle: true },
    { what: "all candidates in the offer, the key in the address", trickle: false },
  ])("sends: $what", async ({ trickle }) => {
    const room = `gst-${trickle}`;
    const client = trickle
      ? await startWhipClient({ url: `${server.url}/whip/${room}`, token: server.key })
      : await startWhipClient({ url: address("whip", room), trickle });
    await client.waitForLog(/connected/i);
    await expectShown(await watch(room));
    expect(client.log()).not.toMatch(/\[ERR\]/);
    await client.kill("SIGINT");
    // With DELETE, since the log says it at once.
    await expect
      .poll(() =>
        server
          .log()
          .split("\n")
          .some((line) => line.includes(room) && line.includes("over HTTP ended")),
      )
      .toBe(true);
  });
});
