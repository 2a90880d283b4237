/** What most test files begin with: the built server, a blank page with the SDK, and browsers that are started when first wanted. */
import {
  type BrowserKind,
  type BrowserPage,
  type ChromiumBrowser,
  launchChromium,
  launchFirefox,
  type PageOptions,
  type PageServer,
  type ServerOptions,
  type ServerProcess,
  startPageServer,
  startServer,
  type TestBrowser,
} from "@tsunagi/testkit/drivers";
import { openPeer } from "./sdk.ts";

export interface Stage {
  readonly server: ServerProcess;
  readonly pages: PageServer;
  readonly chromium: ChromiumBrowser;
  /** A page with the SDK; no peer in it yet. */
  page(name: string, kind?: BrowserKind, options?: PageOptions): Promise<BrowserPage>;
  /** A page whose `peer` is open, under the page's name unless told. */
  peer(name: string, kind?: BrowserKind, options?: PageOptions): Promise<BrowserPage>;
}

export async function openStage(options: Pick<ServerOptions, "sfu"> = {}): Promise<Stage> {
  const [server, pages, chromium] = await Promise.all([startServer(options), startPageServer(), launchChromium()]);
  let firefox: Promise<TestBrowser> | undefined;
  const page: Stage["page"] = async (name, kind = "chromium", pageOptions = {}) => {
    if (kind === "firefox") firefox ??= launchFirefox();
    const browser = kind === "firefox" && firefox !== undefined ? await firefox : chromium;
    const opened = await browser.newPage({ name, ...pageOptions });
    await opened.goto(pages.url);
    return opened;
  };
  return {
    server,
    pages,
    chromium,
    page,
    async peer(name, kind, pageOptions) {
      const opened = await page(name, kind, pageOptions);
      await openPeer(opened, server, name);
      return opened;
    },
  };
}
