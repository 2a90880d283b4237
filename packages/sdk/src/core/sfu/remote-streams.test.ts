import type { Publication } from "@tsunagi/protocol";
import { describe, expect, it } from "vitest";
import { FakeStream, FakeTrack } from "../../../test/support/fake-media.ts";
import type { MediaStream, MediaStreamTrack } from "../ports.ts";
import { RemoteStreams } from "./remote-streams.ts";

const track = (kind: "audio" | "video") => new FakeTrack(kind) as unknown as MediaStreamTrack;
const publication = (id: string, kind: "audio" | "video", stream = "s", peerId = "a"): Publication => ({
  id,
  peerId,
  kind,
  source: "other",
  stream,
  muted: false,
});

function setUp(mesh?: FakeStream) {
  const told: string[] = [];
  const streams = new RemoteStreams({
    createStream: () => new FakeStream(),
    adopt: (_, name) => (name === "s" ? (mesh as unknown as MediaStream) : undefined),
    onStream: (stream) => told.push(`+${stream.peerId} ${stream.getTracks().length}`),
    onStreamRemoved: (stream) => told.push(`-${stream.peerId}`),
    onTrackReplaced: (_, next, old) => told.push(`${old.id} → ${next.id}`),
  });
  return { streams, told };
}

describe("the streams of the others", () => {
  it("have the tracks of one member and name, and are told once, with all that came together", () => {
    const { streams, told } = setUp();
    const stream = streams.bind(publication("1", "audio"), track("audio"));
    expect(streams.bind(publication("2", "video"), track("video"))).toBe(stream);
    expect(streams.bind(publication("3", "video", "screen"), track("video"))).not.toBe(stream);
    expect(streams.bind(publication("4", "video", "s", "b"), track("video"))).not.toBe(stream);
    expect(told).toEqual([]);
    streams.tell();
    streams.tell();
    expect(told).toEqual(["+a 2", "+a 1", "+b 1"]);
    expect([...streams.byPeer].map(([peerId, list]) => [peerId, list.length])).toEqual([
      ["a", 2],
      ["b", 1],
    ]);
  });

  it("keep themselves when a track is replaced, and go with their last one", () => {
    const { streams, told } = setUp();
    const [first, second, other] = [track("video"), track("video"), track("video")];
    const stream = streams.bind(publication("1", "video"), first);
    streams.bind(publication("2", "video"), other);
    streams.tell();
    told.length = 0;
    expect(streams.bind(publication("1", "video"), second)).toBe(stream);
    streams.bind(publication("1", "video"), second);
    expect([stream.getTracks(), told.splice(0)]).toEqual([[other, second], [`${first.id} → ${second.id}`]]);
    streams.unbind(publication("2", "video"));
    streams.unbind(publication("2", "video"));
    expect([stream.getTracks(), told]).toEqual([[second], []]);
    streams.unbind(publication("1", "video"));
    expect([told, streams.byPeer.size]).toEqual([["-a"], 0]);
  });

  it("of a mesh go on, without being told anew", () => {
    const [audio, video] = [new FakeTrack("audio"), new FakeTrack("video")];
    const mesh = new FakeStream([audio, video]);
    const { streams, told } = setUp(mesh);
    expect(streams.isAdopted(publication("1", "video"))).toBe(true);
    expect(streams.isAdopted(publication("9", "video", "other"))).toBe(false);
    const next = track("video");
    expect(streams.bind(publication("1", "video"), next)).toBe(mesh);
    streams.tell();
    expect([mesh.getTracks(), told]).toEqual([[audio, next], [`${video.id} → ${next.id}`]]);
    expect([streams.isAdopted(publication("1", "video")), streams.isAdopted(publication("2", "audio"))]).toEqual([false, true]);
  });
});
