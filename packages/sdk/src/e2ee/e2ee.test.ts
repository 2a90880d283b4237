import type { JsonValue } from "@tsunagi/base";
import { silentLog } from "@tsunagi/base";
import type { Member, Publication } from "@tsunagi/protocol";
import { FakeClock } from "@tsunagi/testkit";
import { describe, expect, it, vi } from "vitest";
import type { FrameTransformsHost, TransformTarget } from "../core/frame-transforms.ts";
import { E2ee, type FramePlatform } from "./e2ee.ts";
import type { FromWorker, ToWorker, TransformInit } from "./worker/messages.ts";

const member = (peerId: string): Member => ({ peerId, joinedAt: 0, receiveOnly: false });
const publication = (peerId: string, kind: "audio" | "video" = "video"): Publication => ({
  id: `p-${peerId}-${kind}`,
  peerId,
  kind,
  source: "camera",
  stream: "s",
  muted: false,
});

function make() {
  const posted: ToWorker[] = [];
  const attached: TransformInit[] = [];
  let tell: (message: FromWorker) => void = () => {};
  const platform: FramePlatform = {
    encodedInsertableStreams: false,
    createWorker: ({ onMessage }) => {
      tell = onMessage;
      return { post: (message) => posted.push(message), attach: (_, init) => attached.push(init), close: () => {} };
    },
  };
  const sent: [JsonValue, readonly string[]][] = [];
  const failed: Error[] = [];
  const clock = new FakeClock();
  const host: FrameTransformsHost = {
    room: "r",
    self: member("me"),
    members: new Map([["bob", member("bob")]]),
    clock,
    random: (length) => new Uint8Array(length),
    log: silentLog,
    send: (data, to) => sent.push([data, to]),
    fail: (error) => failed.push(error),
  };
  const target = (): TransformTarget => ({ track: null });
  return { e2ee: new E2ee({}, platform), posted, attached, host, sent, failed, clock, target, tell: (m: FromWorker) => tell(m) };
}

describe("E2ee", () => {
  it("makes a key with the first sender, and one transform for each sender and receiver", () => {
    const { e2ee, host, posted, attached, target } = make();
    e2ee.start(host);
    const receiver = target();
    e2ee.onReceiver(receiver, publication("bob"));
    expect(posted).toEqual([]);
    e2ee.onSender(target(), publication("me"));
    e2ee.onSender(target(), publication("me", "audio"));
    expect(posted.map(({ type }) => type)).toEqual(["send-key"]);
    expect(attached.map(({ side, kind, peerId }) => [side, kind, peerId])).toEqual([
      ["receive", "video", "bob"],
      ["send", "video", undefined],
      ["send", "audio", undefined],
    ]);
    // The slot gets another publication, then none.
    e2ee.onReceiver(receiver, publication("eve"));
    e2ee.onReceiver(receiver, null);
    expect(attached).toHaveLength(3);
    expect(posted.slice(1)).toEqual([
      { type: "assign", id: 1, peerId: "eve" },
      { type: "assign", id: 1, peerId: undefined },
    ]);
    e2ee.stop();
  });

  it("says hello to those who are there, and shows what is known of them", async () => {
    const { e2ee, host, sent, clock, failed } = make();
    const states: unknown[] = [];
    e2ee.on("memberKey", (event) => states.push(event));
    e2ee.start(host);
    await vi.waitFor(() => expect(sent).not.toEqual([]), { interval: 5 });
    expect(sent[0]?.[1]).toEqual(["bob"]);
    expect(e2ee.encrypted("bob")).toBe(false);
    clock.advance(60_000);
    expect(states).toEqual([
      { peerId: "bob", state: "waiting" },
      { peerId: "bob", state: "plain" },
    ]);
    expect(failed.map((error) => (error as { code?: string }).code)).toEqual(["e2ee.member.plain"]);
    e2ee.memberLeft("bob");
    expect(e2ee.members.size).toBe(0);
    e2ee.stop();
  });

  it("tells `failed` listeners instead of the room", async () => {
    const { e2ee, host, clock, failed } = make();
    const heard: unknown[] = [];
    e2ee.on("failed", (error, peerId) => heard.push([error.code, peerId]));
    e2ee.start(host);
    clock.advance(60_000);
    expect(heard).toEqual([["e2ee.member.plain", "bob"]]);
    expect(failed).toEqual([]);
    e2ee.stop();
  });

  it("passes on what the worker tells and counts", async () => {
    const { e2ee, host, posted, tell } = make();
    expect(await e2ee.counters()).toBeUndefined();
    e2ee.start(host);
    const decrypted: string[] = [];
    e2ee.on("decrypted", (peerId) => decrypted.push(peerId));
    tell({ type: "opened", peerId: "bob" });
    expect(decrypted).toEqual(["bob"]);
    const counters = e2ee.counters();
    const asked = posted.find((message) => message.type === "counters");
    const answer = { sealed: 1, unsent: 0, opened: 2, dropped: {} as never };
    tell({ type: "counters", re: asked?.type === "counters" ? asked.re : -1, counters: answer });
    expect(await counters).toEqual(answer);
    e2ee.stop();
  });

  it("serves one room", () => {
    const { e2ee, host } = make();
    e2ee.start(host);
    expect(() => e2ee.start(host)).toThrow(expect.objectContaining({ code: "e2ee.room.reused" }));
    e2ee.stop();
  });
});
