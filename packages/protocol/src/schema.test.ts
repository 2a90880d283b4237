import { ProtocolError } from "@tsunagi/base";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseClientMessage } from "./schema.ts";

const codeOf = (text: string, limits = {}): string => {
  try {
    parseClientMessage(text, limits);
    return "none";
  } catch (error) {
    expect(error).toBeInstanceOf(ProtocolError);
    return (error as ProtocolError).code;
  }
};
const nested = (depth: number) => `${'{"a":'.repeat(depth)}1${"}".repeat(depth)}`;

describe("parseClientMessage", () => {
  it("reads a message and ignores what it does not know", () => {
    expect(parseClientMessage('{"type":"leave","id":4,"room":"tea","colour":"green"}')).toEqual({
      type: "leave",
      id: 4,
      room: "tea",
    });
  });

  it.each([
    ["not JSON", "{"],
    ["nothing", ""],
    ["a list", "[]"],
    ["null", "null"],
    ["no type", "{}"],
    ["a type that is no text", '{"type":1}'],
    ["a missing field", '{"type":"leave","id":4}'],
    ["a wrong type", '{"type":"leave","id":"4","room":"tea"}'],
    ["a negative number", '{"type":"ack","received":-1}'],
    ["a fraction", '{"type":"ack","received":1.5}'],
    ["an empty name", '{"type":"leave","id":4,"room":""}'],
    ["a name that is too long", `{"type":"leave","id":4,"room":"${"x".repeat(129)}"}`],
    [
      "both limits of reliability",
      '{"type":"offer","to":"b","connection":"c","kind":"data","sdp":"","reliability":{"maxRetransmits":0,"maxPacketLifeTime":1}}',
    ],
    ["metadata that is too long", `{"type":"update-room","id":1,"room":"r","metadata":"${"x".repeat(17_000)}"}`],
    ["metadata that is missing", '{"type":"update-room","id":1,"room":"r"}'],
    ["more than 100 peers asked about", JSON.stringify({ type: "presence", id: 1, peers: Array(101).fill("p") })],
    [
      "more than 256 sections",
      JSON.stringify({
        type: "sfu-offer",
        id: 1,
        room: "r",
        epoch: 0,
        sdp: "v=0",
        send: [],
        receive: Array(257).fill({ mid: "1", kind: "audio", publication: null }),
      }),
    ],
    ...Object.entries({
      both: { sdp: "v=0", sdpDeflate: "AA==" },
      neither: { sdp: "" },
      garbage: { sdp: "", sdpDeflate: "AA=" },
    }).map(([which, description]): [string, string] => [
      `an offer with ${which} of plain and deflated`,
      JSON.stringify({ type: "sfu-offer", id: 1, room: "r", epoch: 0, ...description, send: [], receive: [] }),
    ]),
    [
      "a publication ID with a space",
      '{"type":"sfu-offer","id":1,"room":"r","epoch":0,"sdp":"v=0","send":[{"mid":"0","publication":"a b","kind":"audio","source":"other","stream":"s","muted":false}],"receive":[]}',
    ],
    ["nesting of 33", `{"type":"room-data","room":"r","data":${nested(32)}}`],
    ["an offer nested too deeply", `{"type":"offer","to":"b","connection":"c","kind":"data","sdp":"","x":${nested(32)}}`],
  ])("refuses %s as malformed", (_, text) => {
    expect(codeOf(text)).toBe("protocol.message.malformed");
  });

  it("takes nesting of 32", () => {
    expect(codeOf(`{"type":"room-data","room":"r","data":${nested(31)}}`)).toBe("none");
  });

  it("does not run out of stack on nesting of 100,000", () => {
    expect(codeOf(`{"type":"room-data","room":"r","data":${nested(100_000)}}`, { messageBytes: 10_000_000 })).toBe(
      "protocol.message.malformed",
    );
  });

  it.each(["fetch", "constructor", "__proto__", "opened"])("refuses the type %s as unknown", (type) => {
    expect(codeOf(JSON.stringify({ type }))).toBe("protocol.message.unknown");
  });

  it("measures in bytes of UTF-8", () => {
    const message = (data: string) => JSON.stringify({ type: "room-data", room: "r", data });
    for (const data of ["x".repeat(100), "é".repeat(50), "繋".repeat(33), "😀".repeat(25)]) {
      const bytes = Buffer.byteLength(message(data));
      expect(codeOf(message(data), { messageBytes: bytes })).toBe("none");
      expect(codeOf(message(data), { messageBytes: bytes - 1 })).toBe("protocol.message.too-large");
    }
  });

  it("answers any text with a message or a coded error", () => {
    const anyObject = fc.dictionary(
      fc.constantFrom("type", "id", "room", "to", "connection", "sdp", "data", "received", "x"),
      fc.jsonValue(),
    );
    const typed = fc.tuple(
      fc.constantFrom("open", "resume", "offer", "candidate", "join", "credential", "ack", "sfu-offer", "update-publication"),
      anyObject,
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json(),
          typed.map(([type, value]) => JSON.stringify({ ...value, type })),
        ),
        (text) => {
          expect(["none", "protocol.message.malformed", "protocol.message.unknown"]).toContain(codeOf(text));
        },
      ),
      { numRuns: 2_000 },
    );
  });
});
