/**
 * Takes the pictures of the app that people look at before a release: every view in its states, at 1280 and 390 pixels, light and dark,
 * English and Japanese, from the real server.
 *
 *   node e2e/meet/screenshots.mjs [--out FOLDER] [scene ...]
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { endAll, findChromium, startProcess, startServer } from "@tsunagi/testkit/drivers";
import { chromium } from "playwright-core";
import { films } from "./people.mjs";

const { values, positionals: wanted } = parseArgs({
  allowPositionals: true,
  options: { out: { type: "string", default: "e2e/output/screenshots" } },
});
const out = resolve(values.out);
mkdirSync(out, { recursive: true });

const WIDE = { width: 1280, height: 800 };
const PHONE = { width: 390, height: 844 };
const SMALL = { width: 360, height: 640 };

const browsers = [];
async function launch(args = []) {
  const browser = await chromium.launch({
    executablePath: findChromium(),
    chromiumSandbox: false,
    args: [
      "--use-fake-device-for-media-stream",
      "--use-fake-ui-for-media-stream",
      "--autoplay-policy=no-user-gesture-required",
      "--auto-select-desktop-capture-source=Entire screen",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--disable-quic",
      "--disable-gpu",
      "--disable-background-timer-throttling",
      "--disable-renderer-backgrounding",
      "--disable-features=WebRtcHideLocalIpsWithMdns",
      ...args,
    ],
  });
  browsers.push(browser);
  return browser;
}

const consoleErrors = [];
async function person(
  browser,
  name,
  { size = WIDE, locale = "en-US", scheme = "dark", permissions = ["camera", "microphone"], settings = {}, mobile = false } = {},
) {
  const context = await browser.newContext({
    locale,
    viewport: size,
    colorScheme: scheme,
    permissions,
    deviceScaleFactor: 1,
    hasTouch: mobile,
    isMobile: mobile,
  });
  await context.addInitScript(
    ([text]) => {
      if (localStorage.getItem("tsunagi.meet") === null) localStorage.setItem("tsunagi.meet", text);
    },
    [JSON.stringify({ name, ...settings })],
  );
  const page = await context.newPage();
  // Four browsers on two cores take their time.
  page.setDefaultTimeout(90_000);
  page.on("console", (message) => {
    if (message.type() === "error") consoleErrors.push(`${name}: ${message.text()}`);
  });
  page.on("pageerror", (error) => consoleErrors.push(`${name}: ${error.stack}`));
  return page;
}

const settle = (page, ms = 600) => page.waitForTimeout(ms);
async function shot(page, name) {
  await settle(page);
  writeFileSync(join(out, `${name}.png`), await page.screenshot());
  console.log(`  ${name}.png`);
}
const enter = async (page, url) => {
  await page.goto(url);
  await page.locator('form button[type="submit"]').click();
  await page.locator('[role="toolbar"]').waitFor();
};
const tool = (page, index) => page.locator('[role="toolbar"] button').nth(index);

const server = await startServer();
const first = await launch();
const paths = await films(first, join(out, "films"));
const cast = {};
async function actor(name) {
  cast[name] ??= await launch([`--use-file-for-fake-video-capture=${paths[name]}`]);
  return cast[name];
}

/** Rooms of fifty and broadcasts, over a server that only pretends. */
async function pretended() {
  const program = fileURLToPath(new URL("../../apps/meet/test/fake/serve.mjs", import.meta.url));
  const fake = await startProcess({ name: "pretended server", command: process.execPath, args: [program] });
  const [url] = await fake.waitForLog(/^http:\/\/\S+/m, { timeoutMs: 60_000 });
  return url;
}

const scenes = {
  async large() {
    const url = await pretended();
    for (const [tag, size, scheme, locale, mobile] of [
      ["", WIDE, "dark", "en-US", false],
      ["-390-ja", PHONE, "dark", "ja-JP", true],
    ]) {
      for (const count of [12, 50]) {
        const page = await person(first, "Mika Sato", { size, scheme, locale, mobile });
        await enter(page, `${url}/room/people-${count}?key=k`);
        await page.locator("[data-tile]").first().waitFor();
        await shot(page, `large-${count}${tag}`);
        await page.keyboard.press("l");
        await shot(page, `large-${count}-speaker${tag}`);
        await page.context().close();
      }
    }
  },
  async live() {
    const url = await pretended();
    for (const [tag, size, scheme, locale, mobile] of [
      ["", WIDE, "dark", "en-US", false],
      ["-390-ja", PHONE, "light", "ja-JP", true],
    ]) {
      const page = await person(first, "Ken", { size, scheme, locale, mobile });
      await page.goto(`${url}/live/concert?key=k`);
      await page.locator("h1, h2").first().waitFor();
      await shot(page, `live-waiting${tag}`);
      await page.evaluate('fake.goLive("Spring concert")');
      await page.locator("video").waitFor();
      await settle(page, 1000);
      await shot(page, `live-on${tag}`);
      await page.keyboard.press("i");
      await shot(page, `live-statistics${tag}`);
      await page.evaluate("fake.stopLive()");
      await shot(page, `live-over${tag}`);
      await page.goto(`${server.url}/live`);
      await settle(page, 1500);
      await shot(page, `live-studio${tag}`);
      await page.context().close();
    }
  },
  async home() {
    for (const [tag, size, scheme, locale] of [
      ["light", WIDE, "light", "en-US"],
      ["dark", WIDE, "dark", "en-US"],
      ["ja", WIDE, "light", "ja-JP"],
      ["390", PHONE, "light", "en-US"],
      ["390-ja", PHONE, "dark", "ja-JP"],
      ["360", SMALL, "light", "en-US"],
    ]) {
      const page = await person(first, "Mika Sato", { size, scheme, locale, settings: { rooms: ["studio-north", "weekly"] } });
      await page.goto(server.url);
      await shot(page, `home-${tag}`);
      await page.context().close();
    }
  },
  async prejoin() {
    const browser = await actor("mika");
    for (const [tag, size, scheme, locale, query] of [
      ["light", WIDE, "light", "en-US", ""],
      ["dark", WIDE, "dark", "en-US", ""],
      ["ja", WIDE, "light", "ja-JP", ""],
      ["390", PHONE, "light", "en-US", ""],
      ["390-ja", PHONE, "dark", "ja-JP", ""],
      ["listen", WIDE, "light", "en-US", "?listen=1"],
    ]) {
      const page = await person(browser, "Mika Sato", {
        size: { ...size, height: size === PHONE ? 1240 : size.height },
        scheme,
        locale,
      });
      await page.goto(`${server.url}/room/studio-north${query}`);
      await settle(page, 1500);
      await shot(page, `prejoin-${tag}`);
      await page.context().close();
    }
    const page = await person(first, "Mika Sato", { scheme: "light", settings: { cameraOn: false } });
    await page.goto(`${server.url}/room/studio-north`);
    await settle(page, 1000);
    await shot(page, "prejoin-camera-off");
    await page.context().close();
  },
  async phone() {
    const [mika, tom] = [await actor("mika"), await actor("tom")];
    for (const [tag, size, scheme, locale] of [
      ["idle", WIDE, "light", "en-US"],
      ["idle-dark", WIDE, "dark", "en-US"],
      ["idle-ja", WIDE, "light", "ja-JP"],
      ["idle-390", { ...PHONE, height: 1000 }, "light", "en-US"],
      ["idle-390-ja", { ...PHONE, height: 1000 }, "dark", "ja-JP"],
    ]) {
      const page = await person(first, "Mika Sato", { size, scheme, locale });
      await page.goto(`${server.url}/phone`);
      await page.locator("svg[role=img]").waitFor();
      await shot(page, `phone-${tag}`);
      await page.context().close();
    }
    for (const [tag, size, locale, mobile] of [
      ["", WIDE, "en-US", false],
      ["-390", PHONE, "ja-JP", true],
    ]) {
      const caller = await person(tom, "Tom Baker", {
        size,
        locale,
        mobile,
        settings: { phoneId: `111-222-33${tag === "" ? 3 : 4}` },
      });
      const callee = await person(mika, "Mika Sato", {
        size,
        locale,
        mobile,
        settings: { phoneId: `483-201-77${tag === "" ? 5 : 6}` },
      });
      await callee.goto(`${server.url}/phone`);
      await callee.locator("svg[role=img]").waitFor();
      await caller.goto(`${server.url}/phone?call=483-201-77${tag === "" ? 5 : 6}`);
      await caller.locator("svg[role=img]").waitFor();
      await caller.locator('form button[type="submit"]').click();
      await callee.locator("[role=alert]").waitFor();
      await shot(callee, `phone-incoming${tag}`);
      await shot(caller, `phone-dialing${tag}`);
      await callee.locator("main button").first().click();
      await callee.locator('[role="toolbar"]').waitFor();
      await settle(callee, 4000);
      await shot(callee, `phone-call${tag}`);
      await tool(caller, mobile ? 3 : 3).click();
      await shot(caller, `phone-call-chat${tag}`);
      await callee.locator('[role="toolbar"] button').last().click();
      await settle(caller, 800);
      await shot(caller, `phone-ended${tag}`);
      await caller.context().close();
      await callee.context().close();
    }
  },
  async room() {
    const url = `${server.url}/room/studio-north`;
    const names = { mika: "Mika Sato", tom: "Tom Baker", aiko: "田中 愛子", sam: "Sam Okafor" };
    const pages = {};
    for (const [key, name] of Object.entries(names)) {
      pages[key] = await person(await actor(key), name, { locale: key === "aiko" ? "ja-JP" : "en-US" });
      await enter(pages[key], url);
    }
    const { mika, tom, aiko, sam } = pages;
    await tool(sam, 0).click();
    // The pictures should show a good network: its bars take a few reports to rise.
    const good = '[role=img][aria-label*=" 4 of 5"], [role=img][aria-label*=" 5 of 5"]';
    for (let second = 0; second < 60 && (await mika.locator(good).count()) < 3; second++) await settle(mika, 1000);
    await mika.mouse.move(640, 300);
    await shot(mika, "room-4");
    await mika.setViewportSize(PHONE);
    await shot(mika, "room-4-390");
    await mika.setViewportSize(SMALL);
    await shot(mika, "room-4-360");
    await mika.setViewportSize({ width: 1920, height: 1080 });
    await shot(mika, "room-4-1920");
    await mika.setViewportSize(WIDE);

    await tool(tom, 3).click();
    const write = async (page, text) => {
      await page.locator("aside textarea").fill(text);
      await page.keyboard.press("Enter");
    };
    await write(tom, "Morning! Here are the plans for the studio: https://example.org/plans");
    await tool(aiko, 3).click();
    await write(aiko, "おはようございます。受け取りました、ありがとう！");
    await mika.mouse.move(600, 320);
    await shot(mika, "room-unread");
    await tool(mika, 3).click();
    await write(mika, "Lovely. I will send the updated drawing.");
    await tom
      .locator("aside input[type=file]")
      .setInputFiles({ name: "studio-north-floor-plan.pdf", mimeType: "application/pdf", buffer: Buffer.alloc(2_400_000, 7) });
    await mika.getByRole("button", { name: "Receive" }).waitFor();
    await mika.mouse.move(600, 320);
    await shot(mika, "chat-file-offer");
    await mika.getByRole("button", { name: "Receive" }).click();
    await mika.getByRole("link", { name: "Save" }).waitFor();
    await mika.mouse.move(600, 330);
    await shot(mika, "chat-file");
    await shot(tom, "chat-file-sender");
    await shot(aiko, "chat-ja");
    await mika.setViewportSize(PHONE);
    await shot(mika, "chat-file-390");
    await mika.setViewportSize(WIDE);
    await mika.keyboard.press("Escape");
    await tool(mika, 4).click();
    await shot(mika, "people");
    await mika.keyboard.press("Escape");
    await tool(mika, 6).click();
    await shot(mika, "menu");
    await mika.keyboard.press("Escape");
    await mika.keyboard.press("?");
    await shot(mika, "help");
    await mika.keyboard.press("Escape");
    await tool(mika, 5).click();
    await shot(mika, "room-focus");
    await tool(mika, 5).click();
    await tool(mika, 6).click();
    await mika.getByRole("menuitem", { name: "statistics" }).click();
    await settle(mika, 5000);
    await mika.mouse.move(600, 333);
    await shot(mika, "stats");
    await tool(mika, 6).click();
    await mika.getByRole("menuitem", { name: "statistics" }).click();
    await tool(tom, 2).click();
    await settle(mika, 3500);
    await mika.mouse.move(600, 340);
    await shot(mika, "screen-share");
    await shot(tom, "screen-sharing");
    await mika.setViewportSize(PHONE);
    await shot(mika, "screen-share-390");
    await mika.setViewportSize(WIDE);
    await tool(tom, 2).click();
    await settle(mika, 5000);
    await shot(mika, "room-chrome-hidden");
    await aiko.keyboard.press("Escape");
    await tool(aiko, 0).click();
    await shot(aiko, "room-4-ja");
    await tool(aiko, 6).click();
    await shot(aiko, "menu-ja");
    await aiko.keyboard.press("Escape");
    await server.kill("SIGKILL");
    await settle(mika, 1500);
    await shot(mika, "reconnecting");
    await server.start();
    await settle(mika, 4000);
    await shot(mika, "reconnected");
    await mika.locator('[role="toolbar"] button').last().click();
    await shot(mika, "room-left");
    for (const page of Object.values(pages)) await page.context().close();
  },
  async alone() {
    const page = await person(await actor("mika"), "Mika Sato");
    await enter(page, `${server.url}/room/quiet-corner`);
    await settle(page, 800);
    await shot(page, "room-alone");
    await page.setViewportSize(PHONE);
    await shot(page, "room-alone-390");
    await page.context().close();
    const listener = await person(first, "Ken", { size: PHONE, mobile: true });
    await enter(listener, `${server.url}/room/quiet-corner?listen=1`);
    await shot(listener, "room-listener-390");
    await listener.context().close();
  },
  async errors() {
    const refused = await launch(["--deny-permission-prompts"]);
    for (const [tag, size, scheme, locale] of [
      ["", WIDE, "light", "en-US"],
      ["-390-ja", { ...PHONE, height: 1300 }, "light", "ja-JP"],
    ]) {
      const denied = await person(refused, "Mika Sato", { size, scheme, locale, permissions: [] });
      await denied.addInitScript(() => {
        navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("Permission denied", "NotAllowedError"));
      });
      await denied.goto(`${server.url}/room/studio-north`);
      await settle(denied, 800);
      await shot(denied, `error-denied${tag}`);
      await denied.context().close();
      const key = await person(first, "Mika Sato", { size, scheme, locale });
      await key.goto(`${server.url}/room/studio-north?key=00000000-0000-0000-0000-000000000000`);
      await key.locator('form button[type="submit"]').click();
      await settle(key, 1500);
      await shot(key, `error-key${tag}`);
      await key.goto(`${server.url}/phone?key=00000000-0000-0000-0000-000000000000`);
      await settle(key, 1500);
      await shot(key, `error-phone${tag}`);
      await key.goto(`${server.url}/nowhere/at/all`);
      await shot(key, `not-found${tag}`);
      await key.context().close();
    }
    const caller = await person(first, "Mika Sato", { scheme: "light" });
    await caller.goto(`${server.url}/phone?call=000-000-000`);
    await caller.locator("svg[role=img]").waitFor();
    await caller.locator('form button[type="submit"]').click();
    await settle(caller, 2000);
    await shot(caller, "error-nobody");
    await caller.goto(`${server.url}/settings`);
    await shot(caller, "settings");
    await caller.context().close();
  },
};

try {
  for (const [name, run] of Object.entries(scenes)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    console.log(name);
    await run().catch((error) => {
      console.error(error);
      process.exitCode = 1;
    });
  }
  if (consoleErrors.length > 0) console.log(`console errors:\n${consoleErrors.join("\n")}`);
} finally {
  await Promise.all(browsers.map((browser) => browser.close()));
  await endAll();
}
