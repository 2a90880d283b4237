import { expect, test } from "vitest";
import type { Room } from "../sdk.ts";
import type { LocalMedia } from "../state/local-media.ts";
import { MuteSync } from "./mute-sync.ts";

const track = (kind: "audio" | "video", id: string) => ({ kind, id }) as MediaStreamTrack;

test("the room is told of each change once, and a new camera takes the muted one's place", async () => {
  const said: string[] = [];
  const [voice, camera, next] = [track("audio", "voice"), track("video", "camera"), track("video", "next")];
  let state = { stream: { getTracks: () => [voice, camera] }, microphone: "on", camera: "on" };
  const room = {
    mode: "sfu",
    open: true,
    setMuted: ({ id }: MediaStreamTrack, muted: boolean) => said.push(`${id} ${muted ? "muted" : "heard"}`),
    replaceTrack: () => Promise.resolve(said.push("replaced")),
  };
  const sync = new MuteSync(room as unknown as Room, { store: { get: () => state } } as unknown as LocalMedia);
  sync.sync();
  expect(said).toEqual([]);
  state = { ...state, microphone: "off", camera: "off" };
  sync.sync();
  sync.sync();
  expect(said.splice(0)).toEqual(["voice muted", "camera muted"]);
  state = { stream: { getTracks: () => [voice, next] }, microphone: "off", camera: "on" };
  await sync.replaceTrack(camera, next);
  expect(said.splice(0)).toEqual(["replaced", "next heard"]);
  // Straight between browsers there is nobody to tell.
  room.mode = "mesh";
  state = { ...state, microphone: "on" };
  sync.sync();
  expect(said).toEqual([]);
});
