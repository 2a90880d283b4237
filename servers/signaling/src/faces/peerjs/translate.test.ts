import type { Relayed } from "@tsunagi/conference";
import { parseClientMessage } from "@tsunagi/protocol/schema";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fromCore, isWithinLimits, type OfferMessage, toCore } from "./translate.ts";

const sdp = (type: string) => ({ type, sdp: "v=0" });
const data = { sdp: sdp("offer"), type: "data", connectionId: "dc_1", label: "l", reliable: true, serialization: "binary" };

function offer(payload: unknown): OfferMessage {
  const message = toCore("OFFER", "b", payload);
  if (message?.type !== "offer") throw new Error(`no offer: ${JSON.stringify(message)}`);
  return message;
}

describe("toCore", () => {
  it("reads an OFFER", () => {
    expect(offer({ ...data, metadata: null })).toEqual({
      type: "offer",
      to: "b",
      connection: "dc_1",
      kind: "data",
      sdp: "v=0",
      framing: "peerjs",
      metadata: null,
      label: "l",
      serialization: "binary",
      reliability: { ordered: true },
    });
    expect(offer({ sdp: sdp("offer"), type: "media", connectionId: "mc_1" })).toEqual({
      type: "offer",
      to: "b",
      connection: "mc_1",
      kind: "media",
      sdp: "v=0",
      framing: "peerjs",
    });
  });

  it("knows the client's words for serializations, and no other", () => {
    const words = ["raw", "json", "binary", "binary-utf8", "MsgPack", "default", "JSON", "", 5, undefined, "toString"];
    expect(words.map((serialization) => offer({ ...data, serialization }).serialization)).toEqual([
      "raw",
      "json",
      "binary",
      "binary",
      ...Array<undefined>(7).fill(undefined),
    ]);
  });

  it("reads an ANSWER and a CANDIDATE", () => {
    expect(toCore("ANSWER", "b", { sdp: sdp("answer"), type: "media", connectionId: "mc_1" })).toEqual({
      type: "answer",
      to: "b",
      connection: "mc_1",
      sdp: "v=0",
    });
    const candidate = { candidate: "candidate:1", sdpMid: "0", sdpMLineIndex: 0, usernameFragment: null, more: 1 };
    expect(toCore("CANDIDATE", "b", { candidate, connectionId: "mc_1" })).toEqual({
      type: "candidate",
      to: "b",
      connection: "mc_1",
      candidate: { candidate: "candidate:1", sdpMid: "0", sdpMLineIndex: 0, usernameFragment: null },
    });
    expect(toCore("CANDIDATE", "b", { candidate: null, connectionId: "mc_1" })).toMatchObject({ candidate: null });
  });

  it("does not take what has another form", () => {
    for (const [type, payload] of [
      ["OFFER", undefined],
      ["OFFER", null],
      ["OFFER", []],
      ["OFFER", "text"],
      ["OFFER", { ...data, sdp: "v=0" }],
      ["OFFER", { ...data, sdp: { sdp: 5 } }],
      ["OFFER", { ...data, type: "video" }],
      ["OFFER", { ...data, connectionId: "" }],
      ["OFFER", { ...data, connectionId: "c".repeat(129) }],
      ["ANSWER", { sdp: null, connectionId: "c" }],
      ["CANDIDATE", { candidate: "candidate:1", connectionId: "c" }],
      ["CANDIDATE", { candidate: { candidate: 5 }, connectionId: "c" }],
      ["CANDIDATE", { candidate: { candidate: "c".repeat(5_000) }, connectionId: "c" }],
      ["CANDIDATE", { candidate: { candidate: "", sdpMLineIndex: -1 }, connectionId: "c" }],
      ["CANDIDATE", { candidate: { candidate: "", sdpMid: {} }, connectionId: "c" }],
      ["CANDIDATE", { candidate: { candidate: "" } }],
      ["LEAVE", { ...data }],
    ] as const) {
      expect([type, payload, toCore(type, "b", payload)]).toEqual([type, payload, undefined]);
    }
  });

  it("makes what the native face would take from its own clients, where that is within limits", () => {
    const short = fc.string({ maxLength: 6 });
    const payload = fc.record(
      {
        sdp: fc.record({ sdp: fc.oneof(short, fc.nat()) }),
        type: fc.constantFrom("media", "data", "x"),
        connectionId: fc.oneof(short, fc.nat()),
        label: fc.oneof(short, fc.jsonValue()),
        metadata: fc.jsonValue({ maxDepth: 3 }),
        reliable: fc.jsonValue(),
        serialization: fc.constantFrom("raw", "json", "binary", "x"),
        candidate: fc.oneof(
          fc.constant(null),
          fc.record(
            { candidate: fc.oneof(short, fc.nat()), sdpMid: fc.jsonValue(), sdpMLineIndex: fc.jsonValue() },
            { requiredKeys: [] },
          ),
        ),
      },
      { requiredKeys: [] },
    );
    const type = fc.constantFrom("OFFER" as const, "ANSWER" as const, "CANDIDATE" as const);
    let taken = 0;
    fc.assert(
      fc.property(type, payload, (frame, value) => {
        const message = toCore(frame, "b", value);
        if (message === undefined || (message.type === "offer" && !isWithinLimits(message))) return;
        taken += 1;
        expect(parseClientMessage(JSON.stringify(message))).toMatchObject({ type: message.type, to: "b" });
      }),
      { numRuns: 1_000 },
    );
    expect(taken).toBeGreaterThan(10);
  });
});

it("isWithinLimits holds calls with others to what the native protocol carries", () => {
  expect(isWithinLimits(offer(data))).toBe(true);
  expect(isWithinLimits(offer({ ...data, serialization: "MsgPack" }))).toBe(false);
  expect(isWithinLimits(offer({ ...data, label: "l".repeat(1_025) }))).toBe(false);
  expect(isWithinLimits(offer({ ...data, metadata: ["m".repeat(16_384)] }))).toBe(false);
  expect(isWithinLimits(offer({ ...data, type: "media", serialization: "MsgPack" }))).toBe(true);
});

describe("fromCore", () => {
  const made = (message: Record<string, unknown>, kind: "media" | "data") =>
    fromCore({ to: "a", connection: "c", ...message } as unknown as Relayed["message"], kind);

  it("writes what the client expects", () => {
    expect(made({ type: "offer", kind: "media", sdp: "v=0", metadata: 5 }, "media")).toEqual({
      type: "OFFER",
      payload: { sdp: sdp("offer"), type: "media", connectionId: "c", metadata: 5 },
    });
    expect(made({ type: "answer", sdp: "v=0" }, "data")).toEqual({
      type: "ANSWER",
      payload: { sdp: sdp("answer"), type: "data", connectionId: "c" },
    });
    const candidate = { candidate: "candidate:1", sdpMid: "0" };
    expect(made({ type: "candidate", candidate }, "data")).toEqual({
      type: "CANDIDATE",
      payload: { candidate, type: "data", connectionId: "c" },
    });
  });

  it("gives every data connection a label, a serialization and its order", () => {
    expect(made({ type: "offer", kind: "data", sdp: "v=0" }, "data")?.payload).toMatchObject({
      label: "c",
      serialization: "binary",
      reliable: true,
    });
    const unordered = { type: "offer", kind: "data", sdp: "v=0", reliability: { ordered: false }, label: "" };
    expect(made(unordered, "data")?.payload).toMatchObject({ label: "", reliable: false });
  });

  it("has no word for the rest", () => {
    for (const type of ["restart", "hangup", "reject"]) expect(made({ type, reason: "busy" }, "media")).toBeUndefined();
    expect(made({ type: "candidate", candidate: null }, "media")).toBeUndefined();
  });

  it("says back what a client said", () => {
    for (const [type, payload] of [
      ["OFFER", { ...data, metadata: { a: [1] } }],
      ["OFFER", { sdp: sdp("offer"), type: "media", connectionId: "c" }],
      ["ANSWER", { sdp: sdp("answer"), type: "media", connectionId: "c" }],
      ["CANDIDATE", { candidate: { candidate: "candidate:1", sdpMid: "0" }, type: "media", connectionId: "c" }],
    ] as const) {
      const message = toCore(type, "a", payload);
      expect(message && fromCore(message, payload.type === "data" ? "data" : "media")).toEqual({ type, payload });
    }
  });
});
