import type { Publication } from "@tsunagi/protocol";
import { describe, expect, it } from "vitest";
import { both, publication, World } from "../../../../test/skyway-sfu-room.ts";
import type { StoredSfuRoom } from "../sfu-port.ts";

describe("the first offer", () => {
  it("is made when the client asks, with a section for each kind that it may send and all that others publish", async () => {
    const world = new World();
    world.joined(both("alice"));
    expect(world.asked).toEqual([]);
    world.room.getOffer();
    expect(world.asked[0]?.command).toMatchObject({ type: "offer", appId: "app", room: "hall", peerId: "me", epoch: 1 });
    expect(world.sections).toEqual(["0 receive audio", "1 receive video", "2 both audio id2", "3 both video id2"]);
    await world.offered();
    expect(world.emitted).toEqual([
      {
        event: "SFU_OFFER",
        payload: { roomName: "hall", offer: { type: "offer", sdp: "offer 1" }, msids: { id2: "alice" } },
      },
    ]);
    world.answer();
    expect(world.said).toMatchObject([
      {
        type: "sfu-offer",
        room: "hall",
        epoch: 1,
        send: [
          { mid: "0", publication: "id3", kind: "audio", source: "microphone", stream: "id1", muted: false },
          { mid: "1", publication: "id4", kind: "video", source: "camera", stream: "id1", muted: false },
        ],
        receive: [
          { mid: "2", kind: "audio", publication: "alice-a" },
          { mid: "3", kind: "video", publication: "alice-v" },
        ],
      },
    ]);
    world.agreed();
    world.clock.advance(3_600_000);
    expect([world.asked.length, world.clock.pending]).toEqual([1, 0]);
  });

  it("takes nothing from a member that may only listen", async () => {
    const world = new World();
    world.joined([], true);
    world.room.getOffer();
    expect(world.sections).toEqual(["0 inactive audio", "1 inactive video"]);
    await world.round();
    expect(world.said).toMatchObject([{ send: [], receive: [] }]);
    world.clock.advance(100_000);
    expect(world.asked).toHaveLength(1);
  });
});

describe("changes of a room", () => {
  it("put a publisher's tracks into one offer, waiting for the second one a little", async () => {
    const world = await World.inRoom();
    const [audio, video] = both("bob");
    world.published(audio as Publication);
    world.clock.advance(149);
    expect(world.asked).toHaveLength(1);
    world.published(video as Publication);
    world.clock.advance(1);
    expect(world.sections.slice(2)).toEqual(["2 both audio id4", "3 both video id4"]);
    await world.round();
    world.published(publication("carol-v", "carol", "video"));
    world.clock.advance(150);
    expect(world.sections.slice(4)).toEqual(["4 both video id5"]);
    await world.offered();
    expect(world.msids).toEqual({ id4: "bob", id5: "carol" });
  });

  it("wait for the answer that is under way, and go into one offer then", async () => {
    const world = await World.inRoom();
    world.published(...both("a"));
    world.clock.advance(20);
    await world.offered();
    for (const peer of ["b", "c", "d"]) world.published(...both(peer));
    world.hear({ type: "member-left", peerId: "a" });
    world.clock.advance(5_000);
    expect(world.asked).toHaveLength(2);
    world.answer();
    expect(world.asked).toHaveLength(2);
    world.agreed();
    expect(world.asked).toHaveLength(3);
    expect(world.sections.slice(2)).toEqual([
      "2 receive audio",
      "3 receive video",
      ...["b", "c", "d"].flatMap((_, at) => [`${4 + 2 * at} both audio id${5 + at}`, `${5 + 2 * at} both video id${5 + at}`]),
    ]);
    await world.round();
    expect(world.msids).toEqual({ id5: "b", id6: "c", id7: "d" });
    expect(world.asked).toHaveLength(3);
  });

  it("use sections again once their end was answered, and never a stream's name", async () => {
    const world = await World.inRoom(both("alice"));
    world.hear({ type: "member-left", peerId: "alice" });
    world.published(...both("alice"));
    world.clock.advance(20);
    // Not yet free: a section that goes from one stream to the next tells its page nothing.
    expect(world.sections.slice(2)).toEqual(["2 receive audio", "3 receive video", "4 both audio id5", "5 both video id5"]);
    await world.round();
    world.published(...both("bob"));
    world.clock.advance(20);
    expect(world.sections.slice(2, 4)).toEqual(["2 both audio id6", "3 both video id6"]);
    await world.round();
    world.hear({ type: "unpublished", publication: "bob-v" });
    world.clock.advance(20);
    expect(world.sections.slice(2)).toEqual(["2 both audio id6", "3 receive video", "4 both audio id5", "5 both video id5"]);
  });

  it("are nothing to a client that has not asked yet, and its own are nothing at all", async () => {
    const world = new World();
    world.joined();
    world.published(...both("alice"), publication("x", "me", "video"));
    world.clock.advance(1_000);
    expect([world.asked.length, world.clock.pending]).toEqual([0, 0]);
    world.room.getOffer();
    expect(world.sections).toHaveLength(4);
    await world.round();
    world.published(publication("y", "me", "audio"));
    world.hear({ type: "unpublished", publication: "unknown" });
    world.hear({ type: "member-left", peerId: "unknown" });
    world.clock.advance(1_000);
    expect(world.asked).toHaveLength(1);
  });
});

describe("what the client does", () => {
  it("may send less, and is then asked again from time to time; what it keeps sending stays the same publication", async () => {
    const world = new World();
    world.joined();
    world.room.getOffer();
    await world.round("u", { "1": "inactive" });
    expect(world.said.at(-1)).toMatchObject({ send: [{ mid: "0", publication: "id2" }] });
    world.clock.advance(9_999);
    expect(world.asked).toHaveLength(1);
    world.clock.advance(1);
    expect(world.asked).toHaveLength(2);
    await world.round();
    expect(world.said.at(-1)).toMatchObject({ send: [{ publication: "id2" }, { mid: "1", publication: "id3" }] });
    world.clock.advance(100_000);
    expect(world.asked).toHaveLength(2);
  });

  it("may send a track in whichever section its browser gives it, and more of them than were offered a place", async () => {
    const world = await World.inRoom(both("alice"));
    const sends = () => {
      const said = world.said.at(-1);
      return said?.type === "sfu-offer" ? said.send.map(({ mid, publication, source }) => `${mid} ${publication} ${source}`) : [];
    };
    expect(sends()).toEqual(["0 id3 microphone", "1 id4 camera"]);
    // It has taken its picture away, which the SFU notices, and then shows another one: its browser had a transceiver left over.
    world.room.quiet("id4");
    world.room.quiet("unknown");
    expect(world.asked).toHaveLength(2);
    await world.round("u", { "1": "inactive" });
    expect(sends()).toEqual(["0 id3 microphone"]);
    world.clock.advance(4_999);
    expect(world.asked).toHaveLength(2);
    world.clock.advance(1);
    expect(world.sections).toEqual(["0 receive audio", "1 receive video", "2 both audio id2", "3 both video id2"]);
    await world.round("u", { "1": "inactive", "3": "sendrecv" });
    expect(sends()).toEqual(["0 id3 microphone", "3 id5 camera"]);
    expect(world.said.at(-1)).toMatchObject({ receive: [{ mid: "2" }, { mid: "3", publication: "alice-v" }] });
    // And for the next time there is one more, at once.
    expect(world.sections.slice(4)).toEqual(["4 receive video"]);
    await world.round("u", { "1": "inactive", "3": "sendrecv", "4": "sendonly" });
    expect(sends()).toEqual(["0 id3 microphone", "3 id5 camera", "4 id6 other"]);
    expect(world.sections.slice(5)).toEqual(["5 receive video"]);
    await world.round("u", { "1": "inactive", "3": "sendrecv", "4": "sendonly" });
    world.clock.advance(100_000);
    expect(world.asked).toHaveLength(5);
    const after = new World({ restored: world.stored as StoredSfuRoom });
    expect(after.sections).toEqual(world.sections);
  });

  it("may send a picture that stands still: it is not asked about it all the time", async () => {
    const world = await World.inRoom();
    for (let at = 0; at < 10; at++) {
      world.room.quiet("id3");
      world.clock.advance(500);
      if (world.asked.length > world.said.length) await world.round();
    }
    expect(world.asked).toHaveLength(3);
    expect(world.said.at(-1)).toMatchObject({ send: [{ publication: "id2" }, { publication: "id3" }] });
  });

  it("may send more than the app lets it: then the first tracks", async () => {
    const world = await World.inRoom();
    world.room.getOffer();
    await world.offered();
    world.answer("u", { "2": "sendonly", "3": "sendonly" });
    expect(world.said.at(-1)).toMatchObject({ send: [{ mid: "0" }, { mid: "1" }, { mid: "2" }, { mid: "3" }] });
    for (const re of [2, 3]) world.hear({ type: "error", re, code: "sfu.publication.limit", message: "" } as never);
    expect(world.said.at(-1)).toMatchObject({ send: [{ mid: "0" }, { mid: "1" }] });
    expect(world.emitted.filter(({ event }) => event === "ERROR")).toEqual([]);
  });

  it("may ask again: the same connection is described once more", async () => {
    const world = await World.inRoom();
    world.room.getOffer();
    world.room.getOffer();
    expect(world.asked.map(({ command }) => command.epoch)).toEqual([1, 1]);
    await world.round();
    // Not as fast as it can ask.
    world.room.getOffer();
    world.clock.advance(499);
    expect(world.asked).toHaveLength(2);
    world.clock.advance(1);
    expect(world.asked).toHaveLength(3);
    await world.round();
    world.clock.advance(10_000);
    expect(world.asked).toHaveLength(3);
  });

  it("may answer unasked, as versions before 4.0 do", async () => {
    const world = await World.inRoom();
    world.answer("u", { "1": "inactive" });
    world.answer("u", { "0": "inactive" });
    expect(world.said).toHaveLength(1);
    world.clock.advance(100);
    expect(world.said.slice(1)).toMatchObject([{ type: "sfu-offer", epoch: 1, send: [{ mid: "1", publication: "id3" }] }]);
    // And once more while that is under way.
    world.answer();
    world.agreed();
    world.clock.advance(100);
    expect(world.said.slice(2)).toMatchObject([{ send: [{ publication: "id2" }, { publication: "id3" }] }]);
  });

  it("is told when its answer is no answer, or is refused", async () => {
    const world = new World();
    world.joined();
    world.room.answer("v=0");
    world.room.getOffer();
    await world.offered();
    world.room.answer("nonsense");
    expect(world.emitted.at(-1)).toMatchObject({ event: "ERROR", payload: { type: "room-error" } });
    world.answer();
    expect(world.hear({ type: "error", re: 99, code: "sfu.offer.codec", message: "No." } as never)).toBe(false);
    expect(world.hear({ type: "error", re: 1, code: "sfu.offer.codec", message: "No." } as never)).toBe(true);
    expect(world.emitted.at(-1)).toEqual({
      event: "ERROR",
      payload: { type: "room-error", message: "No. (sfu.offer.codec)" },
    });
    world.clock.advance(60_000);
    expect(world.asked).toHaveLength(1);
  });

  it("may not answer: then it is asked three times, and again when something happens", async () => {
    const world = new World();
    world.joined();
    world.room.getOffer();
    for (let at = 0; at < 3; at++) {
      await world.offered();
      world.clock.advance(10_000);
    }
    world.clock.advance(100_000);
    expect([world.asked.length, world.said]).toEqual([3, []]);
    // A late one is as good.
    world.answer();
    world.clock.advance(100);
    expect(world.said).toMatchObject([{ type: "sfu-offer" }]);
  });
});
