import type { DataChannelPort, MediaTransport } from "@tsunagi/media";
import type { ClientTransport } from "@tsunagi/sfu";
import { describe, expect, it } from "vitest";
import { requestText, Session, streamId } from "./session.ts";

function channel(label: string) {
  const sent: string[] = [];
  return { port: { label, send: (text: string) => sent.push(text) > 0 } as unknown as DataChannelPort, sent };
}

const session = () => new Session(1, { index: 4 } as MediaTransport, {} as ClientTransport);
const error = { type: "error", code: "a.b.c", message: "" } as const;

describe("a session's channels", () => {
  it("are the three by their names, each once", () => {
    const one = session();
    const [control, data, lossy] = ["tsunagi.control", "tsunagi.data", "tsunagi.lossy"].map(channel);
    expect(one.dataChannel(true)).toBeUndefined();
    for (const each of [control, data, lossy]) expect(one.addChannel(each?.port as DataChannelPort)).toBe(true);
    for (const label of ["tsunagi.control", "tsunagi.data", "tsunagi.lossy", "chat"]) {
      const second = channel(label).port;
      expect([one.addChannel(second), one.kindOf(second)]).toEqual([false, undefined]);
    }
    expect([control, data, lossy].map((each) => one.kindOf(each?.port as DataChannelPort))).toEqual(["control", "data", "lossy"]);
    expect([one.dataChannel(true), one.dataChannel(false)]).toEqual([lossy?.port, data?.port]);
    one.removeChannel(lossy?.port as DataChannelPort);
    // The reliable one will do.
    expect([one.dataChannel(true), one.channels]).toEqual([data?.port, ["tsunagi.control", "tsunagi.data"]]);
  });

  it("begin with the latest of each thing told before, and no errors of the past", () => {
    const one = session();
    const quality = (mid: string, publication: string) =>
      ({ type: "quality", mid, publication, layer: null, reason: "waiting" }) as const;
    one.tell(quality("1", "a"));
    one.tell(quality("2", "b"));
    one.tell(quality("1", "c"));
    one.tell({ type: "bandwidth", bps: 1 });
    one.tell({ type: "bandwidth", bps: 2 });
    one.tell(error);
    const { port, sent } = channel("tsunagi.control");
    one.addChannel(port);
    expect(sent.splice(0).map((text) => JSON.parse(text) as object)).toEqual([
      quality("1", "c"),
      quality("2", "b"),
      { type: "bandwidth", bps: 2 },
    ]);
    one.tell(error);
    expect(sent.map((text) => JSON.parse(text) as object)).toEqual([error]);
  });

  it("remember no more than they should", () => {
    const one = session();
    for (let mid = 0; mid < 3_000; mid += 1) one.tell({ type: "demand", publication: String(mid), encodings: [] });
    one.tell({ type: "demand", publication: "7", encodings: [true] });
    const { port, sent } = channel("tsunagi.control");
    one.addChannel(port);
    expect([sent.length, sent[7]]).toEqual([2_048, JSON.stringify({ type: "demand", publication: "7", encodings: [true] })]);
  });
});

it("names one stream of one member alike, and no two others", () => {
  const ids = [
    streamId({ peerId: "a", stream: "s" }),
    streamId({ peerId: "a", stream: "t" }),
    streamId({ peerId: "b", stream: "s" }),
    streamId({ peerId: 'a","s', stream: "" }),
  ];
  expect(new Set(ids).size).toBe(4);
  expect(streamId({ peerId: "a", stream: "s" })).toBe(ids[0]);
  expect(ids[0]).toMatch(/^[0-9a-f]{24}$/);
  expect(streamId(undefined)).toBeUndefined();
});

it("tells offers apart by all that they ask for", () => {
  const receive = [{ mid: "0", kind: "audio", publication: null }] as const;
  const texts = [
    requestText("v=0", [], []),
    requestText("v=0", [1], []),
    requestText("v=0", [], receive),
    requestText("v=1", [], []),
  ];
  expect(new Set(texts).size).toBe(4);
});
