/** The pages of a broadcast in each of their states, over a pretended server: what is said before, during, in a break and after. */
import { launchChromium } from "@tsunagi/testkit/drivers";
import { beforeAll, describe, expect, it } from "vitest";
import { expectAccessible, expectFits, startPretended, visitor } from "../support/meet.ts";

let url: string;
let chromium: Awaited<ReturnType<typeof launchChromium>>;
beforeAll(async () => {
  url = await startPretended();
  chromium = await launchChromium({ whole: true });
});

describe("the viewers' page", () => {
  it("waits, shows, says when it is interrupted and over, and is worked by keys", async () => {
    const ken = await visitor(chromium, "Ken");
    const { raw } = ken;
    await raw.goto(`${url}/live/concert?key=k`);
    await raw.getByRole("heading", { name: "Not live yet" }).waitFor();
    await expectAccessible(ken, "waiting for a broadcast");
    await expectFits(ken, "waiting for a broadcast");
    await raw.evaluate('fake.goLive("Spring concert")');
    await raw.getByRole("heading", { name: "Spring concert" }).waitFor();
    await raw.getByText("LIVE", { exact: true }).waitFor();
    await raw.getByText("38 viewers").waitFor();
    await expect.poll(() => raw.locator("video").evaluate((video: HTMLVideoElement) => video.videoWidth)).toBe(320);
    await raw.getByLabel("Quality").selectOption("low");
    expect(await raw.evaluate('fake.subscriptions.get("p0-camera").quality')).toBe("low");
    await raw.keyboard.press("Escape");
    await raw.locator("main").click({ position: { x: 8, y: 8 } });
    const muted = () => raw.locator("video").evaluate((video: HTMLVideoElement) => video.muted);
    await raw.keyboard.press("m");
    await raw.getByRole("button", { name: "Turn sound on" }).waitFor();
    expect(await muted()).toBe(true);
    await raw.keyboard.press("m");
    await expect.poll(muted).toBe(false);
    await raw.keyboard.press("ArrowDown");
    await expect.poll(() => raw.getByRole("slider", { name: "Volume" }).inputValue()).toBe("0.9");
    await raw.keyboard.press("i");
    await raw.getByRole("note", { name: "Statistics" }).waitFor();
    await expectAccessible(ken, "a broadcast");
    await expectFits(ken, "a broadcast");

    await raw.evaluate('fake.publications.clear(), fake.subscriptions.clear(), fake.emit("unpublished", { peerId: "p0" })');
    await raw.getByRole("heading", { name: "The picture is interrupted" }).waitFor();
    await raw.evaluate("fake.stopLive()");
    await raw.getByRole("heading", { name: "The broadcast is over" }).waitFor();
    expect(ken.errors()).toEqual([]);
    await ken.page.close();
  });

  it("a browser that holds sound back shows the picture, and asks for a touch", async () => {
    const strict = await launchChromium({ whole: true, args: ["--autoplay-policy=user-gesture-required"] });
    const ken = await visitor(strict, "Ken");
    const { raw } = ken;
    await raw.goto(`${url}/live/concert-soon?key=k`);
    // Whatever the driver asks of a page counts as a person's touch: it keeps still until the page has tried to play.
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    const hear = raw.getByRole("button", { name: "Tap to hear" });
    await hear.waitFor();
    expect(await raw.locator("video").evaluate((video: HTMLVideoElement) => video.paused)).toBe(false);
    await hear.click();
    await hear.waitFor({ state: "detached" });
    expect(await raw.locator("video").evaluate((video: HTMLVideoElement) => video.muted)).toBe(false);
    await strict.close();
  });
});

describe("the sender's page", () => {
  it("goes live from the camera, counts viewers, asks before it stops, and lets go of everything", async () => {
    const mika = await visitor(chromium, "Mika", { channel: "concert" });
    const { raw } = mika;
    await raw.goto(`${url}/live?key=k`);
    await raw.getByRole("radio", { name: "Camera" }).waitFor();
    await raw.getByLabel("Title").fill("Spring concert");
    await raw.getByText("Use OBS or another program").click();
    await raw.getByText(`${url}/whip/concert`).waitFor();
    await raw.getByRole("button", { name: "Copy: Bearer token" }).waitFor();
    await expectAccessible(mika, "before a broadcast");
    await expectFits(mika, "before a broadcast");
    await raw.getByRole("button", { name: "Go live" }).click();
    await raw.getByText("LIVE", { exact: true }).waitFor();
    await raw.getByText("0 viewers").waitFor();
    expect(await raw.getByRole("link", { name: "/live/concert" }).getAttribute("href")).toBe(`${url}/live/concert?key=k`);
    await raw.evaluate('fake.members.set("v", { peerId: "v", receiveOnly: true }), fake.emit("peerJoin", "v", {})');
    await raw.getByText("1 viewer", { exact: true }).waitFor();
    await expectAccessible(mika, "a broadcast");
    await expectFits(mika, "a broadcast");
    await raw.getByRole("button", { name: "Stop broadcast" }).click();
    await raw.getByRole("dialog", { name: "Stop for 1 viewer?" }).getByRole("button", { name: "Stop broadcast" }).click();
    await raw.getByRole("heading", { name: "Your broadcast is over" }).waitFor();
    expect(await mika.leaks()).toEqual({ tracks: 0, connections: 0 });
    expect(mika.errors()).toEqual([]);
    await mika.page.close();
  });

  it("shows a screen instead, and ends when the browser stops sharing it", async () => {
    const mika = await visitor(chromium, "Mika", { channel: "concert" });
    const { raw } = mika;
    await raw.goto(`${url}/live?key=k`);
    await raw.getByRole("radio", { name: "Screen" }).check();
    await raw.getByRole("button", { name: "Choose a screen" }).click();
    await raw.getByRole("button", { name: "Choose another one" }).waitFor();
    await raw.getByRole("button", { name: "Go live" }).click();
    await raw.getByText("LIVE", { exact: true }).waitFor();
    await raw.locator("video").evaluate((video: HTMLVideoElement) => {
      const [track] = (video.srcObject as MediaStream).getVideoTracks();
      track?.stop();
      track?.dispatchEvent(new Event("ended"));
    });
    await raw.getByRole("heading", { name: "Your broadcast is over" }).waitFor();
    expect(await mika.leaks()).toEqual({ tracks: 0, connections: 0 });
    await mika.page.close();
  });
});
