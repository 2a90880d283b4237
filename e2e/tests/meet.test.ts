/** The web app in real browsers against the real server: rooms, the telephone, and that everybody can use them. */
import { readFileSync } from "node:fs";
import { launchChromium, probeMedia, type ServerProcess, startServer } from "@tsunagi/testkit/drivers";
import { beforeAll, describe, expect, it } from "vitest";
import { callFromPhone, expectAccessible, expectFits, joinRoom, openPhone, visitor } from "../support/meet.ts";

let server: ServerProcess;
let chromium: Awaited<ReturnType<typeof launchChromium>>;
beforeAll(async () => {
  server = await startServer();
  chromium = await launchChromium({ whole: true });
});

/** The n-th picture of the other side on the stage. */
const REMOTE = `document.querySelector("[data-tile] video")`;

describe("a room", () => {
  it("two people see and hear each other, write, send a file, mute, share a screen and leave", async () => {
    const mika = await visitor(chromium, "Mika");
    const tom = await visitor(chromium, "Tom");
    await joinRoom(mika, server, "studio");
    await mika.raw.getByRole("heading", { name: "You are the only one here" }).waitFor();
    await joinRoom(tom, server, "studio");
    for (const each of [mika, tom]) {
      await each.raw.locator('[data-tile$="/camera"][data-state="connected"]').waitFor();
      const probe = await probeMedia(each.page, REMOTE);
      await probe.expectVideo();
      await probe.expectAudio();
    }

    // Chat: a badge while it is closed, the text when it is open.
    await tom.raw.getByRole("button", { name: "Open chat" }).click();
    await tom.raw.getByRole("textbox", { name: "Message" }).fill("Plans: https://example.org/plans");
    await tom.raw.keyboard.press("Enter");
    await mika.raw.getByRole("button", { name: "Open chat, 1 unread message" }).click();
    await mika.raw.getByRole("link", { name: "https://example.org/plans" }).waitFor();

    // A file: offered, accepted, whole.
    const text = "a plan ".repeat(50_000);
    await tom.raw
      .locator("input[type=file]")
      .setInputFiles({ name: "plan.txt", mimeType: "text/plain", buffer: Buffer.from(text) });
    await mika.raw.getByRole("button", { name: "Receive" }).click();
    const save = mika.raw.getByRole("link", { name: "Save" });
    await save.waitFor();
    expect(await save.getAttribute("download")).toBe("plan.txt");
    const saving = mika.raw.waitForEvent("download");
    await save.click();
    expect(readFileSync(await (await saving).path(), "utf8")).toBe(text);
    await tom.raw.getByText("Sent · 350 kB").waitFor();

    // Muting shows at the other side; the key M works while nobody writes.
    await tom.raw.keyboard.press("Escape");
    await tom.raw.locator("main").click({ position: { x: 5, y: 5 } });
    await tom.raw.keyboard.press("m");
    await mika.raw.getByRole("listitem", { name: "Tom, microphone off" }).waitFor();
    // Space opens it for as long as it is held.
    await tom.raw.keyboard.down("Space");
    await mika.raw.getByRole("listitem", { name: /^Tom, microphone on/ }).waitFor();
    await tom.raw.keyboard.up("Space");
    await mika.raw.getByRole("listitem", { name: "Tom, microphone off" }).waitFor();

    // Camera off puts the light out; on again without a new negotiation.
    await tom.raw.getByRole("button", { name: "Turn camera off" }).click();
    await tom.raw.getByRole("button", { name: "Turn camera on" }).click();
    await tom.raw.getByRole("button", { name: "Turn camera off" }).waitFor();
    await (await probeMedia(mika.page, REMOTE)).expectVideo();

    // The screen leads on the stage, whole.
    await tom.raw.getByRole("button", { name: "Share screen" }).click();
    const screen = mika.raw.getByRole("listitem", { name: "Tom’s screen" });
    await screen.waitFor();
    await (await probeMedia(mika.page, `document.querySelector('[data-tile$="/screen"] video')`)).expectVideo();
    expect(await screen.locator("video").evaluate((video) => getComputedStyle(video).objectFit)).toBe("contain");
    await tom.raw.getByRole("toolbar").getByRole("button", { name: "Stop sharing" }).click();
    await screen.waitFor({ state: "detached" });

    await tom.raw.getByRole("button", { name: "Leave" }).click();
    await tom.raw.getByRole("heading", { name: "You left “studio”" }).waitFor();
    await mika.raw.getByRole("heading", { name: "You are the only one here" }).waitFor();
    expect(await tom.leaks()).toEqual({ tracks: 0, connections: 0 });

    // Away by the browser's own means: the other side sees it at once, and nothing is left running.
    await tom.raw.getByRole("button", { name: "Join again" }).click();
    await tom.raw.getByRole("button", { name: "Join", exact: true }).click();
    await mika.raw.getByRole("listitem", { name: /^Tom/ }).waitFor();
    await tom.raw.goBack();
    await mika.raw.getByRole("heading", { name: "You are the only one here" }).waitFor();
    expect([...mika.errors(), ...tom.errors()]).toEqual([]);
    await Promise.all([mika.page.close(), tom.page.close()]);
  });

  it("a listener hears and sees without sending, by a link", async () => {
    const mika = await visitor(chromium, "Mika");
    const ken = await visitor(chromium, "Ken");
    await joinRoom(mika, server, "lecture");
    await joinRoom(ken, server, "lecture", "?listen=1");
    await ken.raw.locator('[data-tile$="/camera"][data-state="connected"] video').waitFor();
    const probe = await probeMedia(ken.page, REMOTE);
    await probe.expectVideo();
    await probe.expectAudio();
    expect(await ken.leaks()).toMatchObject({ tracks: 0 });
    expect(await ken.raw.getByRole("button", { name: /microphone/i }).count()).toBe(0);
    await mika.raw.getByRole("button", { name: "Show people" }).click();
    await mika.raw.getByText("connected · only listens").waitFor();
    await Promise.all([mika.page.close(), ken.page.close()]);
  });

  it("a server that goes away shows a banner, and the call goes on", async () => {
    const own = await startServer();
    const [mika, tom] = [await visitor(chromium, "Mika"), await visitor(chromium, "Tom")];
    await joinRoom(mika, own, "studio");
    await joinRoom(tom, own, "studio");
    await mika.raw.locator('[data-tile$="/camera"][data-state="connected"] video').waitFor();
    const probe = await probeMedia(mika.page, REMOTE);
    await probe.expectVideo();
    await own.kill("SIGKILL");
    await mika.raw.getByText("Connection to the server lost. Reconnecting…").first().waitFor();
    await own.start();
    await mika.raw.getByText("Connected again").waitFor();
    await probe.expectVideo();
    await mika.raw.getByRole("listitem", { name: /^Tom/ }).waitFor();
    await Promise.all([mika.page.close(), tom.page.close()]);
    await own.close();
  });

  it("a wrong key is told with what to do", async () => {
    const mika = await visitor(chromium, "Mika");
    await mika.raw.goto(`${server.url}/room/studio?key=00000000-0000-0000-0000-000000000000`);
    await mika.raw.getByRole("button", { name: "Join", exact: true }).click();
    await mika.raw.getByText("The server does not know this API key.").waitFor();
    await mika.raw.getByRole("button", { name: /auth\.key\.unknown/ }).waitFor();
    await expectAccessible(mika, "a refusal");
    expect(await mika.leaks()).toEqual({ tracks: 0, connections: 0 });
    await mika.page.close();
  });
});

describe("the telephone", () => {
  it("rings, is answered, talks, chats and is hung up", async () => {
    const [mika, tom] = [await visitor(chromium, "Mika"), await visitor(chromium, "Tom")];
    const id = await openPhone(mika, server);
    expect(id).toMatch(/^\d{3}-\d{3}-\d{3}$/);
    await openPhone(tom, server);
    await callFromPhone(tom, id.replaceAll("-", " "));
    await mika.raw.getByRole("heading", { name: "Tom is calling" }).waitFor();
    await tom.raw.getByText("Ringing").waitFor();
    await expectAccessible(mika, "an incoming call");
    await expectFits(mika, "an incoming call");
    await mika.raw.getByRole("button", { name: "Answer with video" }).click();
    for (const each of [mika, tom]) {
      await each.raw.locator('[data-tile$="/camera"][data-state="connected"] video').waitFor();
      const probe = await probeMedia(each.page, REMOTE);
      await probe.expectVideo();
      await probe.expectAudio();
    }
    // The caller learns the name behind the number.
    await tom.raw.getByRole("heading", { name: "Mika" }).waitFor();
    await tom.raw.getByRole("button", { name: "Open chat" }).click();
    await tom.raw.getByRole("textbox", { name: "Message" }).fill("Can you hear me?");
    await tom.raw.keyboard.press("Enter");
    await mika.raw.getByRole("button", { name: "Open chat, 1 unread message" }).waitFor();
    await mika.raw.getByRole("button", { name: "Hang up" }).click();
    await mika.raw.getByText("You hung up.").waitFor();
    await tom.raw.getByText("Mika hung up.").waitFor();
    await tom.raw.getByText(/^Duration: \d/).waitFor();
    for (const each of [mika, tom]) expect(await each.leaks()).toEqual({ tracks: 0, connections: 0 });
    expect([...mika.errors(), ...tom.errors()]).toEqual([]);
    await Promise.all([mika.page.close(), tom.page.close()]);
  });

  it("is declined, busy, cancelled, and nobody there", async () => {
    const [mika, tom, aiko] = [await visitor(chromium, "Mika"), await visitor(chromium, "Tom"), await visitor(chromium, "Aiko")];
    const id = await openPhone(mika, server);
    await openPhone(tom, server);
    await openPhone(aiko, server);

    await callFromPhone(tom, id);
    await mika.raw.getByRole("heading", { name: "Tom is calling" }).waitFor();
    // Whoever already rings is not interrupted.
    await callFromPhone(aiko, id);
    await aiko.raw.getByText(`${id} is in another call.`).waitFor();
    await mika.raw.getByRole("button", { name: "Decline" }).click();
    await mika.raw.getByText("You declined the call.").waitFor();
    await tom.raw.getByText(`${id} declined the call.`).waitFor();

    await tom.raw.getByRole("button", { name: "Call again" }).click();
    await mika.raw.getByRole("heading", { name: "Tom is calling" }).waitFor();
    await tom.raw.getByRole("button", { name: "Hang up" }).click();
    await mika.raw.getByText("You missed a call from Tom.").waitFor();

    await tom.raw.getByRole("button", { name: "Back to the phone" }).click();
    await callFromPhone(tom, "000-000-000");
    await tom.raw.getByText("Nobody with this ID is there now.").waitFor();
    for (const each of [mika, tom, aiko]) expect(await each.leaks()).toEqual({ tracks: 0, connections: 0 });
    await Promise.all([mika.page.close(), tom.page.close(), aiko.page.close()]);
  });

  it("opened twice, the second one takes a number of its own", async () => {
    const mika = await visitor(chromium, "Mika", { phoneId: "111-222-333" });
    const again = await visitor(chromium, "Mika", { phoneId: "111-222-333" });
    expect(await openPhone(mika, server)).toBe("111-222-333");
    expect(await openPhone(again, server)).not.toBe("111-222-333");
    await Promise.all([mika.page.close(), again.page.close()]);
  });
});

describe("everybody can use it", () => {
  it("axe finds nothing and nothing overflows at 360 px, outside of calls, in light and dark, in both languages", async () => {
    for (const [language, scheme] of [
      ["en", "light"],
      ["ja", "dark"],
    ] as const) {
      const mika = await visitor(chromium, "Mika", { language, rooms: ["studio"] });
      await mika.raw.emulateMedia({ colorScheme: scheme });
      for (const path of ["/", "/room/studio", "/room/studio?listen=1", "/phone", "/settings", "/no/such/place"]) {
        await mika.raw.goto(server.url + path);
        await mika.raw.getByRole("heading", { level: 1 }).waitFor();
        if (path === "/phone") await mika.raw.locator("[translate=no]").waitFor();
        await expectAccessible(mika, `${path} ${language}`);
        await expectFits(mika, `${path} ${language}`);
      }
      expect(mika.errors()).toEqual([]);
      await mika.page.close();
    }
  });

  it("axe finds nothing in a call, with each panel and dialog open", async () => {
    const [mika, tom] = [await visitor(chromium, "Mika"), await visitor(chromium, "Tom")];
    await joinRoom(mika, server, "axe");
    await expectAccessible(mika, "alone in a room");
    await joinRoom(tom, server, "axe");
    await mika.raw.locator('[data-tile$="/camera"][data-state="connected"]').waitFor();
    await expectAccessible(mika, "a room");
    await expectFits(mika, "a room");
    await mika.raw.getByRole("button", { name: "Open chat" }).click();
    await mika.raw.getByRole("textbox", { name: "Message" }).fill("Hello");
    await mika.raw.keyboard.press("Enter");
    await expectAccessible(mika, "chat");
    await expectFits(mika, "chat");
    await mika.raw.keyboard.press("Escape");
    await mika.raw.getByRole("button", { name: "Show people" }).click();
    await expectAccessible(mika, "people");
    await mika.raw.keyboard.press("Escape");
    for (const item of ["Keyboard shortcuts", "Devices and settings"]) {
      await mika.raw.getByRole("button", { name: "More" }).click();
      await expectAccessible(mika, "menu");
      await mika.raw.getByRole("menuitem", { name: item }).click();
      await mika.raw.getByRole("dialog", { name: item }).waitFor();
      await expectAccessible(mika, item);
      await mika.raw.keyboard.press("Escape");
    }
    await mika.raw.getByRole("button", { name: "More" }).click();
    await mika.raw.getByRole("menuitem", { name: "Show statistics" }).click();
    await mika.raw.getByRole("region", { name: "Statistics" }).waitFor();
    await expectAccessible(mika, "statistics");
    await Promise.all([mika.page.close(), tom.page.close()]);
  });

  it("the toolbar hides after 3 s without movement, and never while the keyboard is in it", async () => {
    const mika = await visitor(chromium, "Mika");
    await joinRoom(mika, server, "quiet");
    const opacity = () =>
      mika.raw.getByRole("region", { name: "Call controls" }).evaluate((bar) => getComputedStyle(bar).opacity);
    await mika.raw.mouse.move(300, 300);
    await expect.poll(opacity, { timeout: 6_000 }).toBe("0");
    await mika.raw.mouse.move(310, 300);
    await expect.poll(opacity).toBe("1");
    await mika.raw.keyboard.press("Tab");
    await mika.raw.getByRole("button", { name: "Mute microphone" }).focus();
    await mika.raw.waitForTimeout(4_000);
    expect(await opacity()).toBe("1");
    await mika.page.close();
  });
});
