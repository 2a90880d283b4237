/** The telephone: calling, answering, refusing and hanging up, in Chromium and Firefox, with decoded frames and audible tones. */
import { type BrowserKind, type BrowserPage, probeMedia } from "@tsunagi/testkit/drivers";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { endCalls, followCalls } from "../support/calls.ts";
import { COLOURS, expectReceived, OF_CALL } from "../support/received.ts";
import { openStage } from "../support/stage.ts";

const RED = { colour: COLOURS.red, hz: 440 };
const BLUE = { colour: COLOURS.blue, hz: 880 };
const FROM_CALLER = { colour: "red", hz: 440 } as const;
const FROM_CALLEE = { colour: "blue", hz: 880 } as const;

type CallOptions = Parameters<typeof peer.call>[2];
type Signal = Parameters<typeof helpers.signal>[0] | null;

let pages: Record<"ann" | "ben" | "fox", BrowserPage>;

beforeAll(async () => {
  const stage = await openStage({ sfu: false });
  const open = async (name: string, kind?: BrowserKind) => {
    const page = await stage.peer(name, kind);
    await followCalls(page);
    return page;
  };
  const [ann, ben, fox] = await Promise.all([open("ann"), open("ben"), open("fox", "firefox")]);
  pages = { ann, ben, fox };
});

afterEach(() => endCalls(...Object.values(pages)));

async function dial(from: BrowserPage, to: string, signal: Signal, options: CallOptions = {}): Promise<void> {
  await from.evaluate(
    (id: string, wanted: Signal, given: CallOptions) => {
      const stream = wanted === null ? null : helpers.signal(wanted);
      if (stream !== null) helpers.kept.streams = [stream];
      follow(peer.call(id, stream, given));
    },
    to,
    signal,
    options,
  );
}

async function rings(at: BrowserPage, from: BrowserPage): Promise<void> {
  await at.waitFor((id: string) => events.includes("call") && call.remoteId === id && call.state === "ringing", {}, from.name);
}

async function answer(at: BrowserPage, signal: Signal): Promise<void> {
  await at.evaluate((wanted: Signal) => {
    const stream = wanted === null ? null : helpers.signal(wanted);
    if (stream !== null) helpers.kept.streams = [stream];
    call.answer(stream);
  }, signal);
}

/** The events up to and with the one that a test waits for. */
async function eventsUntil(page: BrowserPage, last: string): Promise<string[]> {
  return page.waitFor((wanted: string) => events.includes(wanted) && events, { what: `"${last}"` }, last);
}

const isOver = (page: BrowserPage) =>
  page.evaluate(() => [call.state, call.open, call.remoteStreams.length, peer.connections.size] as const);
const OVER = ["closed", false, 0, 0];

describe.each([
  ["Chromium calls Chromium", "ann", "ben"],
  ["Chromium calls Firefox", "ann", "fox"],
  ["Firefox calls Chromium", "fox", "ben"],
] as const)("%s", (_, callerName, calleeName) => {
  const both = () => [pages[callerName], pages[calleeName]] as const;

  it.each(["caller", "callee"] as const)("answered, seen and heard by both, until the %s hangs up", async (who) => {
    const [caller, callee] = both();
    await dial(caller, calleeName, RED, { metadata: { topic: "tests", list: [1, null, "é"] } });
    await rings(callee, caller);
    expect(await callee.evaluate(() => [call.metadata, call.outgoing])).toEqual([
      { topic: "tests", list: [1, null, "é"] },
      false,
    ]);
    expect(await caller.evaluate(() => [call.state, call.outgoing])).toEqual(["ringing", true]);
    await answer(callee, BLUE);
    await Promise.all([expectReceived(caller, OF_CALL, [FROM_CALLEE]), expectReceived(callee, OF_CALL, [FROM_CALLER])]);
    expect((await eventsUntil(caller, "open")).toSorted()).toEqual(["answered", "open", "stream"]);
    expect((await eventsUntil(callee, "open")).toSorted()).toEqual(["call", "open", "stream"]);
    for (const page of both()) expect(await page.evaluate(() => [call.state, call.open])).toEqual(["connected", true]);

    await (who === "caller" ? caller : callee).evaluate(() => call.close());
    for (const page of both()) {
      expect((await eventsUntil(page, "close hung-up")).slice(-2)).toEqual(["streamremoved", "close hung-up"]);
      expect(await isOver(page)).toEqual(OVER);
    }
  });

  it("refused: the caller learns the reason, and neither side keeps anything", async () => {
    const [caller, callee] = both();
    for (const reason of ["declined", "busy", "lunch-break"]) {
      await dial(caller, calleeName, RED);
      await rings(callee, caller);
      await callee.evaluate((why: string) => call.reject(why), reason);
      expect(await eventsUntil(caller, `close ${reason}`)).toEqual([`reject ${reason}`, `close ${reason}`]);
      expect(await eventsUntil(callee, `close ${reason}`)).toEqual(["call", `close ${reason}`]);
      for (const page of both()) expect(await isOver(page)).toEqual(OVER);
      await endCalls(caller, callee);
    }
  });

  it("hung up before the answer: it stops ringing there", async () => {
    const [caller, callee] = both();
    await dial(caller, calleeName, RED);
    await rings(callee, caller);
    await caller.evaluate(() => call.close());
    expect(await eventsUntil(callee, "close cancelled")).toEqual(["call", "close cancelled"]);
    expect(await eventsUntil(caller, "close cancelled")).toEqual(["close cancelled"]);
    for (const page of both()) expect(await isOver(page)).toEqual(OVER);
    // Too late: nothing happens to the one who answers then, but for the error.
    await callee.evaluate(() => call.answer(helpers.signal({ audio: false })));
    expect(await callee.evaluate(() => events.at(-1))).toBe("error connection.state.answered");
    expect(await caller.evaluate(() => events)).toEqual(["close cancelled"]);
  });

  it("rings no longer than its time", async () => {
    const [caller, callee] = both();
    await dial(caller, calleeName, RED, { ringTimeoutMs: 700 });
    await rings(callee, caller);
    expect(await eventsUntil(caller, "close unanswered")).toEqual(["close unanswered"]);
    expect(await eventsUntil(callee, "close unanswered")).toEqual(["call", "close unanswered"]);
    for (const page of both()) expect(await isOver(page)).toEqual(OVER);
  });

  it("without a stream the caller only receives, and the callee when it answers without one", async () => {
    const [caller, callee] = both();
    await dial(caller, calleeName, null);
    await rings(callee, caller);
    await answer(callee, BLUE);
    await expectReceived(caller, OF_CALL, [FROM_CALLEE]);
    await expectReceived(callee, OF_CALL, []);
    await endCalls(caller, callee);

    await dial(caller, calleeName, RED);
    await rings(callee, caller);
    await answer(callee, null);
    await expectReceived(callee, OF_CALL, [FROM_CALLER]);
    await expectReceived(caller, OF_CALL, []);
  });

  it("a second call at the same time is refused as busy by the application, and the first goes on undisturbed", async () => {
    const [caller, callee] = both();
    const [third] = Object.values(pages).filter((page) => page !== caller && page !== callee);
    if (third === undefined) throw new Error("no third page");
    await dial(caller, calleeName, RED);
    await rings(callee, caller);
    await answer(callee, BLUE);
    await callee.waitFor(() => call.open);
    await callee.evaluate(() => {
      peer.removeAllListeners("call");
      peer.on("call", (incoming) => {
        if (call.state === "closed") follow(incoming);
        else incoming.reject("busy");
      });
    });
    const probe = await probeMedia(callee, "call.remoteStream");
    await probe.expectVideo();
    const gapMs = await probe.longestGapDuring(async () => {
      await dial(third, calleeName, RED);
      expect(await eventsUntil(third, "close busy")).toEqual(["reject busy", "close busy"]);
    });
    await probe.stop();
    expect(gapMs).toBeLessThan(1_000);
    await Promise.all([expectReceived(caller, OF_CALL, [FROM_CALLEE]), expectReceived(callee, OF_CALL, [FROM_CALLER])]);
    await callee.evaluate(() => call.close());
    await caller.waitFor(() => call.state === "closed");
    // Now the line is free.
    await dial(third, calleeName, RED);
    await callee.waitFor((id: string) => call.remoteId === id && call.state === "ringing", {}, third.name);
    await endCalls(third, callee);
    await callee.evaluate(() => peer.removeAllListeners("call"));
    await followCalls(callee);
  });

  it("who closes the page's peer is gone for the other at once", async () => {
    const [caller, callee] = both();
    // A peer of its own, since it is lost by this.
    await callee.evaluate(async () => {
      const { server, key } = helpers.kept.account as { server: string; key: string };
      const guest = new Tsunagi.Peer({ server, key });
      helpers.kept.guest = guest;
      guest.on("call", (incoming) => incoming.answer(helpers.signal({ audio: false })));
      await helpers.within(15_000, "the guest's open", guest.once("open"));
    });
    const guestId = await callee.evaluate(() => (helpers.kept.guest as typeof peer).id ?? "");
    await dial(caller, guestId, RED);
    await caller.waitFor(() => call.open);
    await callee.evaluate(() => (helpers.kept.guest as typeof peer).destroy());
    const startedAt = performance.now();
    await caller.waitFor(() => call.state === "closed");
    expect(performance.now() - startedAt).toBeLessThan(3_000);
    expect(await caller.evaluate((id: string) => peer.fetchPeerExists(id), guestId)).toBe(false);
  });
});

describe("a call that cannot ring", () => {
  it("to a peer that is not there: a coded error, then close", async () => {
    const { ann } = pages;
    await dial(ann, "nobody-of-this-name", RED);
    expect(await eventsUntil(ann, "close failed")).toEqual(["error peer.target.unavailable", "close failed"]);
    expect(await isOver(ann)).toEqual(OVER);
    await expect(ann.evaluate(() => void peer.call("ann"))).rejects.toMatchObject({ code: "connection.target.invalid" });
  });

  it("to a page that listens for no calls: refused as unsupported", async () => {
    const { ann, ben } = pages;
    await ben.evaluate(() => peer.removeAllListeners("call"));
    await dial(ann, "ben", RED);
    expect(await eventsUntil(ann, "close unsupported")).toEqual(["reject unsupported", "close unsupported"]);
    await followCalls(ben);
  });
});
