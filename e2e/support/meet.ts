/** Driving the web app as a person does: by names and roles of what is on the page. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { type BrowserPage, type ChromiumBrowser, type ServerProcess, startProcess } from "@tsunagi/testkit/drivers";
import type { Page } from "playwright-core";
import { expect } from "vitest";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

const PRETENDED = fileURLToPath(new URL("../../apps/meet/test/fake/serve.mjs", import.meta.url));

/** The app over a server that only pretends: rooms of fifty, and broadcasts, without their media. @returns its address */
export async function startPretended(): Promise<string> {
  const server = await startProcess({ name: "pretended server", command: process.execPath, args: [PRETENDED] });
  const [url] = await server.waitForLog(/^http:\/\/\S+/m, { timeoutMs: 60_000 });
  return url;
}

/** Counts what must not be left behind: live tracks of devices and screens, and open connections. */
const LEAK_WATCH = `(() => {
  const tracks = new Set(), connections = new Set();
  const watch = (name) => {
    const devices = navigator.mediaDevices;
    const original = devices?.[name]?.bind(devices);
    if (original) devices[name] = async (...args) => {
      const stream = await original(...args);
      for (const track of stream.getTracks()) tracks.add(track);
      return stream;
    };
  };
  watch("getUserMedia");
  watch("getDisplayMedia");
  const Original = RTCPeerConnection;
  window.RTCPeerConnection = class extends Original { constructor(...args) { super(...args); connections.add(this); } };
  window.leaks = () => ({
    tracks: [...tracks].filter((track) => track.readyState === "live").length,
    connections: [...connections].filter((each) => each.signalingState !== "closed").length,
  });
})();`;

export type Visitor = {
  readonly page: BrowserPage;
  /** playwright's page, for finding things by role and name. */
  readonly raw: Page;
  /** Live tracks and open connections that this page made. */
  leaks(): Promise<{ readonly tracks: number; readonly connections: number }>;
  /** Errors on the console so far, without the browser's own words about a server that is down on purpose. */
  errors(): readonly string[];
};

export async function visitor(
  browser: ChromiumBrowser,
  name: string,
  settings: Readonly<Record<string, unknown>> = {},
): Promise<Visitor> {
  const stored = JSON.stringify(JSON.stringify({ name, language: "en", ...settings }));
  // about:blank, where a page begins, has no storage.
  const remember = `if (location.protocol !== "about:" && localStorage.getItem("tsunagi.meet") === null) localStorage.setItem("tsunagi.meet", ${stored});`;
  const page = await browser.newPage({ name, preload: [LEAK_WATCH, remember] });
  const raw = browser.rawPage(page);
  return {
    page,
    raw,
    leaks: () => raw.evaluate("leaks()"),
    errors: () =>
      page.console.filter((line) => /^(error|uncaught):/.test(line) && !/WebSocket connection to .* failed/.test(line)),
  };
}

export async function joinRoom({ raw }: Visitor, server: ServerProcess, room: string, query = ""): Promise<void> {
  await raw.goto(`${server.url}/room/${room}${query}`);
  await raw.getByRole("button", { name: query === "" ? "Join" : "Only listen", exact: true }).click();
  await raw.getByRole("toolbar").waitFor();
}

/** @returns the phone's ID, once it can be called */
export async function openPhone({ raw }: Visitor, server: ServerProcess): Promise<string> {
  await raw.goto(`${server.url}/phone`);
  await raw.getByText("Ready for calls").waitFor();
  return (await raw.locator("[translate=no]").textContent()) ?? "";
}

export async function callFromPhone({ raw }: Visitor, id: string): Promise<void> {
  await raw.getByLabel("Their ID").fill(id);
  await raw.getByRole("button", { name: "Call", exact: true }).click();
}

/** No finding of axe-core (WCAG 2.0 to 2.2, A and AA, and good practice) in the page as it is. */
export async function expectAccessible({ raw }: Visitor, what: string): Promise<void> {
  // What fades in is judged once it is there.
  await raw.waitForTimeout(250);
  await raw.evaluate(AXE);
  const findings = await raw.evaluate(async () => {
    const { axe } = window as unknown as { axe: { run: (options: object) => Promise<AxeResult> } };
    const { violations } = await axe.run({
      runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    });
    return violations.map(({ id, help, nodes }) => ({
      id,
      help,
      nodes: nodes.map(({ html, failureSummary }) => `${html}\n${failureSummary}`),
    }));
  });
  expect({ what, findings }).toEqual({ what, findings: [] });
}

type AxeResult = {
  violations: { id: string; help: string; nodes: { html: string; failureSummary: string }[] }[];
};

/** Nothing hangs over the edge of a narrow screen, and every button can be hit by a finger. */
export async function expectFits({ raw }: Visitor, what: string): Promise<void> {
  await raw.setViewportSize({ width: 360, height: 640 });
  const measure = () =>
    raw.evaluate(() => {
      const over = document.documentElement.scrollWidth - document.documentElement.clientWidth;
      const small = [...document.querySelectorAll("button, select, input:not([type=checkbox]):not([type=file])")]
        .filter((each) => each.checkVisibility())
        .map((each) => ({ name: each.getAttribute("aria-label") ?? each.textContent, box: each.getBoundingClientRect() }))
        // WCAG 2.2 AA asks for 24 px; buttons of the app are larger.
        .filter(
          ({ box }) =>
            box.width > 0 && (box.width < 24 || box.height < 24 || box.right > document.documentElement.clientWidth + 1),
        )
        .map(({ name, box }) => `${name}: ${Math.round(box.width)}×${Math.round(box.height)} to ${Math.round(box.right)}`);
      return { over, small };
    });
  // What moves to its new place takes a moment.
  await expect.poll(measure, { message: what, timeout: 5_000 }).toEqual({ over: 0, small: [] });
  await raw.setViewportSize({ width: 1280, height: 800 });
}
