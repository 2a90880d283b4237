/** Vanilla ICE: no candidate has a message of its own, by what goes over the pages' WebSockets; mixed with a side that trickles. */
import type { BrowserKind, BrowserPage } from "@tsunagi/testkit/drivers";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { endCalls, followCalls } from "../support/calls.ts";
import { COLOURS, expectReceived, OF_CALL, OF_ROOM } from "../support/received.ts";
import { openPeer } from "../support/sdk.ts";
import { openStage, type Stage } from "../support/stage.ts";

type Frame = { readonly way: "out" | "in"; readonly type: string; readonly sdp?: string; readonly connection?: string };

declare global {
  /** Every message over a WebSocket of the page, since it was loaded or emptied. */
  var wire: Frame[];
  var room: import("@tsunagi/sdk").MeshRoom;
}

/** Put before the page's own scripts: takes note of the messages that a WebSocket carries, each way. */
const WATCH_SOCKETS = `(${watchSockets.toString()})();`;

function watchSockets(): void {
  globalThis.wire = [];
  const note = (way: Frame["way"], text: unknown) => {
    const message = JSON.parse(String(text)) as Omit<Frame, "way">;
    wire.push({ ...message, way });
  };
  const Plain = globalThis.WebSocket;
  globalThis.WebSocket = class extends Plain {
    constructor(url: string | URL, protocols?: string | string[]) {
      super(url, protocols);
      this.addEventListener("message", ({ data }) => note("in", data));
    }
    override send(data: Parameters<WebSocket["send"]>[0]): void {
      note("out", data);
      super.send(data);
    }
  };
}

let stage: Stage;
let opened: BrowserPage[] = [];

beforeAll(async () => {
  stage = await openStage({ sfu: false });
});

afterEach(async () => {
  for (const page of opened) await page.evaluate(() => peer.destroy());
  await Promise.all(opened.map((page) => page.close()));
  opened = [];
});

let count = 0;
/** Without STUN, unless told: on this machine its answers are waited for in vain, some seconds for each description. */
async function open(kind: BrowserKind, trickle: boolean, stun = false): Promise<BrowserPage> {
  const page = await stage.page(`${trickle ? "trickle" : "vanilla"}-${++count}`, kind, { preload: [WATCH_SOCKETS] });
  await openPeer(page, stage.server, page.name, { trickle, ...(stun ? {} : { iceServers: [] }) });
  await followCalls(page);
  opened.push(page);
  return page;
}

const wireOf = (page: BrowserPage) =>
  page.evaluate(() =>
    wire.map(({ way, type, sdp = "" }) => ({
      way,
      type,
      candidates: sdp.match(/^a=candidate:/gm)?.length ?? 0,
      sdp: sdp !== "",
    })),
  );

async function talk(caller: BrowserPage, callee: BrowserPage, trickle?: boolean): Promise<void> {
  await caller.evaluate(
    (id: string, colour: string, trickles: boolean | undefined) => {
      helpers.kept.streams = [helpers.signal({ colour, hz: 440 })];
      follow(peer.call(id, (helpers.kept.streams as MediaStream[])[0], trickles === undefined ? {} : { trickle: trickles }));
    },
    callee.name,
    COLOURS.red,
    trickle,
  );
  await callee.waitFor(() => call.state === "ringing");
  await callee.evaluate((colour: string) => {
    helpers.kept.streams = [helpers.signal({ colour, hz: 880 })];
    call.answer((helpers.kept.streams as MediaStream[])[0]);
  }, COLOURS.blue);
  await Promise.all([
    expectReceived(caller, OF_CALL, [{ colour: "blue", hz: 880 }]),
    expectReceived(callee, OF_CALL, [{ colour: "red", hz: 440 }]),
  ]);
}

/** Descriptions went both ways, each whole, and no candidate by itself. */
async function expectNoTrickle(...pages: readonly BrowserPage[]): Promise<void> {
  for (const page of pages) {
    const seen = await wireOf(page);
    expect(seen.filter(({ type }) => type === "candidate")).toEqual([]);
    const descriptions = seen.filter(({ sdp }) => sdp);
    expect(new Set(descriptions.map(({ way }) => way))).toEqual(new Set(["in", "out"]));
    expect(descriptions.filter(({ candidates }) => candidates === 0)).toEqual([]);
  }
}

describe.each([
  ["Chromium calls Chromium", "chromium", "chromium"],
  ["Chromium calls Firefox", "chromium", "firefox"],
  ["Firefox calls Chromium", "firefox", "chromium"],
] as const)("%s", (_, callerKind, calleeKind) => {
  it("by the option of both peers: no candidate goes over the wire by itself, and they see each other", async () => {
    const [caller, callee] = await Promise.all([open(callerKind, false), open(calleeKind, false)]);
    await talk(caller, callee);
    await expectNoTrickle(caller, callee);
    // Neither does a change during the call, nor a data connection.
    await caller.evaluate((colour: string) => {
      const screen = helpers.signal({ colour, audio: false });
      (helpers.kept.streams as MediaStream[]).push(screen);
      for (const track of screen.getTracks()) call.addTrack(track, screen);
    }, COLOURS.green);
    await expectReceived(callee, OF_CALL, [{ colour: "red", hz: 440 }, { colour: "green" }]);
    await caller.evaluate(async (id: string) => {
      const data = peer.connect(id);
      await helpers.within(15_000, "the data connection's open", data.once("open"));
    }, callee.name);
    await expectNoTrickle(caller, callee);
  });

  it("by the caller's or the callee's option alone: the other follows, or trickles, and they see each other", async () => {
    const [vanilla, trickling] = await Promise.all([open(callerKind, false), open(calleeKind, true)]);
    await talk(vanilla, trickling);
    // Whoever is asked for Vanilla ICE gives it.
    await expectNoTrickle(vanilla, trickling);
    await endCalls(vanilla, trickling);
    for (const page of [vanilla, trickling]) await page.evaluate(() => wire.splice(0));
    await talk(trickling, vanilla);
    const sent = (await wireOf(vanilla)).filter(({ way }) => way === "out");
    expect(sent.filter(({ type }) => type === "candidate")).toEqual([]);
    expect(sent.filter(({ type, candidates }) => type === "answer" && candidates > 0)).toHaveLength(1);
    const trickled = (await wireOf(trickling)).filter(({ way, type }) => way === "out" && type === "candidate");
    expect(trickled.length).toBeGreaterThan(0);
  });
});

it("by the option of one call, with the server's own STUN", async () => {
  const [caller, callee] = await Promise.all([open("chromium", true, true), open("firefox", true, true)]);
  await talk(caller, callee, false);
  await expectNoTrickle(caller, callee);
});

it("a mesh room of three, one in Firefox", async () => {
  const members = await Promise.all([open("chromium", false), open("firefox", false), open("chromium", false)]);
  const colours = ["red", "green", "blue"] as const;
  await Promise.all(
    members.map((page, at) =>
      page.evaluate(
        (colour: string) => {
          helpers.kept.streams = [helpers.signal({ colour, audio: false })];
          globalThis.room = peer.joinRoom("vanilla", { stream: (helpers.kept.streams as MediaStream[])[0] ?? null });
        },
        COLOURS[colours[at] ?? "red"],
      ),
    ),
  );
  await Promise.all(
    members.map((page, at) => {
      const others = colours.filter((_, index) => index !== at).map((colour) => ({ colour }));
      return expectReceived(page, OF_ROOM, others);
    }),
  );
  await expectNoTrickle(...members);
});
