/** What the parts of the SFU's media see of a room, for tests of one part alone. */
import { silentLog } from "@tsunagi/base";
import type { Member } from "@tsunagi/protocol";
import { FakeClock, seededBytes, seededRandom } from "@tsunagi/testkit";
import type { MediaStream, MediaStreamTrack, Platform } from "../../src/core/ports.ts";
import type { RoomHost, RoomView } from "../../src/core/room/room-media.ts";
import { FakeHost } from "./fake-host.ts";
import { FakeNetwork } from "./fake-webrtc.ts";

export function member(peerId: string, joinedAt: number): Member {
  return { peerId, joinedAt, receiveOnly: false };
}

type Sent = Parameters<RoomHost["send"]>[0];

export function fakeRoom(overrides: Partial<RoomView> = {}) {
  const clock = new FakeClock();
  const network = new FakeNetwork(clock, seededRandom(1));
  const sent: Sent[] = [];
  const members = new Map<string, Member>();
  const tracks = new Map<MediaStreamTrack, MediaStream>();
  const errors: string[] = [];
  const host = {
    platform: {
      clock,
      random: seededBytes(1),
      log: silentLog,
      peerConnections: network.factory(new FakeHost("10.0.0.1")),
    } as Partial<Platform> as Platform,
    send: (message: Sent) => void sent.push(message),
    config: () => ({ iceServers: [{ urls: "turn:relay" }] }),
    signalOpen: () => true,
    probe: async () => true,
  } as Partial<RoomHost> as RoomHost;
  const view: { -readonly [Name in keyof RoomView]: RoomView[Name] } = {
    name: "hall",
    host,
    log: silentLog,
    options: {},
    self: member("me", 5),
    open: true,
    mode: "sfu",
    members,
    tracks,
    trackOptions: new Map(),
    attached: new Map(),
    emit: () => true,
    report: ({ code }) => void errors.push(code),
    ...overrides,
  };
  return { view, clock, network, sent, members, tracks, errors };
}
