import type { Publication } from "@tsunagi/protocol";
import { FakeClock } from "@tsunagi/testkit";
import { describe, expect, it } from "vitest";
import { FakeStream, FakeTrack } from "../../../test/support/fake-media.ts";
import type { MediaStream } from "../ports.ts";
import { Display } from "./display.ts";
import { RemoteStreams } from "./remote-streams.ts";
import { Subscription } from "./subscription.ts";
import type { SfuTransport, Slot } from "./transport.ts";

type FakeSlot = {
  publication: string | null;
  uses: number;
  transceiver: { currentDirection: string | null; receiver: { track: FakeTrack } };
};

const slot = (publication: string | null, uses = 1): FakeSlot => ({
  publication,
  uses,
  transceiver: { currentDirection: "recvonly", receiver: { track: new FakeTrack("video") } },
});

function transport(...slots: FakeSlot[]) {
  const fake = {
    slots,
    connected: true,
    closed: false,
    full: false,
    slotOf: (id: string) => slots.find((each) => each.publication === id),
  };
  return Object.assign(fake as unknown as SfuTransport & { connected: boolean; closed: boolean }, {});
}

function setUp(...ids: string[]) {
  const clock = new FakeClock();
  const events: string[] = [];
  const mesh = new FakeStream();
  const adopted = new Set<string>();
  const streams = new RemoteStreams({
    createStream: () => new FakeStream(),
    adopt: (peerId) => (adopted.has(peerId) ? (mesh as unknown as MediaStream) : undefined),
    onStream: ({ peerId }) => events.push(`stream ${peerId}`),
    onStreamRemoved: ({ peerId }) => events.push(`gone ${peerId}`),
    onTrackReplaced: () => events.push("replaced"),
  });
  const subscriptions = new Map<string, Subscription>();
  for (const id of ids) {
    const publication: Publication = { id, peerId: `peer-${id}`, kind: "video", source: "camera", stream: "s", muted: false };
    subscriptions.set(id, new Subscription(publication, { changed: () => {}, watchElement: undefined }));
  }
  const display = new Display({
    clock,
    streams,
    subscriptions,
    isShown: (publication) => streams.isAdopted(publication),
    onBound: ({ publication }) => events.push(`bound ${publication.id}`),
    onLimited: ({ publication, reason }) => events.push(`${reason} ${publication.id}`),
    onSettled: () => events.push("settled"),
  });
  const of = (id: string) => subscriptions.get(id) as Subscription;
  return { clock, events, display, subscriptions, of, adopted, mesh };
}

describe("a publication is shown", () => {
  it("at once in a slot that is new, when its section has an answer", () => {
    const { events, display, of } = setUp("1", "2");
    const [first, second] = [slot("1"), slot("2")];
    first.transceiver.currentDirection = null;
    const on = transport(first, second, slot(null));
    display.show(on);
    expect(events.splice(0)).toEqual(["bound 2", "stream peer-2", "settled"]);
    first.transceiver.currentDirection = "recvonly";
    display.show(on);
    expect(events.splice(0)).toEqual(["bound 1", "stream peer-1", "settled"]);
    expect(of("1").track).toBe(first.transceiver.receiver.track);
    expect(of("1").stream?.getTracks()).toEqual([first.transceiver.receiver.track]);
    display.show(on);
    expect(events).toEqual(["settled"]);
  });

  it("in a slot that had another before, when the SFU says so, or after half a second", () => {
    const { clock, events, display, of } = setUp("1", "2");
    const [first, second] = [slot("1", 2), slot("2", 3)];
    const on = transport(first, second);
    display.show(on);
    expect([of("1").track, of("2").track, events]).toEqual([null, null, []]);
    display.announced(on, first as unknown as Slot, of("1"));
    expect(events.splice(0)).toEqual(["bound 1", "stream peer-1"]);
    clock.advance(499);
    expect(of("2").track).toBeNull();
    clock.advance(1);
    expect(events.splice(0)).toEqual(["bound 2", "stream peer-2", "settled"]);
    display.announced(on, second as unknown as Slot, of("2"));
    expect([events, clock.pending]).toEqual([[], 0]);
  });

  it("not in a slot that has got another meanwhile, or was closed, or whose subscription is over", () => {
    for (const undo of ["other", "closed", "forgotten"]) {
      const { clock, events, display, subscriptions, of } = setUp("1");
      const only = slot("1", 2);
      const on = transport(only);
      display.show(on);
      const subscription = of("1");
      if (undo === "other") only.publication = "9";
      if (undo === "closed") on.closed = true;
      if (undo === "forgotten") subscriptions.delete("1");
      clock.advance(1_000);
      expect([subscription.track, events.filter((event) => event !== "settled")]).toEqual([null, []]);
    }
  });

  it("no more when it is forgotten, also before it was", () => {
    const { clock, events, display, of } = setUp("1", "2");
    display.show(transport(slot("1"), slot("2", 2)));
    events.length = 0;
    display.forget(of("1"));
    display.forget(of("2"));
    expect([events, clock.pending]).toEqual([["gone peer-1"], 0]);
  });
});

describe("the successor of what is shown", () => {
  it("waits until it is connected, and then for its first frame", () => {
    const { clock, events, display, of } = setUp("1");
    const [old, next] = [slot("1"), slot("1")];
    display.show(transport(old));
    events.length = 0;
    const { track } = next.transceiver.receiver;
    track.muted = true;
    const on = transport(next);
    on.connected = false;
    display.show(on);
    clock.advance(10_000);
    expect(of("1").track).toBe(old.transceiver.receiver.track);
    on.connected = true;
    display.show(on);
    display.announced(on, next as unknown as Slot, of("1"));
    expect([of("1").track, events]).toEqual([old.transceiver.receiver.track, []]);
    track.fire("unmute");
    expect([of("1").track, events, track.listeners]).toEqual([track, ["replaced", "bound 1", "settled"], 0]);
  });

  it("takes its place after 1.5 s without a frame, or at once where there was one already", () => {
    const { clock, events, display, of } = setUp("1");
    display.show(transport(slot("1")));
    const [silent, third] = [slot("1"), slot("1")];
    silent.transceiver.receiver.track.muted = true;
    display.show(transport(silent));
    clock.advance(1_499);
    expect(of("1").track).not.toBe(silent.transceiver.receiver.track);
    clock.advance(1);
    expect(of("1").track).toBe(silent.transceiver.receiver.track);
    events.length = 0;
    display.show(transport(third));
    expect([of("1").track, events]).toEqual([third.transceiver.receiver.track, ["replaced", "bound 1", "settled"]]);
  });

  it("of a mesh link's stream is treated alike, though the subscription is new", () => {
    const { events, display, of, adopted, mesh } = setUp("1");
    adopted.add("peer-1");
    const before = new FakeTrack("video");
    mesh.addTrack(before);
    const next = slot("1");
    next.transceiver.receiver.track.muted = true;
    display.show(transport(next));
    expect([of("1").track, mesh.getTracks()]).toEqual([null, [before]]);
    next.transceiver.receiver.track.fire("unmute");
    expect([mesh.getTracks(), events.slice(0, 2)]).toEqual([[next.transceiver.receiver.track], ["replaced", "bound 1"]]);
  });

  it("gives way to a third that comes while it waits", () => {
    const { clock, display, of } = setUp("1");
    display.show(transport(slot("1")));
    const [second, third] = [slot("1"), slot("1")];
    for (const each of [second, third]) each.transceiver.receiver.track.muted = true;
    display.show(transport(second));
    clock.advance(1_000);
    display.show(transport(third));
    clock.advance(1_000);
    expect([of("1").track === second.transceiver.receiver.track, clock.pending]).toEqual([false, 1]);
    clock.advance(500);
    expect(of("1").track).toBe(third.transceiver.receiver.track);
  });
});
