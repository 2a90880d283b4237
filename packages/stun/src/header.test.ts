import { describe, expect, it } from "vitest";
import { decodeHeader, encodeHeader, looksLikeStun, MAX_METHOD, MESSAGE_CLASSES, METHOD, packType } from "./header.ts";

const ID = Uint8Array.from({ length: 12 }, (_, index) => index + 1);

describe("header", () => {
  it.each([
    ["request", METHOD.binding, 0x0001],
    ["indication", METHOD.binding, 0x0011],
    ["success", METHOD.binding, 0x0101],
    ["error", METHOD.binding, 0x0111],
    ["error", METHOD.allocate, 0x0113],
    ["indication", METHOD.data, 0x0017],
    ["error", MAX_METHOD, 0x3fff],
    ["request", MAX_METHOD, 0x3eef],
  ] as const)("%s of method %i is type 0x%s", (messageClass, method, type) => {
    expect(packType(messageClass, method)).toBe(type);
  });

  it("reads every class and method back", () => {
    for (const messageClass of MESSAGE_CLASSES) {
      for (let method = 0; method <= MAX_METHOD; method++) {
        const header = { class: messageClass, method, length: 0, transactionId: ID };
        const decoded = decodeHeader(encodeHeader(header));
        if (decoded.class !== messageClass || decoded.method !== method) expect(decoded).toEqual(header);
      }
    }
    expect.assertions(0);
  });

  it.each([
    ["stun.message.short", (bytes: Uint8Array) => bytes.subarray(0, 19)],
    ["stun.message.type", (bytes: Uint8Array) => bytes.with(0, 0x80)],
    ["stun.message.type", (bytes: Uint8Array) => bytes.with(0, 0x40)],
    ["stun.message.cookie", (bytes: Uint8Array) => bytes.with(7, 0)],
    ["stun.message.length", (bytes: Uint8Array) => bytes.with(3, 2)],
  ])("refuses with %s", (code, change) => {
    const good = encodeHeader({ class: "request", method: METHOD.binding, length: 0, transactionId: ID });
    expect(() => decodeHeader(change(good))).toThrowError(expect.objectContaining({ code }));
  });

  it("tells STUN from what shares its port", () => {
    const stun = encodeHeader({ class: "request", method: METHOD.binding, length: 0, transactionId: ID });
    expect(looksLikeStun(stun)).toBe(true);
    expect(looksLikeStun(stun.with(0, 22))).toBe(false); // DTLS
    expect(looksLikeStun(stun.with(0, 128))).toBe(false); // RTP
    expect(looksLikeStun(stun.with(0, 64))).toBe(false); // ChannelData
    expect(looksLikeStun(stun.subarray(0, 8))).toBe(false);
  });
});
