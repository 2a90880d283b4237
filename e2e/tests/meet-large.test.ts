/** The web app in rooms of many: pages, layouts, speakers, what is asked of the server; over a pretended server, so that fifty fit a test machine. */
import { launchChromium } from "@tsunagi/testkit/drivers";
import { beforeAll, describe, expect, it } from "vitest";
import { expectAccessible, expectFits, startPretended, type Visitor, visitor } from "../support/meet.ts";

let url: string;
let chromium: Awaited<ReturnType<typeof launchChromium>>;
beforeAll(async () => {
  url = await startPretended();
  chromium = await launchChromium({ whole: true });
});

async function enter(count: number, settings: Readonly<Record<string, unknown>> = {}): Promise<Visitor> {
  const mika = await visitor(chromium, "Mika", settings);
  await mika.raw.goto(`${url}/room/people-${count}?key=k`);
  await mika.raw.locator('form button[type="submit"]').click();
  await mika.raw.locator("[data-tile]").first().waitFor();
  return mika;
}

const tiles = ({ raw }: Visitor) =>
  raw.locator("[data-tile]").evaluateAll((all) => all.map((tile) => tile.getAttribute("data-tile")?.split("/")[0] ?? ""));
/** A place on the stage by its tile: who is where. */
const places = ({ raw }: Visitor) =>
  raw
    .locator("[data-tile]")
    .evaluateAll((all) =>
      Object.fromEntries(all.map((tile) => [(tile as HTMLElement).style.translate, tile.getAttribute("data-tile")])),
    );
const call = ({ raw }: Visitor, script: string) => raw.evaluate(`fake.${script}`);

describe("a room of fifty", () => {
  it("shows pages; whoever speaks elsewhere comes to the first, and nobody else moves", async () => {
    const mika = await enter(50);
    await mika.raw.getByText("51 people").waitFor();
    const first = await tiles(mika);
    // 5 × 5 places, the last of them one's own.
    expect(first).toHaveLength(24);
    await mika.raw.getByRole("status", { name: "Page 1 of 3" }).waitFor();
    const before = await places(mika);
    await call(mika, 'speak("p42")');
    await mika.raw.locator('[data-tile="p42/camera"]').waitFor();
    const after = await places(mika);
    const moved = Object.keys(before).filter((place) => before[place] !== after[place]);
    expect(moved).toHaveLength(1);
    expect(after[moved[0] ?? ""]).toBe("p42/camera");
    await mika.raw.getByRole("listitem", { name: /speaking/ }).waitFor();

    // Only what is on the page is wanted of the server; everybody is heard.
    const wanted = async () => ((await call(mika, "wanted()")) as string[]).sort();
    await expect.poll(wanted).toEqual((await tiles(mika)).map((id) => `${id}-camera`).sort());
    expect(await mika.raw.locator("audio").count()).toBe(50);
    await mika.raw.keyboard.press("PageDown");
    await mika.raw.getByRole("status", { name: "Page 2 of 3" }).waitFor();
    expect(await tiles(mika)).toHaveLength(24);
    await expect.poll(wanted).toEqual((await tiles(mika)).map((id) => `${id}-camera`).sort());
    // Beyond the last page there is none, and back is one step.
    for (const _ of [3, 4, 5]) await mika.raw.keyboard.press("PageDown");
    await mika.raw.getByRole("status", { name: "Page 3 of 3" }).waitFor();
    expect(await tiles(mika)).toHaveLength(2);
    await mika.raw.keyboard.press("PageUp");
    await mika.raw.getByRole("button", { name: "Previous page" }).click();
    await mika.raw.getByRole("status", { name: "Page 1 of 3" }).waitFor();

    // The place of one who leaves is filled from the next page.
    const [leaving] = await tiles(mika);
    await call(mika, `leave("${leaving}")`);
    await mika.raw.locator(`[data-tile="${leaving}/camera"]`).waitFor({ state: "detached" });
    expect(await tiles(mika)).toHaveLength(24);
    // A phone shows fewer at once.
    await mika.raw.setViewportSize({ width: 390, height: 844 });
    await expect.poll(async () => (await tiles(mika)).length).toBe(8);
    await expectFits(mika, "a room of fifty");
    expect(mika.errors()).toEqual([]);
    await mika.page.close();
  });

  it("L goes through the layouts; the one in focus leads at the server; statistics tell each picture's layer", async () => {
    const mika = await enter(12);
    const { raw } = mika;
    await call(mika, 'speak("p3")');
    await raw.keyboard.press("l");
    await raw.getByRole("button", { name: "Layout: show only one" }).waitFor();
    const widest = () =>
      raw.locator("[data-tile]").evaluateAll((all) =>
        all
          .map((tile) => ({ key: tile.getAttribute("data-tile"), width: (tile as HTMLElement).clientWidth }))
          .sort((one, other) => other.width - one.width)
          .at(0),
      );
    await expect.poll(async () => (await widest())?.key).toBe("p3/camera");
    await expect.poll(() => call(mika, 'subscriptions.get("p3-camera").priority')).toBe(5);
    // Whose turn it is to speak is large; a pin holds against that.
    await call(mika, 'speak("p6")');
    await expect.poll(async () => (await widest())?.key).toBe("p6/camera");
    await raw.locator('[data-tile="p6/camera"]').hover();
    await raw.locator('[data-tile="p6/camera"]').getByRole("button", { name: /^Pin/ }).click();
    await call(mika, 'speak("p3")');
    await raw.keyboard.press("l");
    await expect.poll(() => tiles(mika)).toEqual(["p6"]);
    expect(await call(mika, "wanted()")).toEqual(["p6-camera"]);
    await raw.keyboard.press("l");
    await expect.poll(async () => (await tiles(mika)).length).toBe(12);

    await call(mika, 'hold("p4", "bandwidth")');
    await raw.getByRole("listitem", { name: /No picture: the network is too slow/ }).waitFor();
    await raw.getByRole("button", { name: "More" }).click();
    await raw.getByRole("menuitem", { name: "Show statistics" }).click();
    await raw.getByText("Through the server · connected · downlink about 8.4 Mbit/s").waitFor();
    await raw.locator('[data-tile="p0/camera"]').getByText("2 of 3, T2 · 182 kbit/s").waitFor();
    await raw.locator('[data-tile="p4/camera"]').getByText("bandwidth").waitFor();
    await call(mika, 'emit("publicationPaused", { id: "own" })');
    await raw.getByText("nobody watches your picture").waitFor();

    // A screen leads, at the server too, and its sender's camera stays.
    await call(mika, 'shareScreen("p2")');
    await expect.poll(async () => (await widest())?.key).toBe("p2/screen");
    await expect.poll(() => call(mika, 'subscriptions.get("p2-screen").priority')).toBe(5);
    await call(mika, 'link("reconnecting")');
    await raw.getByText("Picture and sound are interrupted. Reconnecting…").waitFor();
    await expectAccessible(mika, "a shared screen while the path is repaired");
    expect(mika.errors()).toEqual([]);
    await mika.page.close();
  });

  it("the list of people has counts and finds a name", async () => {
    const mika = await enter(20);
    const { raw } = mika;
    await call(mika, 'members.set("l1", { peerId: "l1", receiveOnly: true, metadata: { name: "Ken" } })');
    await call(mika, 'emit("peerJoin", "l1", fake.members.get("l1"))');
    await raw.getByRole("button", { name: "Show people" }).click();
    await raw.getByText("21 in the call, 1 only listening").waitFor();
    await raw.getByRole("searchbox", { name: "Find a name" }).fill("ken");
    await expect.poll(() => raw.getByRole("complementary").getByRole("listitem").count()).toBe(1);
    await expectAccessible(mika, "people");
    await mika.page.close();
  });
});

describe("the door", () => {
  it("offers the way of the media and encryption; the address carries both", async () => {
    const mika = await visitor(chromium, "Mika");
    const { raw } = mika;
    await raw.goto(`${url}/room/board?key=k`);
    await raw.getByText("Advanced").click();
    await raw.getByLabel("Picture and sound go").selectOption({ label: "Large room: through the server" });
    expect(new URL(raw.url()).search).toBe("?mode=large&key=k");
    await raw.getByRole("checkbox", { name: "Encrypt from end to end" }).check();
    expect(new URL(raw.url()).hash).toMatch(/^#k=[\w-]{22}$/);
    await expectAccessible(mika, "the door, open wide");
    await expectFits(mika, "the door, open wide");
    await mika.page.close();
  });
});
