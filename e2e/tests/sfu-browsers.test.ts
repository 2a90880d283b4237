/** SFU rooms across browsers and codecs: Chromium and Firefox both ways, VP8, VP9 and AV1 with layers, H.264, Opus with DTX and RED. */
import type { BrowserPage } from "@tsunagi/testkit/drivers";
import { beforeAll, describe, expect, it } from "vitest";
import {
  expectAllSeeAll,
  expectSees,
  type JoinWishes,
  join,
  leave,
  look,
  openCrowd,
  type Person,
  takeJournal,
} from "../support/crowd.ts";
import { pause } from "../support/people.ts";
import { openStage, type Stage } from "../support/stage.ts";

let stage: Stage;
let chromium: BrowserPage;
let [ann, ben]: Person[] = [];
let [fox, fay]: Person[] = [];

beforeAll(async () => {
  stage = await openStage();
  chromium = await stage.page("chromium");
  const firefox = await stage.page("firefox", "firefox");
  [ann, ben] = await openCrowd(chromium, stage.server, ["ann", "ben"], 1);
  [fox, fay] = await openCrowd(firefox, stage.server, ["fox", "fay"], 5);
});

const all = () => [ann, ben, fox, fay] as [Person, Person, Person, Person];

async function leaveAll(...who: readonly Person[]): Promise<void> {
  for (const person of who) await leave(person);
}

describe("Chromium and Firefox in one room", () => {
  it("see and hear each other, all with all, whoever came first", async () => {
    const people = all();
    const [a, b, c, d] = people;
    for (const person of [a, c, b, d]) await join(person, "both");
    const allIsWell = async () => {
      await expectAllSeeAll(people, 30_000);
      for (const person of people) expect((await takeJournal(person)).filter((line) => /error|Leave/.test(line))).toEqual([]);
    };
    await allIsWell();
    await leaveAll(...people);
    for (const person of people) await takeJournal(person);
    for (const person of [d, b, c, a]) await join(person, "both again");
    await allIsWell();
    await leaveAll(...people);
  });

  it("miss nothing of who comes while a page is slow to apply the answer", async () => {
    const people = all();
    const [a, b, c, d] = people;
    for (const { page } of [a, c]) await slowDown(page, 700);
    for (const person of [a, c, b, d]) await join(person, "slow answers");
    await expectAllSeeAll(people, 30_000);
    for (const { page } of [a, c]) await slowDown(page, 0);
    await leaveAll(...people);
  });

  it("Firefox sends layers that Chromium chooses from, and the other way round", async () => {
    const [a, , f] = all();
    for (const [from, to] of [
      [a, f],
      [f, a],
    ] as const) {
      await join(from, "layers", { width: 640, height: 360, framesPerSecond: 15 });
      await join(to, "layers", null);
      await expectSees(to, [{ of: from, video: true, audio: true }]);
      for (const [quality, fits] of [
        ["high", (width: number) => width === 640],
        ["low", (width: number) => width <= 320],
        ["high", (width: number) => width === 640],
      ] as const) {
        await to.page.evaluate(
          (name: string, wanted: "high" | "low") => {
            for (const each of crowd.room(name).subscriptions.values()) each.setQuality(wanted);
          },
          to.name,
          quality,
        );
        const ms = await until(to, ({ width, frames }) => frames > 1 && fits(width));
        console.log(`${from.page.kind} to ${to.page.kind}, ${quality}: after ${ms} ms`);
      }
      await leaveAll(from, to);
    }
  });
});

/** Lets a page apply each description `ms` late, as a busy one does. */
const slowDown = (page: BrowserPage, ms: number) =>
  page.evaluate((wait: number) => {
    type Set = (this: RTCPeerConnection, description: RTCSessionDescriptionInit) => Promise<void>;
    const { prototype } = RTCPeerConnection;
    helpers.kept.prompt ??= prototype.setRemoteDescription;
    const prompt = helpers.kept.prompt as Set;
    prototype.setRemoteDescription =
      wait === 0
        ? (prompt as RTCPeerConnection["setRemoteDescription"])
        : (async function (this: RTCPeerConnection, description: RTCSessionDescriptionInit) {
            await new Promise((resolve) => setTimeout(resolve, wait));
            await prompt.call(this, description);
          } as RTCPeerConnection["setRemoteDescription"]);
  }, ms);

const pictures = async (person: Person): Promise<number> =>
  (await look(person, 2_000)).find(({ kind }) => kind === "video")?.frames ?? 0;

type Video = Awaited<ReturnType<typeof look>>[number];

async function until(person: Person, fits: (video: Video) => boolean): Promise<number> {
  const startedAt = performance.now();
  let last: Video | undefined;
  while (performance.now() - startedAt < 15_000) {
    last = (await look(person, 300)).find(({ kind }) => kind === "video");
    if (last !== undefined && fits(last)) return Math.round(performance.now() - startedAt);
  }
  throw new Error(`${person.name} does not see it within 15 s: ${JSON.stringify(last)}`);
}

describe("a video codec", () => {
  it.each<[string, JoinWishes, scalable: boolean, temporal: boolean]>([
    ["VP8", { videoCodec: "VP8" }, false, true],
    ["VP9", { videoCodec: "VP9", svc: "L3T3_KEY" }, true, true],
    ["AV1", { videoCodec: "AV1" }, false, true],
    ["AV1", { videoCodec: "AV1", svc: "L3T3_KEY" }, true, true],
    ["H264", { videoCodec: "H264" }, false, false],
  ])("%s is received as it is sent; its layers can be chosen where it has some", async (codec, wishes, scalable, temporal) => {
    const [a, b] = all();
    const offered = await chromium.evaluate(
      (name: string) => RTCRtpSender.getCapabilities("video")?.codecs.some(({ mimeType }) => mimeType === `video/${name}`),
      codec,
    );
    if (!offered) {
      console.log(`SKIPPED: this Chromium offers no ${codec}`);
      return;
    }
    const room = `codec ${codec} ${scalable}`;
    await join(a, room, { width: 640, height: 360, framesPerSecond: 12 }, wishes);
    await join(b, room, null);
    const seen = await expectSees(b, [{ of: a, video: true, audio: true }]);
    expect(seen.find(({ kind }) => kind === "video")?.mimeType.toLowerCase()).toBe(`video/${codec.toLowerCase()}`);
    const full = await until(b, ({ width, frames }) => frames > 2 && width === 640);
    const ask = (quality: "low" | { maxWidth: number; maxFrameRate: number }) =>
      b.page.evaluate(
        (name: string, wanted: typeof quality) => {
          for (const each of crowd.room(name).subscriptions.values()) each.setQuality(wanted);
        },
        b.name,
        quality,
      );
    await ask("low");
    const low = await until(b, ({ width, frames }) => frames > 2 && width > 0 && width < 640);
    if (temporal) {
      // The lowest temporal layer has a quarter of the pictures.
      const all = await pictures(b);
      await ask({ maxWidth: 320, maxFrameRate: 7 });
      await pause(1_000);
      const few = await pictures(b);
      console.log(`${codec}: ${all} pictures in 2 s, ${few} of the lowest temporal layer`);
      expect(few).toBeGreaterThan(0.1 * all);
      expect(few).toBeLessThan(0.45 * all);
    }
    const sent = await chromium.evaluate(async (name: string) => {
      const modes: string[] = [];
      (await crowd.connection(name).getStats()).forEach((each) => {
        if (each.type === "outbound-rtp" && each.kind === "video") modes.push(`${each.rid ?? ""} ${each.scalabilityMode ?? ""}`);
      });
      return modes;
    }, a.name);
    console.log(`${codec}: whole after ${full} ms, low after ${low} ms; encodings ${sent.join(", ")}`);
    if (scalable) expect(sent.length).toBe(1);
    await leaveAll(a, b);
  });
});

describe("Opus", () => {
  /** In the page: what the SFU answers is taken as if it wanted this of Opus, too. */
  const wantOfOpus = (parameter: string) =>
    chromium.evaluate((words: string) => {
      type Set = (this: RTCPeerConnection, description: RTCSessionDescriptionInit) => Promise<void>;
      const original = RTCPeerConnection.prototype.setRemoteDescription as Set;
      helpers.kept.original = original;
      RTCPeerConnection.prototype.setRemoteDescription = function (
        this: RTCPeerConnection,
        description: RTCSessionDescriptionInit,
      ) {
        const payload = /a=rtpmap:(\d+) opus\/48000/.exec(description.sdp ?? "")?.[1];
        const sdp = description.sdp?.replaceAll(new RegExp(`(a=fmtp:${payload} .*)`, "g"), `$1;${words}`);
        return original.call(this, { type: description.type, ...(sdp === undefined ? {} : { sdp }) });
      } as RTCPeerConnection["setRemoteDescription"];
    }, parameter);
  const restore = () =>
    chromium.evaluate(() => {
      RTCPeerConnection.prototype.setRemoteDescription = helpers.kept.original as RTCPeerConnection["setRemoteDescription"];
    });

  it("with DTX: hardly a packet while there is silence, and sound at once when it ends", async () => {
    const [a, b] = all();
    await wantOfOpus("usedtx=1");
    await join(a, "dtx", { video: false });
    await restore();
    await join(b, "dtx", null);
    await expectSees(b, [{ of: a, audio: true }]);
    const packets = async () => (await look(b, 200)).find(({ kind }) => kind === "audio")?.stats.packetsReceived ?? 0;
    const rate = async () => {
      const [before, startedAt] = [await packets(), performance.now()];
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      return ((await packets()) - before) / ((performance.now() - startedAt) / 1_000);
    };
    const mute = (enabled: boolean) =>
      chromium.evaluate(
        (name: string, value: boolean) => {
          for (const track of crowd.member(name).face?.getAudioTracks() ?? []) track.enabled = value;
        },
        a.name,
        enabled,
      );
    const loud = await rate();
    await mute(false);
    await expectSees(b, []);
    const silent = await rate();
    await mute(true);
    await expectSees(b, [{ of: a, audio: true }]);
    console.log(`Opus with DTX: ${loud.toFixed(0)} packets/s with sound, ${silent.toFixed(0)} in silence`);
    expect(loud).toBeGreaterThan(35);
    expect(silent).toBeLessThan(15);
    await leaveAll(a, b);
  });

  it("inside RED goes to who takes it", async () => {
    const [a, b] = all();
    const bytes: number[] = [];
    for (const audioCodec of ["opus", ["red", "opus"]]) {
      await join(a, `audio ${audioCodec}`, { video: false }, { audioCodec });
      await join(b, `audio ${audioCodec}`, null);
      await expectSees(b, [{ of: a, audio: true }]);
      await look(b, 1_500);
      const [{ stats } = { stats: {} as Readonly<Record<string, number>> }] = await expectSees(b, [{ of: a, audio: true }]);
      bytes.push((stats.bytesReceived ?? 0) / (stats.packetsReceived ?? 1));
      await leaveAll(a, b);
    }
    // Browsers call the codec inside it by its name; that each packet carries the one before, too, shows in its length.
    const [plain = 0, red = 0] = bytes;
    console.log(`Opus ${Math.round(plain)} bytes a packet, inside RED ${Math.round(red)}`);
    expect(red).toBeGreaterThan(1.5 * plain);
  });
});
