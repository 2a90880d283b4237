import { describe, expect, it } from "vitest";
import { put } from "./attribute.ts";
import { ATTRIBUTES } from "./attributes/index.ts";
import { NAT_ATTRIBUTES } from "./attributes/nat-behavior.ts";
import { answerBinding, bindingRequest } from "./binding.ts";
import { encodeMessage } from "./encode.ts";
import { METHOD, type MessageClass } from "./header.ts";
import { attributeOf, decodeMessage } from "./message.ts";

const ID = new Uint8Array(12).fill(9);
const V4 = { family: 4, address: "198.51.100.7", port: 54321 } as const;
const V6 = { family: 6, address: "2001:db8::7", port: 54321 } as const;
const message = (messageClass: MessageClass, method: number, ...attributes: { type: number; encode(): Uint8Array }[]) =>
  encodeMessage({ class: messageClass, method, transactionId: ID, attributes });
const empty = (type: number) => ({ type, encode: () => new Uint8Array(0) });

function answered(bytes: Uint8Array, source: typeof V4 | typeof V6 = V4, options = {}) {
  const answer = answerBinding(bytes, source, options);
  if (answer.type !== "answer") throw new Error(`dropped: ${answer.reason}`);
  return { kind: answer.kind, change: answer.change, bytes: answer.bytes, message: decodeMessage(answer.bytes) };
}

describe("answerBinding", () => {
  it.each([V4, V6])("tells the source its address, in the fewest bytes: IPv$family", (source) => {
    // FINGERPRINT only for those that sent one.
    for (const [request, fingerprint] of [
      [message("request", METHOD.binding), []],
      [bindingRequest(ID), [0x8028]],
    ] as const) {
      const answer = answered(request, source);
      expect(answer.kind).toBe("success");
      expect(answer.message.class).toBe("success");
      expect(answer.message.transactionId).toEqual(ID);
      expect(answer.message.attributes.map(({ type }) => type)).toEqual([0x0020, ...fingerprint]);
      expect(attributeOf(answer.message, ATTRIBUTES.XOR_MAPPED_ADDRESS)).toEqual(source);
      expect(answer.bytes.length).toBe((source.family === 4 ? 32 : 44) + 8 * fingerprint.length);
    }
  });

  it("adds SOFTWARE only when asked to", () => {
    const answer = answered(bindingRequest(ID), V4, { software: "Tsunagi" });
    expect(attributeOf(answer.message, ATTRIBUTES.SOFTWARE)).toBe("Tsunagi");
  });

  it("answers 420 with the list for unknown attributes that must be understood, and ignores optional ones", () => {
    // 0x0003 is RFC 5780's CHANGE-REQUEST.
    const answer = answered(message("request", METHOD.binding, empty(0x0003), empty(0x8ff0), empty(0x7001)));
    expect(answer.kind).toBe("unknown-attribute");
    expect(answer.message.class).toBe("error");
    expect(attributeOf(answer.message, ATTRIBUTES.ERROR_CODE)).toEqual({ code: 420, reason: "" });
    expect(attributeOf(answer.message, ATTRIBUTES.UNKNOWN_ATTRIBUTES)).toEqual([0x0003, 0x7001]);
    expect(answered(message("request", METHOD.binding, empty(0x8ff0))).kind).toBe("success");
  });

  it("answers 400 to a value that cannot be read", () => {
    const answer = answered(message("request", METHOD.binding, empty(0x0024)));
    expect(answer.kind).toBe("bad-request");
    expect(attributeOf(answer.message, ATTRIBUTES.ERROR_CODE)?.code).toBe(400);
  });

  it("accepts an ICE agent's request", () => {
    const request = encodeMessage({
      class: "request",
      method: METHOD.binding,
      transactionId: ID,
      attributes: [put(ATTRIBUTES.USERNAME, "a:b"), put(ATTRIBUTES.PRIORITY, 5), put(ATTRIBUTES.USE_CANDIDATE, true)],
    });
    expect(answered(request).kind).toBe("success");
  });

  it.each([
    ["malformed", new Uint8Array(0)],
    ["malformed", new Uint8Array(20)],
    ["malformed", bindingRequest(ID).with(27, 0)],
    ["malformed", bindingRequest(ID).with(10, 0)],
    ["indication", message("indication", METHOD.binding)],
    ["response", message("success", METHOD.binding)],
    ["response", message("error", METHOD.binding)],
    ["method", message("request", METHOD.allocate)],
  ])("is silent: %s", (reason, bytes) => {
    expect(answerBinding(bytes, V4)).toEqual({ type: "drop", reason });
  });

  it("never gains an attacker a factor of two on the wire, headers of IP and UDP included", () => {
    const requests = [bindingRequest(ID), message("request", METHOD.binding)];
    for (let count = 1; count <= 64; count++) {
      requests.push(message("request", METHOD.binding, ...Array.from({ length: count }, (_, index) => empty(0x7000 + index))));
      requests.push(message("request", METHOD.binding, ...Array.from({ length: count }, () => empty(0x0024))));
    }
    for (const request of requests) {
      for (const [source, headers] of [
        [V4, 28],
        [V6, 48],
      ] as const) {
        expect((answered(request, source).bytes.length + headers) / (request.length + headers)).toBeLessThan(2);
      }
    }
  });
});

describe("answerBinding with a second address, RFC 5780 §6.1", () => {
  const { CHANGE_REQUEST, PADDING, RESPONSE_PORT, RESPONSE_ORIGIN, OTHER_ADDRESS } = NAT_ATTRIBUTES;
  const received = { family: 4, address: "192.0.2.1", port: 3478 } as const;
  const other = { family: 4, address: "192.0.2.2", port: 3479 } as const;
  const sockets = { received, other };
  const request = (...attributes: ReturnType<typeof put>[]) =>
    encodeMessage({ class: "request", method: METHOD.binding, transactionId: ID, attributes });

  it.each([
    [false, false, "192.0.2.1", 3478],
    [false, true, "192.0.2.1", 3479],
    [true, false, "192.0.2.2", 3478],
    [true, true, "192.0.2.2", 3479],
  ])("says which socket must answer: other address %s, other port %s", (address, port, fromAddress, fromPort) => {
    const answer = answered(request(put(CHANGE_REQUEST, { address, port })), V4, { sockets });
    expect(answer.kind).toBe("success");
    expect(answer.change).toEqual({ address, port });
    expect(attributeOf(answer.message, ATTRIBUTES.XOR_MAPPED_ADDRESS)).toEqual(V4);
    expect(attributeOf(answer.message, RESPONSE_ORIGIN)).toEqual({ family: 4, address: fromAddress, port: fromPort });
    expect(attributeOf(answer.message, OTHER_ADDRESS)).toEqual(other);
  });

  it("tells the other address to whoever asks plainly", () => {
    const answer = answered(bindingRequest(ID), V4, { sockets });
    expect(answer.change).toEqual({ address: false, port: false });
    expect(attributeOf(answer.message, OTHER_ADDRESS)).toEqual(other);
    expect((answer.bytes.length + 28) / (20 + 28)).toBeLessThan(2);
  });

  it("knows neither CHANGE-REQUEST nor PADDING without one", () => {
    const answer = answered(request(put(CHANGE_REQUEST, { address: true, port: true }), put(PADDING, new Uint8Array(64))));
    expect(attributeOf(answer.message, ATTRIBUTES.UNKNOWN_ATTRIBUTES)).toEqual([0x0003, 0x0026]);
    expect(answer.change).toEqual({ address: false, port: false });
  });

  it("sends no answer to a port that the request names", () => {
    const answer = answered(request(put(RESPONSE_PORT, 53)), V4, { sockets });
    expect(attributeOf(answer.message, ATTRIBUTES.UNKNOWN_ATTRIBUTES)).toEqual([0x0027]);
  });

  it("pads to no more than the request's own length", () => {
    for (let length = 0; length <= 1400; length += 4) {
      const padded = request(put(PADDING, new Uint8Array(length)));
      const answer = answered(padded, V4, { sockets });
      expect(answer.bytes.length).toBe(Math.max(padded.length, 56));
      expect(attributeOf(answer.message, PADDING) !== undefined).toBe(padded.length >= 60);
    }
  });
});
