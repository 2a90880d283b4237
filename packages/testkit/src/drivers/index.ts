export * from "./browser-page.ts";
export { type ChromiumBrowser, type ChromiumOptions, findChromium, launchChromium } from "./chromium.ts";
export { type FirefoxBrowser, findFirefox, launchFirefox } from "./firefox.ts";
export * from "./internet.ts";
export { endAll, type Lifetime, reportAll, track } from "./lifetimes.ts";
export {
  type Link,
  type LinkCounters,
  type LinkDirectionCounters,
  type LinkQualities,
  type LinkQuality,
  linkUnavailable,
} from "./link.ts";
export * from "./media-probe.ts";
export * from "./nat.ts";
export * from "./netns.ts";
export type { Helpers, SignalOptions } from "./page-helpers.ts";
export { helpersScript, type PageServer, type PageServerOptions, sdkBundle, startPageServer } from "./page-server.ts";
export { plainCall, type Source } from "./plain-call.ts";
export * from "./processes.ts";
export { cliProgram } from "./program.ts";
export * from "./server-process.ts";
