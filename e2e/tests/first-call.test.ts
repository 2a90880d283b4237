/** The thinnest line through all layers: the built server, two pages with the SDK's bundle, one call, decoded frames. */
import { launchChromium, probeMedia, startPageServer, startServer } from "@tsunagi/testkit/drivers";
import { expect, it } from "vitest";
import { openPeer } from "../support/sdk.ts";

it("alice calls bob: each sees and hears the other, also while the server is killed and started again", async () => {
  const server = await startServer({ sfu: false });
  const pages = await startPageServer();
  const chromium = await launchChromium({ whole: true });
  const alice = await chromium.newPage({ name: "alice" });
  const bob = await chromium.newPage({ name: "bob" });
  for (const page of [alice, bob]) {
    await page.goto(pages.url);
    expect(await openPeer(page, server, page.name)).toBe(page.name);
  }
  await bob.evaluate(() => {
    peer.on("call", (call) => {
      call.on("stream", (stream) => helpers.show("remote", stream));
      call.answer(helpers.signal({ colour: "#c02020", hz: 880 }));
    });
  });
  await alice.evaluate(() => {
    const call = peer.call("bob", helpers.signal({ colour: "#2020c0", hz: 440 }));
    call.on("stream", (stream) => helpers.show("remote", stream));
  });

  for (const [page, red, hz] of [
    [alice, true, 880],
    [bob, false, 440],
  ] as const) {
    await page.waitFor(() => document.querySelector("#remote"), { what: "the other's stream" });
    const probe = await probeMedia(page, "document.querySelector('#remote')");
    const { video } = await probe.expectVideo();
    expect(video.colour[0] > video.colour[2]).toBe(red);
    const { audio } = await probe.expectAudio();
    expect(Math.abs(audio.dominantHz - hz)).toBeLessThan(30);
  }

  const probe = await probeMedia(bob, "document.querySelector('#remote')");
  await probe.expectVideo();
  const gapMs = await probe.longestGapDuring(() => server.restart({ signal: "SIGKILL", downMs: 2_000 }));
  expect(gapMs).toBeLessThan(1_000);
});
