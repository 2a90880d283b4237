/**
 * Hosts on a network of their own: 20 s without the server, 20 s without any network, and a change of address. What is measured is the
 * time from the moment in which the new path can be used to the next decoded frame.
 */
import {
  type BrowserPage,
  createLan,
  type Host,
  helpersScript,
  launchChromium,
  type ServerProcess,
  sdkBundle,
  startServer,
} from "@tsunagi/testkit/drivers";
import { beforeAll, expect, it } from "vitest";
import { expectNoGap } from "../support/gaps.ts";
import { describeNetns } from "../support/netns.ts";
import { callTo, joinRoom, openPerson, pause, takeJournal, told, watching } from "../support/people.ts";

const CUT_MS = 20_000;
/** Media is back within this time of the new path. */
const BACK_WITHIN_MS = 3_000;

describeNetns("a network that fails", () => {
  let machine: Host;
  let hosts: { alice: Host; bob: Host };
  let server: ServerProcess;
  let alice: BrowserPage;
  let bob: BrowserPage;
  const both = () => [alice, bob];

  async function openPage(host: Host): Promise<BrowserPage> {
    const browser = await launchChromium({ netns: host.netns });
    const page = await browser.newPage({ name: host.label, preload: [sdkBundle(), helpersScript()] });
    // A page of the server's own: browsers let a page of elsewhere speak to a private address only after asking.
    await page.goto(`${server.url}/healthz`);
    return page;
  }

  beforeAll(async () => {
    const lan = await createLan();
    machine = await lan.host("server");
    hosts = { alice: await lan.host("alice"), bob: await lan.host("bob") };
    server = await startServer({ sfu: false, host: machine });
    alice = await openPage(hosts.alice);
    bob = await openPage(hosts.bob);
    for (const page of both()) {
      await openPerson(page, server);
      await joinRoom(page, "tea");
      await page.waitFor(() => room.open, { what: "the room's open" });
    }
    await callTo(alice, "bob");
    await Promise.all([
      watching(alice, "call-bob"),
      watching(bob, "call-alice"),
      watching(alice, "room-bob"),
      watching(bob, "room-alice"),
    ]);
    for (const page of both()) await takeJournal(page);
  });

  /** Nobody has seen a leave, an end or an error. */
  async function expectUnbroken(): Promise<void> {
    for (const page of both()) {
      expect((await takeJournal(page)).filter((line) => /close|peerLeave|peerJoin|error|failed/.test(line))).toEqual([]);
    }
    expect(await alice.evaluate(() => [...room.members.keys()])).toEqual(["bob"]);
    expect(await bob.evaluate(() => [...room.members.keys()])).toEqual(["alice"]);
  }

  /** Data said meanwhile, and now, arrives once and in order. */
  async function expectData(...said: readonly string[]): Promise<void> {
    await bob.evaluate(() => room.send("now"));
    await alice.evaluate(() => room.send("now"));
    for (const page of both()) {
      const expected = page === bob ? [...said.map((each) => `alice: "${each}"`), 'alice: "now"'] : ['bob: "now"'];
      await page.waitFor((count: number) => heard.length >= count, { what: "the room's data" }, expected.length);
      expect(await page.evaluate(() => heard.splice(0))).toEqual(expected);
    }
  }

  const all = async () => [
    await watching(alice, "call-bob"),
    await watching(bob, "call-alice"),
    await watching(alice, "room-bob"),
    await watching(bob, "room-alice"),
  ];

  it("20 s without the server: media goes on, both resume, what was said meanwhile arrives", async () => {
    const probes = await all();
    await expectNoGap("20 s without the server", alice, probes, async () => {
      await machine.silence();
      await told(alice, "peer reconnecting", 15_000);
      await alice.evaluate(() => room.send("meanwhile"));
      await pause(CUT_MS - 10_000);
      await machine.unblock();
      for (const page of both()) await told(page, "peer reconnected");
    });
    await expectData("meanwhile");
    await expectUnbroken();
    for (const probe of probes) await probe.stop();
  });

  /**
   * From now, when the new path can be used: the time until frames are decoded again in each stream, whatever carries it then. A last frame
   * that was still on its way does not count: it is the end of the longest pause before the tenth frame.
   */
  async function untilBack(): Promise<number[]> {
    const frames = (page: BrowserPage, ...ids: string[]) =>
      page.evaluate(
        (wanted: string[]) =>
          Promise.all(
            wanted.map((id) => {
              const count = () =>
                document.querySelector<HTMLVideoElement>(`video#${id}`)?.getVideoPlaybackQuality().totalVideoFrames ?? 0;
              const startedAt = performance.now();
              let before = count();
              let [frames, lastAtMs, longestMs, backAtMs] = [0, 0, 0, 0];
              return new Promise<number>((resolve, reject) => {
                const timer = setInterval(() => {
                  const now = count();
                  const ms = performance.now() - startedAt;
                  if (now > before) {
                    frames += 1;
                    if (ms - lastAtMs > longestMs) [longestMs, backAtMs] = [ms - lastAtMs, ms];
                    lastAtMs = ms;
                  }
                  // A new stream in the element counts from 0 again.
                  before = now;
                  if (frames < 10 && ms < 20_000) return;
                  clearInterval(timer);
                  if (frames >= 10) resolve(backAtMs);
                  else reject(new Error(`${frames} frames in ${id} within ${ms} ms: ${journal.join(", ")}`));
                }, 10);
              });
            }),
          ),
        ids,
      );
    return (await Promise.all([frames(alice, "call-bob", "room-bob"), frames(bob, "call-alice", "room-alice")])).flat();
  }

  it("20 s without any network on one side: media is back in time", async () => {
    await hosts.bob.unplug();
    await pause(CUT_MS);
    await hosts.bob.plug();
    const back = await untilBack();
    console.log(`20 s without a cable, media back after ${back.map(Math.round).join(", ")} ms`);
    await told(bob, "peer reconnected");
    await expectData();
    await expectUnbroken();
    expect(Math.max(...back)).toBeLessThanOrEqual(BACK_WITHIN_MS);
    for (const probe of await all()) await probe.stop();
  });

  it.each(["bob", "alice"] as const)("a new address for %s: media is back in time, room and session go on", async (who) => {
    await hosts[who].replaceAddress();
    const back = await untilBack();
    console.log(`${who}'s address changed, media back after ${back.map(Math.round).join(", ")} ms`);
    await expectData();
    await expectUnbroken();
    expect(Math.max(...back)).toBeLessThanOrEqual(BACK_WITHIN_MS);
    for (const probe of await all()) await probe.stop();
  });

  it("the call is hung up and a new one made over all that", async () => {
    await alice.evaluate(() => call.close());
    await told(bob, "call close hung-up");
    await callTo(bob, "alice");
    await watching(alice, "call-bob");
  });
});
