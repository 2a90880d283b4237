import { type JsonValue, silentLog } from "@tsunagi/base";
import type { SfuCommand, SfuReply } from "@tsunagi/conference";
import type { Publication, ServerCounted } from "@tsunagi/protocol";
import { FakeClock, settle } from "@tsunagi/testkit";
import { describe, expect, it } from "vitest";
import type { StoredSfuRoom, Unnumbered } from "../sfu-port.ts";
import { makeSkywaySfuRoom } from "./room.ts";

type OfferCommand = Extract<SfuCommand, { type: "offer" }>;

class World {
  readonly clock: FakeClock;
  readonly asked: { readonly command: OfferCommand; readonly answer: (reply: SfuReply) => void }[] = [];
  readonly left: SfuCommand[] = [];
  readonly said: Unnumbered[] = [];
  readonly emitted: { readonly event: string; readonly payload: JsonValue }[] = [];
  stored: StoredSfuRoom | undefined;
  /** Of the client's answers. */
  origin = "-";
  readonly room: ReturnType<typeof makeSkywaySfuRoom>;
  #ids = 0;

  constructor(
    options: {
      readonly restored?: StoredSfuRoom;
      readonly clock?: FakeClock;
      readonly idPrefix?: string;
      readonly isMozilla?: boolean;
    } = {},
  ) {
    this.clock = options.clock ?? new FakeClock();
    this.room = makeSkywaySfuRoom({
      session: {
        appId: "app",
        peerId: "me",
        roomName: "hall",
        say: (message) => this.said.push(message),
        emit: (event, payload) => this.emitted.push({ event, payload }),
      },
      sfu: {
        offer: (command) => new Promise((answer) => this.asked.push({ command, answer })),
        perform: (command) => this.left.push(command),
      },
      clock: this.clock,
      log: silentLog,
      newId: () => `${options.idPrefix ?? "id"}${++this.#ids}`,
      isMozilla: options.isMozilla === true,
      changed: (state) => {
        this.stored = JSON.parse(JSON.stringify(state)) as StoredSfuRoom;
      },
      ...(options.restored === undefined ? {} : { restored: options.restored }),
    });
  }

  hear(message: Partial<ServerCounted> & { type: ServerCounted["type"] }): boolean {
    return this.room.handle({ room: "hall", ...message } as ServerCounted);
  }

  joined(publications: Publication[] = [], receiveOnly = false): void {
    this.hear({ type: "joined", self: { peerId: "me", joinedAt: 0, receiveOnly }, others: [], publications } as never);
  }

  published(...publications: Publication[]): void {
    for (const publication of publications) this.hear({ type: "published", publication });
  }

  /** What the SFU was asked last, as `mid direction kind stream`. */
  get sections(): string[] {
    return (this.asked.at(-1)?.command.sections ?? []).map(({ mid, kind, direction, stream }) =>
      [mid, direction, kind, stream].filter((word) => word !== undefined).join(" "),
    );
  }

  get msids(): unknown {
    return (this.emitted.at(-1)?.payload as { msids?: unknown } | undefined)?.msids;
  }

  /** The SFU makes the offer that it was asked for. */
  async offered(): Promise<void> {
    this.asked.at(-1)?.answer({ ok: true, sdp: `offer ${this.asked.length}` });
    await settle();
  }

  /** The client answers: sends in the first two sections, unless something else is said. */
  answer(ufrag = "u", change: Readonly<Record<string, string>> = {}): void {
    const text = answerText(this.asked.at(-1)?.command.sections ?? [], ufrag, change);
    this.room.answer(text.replace("o=-", `o=${this.origin}`));
  }

  agreed(): void {
    this.hear({ type: "sfu-answer", re: this.said.length, epoch: 1, sdp: "" });
  }

  async round(ufrag = "u", change: Readonly<Record<string, string>> = {}): Promise<void> {
    await this.offered();
    this.answer(ufrag, change);
    this.agreed();
  }

  /** In the room, with an answered first offer. */
  static async inRoom(publications: Publication[] = []): Promise<World> {
    const world = new World();
    world.joined(publications);
    world.room.getOffer();
    await world.round();
    world.clock.advance(1_000);
    return world;
  }
}

function answerText(sections: OfferCommand["sections"], ufrag: string, change: Readonly<Record<string, string>>): string {
  const lines = sections.flatMap(({ mid, kind, direction }) => [
    `m=${kind} 9 UDP/TLS/RTP/SAVPF 96`,
    `a=mid:${mid}`,
    `a=ice-ufrag:${ufrag}`,
    `a=${change[mid] ?? directionOf(mid, direction)}`,
  ]);
  return ["v=0", "o=- 1 1 IN IP4 0.0.0.0", "s=-", "t=0 0", ...lines, ""].join("\r\n");
}

/** A client with one track of each kind, which the first sections get. */
function directionOf(mid: string, offered: OfferCommand["sections"][number]["direction"]): string {
  if (offered === "receive" && Number(mid) < 2) return "sendonly";
  return offered === "send" || offered === "both" ? "recvonly" : "inactive";
}

const publication = (id: string, peerId: string, kind: "audio" | "video", stream = "main"): Publication => ({
  id,
  peerId,
  kind,
  source: kind === "audio" ? "microphone" : "camera",
  stream,
  muted: false,
});
const both = (peerId: string) => [publication(`${peerId}-a`, peerId, "audio"), publication(`${peerId}-v`, peerId, "video")];

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
