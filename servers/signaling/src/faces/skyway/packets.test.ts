import fc from "fast-check";
import { Decoder, Encoder, PacketType } from "socket.io-parser";
import { describe, expect, it } from "vitest";
import {
  decodeText,
  encodeBinaryEvent,
  encodeEvent,
  forwardText,
  isBinaryHeader,
  isTooDeep,
  MAX_DEPTH,
  Partial,
  sizeOf,
} from "./packets.ts";

/** As the client's own library reads it. */
function read(frames: string | readonly (string | Buffer)[]): unknown {
  const decoder = new Decoder();
  let packet: { data?: unknown } = {};
  decoder.on("decoded", (decoded: { data?: unknown }) => {
    packet = decoded;
  });
  for (const frame of typeof frames === "string" ? [frames] : frames) decoder.add(frame);
  return packet.data;
}

describe("packets", () => {
  it("are what socket.io reads and writes", () => {
    expect(read(encodeEvent("OPEN", { peerId: "名" }))).toEqual(["OPEN", { peerId: "名" }]);
    const payload = { data: [Buffer.from("a"), { b: Buffer.from("b") }] };
    const frames = encodeBinaryEvent("ROOM_DATA", payload);
    expect(read(frames)).toEqual(["ROOM_DATA", payload]);
    expect([sizeOf(frames) > 2, sizeOf("abc"), encodeBinaryEvent("E", 1)]).toEqual([true, 3, '2["E",1]']);
    const [text, ...attachments] = new Encoder().encode({ type: PacketType.EVENT, nsp: "/", data: ["ROOM_SEND_DATA", payload] });
    expect(isBinaryHeader(String(text))).toBe(true);
    const partial = new Partial(String(text), 10);
    const whole = (attachments as unknown as Buffer[]).map((each) => partial.add(each));
    expect(whole).toEqual([undefined, { type: "event", event: "ROOM_SEND_DATA", payload }]);
  });

  it("of other namespaces and kinds are nothing to act on, and broken ones are refused", () => {
    expect(decodeText("1")).toEqual({ type: "disconnect" });
    expect([decodeText("0"), decodeText('2/admin,["E"]'), decodeText("31[]"), decodeText("2[1]")]).toEqual(
      Array(4).fill({ type: "other" }),
    );
    expect(decodeText('2["E"]')).toEqual({ type: "event", event: "E", payload: undefined });
    for (const bad of ["9", "2{", '2["connect"]', '51-["E"]', "1[]"]) {
      expect(() => decodeText(bad)).toThrow(expect.objectContaining({ code: "protocol.message.malformed" }));
    }
    // Nothing of a broken one is left behind.
    expect(decodeText('2["E",1]')).toEqual({ type: "event", event: "E", payload: 1 });
    expect(() => new Partial('53-["E",{}]', 2)).toThrow(expect.objectContaining({ code: "protocol.message.malformed" }));
  });

  it("take any text without breaking", () => {
    const decode = (text: string) => {
      try {
        decodeText(text);
      } catch (error) {
        expect(error).toMatchObject({ code: "protocol.message.malformed" });
      }
    };
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json().map((json) => `2${json}`),
        ),
        decode,
      ),
      { numRuns: 500 },
    );
  });
});

describe("isTooDeep", () => {
  it("counts what is open, not what stands in texts", () => {
    const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);
    expect([isTooDeep(nested(MAX_DEPTH)), isTooDeep(nested(MAX_DEPTH + 1))]).toEqual([false, true]);
    expect(isTooDeep("[],".repeat(1_000))).toBe(false);
    expect(isTooDeep(JSON.stringify([`\\"${"[{".repeat(500)}`]))).toBe(false);
    expect(isTooDeep('{"a":'.repeat(300))).toBe(true);
  });
});

describe("forwardText", () => {
  it("names the true sender last, whatever the client said", () => {
    const forward = (payload: object) => {
      const text = forwardText(encodeEvent("SEND_ANSWER", payload), "SEND_ANSWER", "ANSWER", "alice");
      return text === undefined ? undefined : decodeText(text);
    };
    expect(forward({})).toEqual({ type: "event", event: "ANSWER", payload: { src: "alice" } });
    fc.assert(
      fc.property(fc.dictionary(fc.oneof(fc.constant("src"), fc.string()), fc.jsonValue()), (payload) => {
        const plain = JSON.parse(JSON.stringify(payload));
        expect(forward(plain)).toEqual({ type: "event", event: "ANSWER", payload: { ...plain, src: "alice" } });
      }),
      { numRuns: 200 },
    );
  });

  it("leaves what is written in another way to others", () => {
    expect(forwardText('2 ["SEND_ANSWER",{}]', "SEND_ANSWER", "ANSWER", "a")).toBeUndefined();
    expect(forwardText('2["SEND_ANSWER",[]]', "SEND_ANSWER", "ANSWER", "a")).toBeUndefined();
    expect(forwardText('2["SEND_ANSWER",{}, {}] ', "SEND_ANSWER", "ANSWER", "a")).toBeUndefined();
  });
});
