import { silentLog } from "@tsunagi/base";
import { type BusRequest, type Input, MemoryBus, type SfuCommand, type SfuReply } from "@tsunagi/conference";
import { FakeClock, settle } from "@tsunagi/testkit";
import { describe, expect, it, vi } from "vitest";
import { deflateSdp } from "./sdp-deflate.ts";
import { SfuLink } from "./sfu-link.ts";

type Asked = { readonly command: SfuCommand; readonly answer: (reply: SfuReply) => void };

async function setUp(attached = true) {
  const clock = new FakeClock();
  const bus = new MemoryBus();
  const asked: Asked[] = [];
  const inputs: Input[] = [];
  const outcomes: string[] = [];
  const handler = (request: BusRequest) =>
    new Promise<SfuReply>((answer) => {
      if (request.type === "sfu") asked.push({ command: request.command, answer });
    });
  if (attached) await bus.attach("sfu", handler);
  const link = new SfuLink({
    bus,
    node: "one",
    sfuNode: "sfu",
    clock,
    log: silentLog,
    handle: (input) => inputs.push(input),
    counted: (type, outcome) => outcomes.push(`${type} ${outcome}`),
  });
  return { clock, asked, inputs, outcomes, link };
}

const member = (peerId: string, room = "hall") => ({ appId: "app", room, peerId });
const mute = (peerId: string, publication: string): SfuCommand => ({
  type: "mute",
  ...member(peerId),
  publication,
  muted: true,
});
const close: SfuCommand = { type: "close", appId: "app", room: "hall" };
const names = (asked: readonly Asked[]) =>
  asked.map(({ command }) => ("publication" in command ? command.publication : command.type));

describe("SfuLink", () => {
  it("sends a member's commands one after another, those of others beside them", async () => {
    const { asked, inputs, link } = await setUp();
    link.perform(mute("a", "a1"), 1);
    link.perform(mute("a", "a2"), undefined);
    link.perform(mute("b", "b1"), 2);
    await settle();
    expect(names(asked)).toEqual(["a1", "b1"]);
    asked[0]?.answer({ ok: true, sdp: "x" });
    asked[1]?.answer({ ok: false, code: "sfu.offer.codec", message: "no" });
    await settle();
    expect(names(asked)).toEqual(["a1", "b1", "a2"]);
    expect(inputs).toEqual([
      { type: "sfu-reply", correlation: 1, reply: { ok: true, sdp: "x" } },
      { type: "sfu-reply", correlation: 2, reply: { ok: false, code: "sfu.offer.codec", message: "no" } },
    ]);
    asked[2]?.answer({ ok: true });
    await settle();
    expect([inputs.length, link.size]).toEqual([2, 0]);
  });

  it("asks for an offer of the SFU between a member's other commands, and gives it back", async () => {
    const { asked, inputs, link } = await setUp();
    link.perform(mute("a", "a1"), 1);
    const offered = link.offer({ type: "offer", ...member("a"), epoch: 1, sections: [] });
    link.perform(mute("a", "a2"), 2);
    await settle();
    expect(names(asked)).toEqual(["a1"]);
    asked[0]?.answer({ ok: true });
    await settle();
    expect(names(asked)).toEqual(["a1", "offer"]);
    asked[1]?.answer({ ok: true, sdp: "v=0" });
    expect(await offered).toEqual({ ok: true, sdp: "v=0" });
    await settle();
    expect([names(asked), inputs.length]).toEqual([["a1", "offer", "a2"], 1]);
  });

  it("closes a room after all that was under way in it, and before what comes later", async () => {
    const { asked, link } = await setUp();
    link.perform(mute("a", "a1"), undefined);
    link.perform(mute("b", "b1"), undefined);
    link.perform(close, undefined);
    link.perform(mute("a", "a2"), undefined);
    link.perform({ type: "leave", ...member("c", "other") }, undefined);
    await settle();
    expect(names(asked)).toEqual(["a1", "b1", "leave"]);
    for (let next = 0; next < 5; next++) {
      asked[next]?.answer({ ok: true });
      await settle();
    }
    expect(names(asked)).toEqual(["a1", "b1", "leave", "close", "a2"]);
    expect(link.size).toBe(0);
  });

  it("inflates an offer for the SFU, and deflates the answer where it is long", async () => {
    const { asked, inputs, outcomes, link } = await setUp();
    const offer = (correlation: number, description: { sdp: string; sdpDeflate?: string }) =>
      link.perform(
        {
          type: "negotiate",
          ...member(`m${correlation}`),
          epoch: 0,
          ...description,
          send: [],
          receive: [],
          limits: { publicationBps: 1, publicationsPerMember: 1, memberBps: 1 },
          directions: { publish: true, subscribe: true, data: true },
        },
        correlation,
      );
    const long = "a=mid:0\r\n".repeat(3_000);
    const deflated = { sdp: "", sdpDeflate: await deflateSdp(long) };
    const reply = (correlation: number) =>
      inputs.flatMap((input) => (input.type === "sfu-reply" && input.correlation === correlation ? [input.reply] : []))[0];
    for (const correlation of [1, 2]) offer(correlation, deflated);
    offer(3, { sdp: "plain" });
    offer(4, { sdp: "", sdpDeflate: "AAAA" });
    await vi.waitFor(() => expect([asked.length, inputs.length]).toEqual([3, 1]));
    const sdps = asked.map(({ command }) => command.type === "negotiate" && [command.peerId, command.sdp, command.sdpDeflate]);
    expect(sdps).toEqual(
      expect.arrayContaining([
        ["m1", long, undefined],
        ["m2", long, undefined],
        ["m3", "plain", undefined],
      ]),
    );
    for (const { command, answer } of asked) {
      answer({ ok: true, sdp: "peerId" in command && command.peerId === "m2" ? "short" : long });
    }
    await vi.waitFor(() => expect(inputs).toHaveLength(4));
    expect(reply(1)).toEqual({ ok: true, ...deflated });
    expect(reply(2)).toEqual({ ok: true, sdp: "short" });
    expect(reply(3)).toEqual({ ok: true, sdp: long });
    expect(reply(4)).toMatchObject({ ok: false, code: "sfu.offer.malformed" });
    expect(outcomes).toContain("negotiate sfu.offer.malformed");
    expect(link.size).toBe(0);
  });

  it("says that the SFU cannot be reached when it is not there", async () => {
    const { inputs, outcomes, link } = await setUp(false);
    link.perform(mute("a", "a1"), 5);
    await settle();
    expect(inputs).toMatchObject([{ correlation: 5, reply: { ok: false, code: "sfu.room.unavailable" } }]);
    expect(outcomes).toEqual(["mute unreachable"]);
    expect(await link.dump("app", "hall")).toBeUndefined();
  });

  it("gives up on one that does not answer, and goes on", async () => {
    const { clock, asked, inputs, link } = await setUp();
    link.perform(mute("a", "a1"), 1);
    link.perform(mute("a", "a2"), 2);
    await settle();
    await clock.advanceAsync(10_000);
    expect(names(asked)).toEqual(["a1", "a2"]);
    expect(inputs).toMatchObject([{ correlation: 1, reply: { ok: false } }]);
    asked[1]?.answer({ ok: true });
    await settle();
    // Late, and told once already.
    asked[0]?.answer({ ok: true });
    await settle();
    expect(inputs).toHaveLength(2);
  });

  it("gets the dump of a room, and is silent once closed", async () => {
    const { asked, inputs, link } = await setUp();
    const dump = link.dump("app", "hall");
    asked[0]?.answer({ ok: true, dump: { publications: [] } });
    expect(await dump).toEqual({ publications: [] });
    link.perform(mute("a", "a1"), 1);
    await settle();
    link.close();
    asked[1]?.answer({ ok: true });
    await settle();
    expect(inputs).toEqual([]);
  });
});
