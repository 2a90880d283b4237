import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { errorFrame, madeFrame, parseFrame, type RelayFrame, relayedText } from "./frames.ts";

function relayed(text: string): RelayFrame {
  const parsed = parseFrame(text);
  if (typeof parsed === "string" || parsed.type !== "relay") throw new Error(`${text} is ${JSON.stringify(parsed)}`);
  return parsed.frame;
}

/** A payload so deep. */
const nested = (depth: number) => `${"[".repeat(depth)}${"]".repeat(depth)}`;

describe("parseFrame", () => {
  it("knows what clients send", () => {
    expect(parseFrame('{"type":"HEARTBEAT"}')).toEqual({ type: "HEARTBEAT" });
    expect(parseFrame('{ "x": 1, "type": "HEARTBEAT", "dst": "b" }')).toEqual({ type: "HEARTBEAT" });
    expect(parseFrame('{"type":"LEAVE"}')).toEqual({ type: "leave" });
    expect(parseFrame('{"type":"LEAVE","dst":""}')).toEqual({ type: "leave" });
    for (const type of ["OFFER", "ANSWER", "CANDIDATE", "LEAVE", "EXPIRE"]) {
      const text = JSON.stringify({ type, payload: { a: 1 }, dst: "b" });
      expect(parseFrame(text)).toEqual({ type: "relay", frame: { type, dst: "b", payload: { a: 1 }, text, plain: true } });
    }
  });

  it("says why others mean nothing", () => {
    for (const [text, why] of [
      ["", "json"],
      ["{", "json"],
      ["null", "json"],
      ["[]", "json"],
      ["7", "json"],
      ["{}", "type"],
      ['{"type":5}', "type"],
      ['{"type":["OFFER"],"dst":"b"}', "type"],
      ['{"type":"offer","dst":"b"}', "type"],
      ['{"type":"OPEN","dst":"b"}', "type"],
      ['{"type":"constructor","dst":"b"}', "type"],
      ['{"type":"OFFER"}', "dst"],
      ['{"type":"OFFER","dst":""}', "dst"],
      ['{"type":"OFFER","dst":null}', "dst"],
      ['{"type":"OFFER","dst":5}', "dst"],
      ['{"type":"LEAVE","dst":{}}', "dst"],
      [`{"type":"OFFER","dst":"${"b".repeat(1_025)}"}`, "dst"],
      [`{"type":"OFFER","dst":"b","payload":${nested(65)}}`, "depth"],
      [`{"type":"OFFER","dst":"b","payload":${nested(100_000)}}`, "depth"],
    ]) {
      expect([text?.slice(0, 60), parseFrame(text ?? "")]).toEqual([text?.slice(0, 60), why]);
    }
    expect(parseFrame(`{"type":"OFFER","dst":"b","payload":${nested(64)}}`)).toMatchObject({ type: "relay" });
  });

  it("never throws", () => {
    fc.assert(
      fc.property(fc.string(), (text) => void parseFrame(text)),
      { numRuns: 300 },
    );
    const someType = fc.constantFrom("OFFER", "LEAVE", "HEARTBEAT", "x");
    const frame = fc.record(
      { type: fc.oneof(someType, fc.jsonValue()), dst: fc.jsonValue(), src: fc.jsonValue(), payload: fc.jsonValue() },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(frame, fc.nat(200), (value, cut) => {
        const text = JSON.stringify(value);
        parseFrame(text);
        parseFrame(text.slice(0, cut));
      }),
      { numRuns: 300 },
    );
  });
});

describe("relayedText", () => {
  const receiverSees = (text: string, src = "a") => JSON.parse(relayedText(relayed(text), src)) as unknown;

  it("takes the client's own text", () => {
    const text = '{"type":"OFFER","payload":{ "odd" : [ 1,2 ] },"dst":"b c"}';
    expect(relayedText(relayed(text), "a")).toBe('{"type":"OFFER","payload":{ "odd" : [ 1,2 ] },"src":"a","dst":"b c"}');
  });

  it("leaves out what is not a frame's", () => {
    const payload = { sdp: "v=0\r\n\u2028" };
    for (const value of [
      { type: "OFFER", payload, dst: "b", src: "c" },
      { src: "c", type: "OFFER", payload, dst: "b" },
      { type: "OFFER", dst: "b", payload },
      { type: "OFFER", payload, from: "c", dst: "b" },
    ]) {
      expect(receiverSees(JSON.stringify(value))).toEqual({ type: "OFFER", src: "a", dst: "b", payload });
    }
    expect(receiverSees('{"type":"LEAVE","dst":"b"}')).toEqual({ type: "LEAVE", src: "a", dst: "b" });
  });

  it("is not led astray by doubled and hidden names", () => {
    for (const text of [
      '{"type":"OFFER","payload":1,"src":"evil","payload":2,"dst":"b"}',
      '{"type":"OFFER","payload":1,"payload":2,"dst":"b"}',
      '{"type":"OFFER","payload":1,"type":"OFFER","dst":"b"}',
      '{"type":"OFFER","payload":1,"dst":"evil","dst":"b"}',
      '{"type":"OFFER","payload":1,"\\u0073rc":"evil","dst":"b"}',
      '{"type":"OFFER","payload":1,"__proto__":{"src":"evil"},"dst":"b"}',
      '{"type":"OFFER","payload":{},"dst":"b"} ',
      '{"type":"OFFER","payload":"x","dst":"\\u0062"}',
    ]) {
      const seen = receiverSees(text) as Record<string, unknown>;
      expect([text, Object.keys(seen).sort(), seen.src, seen.dst, seen.type]).toEqual([
        text,
        ["dst", "payload", "src", "type"],
        "a",
        "b",
        "OFFER",
      ]);
    }
  });

  it("says what the client said, with any names and payload", () => {
    const name = fc.oneof(fc.string({ minLength: 1, maxLength: 20 }), fc.constantFrom('"', "\\", '","dst":"x', "é\u2028"));
    fc.assert(
      fc.property(name, name, fc.jsonValue({ maxDepth: 5 }), fc.boolean(), (src, dst, payload, first) => {
        const value = first ? { type: "ANSWER", payload, dst } : { dst, type: "ANSWER", payload };
        expect(receiverSees(JSON.stringify(value), src)).toEqual({
          type: "ANSWER",
          src,
          dst,
          // JSON has one zero only.
          payload: JSON.parse(JSON.stringify(payload)),
        });
      }),
      { numRuns: 500 },
    );
  });
});

it("the server's own frames are JSON, whatever names are in them", () => {
  expect(JSON.parse(errorFrame('a "word"'))).toEqual({ type: "ERROR", payload: { msg: 'a "word"' } });
  expect(JSON.parse(madeFrame("EXPIRE", '"', "\\"))).toEqual({ type: "EXPIRE", src: '"', dst: "\\" });
});
