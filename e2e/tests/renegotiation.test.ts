/** What both sides change during a call: video and screens added and removed, tracks and streams replaced, also at the same moment. */
import { type BrowserKind, type BrowserPage, probeMedia } from "@tsunagi/testkit/drivers";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { endCalls, followCalls } from "../support/calls.ts";
import { COLOURS, type Colour, type Expected, expectReceived, OF_CALL } from "../support/received.ts";
import { openStage } from "../support/stage.ts";

declare global {
  /** What the page sends or did send, by the test's name of it. */
  var sent: Record<string, MediaStream>;
}

let pages: Record<"ann" | "ben" | "fox", BrowserPage>;

beforeAll(async () => {
  const stage = await openStage({ sfu: false });
  const open = async (name: string, kind?: BrowserKind) => {
    const page = await stage.peer(name, kind);
    await followCalls(page);
    await page.evaluate(() => {
      globalThis.sent = {};
    });
    return page;
  };
  const [ann, ben, fox] = await Promise.all([open("ann"), open("ben"), open("fox", "firefox")]);
  pages = { ann, ben, fox };
});

afterEach(async () => {
  for (const page of Object.values(pages)) {
    await page.evaluate(() => {
      helpers.kept.streams = Object.values(sent);
      globalThis.sent = {};
    });
  }
  await endCalls(...Object.values(pages));
});

/** Both send a tone only; 440 Hz is the caller's, 880 Hz the callee's. */
async function callWithSound(caller: BrowserPage, callee: BrowserPage): Promise<void> {
  await caller.evaluate((id: string) => {
    sent.camera = helpers.signal({ hz: 440, video: false });
    follow(peer.call(id, sent.camera));
  }, callee.name);
  await callee.waitFor(() => call.state === "ringing");
  await callee.evaluate(() => {
    sent.camera = helpers.signal({ hz: 880, video: false });
    call.answer(sent.camera);
  });
  for (const page of [caller, callee]) await page.waitFor(() => call.open, { what: "the call's open" });
}

/** Steps in the page. Each may be put off to a moment that both pages know, so that both sides do theirs at once. */
const STEPS = {
  addVideo: (colour: string) => {
    const { camera } = sent;
    const [track] = helpers.signal({ colour, audio: false }).getVideoTracks();
    if (camera === undefined || track === undefined) throw new Error("no camera");
    camera.addTrack(track);
    call.addTrack(track, camera);
  },
  removeVideo: () => {
    const { camera } = sent;
    const [track] = camera?.getVideoTracks() ?? [];
    if (camera === undefined || track === undefined) throw new Error("no camera");
    call.removeTrack(track);
    camera.removeTrack(track);
    track.stop();
  },
  addScreen: (colour: string) => {
    sent.screen = helpers.signal({ colour, audio: false, width: 480, height: 270, framesPerSecond: 15 });
    for (const track of sent.screen.getTracks()) call.addTrack(track, sent.screen);
  },
  removeScreen: () => {
    for (const track of sent.screen?.getTracks() ?? []) {
      call.removeTrack(track);
      track.stop();
    }
  },
  replaceStream: (colour: string, hz: number) => {
    const old = sent.camera;
    sent.camera = helpers.signal({ colour, hz });
    call.replaceStream(sent.camera);
    for (const track of old?.getTracks() ?? []) track.stop();
  },
  replaceVideo: async (colour: string) => {
    const { camera } = sent;
    const [old] = camera?.getVideoTracks() ?? [];
    const [next] = helpers.signal({ colour, audio: false }).getVideoTracks();
    if (camera === undefined || old === undefined || next === undefined) throw new Error("no video to replace");
    await call.replaceTrack(old, next);
    camera.removeTrack(old);
    camera.addTrack(next);
    old.stop();
  },
} as const;

type StepName = keyof typeof STEPS;
type Step = readonly [name: StepName, colour?: Colour, hz?: number];

async function act(page: BrowserPage, [name, colour, hz]: Step, at = 0): Promise<void> {
  const args = JSON.stringify([colour === undefined ? undefined : COLOURS[colour], hz]);
  await page.expression(`new Promise((done, fail) => {
    const step = ${STEPS[name].toString()};
    setTimeout(() => Promise.resolve().then(() => step(...${args})).then(done, fail), Math.max(0, ${at} - Date.now()));
  })`);
}

async function actAtOnce(ours: readonly [BrowserPage, Step], theirs: readonly [BrowserPage, Step]): Promise<void> {
  const at = Date.now() + 150;
  await Promise.all([act(...ours, at), act(...theirs, at)]);
}

const CALLER = (colour?: Colour): Expected => ({ hz: 440, ...(colour === undefined ? {} : { colour }) });
const CALLEE = (colour?: Colour): Expected => ({ hz: 880, ...(colour === undefined ? {} : { colour }) });
const SCREEN = (colour: Colour): Expected => ({ colour });

async function expectBoth(
  what: string,
  [caller, atCaller]: readonly [BrowserPage, readonly Expected[]],
  [callee, atCallee]: readonly [BrowserPage, readonly Expected[]],
): Promise<void> {
  await Promise.all([expectReceived(caller, OF_CALL, atCaller, { what }), expectReceived(callee, OF_CALL, atCallee, { what })]);
  for (const page of [caller, callee]) {
    const { state, errors } = await page.evaluate(() => ({
      state: call.state,
      errors: events.filter((each) => each.startsWith("error") || each === "reconnecting"),
    }));
    expect({ what, state, errors }).toEqual({ what, state: "connected", errors: [] });
  }
}

describe.each([
  ["Chromium with Chromium", "ann", "ben"],
  // Either side changes what it sends: the other way round is the same.
  ["Firefox calls Chromium", "fox", "ben"],
] as const)("%s", (_, callerName, calleeName) => {
  const both = () => [pages[callerName], pages[calleeName]] as const;

  it("each side adds and removes video and a screen, one after the other", async () => {
    const [caller, callee] = both();
    await callWithSound(caller, callee);
    await expectBoth("sound only", [caller, [CALLEE()]], [callee, [CALLER()]]);
    await act(caller, ["addVideo", "red"]);
    await expectBoth("caller's video", [caller, [CALLEE()]], [callee, [CALLER("red")]]);
    await act(callee, ["addVideo", "blue"]);
    await expectBoth("callee's video", [caller, [CALLEE("blue")]], [callee, [CALLER("red")]]);
    await act(callee, ["addScreen", "green"]);
    await expectBoth("callee's screen", [caller, [CALLEE("blue"), SCREEN("green")]], [callee, [CALLER("red")]]);
    await act(caller, ["addScreen", "yellow"]);
    await expectBoth("caller's screen", [caller, [CALLEE("blue"), SCREEN("green")]], [callee, [CALLER("red"), SCREEN("yellow")]]);
    await act(callee, ["removeVideo"]);
    await expectBoth("callee's video off", [caller, [CALLEE(), SCREEN("green")]], [callee, [CALLER("red"), SCREEN("yellow")]]);
    await act(caller, ["removeScreen"]);
    await expectBoth("caller's screen off", [caller, [CALLEE(), SCREEN("green")]], [callee, [CALLER("red")]]);
    await act(callee, ["removeScreen"]);
    await act(caller, ["removeVideo"]);
    await expectBoth("sound only again", [caller, [CALLEE()]], [callee, [CALLER()]]);
    // What was used once serves again.
    await act(caller, ["addVideo", "cyan"]);
    await act(callee, ["addVideo", "magenta"]);
    await expectBoth("both videos again", [caller, [CALLEE("magenta")]], [callee, [CALLER("cyan")]]);
    const sections = await caller.evaluate(() => call.getPeerConnection()?.getTransceivers().length ?? 0);
    expect(sections).toBeLessThanOrEqual(5);
  });

  it("both at the same moment: the offers meet, and both get what they should, the picture without a gap", async () => {
    const [caller, callee] = both();
    await callWithSound(caller, callee);
    await actAtOnce([caller, ["addVideo", "red"]], [callee, ["addVideo", "blue"]]);
    await expectBoth("both videos at once", [caller, [CALLEE("blue")]], [callee, [CALLER("red")]]);
    const probes = await Promise.all([caller, callee].map((page) => probeMedia(page, "call.remoteStream")));
    for (const probe of probes) await probe.expectVideo();
    const gaps = probes.map((probe) =>
      probe.longestGapDuring(async () => {
        await screens;
      }),
    );
    const rounds = async () => {
      for (const [ours, theirs] of [
        ["green", "yellow"],
        ["cyan", "magenta"],
      ] as const) {
        await actAtOnce([caller, ["addScreen", ours]], [callee, ["addScreen", theirs]]);
        await expectBoth(
          `screens ${ours} and ${theirs} at once`,
          [caller, [CALLEE("blue"), SCREEN(theirs)]],
          [callee, [CALLER("red"), SCREEN(ours)]],
        );
        await actAtOnce([caller, ["removeScreen"]], [callee, ["removeScreen"]]);
        await expectBoth("screens off at once", [caller, [CALLEE("blue")]], [callee, [CALLER("red")]]);
      }
      // One comes while the other goes.
      await act(caller, ["addScreen", "green"]);
      await actAtOnce([caller, ["removeScreen"]], [callee, ["addScreen", "yellow"]]);
      await expectBoth("one screen for the other", [caller, [CALLEE("blue"), SCREEN("yellow")]], [callee, [CALLER("red")]]);
    };
    const screens = rounds();
    for (const gap of await Promise.all(gaps)) expect(gap).toBeLessThan(1_000);
    for (const probe of probes) await probe.stop();
  });

  it("tracks and whole streams are replaced, alone and at the same moment", async () => {
    const [caller, callee] = both();
    await callWithSound(caller, callee);
    await actAtOnce([caller, ["addVideo", "red"]], [callee, ["addVideo", "blue"]]);
    await expectBoth("both videos", [caller, [CALLEE("blue")]], [callee, [CALLER("red")]]);
    await act(caller, ["replaceVideo", "green"]);
    await expectBoth("caller's other camera", [caller, [CALLEE("blue")]], [callee, [CALLER("green")]]);
    await act(callee, ["replaceStream", "yellow", 660]);
    await expectBoth("callee's other stream", [caller, [{ colour: "yellow", hz: 660 }]], [callee, [CALLER("green")]]);
    await actAtOnce([caller, ["replaceStream", "magenta", 1_320]], [callee, ["replaceStream", "cyan", 1_760]]);
    await expectBoth(
      "both streams at once",
      [caller, [{ colour: "cyan", hz: 1_760 }]],
      [callee, [{ colour: "magenta", hz: 1_320 }]],
    );
    // Nothing is sent in the place of a track replaced by null, until another is added.
    await caller.evaluate(async () => {
      const [video] = sent.camera?.getVideoTracks() ?? [];
      if (video === undefined) throw new Error("no video");
      await call.replaceTrack(video, null);
      sent.camera?.removeTrack(video);
      video.stop();
    });
    await expectBoth(
      "caller's video replaced by nothing",
      [caller, [{ colour: "cyan", hz: 1_760 }]],
      [callee, [{ hz: 1_320, videoTracks: 1 }]],
    );
    // No stream at all, then one again.
    await callee.evaluate(() => {
      call.replaceStream(null);
      for (const track of sent.camera?.getTracks() ?? []) track.stop();
    });
    await expectBoth("callee's stream replaced by none", [caller, []], [callee, [{ hz: 1_320, videoTracks: 1 }]]);
    await act(callee, ["replaceStream", "blue", 880]);
    await act(caller, ["replaceStream", "red", 440]);
    await expectBoth("both streams again", [caller, [CALLEE("blue")]], [callee, [CALLER("red")]]);
  });
});

it("a real screen share in Chromium is a second stream, and its end takes it away", async () => {
  const { ann, ben } = pages;
  await callWithSound(ann, ben);
  // getDisplayMedia of the headless browser's own screen; everywhere else in this file a drawn stream of known colour stands for a screen.
  await ann.evaluate(async () => {
    sent.screen = await Tsunagi.shareScreen({ audio: false });
    for (const track of sent.screen.getTracks()) call.addTrack(track, sent.screen);
  });
  await expectReceived(ben, OF_CALL, [CALLER(), { colour: "any" }]);
  await act(ann, ["removeScreen"]);
  await expectBoth("screen off", [ann, [CALLEE()]], [ben, [CALLER()]]);
});
