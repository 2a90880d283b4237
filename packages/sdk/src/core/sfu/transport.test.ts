import { CodedError } from "@tsunagi/base";
import type { Publication } from "@tsunagi/protocol";
import { describe, expect, it } from "vitest";
import { FakeStream, FakeTrack } from "../../../test/support/fake-media.ts";
import type { FakePeerConnection } from "../../../test/support/fake-webrtc.ts";
import { fakeRoom } from "../../../test/support/room-view.ts";
import type { JoinOptions } from "../peer-options.ts";
import type { EncodingParameters } from "../ports.ts";
import { OwnTracks } from "./own-tracks.ts";
import { SfuTransport, type TransportHost } from "./transport.ts";

type Offer = Parameters<TransportHost["request"]>[0];

const publication = (id: string, kind: "audio" | "video" = "video"): Publication => ({
  id,
  peerId: "a",
  kind,
  source: "other",
  stream: "s",
  muted: false,
});
const camera = (width: number) =>
  Object.assign(new FakeTrack("video"), { getSettings: () => ({ width, height: (width * 9) / 16 }) });

function setUp(options: JoinOptions = {}, direct = true) {
  const room = fakeRoom({ options });
  const own = new OwnTracks(room.view);
  const wanted: Publication[] = [];
  const offers: Offer[] = [];
  const events: string[] = [];
  /** Each offer is answered at once, by sections as they were offered. */
  const answer = { with: async (offer: Offer) => offer.sdp };
  const transport = new SfuTransport(3, direct, {
    room: room.view,
    own: () => own.all,
    wanted: () => wanted,
    wishOf: () => undefined,
    expectsFlow: () => false,
    request: async (offer) => {
      offers.push(offer);
      return { type: "sfu-answer", re: 1, room: "hall", epoch: 3, sdp: await answer.with(offer) };
    },
    onNegotiated: () => events.push("negotiated"),
    onConnected: () => events.push("connected"),
    onLost: (_, why, error) => events.push(error instanceof CodedError ? error.code : why),
    onControlOpen: () => {},
    onControl: () => {},
    onData: () => {},
  });
  const pc = transport.pc as FakePeerConnection;
  const publish = (track: FakeTrack) => {
    own.add(track, new FakeStream([track]));
    return own.of(track)?.id ?? "";
  };
  const contents = () => transport.slots.map(({ kind, publication: id }) => `${kind} ${id}`);
  const run = () => room.clock.advanceAsync(100);
  return { ...room, transport, pc, own, publish, wanted, offers, events, answer, contents, run };
}

describe("a transport's offer", () => {
  it("names what is sent and received by section, under its epoch", async () => {
    const { transport, publish, wanted, offers, events, own, run } = setUp();
    const id = publish(new FakeTrack("audio"));
    wanted.push(publication("1", "audio"), publication("2"));
    transport.negotiate();
    await run();
    expect(offers).toMatchObject([
      {
        epoch: 3,
        send: [{ mid: "0", publication: id, kind: "audio", source: "microphone", muted: false }],
        receive: [
          { mid: "1", kind: "audio", publication: "1" },
          { mid: "2", kind: "video", publication: "2" },
        ],
      },
    ]);
    expect(offers[0]?.send[0]).not.toHaveProperty("peerId");
    expect([events, own.find(id)?.offered, transport.slotOf("2")?.transceiver.mid]).toEqual([["negotiated"], true, "2"]);
    expect([transport.slotByMid("1")?.publication, transport.slotByMid("7")]).toEqual(["1", undefined]);
    transport.close();
  });

  it("waits for the answer of the one before, and then tells all that was changed", async () => {
    const { transport, wanted, offers, answer, run } = setUp();
    let go = () => {};
    answer.with = async ({ sdp }) => {
      await new Promise<void>((resolve) => (go = resolve));
      return sdp;
    };
    transport.negotiate();
    await run();
    for (const id of ["1", "2"]) {
      wanted.push(publication(id));
      transport.negotiate();
    }
    await run();
    expect(offers).toHaveLength(1);
    go();
    await run();
    expect(offers.map(({ receive }) => receive.map((each) => each.publication))).toEqual([[], ["1", "2"]]);
    expect(offers[1]?.receive.map((each) => each.held)).toEqual([true, true]);
    go();
    await run();
    expect(offers).toHaveLength(2);
    transport.close();
  });

  it("that is refused loses the transport, with the reason; what is closed says nothing", async () => {
    for (const closed of [false, true]) {
      const { transport, events, answer, run } = setUp();
      answer.with = async () => {
        if (closed) transport.close();
        throw new CodedError("sfu.offer.codec", "no codec");
      };
      transport.negotiate();
      await run();
      expect(events).toEqual(closed ? [] : ["sfu.offer.codec"]);
      transport.close();
    }
  });

  it("is not made of a closed transport, whose connection and timers are gone", async () => {
    const { transport, pc, offers, clock, run } = setUp();
    transport.close();
    transport.close();
    transport.negotiate();
    await run();
    expect([offers, pc.signalingState, pc.listeners, clock.pending, transport.closed]).toEqual([[], "closed", 0, 0, true]);
  });
});

describe("slots", () => {
  it("are filled again without an offer, as long as there are any of the kind", () => {
    const { transport, wanted, contents } = setUp();
    wanted.push(publication("1"), publication("2", "audio"));
    expect([transport.assign(), contents()]).toEqual([true, ["audio 2", "video 1"]]);
    expect(transport.assign()).toBe(false);
    wanted.splice(0, 1, publication("3"));
    expect([transport.assign(), contents()]).toEqual([false, ["audio 2", "video 3"]]);
    expect(transport.slots.map(({ uses }) => uses)).toEqual([1, 2]);
    wanted.length = 0;
    expect([transport.assign(), contents()]).toEqual([false, ["audio null", "video null"]]);
  });

  it("come with spare ones where there were some before: half as many, at most 4", () => {
    const { transport, wanted, contents } = setUp();
    const free = () => contents().filter((each) => each.endsWith("null")).length;
    wanted.push(publication("1"), publication("2"));
    transport.assign();
    expect(free()).toBe(0);
    wanted.push(publication("3"));
    expect([transport.assign(), free(), transport.slots.length]).toEqual([true, 1, 4]);
    for (let id = 4; id < 24; id++) wanted.push(publication(String(id)));
    transport.assign();
    const before = free();
    for (let id = 24; id < 28; id++) wanted.push(publication(String(id)));
    wanted.push(publication("28"));
    transport.assign();
    expect([before, free()]).toEqual([2, 4]);
  });

  it("take dependency descriptors, which a browser may leave out of what it receives", () => {
    const { transport, pc, wanted } = setUp();
    wanted.push(publication("1"), publication("2", "audio"));
    transport.assign();
    const directions = pc
      .getTransceivers()
      .map((each) => each.getHeaderExtensionsToNegotiate?.().find(({ uri }) => uri.includes("dependency-descriptor"))?.direction);
    expect(directions.sort()).toEqual(["sendrecv", "stopped"]);
  });

  it("have an end", () => {
    const { transport, wanted } = setUp();
    for (let id = 0; id < 300; id++) wanted.push(publication(String(id)));
    expect([transport.assign(), transport.slots.length]).toEqual([true, 256]);
  });
});

describe("sending", () => {
  const encodings = (pc: FakePeerConnection) => pc.getTransceivers()[0]?.sender.getParameters().encodings as EncodingParameters[];

  it("switches encodings by what is watched, and calls the browser for changes only", async () => {
    const { transport, pc, publish, run } = setUp();
    const id = publish(camera(1280));
    transport.negotiate();
    await run();
    const sender = pc.getTransceivers()[0]?.sender;
    if (sender === undefined) throw new Error("nothing is sent");
    let calls = 0;
    sender.setParameters = async () => {
      calls += 1;
    };
    const active = () => encodings(pc).map((each) => each.active ?? true);
    transport.setActive(id, [true, false, false]);
    await run();
    expect([active(), calls]).toEqual([[true, false, false], 1]);
    transport.setActive(id, [true, false, false]);
    await run();
    expect(calls).toBe(1);
    transport.setActive(id, undefined);
    transport.setActive("unknown", [false]);
    await run();
    expect([active(), calls]).toEqual([[true, true, true], 2]);
    transport.close();
  });

  it("takes bitrates and preferences of the room's options, and goes on where the browser refuses them", async () => {
    const { transport, pc, view, publish, run } = setUp();
    publish(camera(320));
    transport.negotiate();
    await run();
    const sender = pc.getTransceivers()[0]?.sender;
    if (sender === undefined) throw new Error("nothing is sent");
    view.options = { videoMaxBitrate: 90_000, degradationPreference: "maintain-framerate" };
    const { setParameters } = sender;
    sender.setParameters = () => Promise.reject(new Error("refused"));
    transport.configure();
    await run();
    sender.setParameters = setParameters;
    view.options = { videoMaxBitrate: 80_000, degradationPreference: "maintain-framerate" };
    transport.configure();
    await run();
    expect(sender.getParameters()).toMatchObject({
      degradationPreference: "maintain-framerate",
      encodings: [{ maxBitrate: 80_000 }],
    });
    transport.close();
  });

  it("gives another track to the same sender where its sizes are alike, and needs an offer elsewhere", async () => {
    const { transport, pc, publish, own, offers, run } = setUp();
    const [first, alike, small] = [camera(1280), camera(1920), camera(320)];
    const id = publish(first);
    transport.negotiate();
    await run();
    const replace = async (old: FakeTrack, next: FakeTrack) => {
      const one = own.replace(old, next);
      const done = one && transport.replaceTrack(one);
      await run();
      return done;
    };
    expect([await replace(first, alike), pc.getTransceivers()[0]?.sender.track]).toEqual([true, alike]);
    expect(await replace(alike, small)).toBe(false);
    transport.negotiate();
    await run();
    // The publication goes on in another section.
    expect(offers[1]?.send).toMatchObject([{ mid: "1", publication: id }]);
    expect(pc.getTransceivers().map(({ direction, sender }) => [direction, sender.track])).toEqual([
      ["stopped", alike],
      ["sendonly", small],
    ]);
    transport.close();
  });

  it("does without layers in time where the browser has none", async () => {
    const { transport, pc, publish, offers, run } = setUp();
    const { addTransceiver } = pc;
    pc.addTransceiver = (what, init) => {
      if (init?.sendEncodings?.some(({ scalabilityMode }) => scalabilityMode !== undefined)) throw new Error("unknown mode");
      return addTransceiver.call(pc, what, init);
    };
    publish(camera(1280));
    transport.negotiate();
    await run();
    expect([encodings(pc).map(({ rid }) => rid), offers.length]).toEqual([["q", "h", "f"], 1]);
    transport.close();
  });

  it("stops what is not published any more", async () => {
    const { transport, pc, publish, own, offers, run } = setUp();
    const [sound, picture] = [new FakeTrack("audio"), camera(320)];
    publish(sound);
    const id = publish(picture);
    transport.negotiate();
    await run();
    own.remove(sound);
    transport.negotiate();
    await run();
    expect(offers[1]?.send.map((each) => each.publication)).toEqual([id]);
    expect(pc.getTransceivers().map(({ direction }) => direction)).toEqual(["stopped", "sendonly"]);
    transport.close();
  });
});

it.each([
  [true, undefined, 0],
  [false, undefined, 1],
  [true, "relay", 1],
] as const)("takes STUN and TURN where it has to: direct %s, policy %s", (direct, policy, servers) => {
  const { view } = fakeRoom();
  const host = {
    ...view.host,
    config: () => ({ iceServers: [{ urls: "turn:relay" }], ...(policy && { iceTransportPolicy: policy }) }),
  };
  const transport = new SfuTransport(0, direct, { room: { ...view, host }, onControlOpen: () => {} } as unknown as TransportHost);
  expect((transport.pc as FakePeerConnection).config.iceServers).toHaveLength(servers);
  transport.close();
});
