/** Calls in test pages: the page's present `call`, and what its application would have heard about it. */
import type { BrowserPage } from "@tsunagi/testkit/drivers";

type MediaConnection = import("@tsunagi/sdk").MediaConnection;

declare global {
  /** The call that {@link followCalls} or {@link follow} came to last. */
  var call: MediaConnection;
  /** Its events and those before it, in order: `close hung-up`. */
  var events: string[];
  /** Takes note of a call's events. */
  var follow: (followed: MediaConnection) => MediaConnection;
}

/** Prepares a page: every call that comes in becomes `call` and waits for the test to answer it. */
export async function followCalls(page: BrowserPage): Promise<void> {
  await page.evaluate(() => {
    globalThis.events = [];
    globalThis.follow = (followed) => {
      globalThis.call = followed;
      const say = (text: string) => events.push(text);
      for (const name of ["open", "answered", "reconnecting", "reconnected"] as const) followed.on(name, () => say(name));
      for (const name of ["stream", "streamremoved"] as const) followed.on(name, () => say(name));
      for (const name of ["reject", "close"] as const) followed.on(name, (reason) => say(`${name} ${reason}`));
      followed.on("error", ({ code }) => say(`error ${code}`));
      return followed;
    };
    peer.on("call", (incoming) => {
      events.push("call");
      follow(incoming);
    });
  });
}

/** Ends what a test left, so that the next one finds the page as after `followCalls`. */
export async function endCalls(...pages: readonly BrowserPage[]): Promise<void> {
  for (const page of pages) {
    await page.evaluate(() => {
      for (const list of peer.connections.values()) for (const each of list) each.close();
      for (const stream of (helpers.kept.streams ?? []) as MediaStream[]) for (const track of stream.getTracks()) track.stop();
      helpers.kept.streams = [];
    });
  }
  for (const page of pages) await page.waitFor(() => peer.connections.size === 0, { what: "the end of all connections" });
  for (const page of pages) await page.evaluate(() => events.splice(0));
}
