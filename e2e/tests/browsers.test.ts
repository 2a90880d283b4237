/** The browsers and their drivers: real media between two pages, without any of our servers. */
import {
  type BrowserPage,
  launchChromium,
  launchFirefox,
  type PageServer,
  plainCall,
  probeMedia,
  startPageServer,
  statsTotals,
  type TestBrowser,
} from "@tsunagi/testkit/drivers";
import { afterEach, beforeAll, describe, expect, it } from "vitest";

let server: PageServer;
let chromium: TestBrowser;
let pages: BrowserPage[] = [];

async function openPage(browser: TestBrowser, name: string): Promise<BrowserPage> {
  const page = await browser.newPage({ name });
  pages.push(page);
  await page.goto(server.url);
  return page;
}

async function expectMediaBothWays(alice: BrowserPage, bob: BrowserPage): Promise<void> {
  for (const page of [alice, bob]) {
    const probe = await probeMedia(page, "document.querySelector('#remote')");
    const { video } = await probe.expectVideo({ frames: 20 });
    expect(video.width).toBeGreaterThan(0);
    await probe.expectAudio();
    // Reports lag behind what is played.
    await expect
      .poll(async () => (await statsTotals(page, "connection")).totalAudioEnergy, { timeout: 5_000 })
      .toBeGreaterThan(0);
    const totals = await statsTotals(page, "connection");
    expect(totals.framesDecoded).toBeGreaterThanOrEqual(20);
    expect(totals.localCandidateType).toBe("host");
    await probe.stop();
  }
}

describe("browsers", () => {
  beforeAll(async () => {
    server = await startPageServer({ sdk: false });
    chromium = await launchChromium({ whole: true });
  });

  afterEach(async () => {
    await Promise.all(pages.map((page) => page.close()));
    pages = [];
  });

  it("two Chromium pages decode each other's frames and hear each other", async () => {
    const alice = await openPage(chromium, "alice");
    const bob = await openPage(chromium, "bob");
    await plainCall(alice, bob);
    await expectMediaBothWays(alice, bob);
  });

  it("Chromium and Firefox decode each other's frames and hear each other, whoever calls", async () => {
    const firefox = await launchFirefox();
    const [chromiumPage, firefoxPage] = [await openPage(chromium, "chromium"), await openPage(firefox, "firefox")];
    await plainCall(chromiumPage, firefoxPage);
    await expectMediaBothWays(chromiumPage, firefoxPage);
    await chromiumPage.goto(server.url);
    await firefoxPage.goto(server.url);
    await plainCall(firefoxPage, chromiumPage);
    await expectMediaBothWays(chromiumPage, firefoxPage);
    await firefox.close();
  });

  it("tells media from none: a track that is stopped gives no frames and no sound", async () => {
    const alice = await openPage(chromium, "alice");
    await alice.evaluate(() => helpers.show("local", helpers.signal({ colour: "#c03020", hz: 880 })));
    const probe = await probeMedia(alice, "document.querySelector('#local')");
    const { video } = await probe.expectVideo();
    expect(video.colour[0]).toBeGreaterThan(video.colour[2] + 50);
    const { audio } = await probe.expectAudio();
    expect(audio.dominantHz).toBeGreaterThan(850);
    expect(audio.dominantHz).toBeLessThan(910);
    await alice.evaluate(() => {
      const { srcObject } = document.querySelector("video#local") as HTMLVideoElement;
      for (const track of (srcObject as MediaStream).getTracks()) track.stop();
    });
    await probe.expectNoVideo({ forMs: 1_000 });
    await probe.reset();
    await expect(probe.expectVideo({ withinMs: 1_000 })).rejects.toThrow("no 10 decoded, changing, not black frames");
    await expect(probe.expectAudio({ withinMs: 1_000 })).rejects.toThrow("no audible samples");
  });

  it("measures the gap in a picture that stands still for a while", async () => {
    const alice = await openPage(chromium, "alice");
    await alice.evaluate(() => {
      const canvas = document.createElement("canvas");
      const context = canvas.getContext("2d");
      let frame = 0;
      setInterval(() => {
        if (helpers.kept.still === true || context === null) return;
        context.fillStyle = `hsl(${frame++ * 10} 80% 50%)`;
        context.fillRect(0, 0, canvas.width, canvas.height);
      }, 33);
      helpers.show("local", canvas.captureStream(30));
    });
    const probe = await probeMedia(alice, "document.querySelector('#local')");
    await probe.expectVideo();
    const steady = await probe.longestGapDuring(() => new Promise((resolve) => setTimeout(resolve, 1_000)));
    expect(steady).toBeLessThan(500);
    const gap = await probe.longestGapDuring(async () => {
      await alice.evaluate(async () => {
        helpers.kept.still = true;
        await new Promise((resolve) => setTimeout(resolve, 1_500));
        helpers.kept.still = false;
      });
    });
    expect(gap).toBeGreaterThan(1_400);
    expect(gap).toBeLessThan(2_000);
  });

  it("passes values, errors and their codes between test and page alike in both browsers", async () => {
    const firefox = await launchFirefox();
    for (const page of [await openPage(chromium, "chromium"), await openPage(firefox, "firefox")]) {
      expect(await page.evaluate((a: number, b: undefined | string) => [a + 1, b ?? "none"], 1, undefined)).toEqual([2, "none"]);
      const thrown = page.evaluate(() => {
        throw Object.assign(new TypeError("refused"), { code: "room.member.limit" });
      });
      await expect(thrown).rejects.toMatchObject({ name: "PageError", code: "room.member.limit", pageErrorName: "TypeError" });
      await page.evaluate(() => {
        document.body.innerHTML = "<button onclick='this.textContent=document.querySelector(`input`).value'>no</button><input>";
      });
      await page.fill("input", "yes 日本");
      await page.click("button");
      expect(await page.text("button")).toBe("yes 日本");
      expect((await page.screenshot()).length).toBeGreaterThan(1_000);
      const never = page.waitFor(() => false, { timeoutMs: 300, what: "what never comes" });
      await expect(never).rejects.toThrow("waiting for what never comes");
    }
    await firefox.close();
  });
});
