/** Stock Firefox, driven by puppeteer-core over WebDriver BiDi. */
import { existsSync } from "node:fs";
import type { Browser, Page } from "puppeteer-core";
import { type BrowserOptions, ConsoleLines, DEFAULT_WAIT_MS, makePage, type TestBrowser } from "./browser-page.ts";
import { writeInto } from "./chromium.ts";
import { writeLauncher } from "./launcher.ts";
import { track } from "./lifetimes.ts";
import { soundServer } from "./sound-server.ts";

const CANDIDATES = ["/usr/bin/firefox-esr", "/usr/bin/firefox"];

/** Each with its reason. */
const PREFERENCES: Readonly<Record<string, unknown>> = {
  // A camera of changing colour and a microphone with a steady tone.
  "media.navigator.streams.fake": true,
  "media.navigator.permission.disabled": true,
  "media.autoplay.default": 0,
  "media.autoplay.blocking_policy": 0,
  // Plain host candidates: names of mDNS do not resolve on loopback.
  "media.peerconnection.ice.obfuscate_host_addresses": false,
  "media.peerconnection.ice.loopback": true,
  "media.peerconnection.ice.default_address_only": false,
  "media.peerconnection.ice.no_host": false,
  // The OpenH264 plug-in and updates would be fetched from the maker's hosts.
  "media.gmp-manager.updateEnabled": false,
  "media.gmp-provider.enabled": false,
  "app.update.enabled": false,
  "datareporting.policy.dataSubmissionEnabled": false,
  "network.captive-portal-service.enabled": false,
  "network.connectivity-service.enabled": false,
  // Pages in windows that are not in front go on as if they were.
  "dom.min_background_timeout_value": 4,
  "dom.timeout.enable_budget_timer_throttling": false,
  "widget.windows.window_occlusion_tracking.enabled": false,
};

export interface FirefoxBrowser extends TestBrowser {
  /** puppeteer's own object, for what the common interface lacks. */
  readonly raw: Browser;
}

/** Where Firefox is on this machine, undefined when it is not. `TSUNAGI_FIREFOX` overrides. */
export function findFirefox(): string | undefined {
  return process.env.TSUNAGI_FIREFOX ?? CANDIDATES.find((path) => existsSync(path));
}

let launched = 0;

export async function launchFirefox(
  options: BrowserOptions & { readonly preferences?: Readonly<Record<string, unknown>> } = {},
): Promise<FirefoxBrowser> {
  const program = findFirefox();
  if (program === undefined) throw new Error("Firefox is not installed: apt-get install firefox-esr");
  if (options.netns !== undefined)
    throw new Error("Firefox is driven over a TCP socket, which a network namespace would hide: use Chromium");
  const sound = await soundServer();
  const launcher = writeLauncher({ program });
  const hosts = (options.secureOrigins ?? []).map((origin) => new URL(origin).hostname);
  const refused = options.allowMedia === false;
  // Loaded when it is used, as Chromium's driver is.
  const { default: puppeteer } = await import("puppeteer-core");
  let raw: Browser;
  try {
    raw = await puppeteer.launch({
      browser: "firefox",
      executablePath: launcher.path,
      headless: true,
      env: { ...process.env, ...(sound === undefined ? {} : { PULSE_SERVER: sound }) },
      args: [...(options.args ?? [])],
      extraPrefsFirefox: {
        ...PREFERENCES,
        "intl.accept_languages": options.locale ?? "en-US",
        "intl.locale.requested": options.locale ?? "en-US",
        ...(hosts.length > 0
          ? {
              "dom.securecontext.allowlist": hosts.join(","),
              "media.devices.insecure.enabled": true,
              "media.getusermedia.insecure.enabled": true,
            }
          : {}),
        // 2 is "deny": a refusal at once, as if the person had said no.
        ...(refused
          ? { "media.navigator.permission.disabled": false, "permissions.default.camera": 2, "permissions.default.microphone": 2 }
          : {}),
        ...options.preferences,
      },
    });
  } catch (error) {
    launcher.remove();
    throw error;
  }
  const number = ++launched;
  const child = raw.process();
  const close = track({
    name: `firefox ${number}`,
    end: async () => {
      await raw.close();
      launcher.remove();
    },
    endNow: () => {
      child?.kill("SIGKILL");
      launcher.remove();
    },
  });
  let pages = 0;

  return {
    kind: "firefox",
    raw,
    close,
    async newPage(pageOptions = {}) {
      const name = pageOptions.name ?? `firefox ${number}.${++pages}`;
      const context = await raw.createBrowserContext();
      const page: Page = await context.newPage();
      page.setDefaultTimeout(DEFAULT_WAIT_MS);
      await page.setViewport(pageOptions.viewport ?? options.viewport ?? { width: 1280, height: 800 });
      for (const content of pageOptions.preload ?? []) await page.evaluateOnNewDocument(content);
      const log = new ConsoleLines();
      page.on("console", (message) => log.push(`${message.type()}: ${message.text()}`));
      page.on("pageerror", (error) =>
        log.push(`uncaught: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`),
      );
      const end = track({
        name: `page ${name}`,
        end: async () => {
          if (raw.connected) await context.close();
        },
        report: () => [page.url(), ...log.lines.slice(-40)].join("\n"),
      });
      return makePage(
        {
          kind: "firefox",
          name,
          console: log.lines,
          goto: async (url) => void (await page.goto(url)),
          reload: async () => void (await page.reload()),
          url: () => page.url(),
          run: (expression) => page.evaluate(expression),
          click: (selector) => page.locator(selector).click(),
          fill: (selector, text) => page.locator(selector).fill(text),
          press: (key) => page.keyboard.press(key as Parameters<typeof page.keyboard.press>[0]),
          upload: async (selector, paths) => {
            const input = await page.waitForSelector(selector);
            if (input === null) throw new Error(`no ${selector}`);
            await (input as Awaited<ReturnType<typeof page.$<"input">>>)?.uploadFile(...paths);
          },
          resize: (width, height) => page.setViewport({ width, height }),
          screenshot: () => page.screenshot(),
          close: end,
        },
        writeInto,
      );
    },
  };
}
