/** The web app through the SFU: a room, an encrypted one, and a broadcast, against the real server. */
import { launchChromium, probeMedia, type ServerProcess, startServer } from "@tsunagi/testkit/drivers";
import { beforeAll, describe, expect, it } from "vitest";
import { type Visitor, visitor } from "../support/meet.ts";

let server: ServerProcess;
let chromium: Awaited<ReturnType<typeof launchChromium>>;
beforeAll(async () => {
  server = await startServer();
  chromium = await launchChromium({ whole: true });
});

const REMOTE = `document.querySelector("[data-tile] video")`;

async function join({ raw }: Visitor, path: string): Promise<void> {
  await raw.goto(`${server.url}${path}`);
  await raw.getByRole("button", { name: "Join", exact: true }).click();
  await raw.getByRole("toolbar").waitFor();
}

describe("a room through the server", () => {
  it("three see and hear each other, mute, share a screen, and are told of nobody watching", async () => {
    const [mika, tom, aiko] = [await visitor(chromium, "Mika"), await visitor(chromium, "Tom"), await visitor(chromium, "Aiko")];
    for (const each of [mika, tom, aiko]) await join(each, "/room/large?mode=large");
    for (const each of [mika, tom, aiko]) {
      await expect.poll(() => each.raw.locator('[data-tile$="/camera"][data-state="connected"] video').count()).toBe(2);
      // One connection, whoever is in the room.
      expect(await each.leaks()).toMatchObject({ connections: 1 });
    }
    // One who looks closely is enough; the others' decoders have their time for themselves.
    const probe = await probeMedia(mika.page, REMOTE);
    await probe.expectVideo();
    await probe.expectAudio();
    await tom.raw.getByRole("button", { name: "Mute microphone" }).click();
    await mika.raw.getByRole("listitem", { name: "Tom, microphone off" }).waitFor();
    await tom.raw.getByRole("button", { name: "Turn camera off" }).click();
    await tom.raw.getByRole("button", { name: "Turn camera on" }).click();
    await tom.raw.getByRole("button", { name: "Turn camera off" }).waitFor();
    await mika.raw.getByRole("button", { name: "More" }).click();
    await mika.raw.getByRole("menuitem", { name: "Show statistics" }).click();
    await mika.raw.getByText(/^Through the server · connected/).waitFor();
    await mika.raw
      .getByText(/^\d of \d, temporal \d$/)
      .first()
      .waitFor();

    await tom.raw.getByRole("button", { name: "Share screen" }).click();
    await mika.raw.getByRole("listitem", { name: "Tom’s screen" }).waitFor();
    await (await probeMedia(mika.page, `document.querySelector('[data-tile$="/screen"] video')`)).expectVideo();
    await tom.raw.getByRole("toolbar").getByRole("button", { name: "Stop sharing" }).click();
    await mika.raw.getByRole("listitem", { name: "Tom’s screen" }).waitFor({ state: "detached" });

    // With only Aiko in the picture at both others, nobody watches Tom.
    for (const each of [mika, aiko]) {
      const wanted = each === mika ? "Aiko" : "Mika";
      const tile = each.raw.getByRole("listitem", { name: new RegExp(`^${wanted},`) });
      await tile.hover();
      await tile.getByRole("button", { name: /^Pin/ }).click();
      await each.raw.keyboard.press("Escape");
      await each.raw.keyboard.press("l");
    }
    await tom.raw.getByText("Nobody has your picture on the screen now.").waitFor({ state: "attached" });
    for (const each of [mika, tom, aiko]) {
      await each.raw.getByRole("button", { name: "Leave" }).click();
      await each.raw.getByRole("heading", { name: /You left/ }).waitFor();
      expect(await each.leaks()).toEqual({ tracks: 0, connections: 0 });
      expect(each.errors()).toEqual([]);
    }
    await Promise.all([mika, tom, aiko].map(({ page }) => page.close()));
  });

  it("an encrypted room shows its lock, and nothing to one who has another key", async () => {
    const [mika, tom, eve] = [await visitor(chromium, "Mika"), await visitor(chromium, "Tom"), await visitor(chromium, "Eve")];
    await join(mika, "/room/board#k=correct-horse");
    await join(tom, "/room/board#k=correct-horse");
    await mika.raw.getByText("Encrypted", { exact: true }).waitFor();
    await mika.raw.getByRole("listitem", { name: /^Tom, .*encrypted end to end/ }).waitFor();
    await (await probeMedia(mika.page, REMOTE)).expectVideo();
    await join(eve, "/room/board#k=wrong");
    await mika.raw.getByRole("listitem", { name: /^Eve, .*cannot be decrypted/ }).waitFor();
    await eve.raw.getByRole("listitem", { name: /^Tom, .*cannot be decrypted/ }).waitFor();
    await Promise.all([mika, tom, eve].map(({ page }) => page.close()));
  });
});

describe("a broadcast", () => {
  it("waits for it, shows it with sound, counts viewers, and says when it is over", async () => {
    const [mika, ken] = [await visitor(chromium, "Mika", { channel: "concert" }), await visitor(chromium, "Ken")];
    await ken.raw.goto(`${server.url}/live/concert`);
    await ken.raw.getByRole("heading", { name: "Not live yet" }).waitFor();
    await mika.raw.goto(`${server.url}/live`);
    await mika.raw.getByLabel("Title").fill("Spring concert");
    await mika.raw.getByRole("button", { name: "Go live" }).click();
    await mika.raw.getByText("1 viewer", { exact: true }).waitFor();
    await ken.raw.getByRole("heading", { name: "Spring concert" }).waitFor();
    await expect.poll(() => ken.raw.locator("video").evaluate((video: HTMLVideoElement) => video.videoWidth)).toBeGreaterThan(0);
    const probe = await probeMedia(ken.page, `document.querySelector("video")`);
    await probe.expectVideo();
    await probe.expectAudio();
    await mika.raw.getByText(/^(Runs well|Reduced quality)$/).waitFor();
    await ken.raw.keyboard.press("i");
    await ken.raw.getByText(/delay about \d+ ms/).waitFor();
    await mika.raw.getByRole("button", { name: "Stop broadcast" }).click();
    await mika.raw.getByRole("dialog").getByRole("button", { name: "Stop broadcast" }).click();
    await mika.raw.getByRole("heading", { name: "Your broadcast is over" }).waitFor();
    await ken.raw.getByRole("heading", { name: "The broadcast is over" }).waitFor();
    expect(await mika.leaks()).toEqual({ tracks: 0, connections: 0 });
    expect([...mika.errors(), ...ken.errors()]).toEqual([]);
    await Promise.all([mika.page.close(), ken.page.close()]);
  });
});
