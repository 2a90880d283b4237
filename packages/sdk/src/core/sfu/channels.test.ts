import { silentLog } from "@tsunagi/base";
import type { SfuControlEvent, SfuData } from "@tsunagi/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FakeChannel } from "../../../test/support/fake-media.ts";
import type { PeerConnectionPort } from "../ports.ts";
import { Channels } from "./channels.ts";

function setUp() {
  const made = new Map<string, FakeChannel>();
  const inits: unknown[] = [];
  const pc = {
    createDataChannel: (label: string, init: unknown) => {
      inits.push(init);
      const channel = new FakeChannel(label);
      made.set(label, channel);
      return channel;
    },
  } as unknown as PeerConnectionPort;
  const control: SfuControlEvent[] = [];
  const data: SfuData[] = [];
  const sent: string[] = [];
  let opened = 0;
  const channels = new Channels(pc, silentLog, {
    onControlOpen: () => {
      opened += 1;
    },
    onControl: (event) => control.push(event),
    onData: (each) => data.push(each),
  });
  for (const channel of made.values()) channel.onSend = (text) => sent.push(`${channel.label} ${text}`);
  const say = (label: string, message: unknown) => made.get(label)?.fire("message", { data: message });
  return { made, inits, control, data, sent, channels, say, opened: () => opened };
}

describe("the channels", () => {
  it("are two reliable ones and a lossy one", () => {
    const { made, inits } = setUp();
    expect([...made.keys()]).toEqual(["tsunagi.control", "tsunagi.data", "tsunagi.lossy"]);
    expect(inits).toEqual([undefined, undefined, { ordered: false, maxRetransmits: 0 }]);
  });

  it("send when they are open, lose what is lossy when too much waits, and leave what is long to another way", () => {
    const { made, sent, channels, opened } = setUp();
    expect(channels.send(1, "t", true, undefined)).toBe(false);
    for (const channel of made.values()) channel.open();
    expect([opened(), channels.controlOpen]).toEqual([1, true]);
    channels.request({ type: "last-n", n: 2 });
    expect(channels.send(1, "t", true, ["b"])).toBe(true);
    expect(channels.send(2, "", false, undefined)).toBe(true);
    expect(sent.splice(0)).toEqual([
      'tsunagi.control {"type":"last-n","n":2}',
      'tsunagi.data {"topic":"t","data":1,"to":["b"]}',
      'tsunagi.lossy {"topic":"","data":2}',
    ]);
    for (const channel of made.values()) channel.bufferedAmount = 2e6;
    expect([channels.send(3, "t", false, undefined), channels.send(3, "t", true, undefined)]).toEqual([true, false]);
    expect(channels.send("x".repeat(17_000), "t", false, undefined)).toBe(false);
    expect(sent).toEqual([]);
  });

  it("hand on what they know, and nothing after their end", () => {
    const { control, data, channels, say } = setUp();
    say("tsunagi.control", '{"type":"bandwidth","bps":5}');
    say("tsunagi.data", '{"topic":"t","data":1,"from":"b"}');
    say("tsunagi.lossy", '{"topic":"t","data":1}');
    expect([control, data]).toEqual([[{ type: "bandwidth", bps: 5 }], [{ topic: "t", data: 1, from: "b" }]]);
    channels.release();
    say("tsunagi.control", '{"type":"bandwidth","bps":6}');
    expect(control).toHaveLength(1);
  });

  it("pass over whatever else comes", () => {
    const { control, data, say } = setUp();
    const any = fc.oneof(
      fc.string(),
      fc.json(),
      fc.uint8Array(),
      fc
        .record({ type: fc.constantFrom("quality", "demand", "speakers", "constructor"), mid: fc.jsonValue() })
        .map(JSON.stringify),
    );
    fc.assert(
      fc.property(any, (message) => {
        say("tsunagi.control", message);
        say("tsunagi.data", message);
      }),
    );
    for (const event of control) expect(["quality", "demand", "speakers", "bandwidth", "error"]).toContain(event.type);
    expect(data.every(({ from }) => typeof from === "string")).toBe(true);
  });
});
