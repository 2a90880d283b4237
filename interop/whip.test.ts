/** WHIP and WHEP between clients that were not written here: bare browser pages, GStreamer. */
import {
  type BrowserPage,
  endAll,
  launchChromium,
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

let server: ServerProcess;
let pages: PageServer;
let chromium: TestBrowser;
let open: BrowserPage[] = [];

beforeAll(async () => {
  [server, pages, chromium] = await Promise.all([startServer(), startPageServer({ sdk: false }), launchChromium()]);
});
afterEach(async () => {
  await Promise.all(open.map((page) => page.close()));
  open = [];
});
afterAll(endAll);

async function page(name: string): Promise<BrowserPage> {
  const opened = await chromium.newPage({ name });
  open.push(opened);
  await opened.goto(pages.url);
  return opened;
}
/** Watches without an SDK: a red picture and 880 Hz must come. */
async function expectShown(room: string): Promise<BrowserPage> {
  const viewer = await page("viewer");
  expect(await viewer.evaluate(watchBare, { url: address("whep", room) })).toBe(201);
  const probe = await probeMedia(viewer, "document.querySelector('#remote')");
  const { video } = await probe.expectVideo({ frames: 20 });
  expect(video.colour[0]).toBeGreaterThan(video.colour[1] + 50);
  const { audio } = await probe.expectAudio();
  expect(audio.dominantHz).toBeGreaterThan(850);
  expect(audio.dominantHz).toBeLessThan(910);
  return viewer;
}
const address = (kind: "whip" | "whep", room: string) => `${server.url}/${kind}/${room}?key=${server.key}`;

describe("bare pages", () => {
  it("one page sends, another one of another origin shows and hears it", async () => {
    const sender = await page("sender");
    expect(await sender.evaluate(publishBare, { url: address("whip", "stage") })).toBe(201);
    await sender.waitFor(() => session.connection.connectionState === "connected", { what: "the sender's connection" });
    await expectShown("stage");
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
    await expectShown(room);
    expect(client.log()).not.toMatch(/\[ERR\]/);
    await client.kill("SIGINT");
  });
});
