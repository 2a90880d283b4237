import { settle } from "@tsunagi/testkit";
import { describe, expect, it } from "vitest";
import { both, World } from "../../../../test/skyway-sfu-room.ts";
import type { StoredSfuRoom } from "../sfu-port.ts";

/** A client that leaves gets no offer that its next room of that name would take. */
const LEAVING_MS = 200;

describe("a connection that is lost", () => {
  it("is one that its client has closed, if a leave follows", async () => {
    const world = await World.inRoom(both("alice"));
    world.hear({ type: "sfu-reset", epoch: 1 });
    world.clock.advance(LEAVING_MS - 1);
    world.room.close();
    world.clock.advance(10_000);
    expect(world.asked).toHaveLength(1);
  });

  it("is followed by one of the next epoch with the same sections, streams and publications", async () => {
    const world = await World.inRoom(both("alice"));
    world.hear({ type: "sfu-reset", epoch: 1 });
    world.clock.advance(LEAVING_MS);
    expect(world.asked.at(-1)?.command.epoch).toBe(2);
    expect(world.sections).toEqual(["0 receive audio", "1 receive video", "2 both audio id2", "3 both video id2"]);
    await world.offered();
    // Of the connection before, and late.
    world.answer("u");
    expect(world.said).toHaveLength(1);
    world.answer("u2");
    expect(world.said.slice(1)).toMatchObject([{ epoch: 2, send: [{ publication: "id3" }, { publication: "id4" }] }]);
    world.hear({ type: "sfu-reset", epoch: 1 });
    world.clock.advance(LEAVING_MS);
    world.agreed();
    expect(world.asked).toHaveLength(2);
  });

  it("is followed by one on a transport of its own in Firefox, which cannot begin DTLS anew on the one that it has", async () => {
    const world = new World();
    world.joined();
    world.room.getOffer();
    world.origin = "mozilla...THIS_IS_SDPARTA-99.0";
    await world.round();
    world.hear({ type: "sfu-reset", epoch: 1 });
    world.clock.advance(LEAVING_MS);
    expect(world.sections.slice(2)).toEqual(["2 receive audio", "3 receive video", "4 tag audio"]);
    await world.round("u2");
    world.hear({ type: "sfu-reset", epoch: 2 });
    world.clock.advance(LEAVING_MS);
    expect(world.sections.slice(4)).toEqual(["4 stopped audio", "5 tag audio"]);
    await world.round("u3");
    expect(world.asked).toHaveLength(3);
    const after = new World({ restored: world.stored as StoredSfuRoom });
    expect(after.sections.slice(4)).toEqual(["4 stopped audio", "5 stopped audio", "6 tag audio"]);
  });

  it("leaves what led before to Firefox until all have left it, so that its senders do not hear of the end of their transport", async () => {
    const world = new World({ isMozilla: true });
    world.joined();
    world.room.getOffer();
    world.origin = "mozilla...THIS_IS_SDPARTA-99.0";
    expect(world.sections.slice(2)).toEqual(["2 tag audio", "3 receive audio", "4 receive video"]);
    const lines = (ufrag: string) => `a=mid:2\r\na=ice-ufrag:${ufrag}\r\na=ice-pwd:secret\r\na=fingerprint:sha-256 AA\r\n`;
    const offered = async (ufrag: string) => {
      world.asked.at(-1)?.answer({ ok: true, sdp: `v=0\r\na=group:BUNDLE 2 0 1\r\nm=audio 9 X 1\r\n${lines(ufrag)}` });
      await settle();
    };
    await offered("first");
    world.answer();
    world.agreed();
    world.hear({ type: "sfu-reset", epoch: 1 });
    world.clock.advance(LEAVING_MS);
    expect(world.sections.slice(2)).toEqual(["2 relic audio", "3 receive audio", "4 receive video", "5 tag audio"]);
    // Firefox restarts ICE on all its transports or on none.
    const { transport } = world.asked.at(-1)?.command.sections[2] ?? {};
    expect([transport?.fingerprint, transport?.iceUfrag === "first"]).toEqual(["sha-256 AA", false]);
    await offered("second");
    world.answer("u2");
    // The SFU knows of one transport only.
    expect(world.said.at(-1)).toMatchObject({ sdp: expect.stringMatching(/m=audio 0 [^\n]*\r\na=mid:2\r\n/) });
    world.agreed();
    expect(world.sections.slice(2)).toEqual(["2 stopped audio", "3 receive audio", "4 receive video", "5 tag audio"]);
    await world.round("u2");
    world.clock.advance(60_000);
    expect(world.asked).toHaveLength(3);
  });

  it("ends the membership when the client does nothing about it for 30 s", async () => {
    const world = await World.inRoom();
    world.hear({ type: "sfu-reset", epoch: 1 });
    world.clock.advance(LEAVING_MS);
    for (let at = 0; at < 3; at++) {
      await world.offered();
      expect(world.said).toHaveLength(1);
      world.clock.advance(10_000);
    }
    expect(world.said.slice(1)).toEqual([{ type: "leave", room: "hall" }]);
    expect(world.clock.pending).toBe(0);
  });

  it("is tried again for as long as the SFU cannot, and the app is told once", async () => {
    const world = await World.inRoom();
    world.hear({ type: "sfu-reset", epoch: 1 });
    world.clock.advance(LEAVING_MS);
    for (let at = 0; at < 8; at++) {
      world.asked.at(-1)?.answer({ ok: false, code: "sfu.capacity.reached", message: "Full." });
      await settle();
      world.clock.advance(5_000);
    }
    expect(world.asked.map(({ command }) => command.epoch)).toEqual([1, ...Array(9).fill(2)]);
    expect(world.emitted.filter(({ event }) => event === "ERROR")).toHaveLength(1);
    await world.round("u2");
    expect(world.said.at(-1)).toMatchObject({ epoch: 2 });
  });

  it("may be lost while it is made, and its publications may have got taken names", async () => {
    const world = await World.inRoom();
    world.room.getOffer();
    await world.offered();
    world.answer();
    world.hear({ type: "error", re: 2, code: "sfu.worker.lost", message: "" } as never);
    world.clock.advance(500);
    expect(world.asked.at(-1)?.command.epoch).toBe(2);
    await world.offered();
    world.answer("u2");
    world.hear({ type: "error", re: 3, code: "sfu.publication.duplicate", message: "" } as never);
    expect(world.said.at(-1)).toMatchObject({ epoch: 2, send: [{ publication: "id4" }, { publication: "id5" }] });
    expect(world.emitted.filter(({ event }) => event === "ERROR")).toEqual([]);
  });
});

describe("sessions", () => {
  it("that come back after a gap are asked again if they have not answered soon", async () => {
    const world = await World.inRoom();
    world.published(...both("bob"));
    world.clock.advance(20);
    await world.offered();
    world.room.resumed();
    world.clock.advance(1_999);
    expect(world.asked).toHaveLength(2);
    world.clock.advance(1);
    expect(world.asked).toHaveLength(3);
  });

  it("go on after a restart of the server, on the same sections and streams, while the others come back", async () => {
    const before = await World.inRoom([...both("alice"), ...both("bob")]);
    const { stored } = before;
    before.room.close();
    expect([before.left, before.clock.pending]).toEqual([[], 0]);
    const after = new World({ restored: stored as StoredSfuRoom, idPrefix: "new" });
    expect(after.asked.at(-1)?.command.epoch).toBe(2);
    expect(after.sections).toEqual(before.sections);
    await after.round("u2");
    expect(after.said).toMatchObject([{ epoch: 2, send: [{ publication: "id4" }, { publication: "id5" }] }]);
    // What came back is asked for again: the SFU had nothing for that slot.
    after.published(...both("alice"));
    after.clock.advance(20);
    await after.round("u2");
    expect(after.sections).toEqual(before.sections);
    after.clock.advance(10_000);
    expect(after.sections.slice(2)).toEqual(["2 both audio id2", "3 both video id2", "4 receive audio", "5 receive video"]);
    await after.round("u2");
    expect(after.asked).toHaveLength(3);
  });

  it("begin anew with what cannot be read", () => {
    const world = new World({ restored: { epoch: "x" } });
    expect([world.asked, world.clock.pending]).toEqual([[], 0]);
  });

  it("leave nothing behind: the SFU is told when the core cannot tell it", async () => {
    const world = new World();
    world.joined();
    world.room.getOffer();
    const [asked] = world.asked;
    world.room.close();
    world.room.close();
    expect(world.left).toEqual([{ type: "leave", appId: "app", room: "hall", peerId: "me" }]);
    asked?.answer({ ok: true, sdp: "late" });
    await settle();
    world.room.getOffer();
    world.room.resumed();
    world.published(...both("alice"));
    world.room.answer("v=0");
    world.room.candidate({ candidate: "" });
    expect([world.emitted, world.said, world.clock.pending]).toEqual([[], [], 0]);
  });
});
