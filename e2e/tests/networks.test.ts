/** The network namespaces and their drivers: a plain call between two hosts, and what a cut of the cable does to it. */
import {
  type BrowserPage,
  createLan,
  type Host,
  helpersScript,
  type Lan,
  launchChromium,
  plainCall,
  probeMedia,
} from "@tsunagi/testkit/drivers";
import { beforeAll, expect, it } from "vitest";
import { describeNetns } from "../support/netns.ts";

describeNetns("networks", () => {
  let lan: Lan;
  let hosts: { alice: Host; bob: Host };
  let pages: { alice: BrowserPage; bob: BrowserPage };

  /** There is no web server on this LAN: a page of its own making, in an origin that may use the camera. */
  async function openPage(host: Host): Promise<BrowserPage> {
    const browser = await launchChromium({ netns: host.netns });
    const page = await browser.newPage({ name: host.label, preload: [helpersScript()] });
    await page.goto("data:text/html,<title>Test page</title>");
    return page;
  }

  beforeAll(async () => {
    lan = await createLan();
    hosts = { alice: await lan.host("alice"), bob: await lan.host("bob") };
    pages = { alice: await openPage(hosts.alice), bob: await openPage(hosts.bob) };
    await plainCall(pages.alice, pages.bob, "signal");
  });

  it("Chromium on two hosts decodes the other's frames over the LAN", async () => {
    for (const page of [pages.alice, pages.bob]) {
      const probe = await probeMedia(page, "document.querySelector('#remote')");
      await probe.expectVideo();
      await probe.expectAudio();
      await probe.stop();
    }
    const addresses = await pages.alice.evaluate(async () => {
      const report = await connection.getStats();
      const found: string[] = [];
      report.forEach((each) => {
        if (each.type === "remote-candidate") found.push(each.address);
      });
      return found;
    });
    expect(addresses).toContain(hosts.bob.addresses[0]);
  });

  const losses: [string, atLeastMs: number, (host: Host) => Promise<void>, (host: Host) => Promise<void>][] = [
    ["a cable pulled out", 2_500, (host) => host.unplug(), (host) => host.plug()],
    ["a silent loss", 2_500, (host) => host.silence(), (host) => host.unblock()],
    // The server's relay still reaches both, and may carry the call before the block ends.
    ["the peer's address blocked", 700, (host) => host.block(hosts.bob.addresses[0] ?? ""), (host) => host.unblock()],
  ];
  for (const [name, atLeastMs, lose, restore] of losses) {
    it(`${name} for 3 s is a gap of about that at most, and frames come again after it`, async () => {
      const probe = await probeMedia(pages.bob, "document.querySelector('#remote')");
      await probe.expectVideo();
      await pages.bob.evaluate(watchPackets);
      await lose(hosts.alice);
      await new Promise((resolve) => setTimeout(resolve, 3_000));
      await restore(hosts.alice);
      await probe.expectVideo({ frames: 5 });
      const gap = await pages.bob.evaluate(() => (helpers.kept.packets as { stop(): number }).stop());
      expect(gap).toBeGreaterThan(atLeastMs);
      expect(gap).toBeLessThan(8_000);
      await probe.stop();
    });
  }

  it("a host that changes its address has the new one only", async () => {
    const [before] = hosts.bob.addresses;
    const after = await hosts.bob.replaceAddress();
    expect(after).not.toBe(before);
    const shown = await hosts.bob.exec("ip", "-4", "-o", "address", "show", "dev", "eth0");
    expect(shown).toContain(`${after}/24`);
    expect(shown).not.toContain(`${before}/24`);
    expect(await hosts.bob.exec("ip", "route")).toContain("default via");
  });
});

/** In the page: the longest time in which no packet came, by the transport's own count: what was received already is still shown for a while. */
function watchPackets(): void {
  let [count, lastAt, longest] = [0, performance.now(), 0];
  const timer = setInterval(async () => {
    let now = 0;
    (await connection.getStats()).forEach((each) => {
      if (each.type === "inbound-rtp") now += each.packetsReceived;
    });
    const at = performance.now();
    if (now !== count) lastAt = at;
    longest = Math.max(longest, at - lastAt);
    count = now;
  }, 50);
  helpers.kept.packets = {
    stop() {
      clearInterval(timer);
      return longest;
    },
  };
}
