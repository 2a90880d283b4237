/** The examples do what their READMEs say: each started by its command against the built server, and used as a person would. */
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  type BrowserPage,
  type ChromiumBrowser,
  launchChromium,
  launchFirefox,
  probeMedia,
  type ServerProcess,
  startProcess,
  startServer,
  type TestBrowser,
  track,
} from "@tsunagi/testkit/drivers";
import { beforeAll, expect, it } from "vitest";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

let server: ServerProcess;
let chromium: ChromiumBrowser;
let firefox: TestBrowser;

beforeAll(async () => {
  [server, chromium, firefox] = await Promise.all([
    startServer(),
    launchChromium({ whole: true, camera: "pattern" }),
    launchFirefox(),
  ]);
});

/**
 * What the README's command runs, on free ports, and the address that it prints. Without npm in between, which would outlive the test
 * when it is ended and its child is not.
 */
async function start(folder: string): Promise<string> {
  const path = join(ROOT, "examples", folder);
  const { name, scripts } = JSON.parse(readFileSync(join(path, "package.json"), "utf8")) as {
    readonly name: string;
    readonly scripts: { readonly start: string };
  };
  expect(readFileSync(join(path, "README.md"), "utf8")).toContain(`npm start -w ${name} `);
  const [program, ...args] = scripts.start.split(" ");
  expect(program).toBe("node");
  const started = await startProcess({
    name: folder,
    command: process.execPath,
    args: [...args, "--port", "0"],
    env: { TSUNAGI_SERVER: server.url },
    cwd: path,
  });
  const [, url = ""] = await started.waitForLog(/Open (http:\/\/localhost:\d+\/)/, { timeoutMs: 20_000 });
  return url;
}

async function tab(browser: TestBrowser, name: string, url: string): Promise<BrowserPage> {
  const page = await browser.newPage({ name });
  await page.goto(url);
  return page;
}

const ownId = (page: BrowserPage) =>
  page.waitFor(
    () => {
      const text = document.querySelector("#me")?.textContent ?? "";
      return text !== "…" && text;
    },
    { what: "the own ID" },
  );

async function expectPicture(page: BrowserPage, media: string): Promise<void> {
  const probe = await probeMedia(page, media);
  await probe.expectVideo();
  await probe.expectAudio();
  await probe.stop();
}

const textIn = (page: BrowserPage, selector: string, part: string) =>
  page.waitFor(
    (query: string, wanted: string) => document.querySelector(query)?.textContent?.includes(wanted),
    { what: `"${part}" in ${selector}` },
    selector,
    part,
  );

it("there is a test for each example", () => {
  expect(readdirSync(join(ROOT, "examples")).filter((name) => /^\d/.test(name))).toEqual([
    "01-first-call",
    "02-room",
    "03-send-file",
    "04-large-room",
  ]);
});

it("01-first-call: the IDs are shown, a call by ID shows each the other's camera, and its end is told", async () => {
  const url = await start("01-first-call");
  // The tab that will be closed is Chromium's: Firefox now and then ends a closing tab before its last word is out.
  const [one, two] = [await tab(firefox, "one", url), await tab(chromium, "two", url)];
  await ownId(one);
  await one.fill("#to", await ownId(two));
  await one.click("button[type=submit]");
  for (const page of [one, two]) {
    await textIn(page, "#state", "Talking with");
    await expectPicture(page, "document.querySelector('#remote')");
  }
  await two.close();
  await textIn(one, "#state", "The call ended");
  await one.close();
});

it("02-room: the two with a camera see each other, the third sees both and is seen by nobody; chat and leaving", async () => {
  const url = await start("02-room");
  const one = await tab(firefox, "one", url);
  const two = await tab(chromium, "two", url);
  const listener = await tab(chromium, "listener", `${url}?listen`);
  const pages = [one, two, listener];
  for (const page of pages) await textIn(page, "#state", "3 here");
  for (const [page, count] of [
    [one, 1],
    [two, 1],
    [listener, 2],
  ] as const) {
    await page.waitFor((tiles: number) => document.querySelectorAll("video").length === tiles, { what: "the tiles" }, count);
    for (let at = 0; at < count; at += 1) await expectPicture(page, `document.querySelectorAll("#videos video")[${at}]`);
    expect(await page.evaluate(() => document.querySelectorAll("#videos video").length)).toBe(count);
  }
  await listener.fill("#text", "Hello from the listener");
  await listener.click("#chat button");
  for (const page of pages) await textIn(page, "#lines", "Hello from the listener");
  await two.close();
  for (const page of [one, listener]) {
    await textIn(page, "#lines", "left");
    await textIn(page, "#state", "2 here");
  }
  await one.waitFor(() => document.querySelectorAll("video").length === 0, { what: "no tile" });
  await listener.waitFor(() => document.querySelectorAll("video").length === 1, { what: "one tile" });
  await one.close();
  await listener.close();
});

it("03-send-file: progress, the same SHA-256 in both tabs, and a link that saves the file", async () => {
  const url = await start("03-send-file");
  const folder = mkdtempSync(join(tmpdir(), "tsunagi-example-"));
  track({ name: "the example's file", end: async () => rmSync(folder, { recursive: true, force: true }) });
  const path = join(folder, "picture.bin");
  const bytes = Buffer.alloc(5_000_000, "a file of the example ");
  writeFileSync(path, bytes);
  const digest = createHash("sha256").update(bytes).digest("hex");

  const [sender, receiver] = [await tab(firefox, "sender", url), await tab(chromium, "receiver", url)];
  await ownId(sender);
  await sender.fill("#to", await ownId(receiver));
  await sender.upload("#file", [path]);
  await sender.click("button[type=submit]");
  await textIn(sender, "#state", `SHA-256 ${digest}`);
  await textIn(receiver, "#received", `SHA-256 ${digest}`);
  for (const page of [sender, receiver]) expect(await page.evaluate(() => document.querySelector("progress")?.value)).toBe(1);

  const raw = chromium.rawPage(receiver);
  const [download] = await Promise.all([raw.waitForEvent("download"), raw.click("#received a")]);
  expect(download.suggestedFilename()).toBe(basename(path));
  expect(readFileSync(await download.path()).equals(bytes)).toBe(true);
  await sender.close();
  await receiver.close();
});

it("04-large-room: everyone sees everyone through the SFU, and the size of a tile decides what comes of it", async () => {
  const url = await start("04-large-room");
  const one = await tab(firefox, "one", url);
  const two = await tab(chromium, "two", url);
  const listener = await tab(chromium, "listener", `${url}?listen`);
  for (const page of [one, two, listener]) await textIn(page, "#state", "3 here");
  for (const [page, count] of [
    [one, 1],
    [two, 1],
    [listener, 2],
  ] as const) {
    await page.waitFor((tiles: number) => document.querySelectorAll("video").length === tiles, { what: "the tiles" }, count);
    for (let at = 0; at < count; at += 1) await expectPicture(page, `document.querySelectorAll("#videos video")[${at}]`);
  }
  const widths = (smallest: number, largest: number) =>
    listener.waitFor(
      (least: number, most: number) =>
        [...document.querySelectorAll("video")].every(({ videoWidth }) => videoWidth >= least && videoWidth <= most),
      { what: `pictures of ${smallest} to ${largest} px` },
      smallest,
      largest,
    );
  await widths(1, 320);
  await listener.click("#large");
  await widths(600, 2_000);
  await listener.click("#small");
  await widths(1, 320);
  await textIn(listener, "#videos", "layer 1 of");
  await two.close();
  await listener.waitFor(() => document.querySelectorAll("video").length === 1, { what: "one tile" });
  await one.close();
  await listener.close();
});
