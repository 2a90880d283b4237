/** Apps on skyway-js that name no server: their requests for the ended service's hosts, over TLS, are answered here by name resolution alone. */
import {
  type BrowserPage,
  launchChromium,
  type PageServer,
  probeMedia,
  type ServerProcess,
  startServer,
  type TestBrowser,
} from "@tsunagi/testkit/drivers";
import { beforeAll, expect, it } from "vitest";
import { APP_PAGES } from "./lib/app-pages.ts";
import { startLibraryPages } from "./lib/folk.ts";

const SERVICE = "dispatcher.webrtc.ecl.ntt.com";
/** What the dispatcher names; of the operator's choice. */
const DOMAIN = "signaling.example.test";

let server: ServerProcess;
let pages: PageServer;
let browser: TestBrowser;

beforeAll(async () => {
  [server, pages] = await Promise.all([
    startServer({ env: { TSUNAGI_TLS_ENABLED: "true", TSUNAGI_FACES_SKYWAY_DISPATCHER_DOMAIN: DOMAIN } }),
    startLibraryPages(APP_PAGES),
  ]);
  const rules = [SERVICE, DOMAIN].map((host) => `MAP ${host}:443 127.0.0.1:${server.port}`);
  browser = await launchChromium({
    whole: true,
    args: [`--host-resolver-rules=${rules.join(",")}`, "--ignore-certificate-errors"],
  });
}, 60_000);

async function open(path: string, name: string, hash = ""): Promise<{ page: BrowserPage; id: string }> {
  const page = await browser.newPage({ name });
  await page.goto(`${pages.url}${path}?key=${server.key}${hash}`);
  const id = await page.waitFor(() => document.querySelector("#id")?.textContent, { what: "an ID" });
  return { page, id: String(id) };
}
const says = (page: BrowserPage, text: string, timeoutMs = 15_000) =>
  page.waitFor(
    (wanted: string) => document.querySelector("#lines")?.textContent?.includes(wanted),
    { timeoutMs, what: `"${text}"` },
    text,
  );

it("the dispatcher answers over TLS with a domain, to any origin [3]", async () => {
  const { page } = await open("/chat.html", "asker");
  const answer = await page.evaluate(async (host: string) => {
    const reply = await fetch(`https://${host}/signaling`);
    return { status: reply.status, body: (await reply.json()) as unknown };
  }, SERVICE);
  expect(answer).toMatchObject({ status: 200, body: { domain: DOMAIN } });
  await page.close();
});

it("a call, with the device's own picture, ended by one side [40]", async () => {
  const [one, two] = await Promise.all([open("/call.html", "caller"), open("/call.html", "callee")]);
  await one.page.fill("#to", two.id);
  await one.page.click("#call");
  const seesOther = async ({ page }: { page: BrowserPage }) => {
    await page.waitFor(() => document.querySelector<HTMLVideoElement>("#remote")?.srcObject instanceof MediaStream, {
      what: "a stream",
    });
    const probe = await probeMedia(page, "document.querySelector('#remote')");
    await Promise.all([probe.expectVideo(), probe.expectAudio()]);
    await probe.stop();
  };
  await Promise.all([one, two].map(seesOther));
  await two.page.click("#end");
  await says(one.page, "ended", 3_000);
  for (const { page } of [one, two]) await page.close();
});

it("a chat [40]", async () => {
  const [one, two] = await Promise.all([open("/chat.html", "one"), open("/chat.html", "two")]);
  await one.page.fill("#to", two.id);
  await one.page.click("#connect");
  await Promise.all([says(one.page, "open"), says(two.page, "open")]);
  await one.page.fill("#text", "good morning");
  await one.page.click("#send");
  await says(two.page, "remote: good morning");
  for (const { page } of [one, two]) await page.close();
});

it.each(["mesh", "sfu"])("a %s room of three [40]", async (mode) => {
  const people = await Promise.all(["one", "two", "three"].map((name) => open("/room.html", name, `#${mode}`)));
  for (const { page } of people) {
    await page.fill("#room", `hall ${mode}`);
    await page.click("#join");
    await says(page, "joined");
  }
  const seesTwo = async ({ page }: { page: BrowserPage }) => {
    await page.waitFor(() => document.querySelectorAll("#others video").length === 2, { timeoutMs: 20_000, what: "two others" });
    for (const at of [0, 1]) {
      const probe = await probeMedia(page, `document.querySelectorAll('#others video')[${at}]`);
      await probe.expectVideo({ withinMs: 20_000 });
      await probe.stop();
    }
  };
  await Promise.all(people.map(seesTwo));
  const [one, two, three] = people as [(typeof people)[number], (typeof people)[number], (typeof people)[number]];
  await one.page.fill("#text", "hello all");
  await one.page.click("#send");
  await Promise.all([two, three].map(({ page }) => says(page, `${one.id}: hello all`)));
  await three.page.click("#leave");
  await Promise.all([one, two].map(({ page }) => says(page, `left ${three.id}`)));
  for (const { page } of people) await page.close();
});
