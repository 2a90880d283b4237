/** Peers in pages that write down what they see, so that a test can say what must not have happened. */
import { type BrowserPage, probeMedia, type ServerProcess } from "@tsunagi/testkit/drivers";
import { openPeer } from "./sdk.ts";

declare global {
  /** What the page's peer, its calls and its rooms have told, oldest first: `peer reconnecting`, `call close hung-up`, `room peerLeave bob`. */
  var journal: string[];
  /** The present call, made or received. */
  var call: import("@tsunagi/sdk").MediaConnection;
  var room: import("@tsunagi/sdk").MeshRoom;
  /** Room data received: `from: JSON`. */
  var heard: string[];
  var watchCall: (call: import("@tsunagi/sdk").MediaConnection) => void;
  var watchRoom: (room: import("@tsunagi/sdk").MeshRoom) => void;
  /** A small picture in the page's own colour: several of them fit on two cores. */
  var picture: (options?: import("@tsunagi/testkit/drivers").SignalOptions) => MediaStream;
}

export type Answering = "at-once" | "by-hand";

/** A peer named after its page, which answers calls and keeps a journal. */
export async function openPerson(page: BrowserPage, server: ServerProcess, answering: Answering = "at-once"): Promise<void> {
  await page.evaluate(installPerson);
  await openPeer(page, server, page.name);
  await page.evaluate((automatic: boolean) => {
    peer.on("reconnecting", () => journal.push("peer reconnecting"));
    peer.on("reconnected", ({ restored }) => journal.push(restored ? "peer restored" : "peer reconnected"));
    peer.on("error", (error) => journal.push(`peer error ${error.code}`));
    peer.on("close", () => journal.push("peer close"));
    peer.on("call", (incoming) => {
      watchCall(incoming);
      journal.push(`peer call ${incoming.remoteId}`);
      if (automatic) incoming.answer(picture());
    });
  }, answering === "at-once");
}

/** Runs in the page. */
function installPerson(): void {
  globalThis.journal = [];
  globalThis.heard = [];
  globalThis.picture = (options) => helpers.signal({ width: 160, height: 90, framesPerSecond: 20, audio: false, ...options });
  globalThis.watchCall = (watched) => {
    globalThis.call = watched;
    watched.on("stream", (stream) => helpers.show(`call-${watched.remoteId}`, stream));
    watched.on("reconnecting", () => journal.push("call reconnecting"));
    watched.on("reconnected", () => journal.push("call reconnected"));
    watched.on("reject", (reason) => journal.push(`call reject ${reason}`));
    watched.on("error", (error) => journal.push(`call error ${error.code}`));
    watched.on("close", (reason) => {
      journal.push(`call close ${reason}`);
      document.querySelector(`#call-${watched.remoteId}`)?.remove();
    });
  };
  globalThis.watchRoom = (watched) => {
    globalThis.room = watched;
    watched.on("stream", (stream) => helpers.show(`room-${stream.peerId}`, stream));
    watched.on("peerJoin", (id) => journal.push(`room peerJoin ${id}`));
    watched.on("peerLeave", (id) => {
      journal.push(`room peerLeave ${id}`);
      document.querySelector(`#room-${id}`)?.remove();
    });
    watched.on("memberState", ({ peerId, state }) => {
      if (state !== "connecting" && state !== "connected") journal.push(`room link ${state} ${peerId}`);
    });
    watched.on("data", ({ src, data }) => heard.push(`${src}: ${JSON.stringify(data)}`));
    watched.on("error", (error) => journal.push(`room error ${error.code}`));
    watched.on("close", (reason) => journal.push(`room close ${reason}`));
  };
}

export function callTo(page: BrowserPage, id: string): Promise<void> {
  return page.evaluate((to: string) => watchCall(peer.call(to, picture())), id);
}

export function joinRoom(page: BrowserPage, name: string): Promise<void> {
  return page.evaluate((wanted: string) => watchRoom(peer.joinRoom(wanted, { stream: picture() })), name);
}

export const journalOf = (page: BrowserPage): Promise<string[]> => page.evaluate(() => journal);

/** What was told since the last time this was asked. */
export const takeJournal = (page: BrowserPage): Promise<string[]> => page.evaluate(() => journal.splice(0));

/** Waits until a line stands in the journal. */
export async function told(page: BrowserPage, line: string, timeoutMs = 15_000): Promise<void> {
  await page.waitFor((wanted: string) => journal.includes(wanted), { what: `"${line}" in the journal`, timeoutMs }, line);
}

/** Decoded frames of `from` in the page; returns the probe, which measures gaps from then on. */
export async function watching(page: BrowserPage, element: string) {
  await page.waitFor((id: string) => document.querySelector(`#${id}`), { what: `the stream ${element}` }, element);
  const probe = await probeMedia(page, `document.querySelector('#${element}')`);
  await probe.expectVideo({ frames: 5, withinMs: 20_000 });
  return probe;
}

export const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
