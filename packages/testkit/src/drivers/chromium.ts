/** Stock Chromium, driven by playwright-core over a pipe: no port, so it can also run in a network namespace. */
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { type BrowserOptions, ConsoleLines, DEFAULT_WAIT_MS, makePage, type TestBrowser } from "./browser-page.ts";
import { writeCamera } from "./camera.ts";
import { writeLauncher } from "./launcher.ts";
import { track } from "./lifetimes.ts";

const CANDIDATES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
/** The same engine without windows, toolbars and tabs, which cost three quarters of what a new page does. */
const SHELLS = ["/usr/bin/chromium-headless-shell"];

/** Each with its reason. */
const SWITCHES = [
  // A camera that shows what is given below, and a microphone that beeps every second.
  "--use-fake-device-for-media-stream",
  "--autoplay-policy=no-user-gesture-required",
  // No look-ups and connections to the maker's hosts, which a closed network refuses many at a time.
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--disable-quic",
  // There is no graphics card; without this each start tries one first.
  "--disable-gpu",
  // Screen sharing picks the whole screen (of the headless display) without asking.
  "--auto-select-desktop-capture-source=Entire screen",
  // Several pages draw and run timers at once, although only one window can be in front.
  "--disable-background-timer-throttling",
  "--disable-backgrounding-occluded-windows",
  "--disable-renderer-backgrounding",
];

/** Candidates with names of mDNS do not resolve where there is no multicast: loopback and namespaces. */
const DISABLED_FEATURES = ["WebRtcHideLocalIpsWithMdns"];

export type ChromiumOptions = BrowserOptions & {
  /**
   * The browser as people have it, with all that is around a page: for what a person does in an app. Otherwise Chromium's headless shell where
   * it is installed, which has the same engine, media and network. Default false.
   */
  readonly whole?: boolean;
  /** `small`: 320 × 180, 15 a second. `pattern`: what the browser itself shows, in any size that a page asks for. Default `small`. */
  readonly camera?: "small" | "pattern";
};

export interface ChromiumBrowser extends TestBrowser {
  /** playwright's own object, for what the common interface lacks. */
  readonly raw: Browser;
  /** playwright's page behind one of ours, e.g. for accessibility checks. */
  rawPage(page: object): Page;
}

/** Where Chromium is on this machine, undefined when it is not. `TSUNAGI_CHROMIUM` overrides. */
export function findChromium(): string | undefined {
  return process.env.TSUNAGI_CHROMIUM ?? CANDIDATES.find((path) => existsSync(path));
}

/** What runs pages that nobody looks at: {@link ChromiumOptions.whole}. */
function findShell(): string | undefined {
  return process.env.TSUNAGI_CHROMIUM ?? SHELLS.find((path) => existsSync(path)) ?? findChromium();
}

let launched = 0;

export async function launchChromium(options: ChromiumOptions = {}): Promise<ChromiumBrowser> {
  // The shell knows no exceptions from secure contexts.
  const isWhole = options.whole === true || options.secureOrigins !== undefined;
  const program = isWhole ? findChromium() : findShell();
  if (program === undefined) throw new Error("Chromium is not installed: apt-get install chromium");
  const launcher = writeLauncher({ program, netns: options.netns, disableFeatures: DISABLED_FEATURES });
  const allowMedia = options.allowMedia ?? true;
  const args = [...SWITCHES, ...(options.args ?? [])];
  if (options.camera !== "pattern") {
    const camera = join(launcher.folder, "camera.y4m");
    writeCamera(camera);
    args.push(`--use-file-for-fake-video-capture=${camera}`);
  }
  if (allowMedia) args.push("--use-fake-ui-for-media-stream");
  if (options.secureOrigins?.length) args.push(`--unsafely-treat-insecure-origin-as-secure=${options.secureOrigins.join(",")}`);
  // Loaded when it is used: not every file has browsers of both makers.
  const { chromium } = await import("playwright-core");
  let raw: Browser;
  try {
    raw = await chromium.launch({
      executablePath: launcher.path,
      // The sandbox refuses to start for root, and needs user namespaces that containers often forbid.
      chromiumSandbox: false,
      headless: true,
      args,
    });
  } catch (error) {
    launcher.remove();
    throw error;
  }
  const number = ++launched;
  const close = track({
    name: `chromium ${number}`,
    end: async () => {
      await ignoringGone(raw, () => raw.close());
      launcher.remove();
    },
    endNow: () => launcher.remove(),
  });
  const rawPages = new WeakMap<object, Page>();
  let pages = 0;

  return {
    kind: "chromium",
    raw,
    close,
    rawPage: (page) => {
      const found = rawPages.get(page);
      if (found === undefined) throw new Error("not a page of this browser");
      return found;
    },
    async newPage(pageOptions = {}) {
      const name = pageOptions.name ?? `chromium ${number}.${++pages}`;
      const context = await raw.newContext({
        locale: options.locale ?? "en-US",
        viewport: pageOptions.viewport ?? options.viewport ?? { width: 1280, height: 800 },
        permissions: allowMedia ? ["camera", "microphone"] : [],
        ignoreHTTPSErrors: true,
      });
      for (const content of pageOptions.preload ?? []) await context.addInitScript({ content });
      const page = await context.newPage();
      page.setDefaultTimeout(DEFAULT_WAIT_MS);
      const log = new ConsoleLines();
      page.on("console", (message) => log.push(`${message.type()}: ${message.text()}`));
      page.on("pageerror", (error) => log.push(`uncaught: ${error.stack ?? error.message}`));
      page.on("crash", () => log.push("the page crashed"));
      const end = track({
        name: `page ${name}`,
        end: () => ignoringGone(raw, () => context.close()),
        report: () => [page.url(), ...log.lines.slice(-40)].join("\n"),
      });
      const made = makePage(
        {
          kind: "chromium",
          name,
          console: log.lines,
          goto: async (url) => {
            for (let tries = 1; ; tries += 1) {
              try {
                await page.goto(url);
                return;
              } catch (error) {
                // A namespace's interfaces get their link-local addresses some time after they are up: to Chromium another network.
                if (tries === 5 || !/ERR_NETWORK_CHANGED|chrome-error:/.test(String(error))) throw error;
                // Its page about that error is a navigation, too.
                await page.waitForTimeout(300);
              }
            }
          },
          reload: async () => void (await page.reload()),
          url: () => page.url(),
          run: (expression) => page.evaluate(expression),
          click: (selector) => page.click(selector),
          fill: (selector, text) => page.fill(selector, text),
          press: (key) => page.keyboard.press(key),
          upload: (selector, paths) => page.setInputFiles(selector, [...paths]),
          resize: (width, height) => page.setViewportSize({ width, height }),
          screenshot: () => page.screenshot(),
          close: end,
        },
        writeInto,
      );
      rawPages.set(made, page);
      return made;
    },
  };
}

/** A browser that is gone already, e.g. with its network namespace, needs no closing. */
async function ignoringGone(browser: Browser, close: () => Promise<void>): Promise<void> {
  try {
    await close();
  } catch (error) {
    if (browser.isConnected()) throw error;
  }
}

/** Writes a file and the folders above it. */
export async function writeInto(path: string, bytes: Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, bytes);
}
