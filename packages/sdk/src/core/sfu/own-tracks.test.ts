import { describe, expect, it } from "vitest";
import { FakeStream, FakeTrack } from "../../../test/support/fake-media.ts";
import { fakeRoom } from "../../../test/support/room-view.ts";
import type { MediaStream, MediaStreamTrack } from "../ports.ts";
import { OwnTracks } from "./own-tracks.ts";

const track = (kind: "audio" | "video", displaySurface?: string) =>
  Object.assign(new FakeTrack(kind), { getSettings: () => ({ width: 640, ...(displaySurface && { displaySurface }) }) });

function setUp(...kinds: ("audio" | "video")[]) {
  const tracks = kinds.map((kind) => track(kind));
  const stream = new FakeStream(tracks);
  const room = fakeRoom();
  for (const each of tracks) room.tracks.set(each as unknown as MediaStreamTrack, stream as unknown as MediaStream);
  return { tracks, stream, room, own: new OwnTracks(room.view) };
}

describe("own publications", () => {
  it("are made of the tracks that are there, each under an ID of its own", () => {
    const { own, stream } = setUp("audio", "video");
    const all = [...own.publications.values()];
    expect(all).toMatchObject([
      { peerId: "me", kind: "audio", source: "microphone", stream: stream.id, muted: false },
      { peerId: "me", kind: "video", source: "camera", stream: stream.id, muted: false },
    ]);
    expect(new Set(all.map(({ id }) => id)).size).toBe(2);
    expect([...own.publications.keys()]).toEqual(all.map(({ id }) => id));
    expect(all[0]).not.toHaveProperty("metadata");
  });

  it("say what a track is: by the application, else by the track and those beside it", () => {
    const { own, room } = setUp();
    const [screen, sound, named] = [track("video", "monitor"), track("audio"), track("video")];
    const stream = new FakeStream([screen, sound]);
    own.add(screen, stream);
    own.add(sound, stream);
    room.view.trackOptions = new Map([[named, { source: "other" as const, metadata: { view: 2 } }]]);
    named.enabled = false;
    own.add(named, stream);
    expect([...own.publications.values()]).toMatchObject([
      { source: "screen" },
      { source: "screen-audio" },
      { source: "other", metadata: { view: 2 }, muted: true },
    ]);
  });

  it("stay as they are when a track is added twice, and go with it", () => {
    const { own, tracks, stream } = setUp("audio");
    const first = tracks[0] as FakeTrack;
    const before = own.publications;
    own.add(first, stream);
    expect(own.publications).toBe(before);
    const id = own.of(first)?.id ?? "";
    expect(own.find(id)?.track).toBe(first);
    expect(own.remove(first)?.id).toBe(id);
    expect([own.remove(first), own.find(id), own.publications.size]).toEqual([undefined, undefined, 0]);
  });

  it("go on with another track, muted as that one is", () => {
    const { own, tracks, stream } = setUp("video");
    const first = tracks[0] as FakeTrack;
    const next = track("video");
    next.enabled = false;
    const id = own.of(first)?.id;
    expect(own.replace(first, next)).toMatchObject({ id, track: next, stream, publication: { id, muted: true } });
    expect([own.of(first), own.replace(first, next)]).toEqual([undefined, undefined]);
    expect(own.publications.get(id ?? "")?.muted).toBe(true);
    const other = new FakeStream();
    expect(own.replace(next, first, other)).toMatchObject({ stream: other, publication: { stream: stream.id, muted: false } });
  });

  it("are muted without being made anew", () => {
    const { own, tracks } = setUp("audio");
    const one = own.of(tracks[0] as FakeTrack);
    if (one === undefined) throw new Error("not published");
    expect(own.publications.get(one.id)?.muted).toBe(false);
    own.setMuted(one, true);
    expect(own.publications.get(one.id)?.muted).toBe(true);
  });

  it("keep the name of their stream when another takes its place, and again", () => {
    const { own, stream } = setUp("audio");
    const [second, third] = [new FakeStream(), new FakeStream()];
    own.succeed(stream, second);
    own.succeed(second, third);
    const next = track("video");
    own.add(next, third);
    expect(own.of(next)?.publication.stream).toBe(stream.id);
    expect(own.of(next)?.stream).toBe(third);
  });
});
