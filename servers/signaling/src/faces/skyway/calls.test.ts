import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RELAYED, readCandidate, readRelayed, writeRelayed } from "./calls.ts";

const names = { dst: "bob", connectionId: "mc_1" };

describe("readRelayed", () => {
  it("reads offers of media and data, with the words of the core", () => {
    const offer = { offer: { type: "offer", sdp: "v=0" }, connectionType: "media", metadata: { a: 1 }, src: "forged" };
    expect(readRelayed("SEND_OFFER", { ...names, ...offer, roomName: "hall" })).toEqual({
      room: "hall",
      message: {
        type: "offer",
        to: "bob",
        connection: "mc_1",
        kind: "media",
        sdp: "v=0",
        framing: "skyway",
        room: "hall",
        metadata: { a: 1 },
      },
    });
    const data = { ...names, offer: { sdp: "v=0" }, connectionType: "data", label: "l" };
    const read = (more: object) => readRelayed("SEND_OFFER", { ...data, ...more })?.message;
    expect(read({ serialization: "none" })).toMatchObject({ serialization: "raw", label: "l", reliability: {} });
    expect(read({ serialization: "binary-utf8" })).toMatchObject({ serialization: "binary" });
    expect(read({ dcInit: { ordered: false, maxRetransmits: 3, maxPacketLifeTime: 4, protocol: "p" } })).toMatchObject({
      reliability: { ordered: false, maxRetransmits: 3 },
    });
    expect(read({ dcInit: { maxRetransmits: -1, maxPacketLifeTime: 70_000 } })).toMatchObject({ reliability: {} });
  });

  it("does not understand what lacks a name, a description or a kind", () => {
    const bad: [string, unknown][] = [
      ["SEND_OFFER", { ...names, offer: { sdp: "v=0" }, connectionType: "other" }],
      ["SEND_OFFER", { ...names, offer: "v=0", connectionType: "media" }],
      ["SEND_ANSWER", { ...names, answer: { sdp: 1 } }],
      ["SEND_CANDIDATE", { ...names, candidate: null }],
      ["SEND_FORCE_CLOSE", { dst: "bob" }],
      ["SEND_FORCE_CLOSE", { dst: "", connectionId: "c" }],
      ["SEND_FORCE_CLOSE", { dst: "x".repeat(129), connectionId: "c" }],
      ["SEND_FORCE_CLOSE", null],
      ["toString", names],
      [
        "SEND_OFFER",
        { ...names, offer: { sdp: "v=0" }, connectionType: "media", metadata: JSON.parse("[".repeat(9_999) + "]".repeat(9_999)) },
      ],
    ];
    for (const [event, payload] of bad) expect(readRelayed(event, payload)).toBeUndefined();
  });

  it("takes anything without breaking", () => {
    fc.assert(
      fc.property(fc.constantFrom(...RELAYED.keys(), "x"), fc.anything(), (event, payload) => {
        readRelayed(event, payload);
        readCandidate(payload);
      }),
      { numRuns: 300 },
    );
  });
});

describe("writeRelayed", () => {
  it("says to skyway-js what it reads itself", () => {
    const sent = { ...names, candidate: { candidate: "candidate:1", sdpMid: "0", sdpMLineIndex: 0, usernameFragment: "u" } };
    const read = readRelayed("SEND_CANDIDATE", sent);
    if (read === undefined) throw new Error("not read");
    const text = writeRelayed(read.message, "alice", { kind: "media", room: "hall" });
    expect(JSON.parse(text?.slice(1) ?? "")).toEqual([
      "CANDIDATE",
      { candidate: sent.candidate, connectionId: "mc_1", connectionType: "media", roomName: "hall", src: "alice" },
    ]);
  });

  it("has no word for the end of candidates and for restarts", () => {
    const at = { to: "bob", connection: "c" };
    expect(writeRelayed({ type: "candidate", ...at, candidate: null }, "alice", undefined)).toBeUndefined();
    expect(writeRelayed({ type: "candidate", ...at, candidate: { candidate: "" } }, "alice", undefined)).toBeUndefined();
    expect(writeRelayed({ type: "restart", ...at }, "alice", undefined)).toBeUndefined();
    expect(writeRelayed({ type: "reject", ...at, reason: "busy" }, "alice", undefined)).toBe(
      '2["FORCE_CLOSE",{"connectionId":"c","src":"alice"}]',
    );
  });
});
