/** A room of mode `auto` grows past what a mesh carries, and its media moves to the SFU under the eyes of its members. */
import type { BrowserPage } from "@tsunagi/testkit/drivers";
import { expect, it } from "vitest";
import { installCrowd } from "../support/crowd-page.ts";
import { openStage } from "../support/stage.ts";

type Room = import("@tsunagi/sdk").Room;

/** The server's default `meshMembers`. */
const MESH_MEMBERS = 4;
/** Longer than a frame comes late on a busy machine, far shorter than a new connection with a new picture takes. */
const GAP_MS = 600;

type Watch = { readonly key: string; frames: number; lastAt: number; longestMs: number };
type Kept = { readonly rooms: Record<string, Room>; readonly told: string[]; readonly watches: Map<string, Watch> };
declare const auto: Kept;

function install(): void {
  const watches = new Map<string, Watch>();
  (globalThis as unknown as { auto: Kept }).auto = { rooms: {}, told: [], watches };
}

async function enter(name: string, url: string, key: string): Promise<void> {
  await crowd.open(name, url, key);
  const stream = crowd.face({ number: 1, framesPerSecond: 15 });
  const room = crowd.member(name).peer.joinRoom("growing", { mode: "auto", stream });
  auto.rooms[name] = room;
  room.on("stream", (each) => {
    const watch: Watch = { key: `${name} < ${each.peerId}`, frames: 0, lastAt: performance.now(), longestMs: 0 };
    auto.watches.set(watch.key, watch);
    const video = document.createElement("video");
    video.muted = true;
    video.srcObject = each;
    void video.play();
    document.body.append(video);
    const frame = () => {
      const now = performance.now();
      // Until its first frame nobody has seen anything stop.
      if (watch.frames > 0) watch.longestMs = Math.max(watch.longestMs, now - watch.lastAt);
      watch.frames += 1;
      watch.lastAt = now;
      video.requestVideoFrameCallback(frame);
    };
    video.requestVideoFrameCallback(frame);
  });
  for (const event of ["streamremoved", "peerLeave", "error", "close"] as const) {
    room.on(event as "close", () => auto.told.push(`${name} ${event}`));
  }
  if (!room.open) await room.once("open");
}

const lookAt = (page: BrowserPage) =>
  page.evaluate(() => ({
    told: auto.told,
    modes: Object.values(auto.rooms).map((room) => room.mode),
    connections: Object.values(auto.rooms).map((room) => [...room.getPeerConnections().keys()].join()),
    watches: [...auto.watches.values()].map((watch) => ({
      ...watch,
      longestMs: Math.max(watch.longestMs, performance.now() - watch.lastAt),
    })),
  }));

it("moves to the SFU when one more comes than a mesh is for: no stream ends, and no picture stops", async () => {
  const stage = await openStage();
  const page = await stage.page("growing");
  await page.evaluate(installCrowd);
  await page.evaluate(install);
  const names = ["ann", "ben", "cat", "dan", "eve"];
  for (const name of names.slice(0, MESH_MEMBERS)) await page.evaluate(enter, name, stage.server.url, stage.server.key);
  await page.waitFor(() => auto.watches.size === 12 && [...auto.watches.values()].every(({ frames }) => frames > 10), {
    timeoutMs: 20_000,
    what: "four who see each other",
  });
  const small = await lookAt(page);
  expect(new Set(small.modes)).toEqual(new Set(["mesh"]));
  await page.evaluate(() => {
    for (const watch of auto.watches.values()) watch.longestMs = 0;
  });
  await page.evaluate(enter, names[MESH_MEMBERS] as string, stage.server.url, stage.server.key);
  await page.waitFor(
    () =>
      Object.values(auto.rooms).every((room) => room.mode === "sfu" && [...room.getPeerConnections().keys()].join() === "sfu") &&
      auto.watches.size === 20,
    { timeoutMs: 30_000, what: "all media over the SFU, and the mesh gone" },
  );
  await page.evaluate(() => {
    for (const watch of auto.watches.values()) watch.frames = Math.min(watch.frames, 1);
  });
  await page.waitFor(() => [...auto.watches.values()].every(({ frames }) => frames > 15), {
    timeoutMs: 15_000,
    what: "pictures of all for all",
  });
  const grown = await lookAt(page);
  const moved = grown.watches.filter(({ key }) => !key.includes("eve"));
  const longest = moved.toSorted((a, b) => b.longestMs - a.longestMs)[0];
  console.log(
    `mesh of ${MESH_MEMBERS} to SFU of ${names.length}: longest gap ${Math.round(longest?.longestMs ?? Number.NaN)} ms (${longest?.key})`,
  );
  expect(moved.length).toBe(12);
  expect(longest?.longestMs).toBeLessThan(GAP_MS);
  expect(grown.told).toEqual([]);
});
