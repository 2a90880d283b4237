import type { DataChannelPort, MediaTransport } from "@tsunagi/media";
import type { ClientTransport } from "@tsunagi/sfu";
import { describe, expect, it } from "vitest";
import { DEFAULT_SFU_LIMITS } from "../options.ts";
import type { PipedData } from "../pipe/outlets.ts";
import { WorkerCounters } from "./counters.ts";
import { Member } from "./member.ts";
import { RoomData } from "./room-data.ts";
import { Session } from "./session.ts";

function setUp(...names: string[]) {
  const counters = new WorkerCounters();
  const piped: PipedData[] = [];
  const time = { now: 0 };
  const members = new Map<string, Member>();
  const data = new RoomData({ members, counters, now: () => time.now, pipe: (message) => piped.push(message) });
  const join = (name: string) => {
    const got: string[] = [];
    const state = { bufferedAmount: 0, slow: false };
    const member = new Member(name, { ...DEFAULT_SFU_LIMITS, dataMessages: 2, dataBytes: 1_000 });
    const session = new Session(0, { index: 0 } as MediaTransport, {} as ClientTransport);
    for (const kind of ["control", "data", "lossy"]) {
      const send = (text: string) => !state.slow && got.push(`${kind} ${text}`) > 0;
      const channel = {
        label: `tsunagi.${kind}`,
        send,
        get bufferedAmount() {
          return state.bufferedAmount;
        },
      };
      session.addChannel(channel as Partial<DataChannelPort> as DataChannelPort);
    }
    member.current = session;
    members.set(name, member);
    return { member, session, got, state };
  };
  const all = names.map(join);
  return { data, counters, piped, time, members, all };
}

const text = (to?: string[]) => JSON.stringify({ topic: "chat", data: 1, ...(to && { to }) });
const relayed = (from: string) => JSON.stringify({ topic: "chat", data: 1, from });
type Guest = ReturnType<typeof setUp>["all"][number];

describe("a member's data", () => {
  it("goes to all others of the room, here and on other workers, over the like channel", () => {
    const { data, piped, all } = setUp("a", "b", "c");
    const [a, b, c] = all as [Guest, Guest, Guest];
    data.onMessage(a.member, a.session, text(), false);
    data.onMessage(a.member, a.session, text(["c", "elsewhere"]), true);
    expect([a.got, b.got, c.got]).toEqual([[], [`data ${relayed("a")}`], [`data ${relayed("a")}`, `lossy ${relayed("a")}`]]);
    expect(piped.map(({ from, to, lossy }) => [from, to, lossy])).toEqual([
      ["a", undefined, false],
      ["a", ["c", "elsewhere"], true],
    ]);
  });

  it("is refused, with a reason where the channel is reliable: no permission, malformed, too much", () => {
    const { data, counters, piped, time, all } = setUp("a", "b");
    const [a, b] = all as [Guest, Guest];
    const codes = () => a.got.splice(0).map((each) => (JSON.parse(each.slice("control ".length)) as { code: string }).code);
    for (const bad of ["", "{}", "[]", new Uint8Array([1])]) {
      time.now += 10_000;
      data.onMessage(a.member, a.session, bad, false);
    }
    expect([codes(), counters.dropped]).toEqual([Array(4).fill("sfu.data.malformed"), { "data-malformed": 4 }]);
    time.now += 10_000;
    for (let message = 0; message < 6; message += 1) data.onMessage(a.member, a.session, text(), false);
    // Two a second, twice as many at once.
    expect([b.got.length, codes()]).toEqual([4, ["sfu.data.rate", "sfu.data.rate"]]);
    // Lossy ones have a limit of their own, and errors of them tell nobody anything.
    for (let message = 0; message < 6; message += 1) data.onMessage(a.member, a.session, text(), true);
    expect([b.got.length, codes(), counters.dropped["data-rate"]]).toEqual([8, [], 4]);
    time.now += 10_000;
    a.member.directions = { ...a.member.directions, data: false };
    data.onMessage(a.member, a.session, text(), false);
    expect([b.got.length, codes(), piped.length]).toEqual([8, ["sfu.direction.denied"], 8]);
  });

  it("does not come to who may not have any, has no channel, or is too slow, and the loss is counted", () => {
    const { data, counters, all } = setUp("a", "b", "c", "d");
    const [a, b, c, d] = all as [Guest, Guest, Guest, Guest];
    b.member.directions = { ...b.member.directions, data: false };
    c.member.current = undefined;
    d.state.bufferedAmount = 1_000_000;
    data.onMessage(a.member, a.session, text(), true);
    expect([b.got, c.got, d.got, counters.dropped]).toEqual([[], [], [], { "data-no-channel": 1, "data-slow-receiver": 1 }]);
  });

  it("goes over the older connection while the newer has no channel yet", () => {
    const { data, all } = setUp("a", "b");
    const [a, b] = all as [Guest, Guest];
    b.member.previous = b.session;
    b.member.current = new Session(1, { index: 1 } as MediaTransport, {} as ClientTransport);
    data.deliver({ from: "a", to: undefined, lossy: false, text: "x" });
    expect([a.got, b.got]).toEqual([[], ["data x"]]);
  });
});
