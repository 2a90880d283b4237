import { describe, expect, it } from "vitest";
import { ACK_EVERY_BYTES, ACK_EVERY_FRAMES, WINDOW_BYTES, WINDOW_FRAMES } from "./limits.ts";
import { FrameSession } from "./session.ts";

const drain = (session: FrameSession) => {
  const out: unknown[] = [];
  for (let frame = session.next(); frame !== undefined; frame = session.next()) {
    out.push(frame.data);
    session.handed();
  }
  return out;
};

describe("frame session", () => {
  it("hands out each frame once a channel, and again what was not confirmed", () => {
    const session = new FrameSession();
    for (const data of ["a", "b", "c"]) session.push({ data, bytes: 1 });
    expect(drain(session)).toEqual(["a", "b", "c"]);
    expect(drain(session)).toEqual([]);
    session.rewind();
    expect(session.confirm(1)).toBe(true);
    expect(drain(session)).toEqual(["b", "c"]);
    session.push({ data: "d", bytes: 1 });
    expect(drain(session)).toEqual(["d"]);
  });

  it("tells each frame's owner once that it arrived", () => {
    const session = new FrameSession();
    const seen: string[] = [];
    for (const data of ["a", "b"]) session.push({ data, bytes: 1, onConfirmed: () => seen.push(data) });
    drain(session);
    session.confirm(1);
    session.confirm(1);
    session.confirm(2);
    expect(seen).toEqual(["a", "b"]);
  });

  it("knows a number that cannot be", () => {
    const session = new FrameSession();
    session.push({ data: "a", bytes: 1 });
    drain(session);
    expect(session.confirm(2)).toBe(false);
    expect(session.confirm(1)).toBe(true);
    expect(session.confirm(0)).toBe(false);
  });

  it("closes its window by bytes and by frames", () => {
    const bytes = new FrameSession();
    bytes.push({ data: "a", bytes: WINDOW_BYTES });
    expect(bytes.open).toBe(false);
    drain(bytes);
    bytes.confirm(1);
    expect(bytes.open).toBe(true);
    const frames = new FrameSession();
    for (let n = 0; n < WINDOW_FRAMES; n += 1) frames.push({ data: "", bytes: 0 });
    expect(frames.open).toBe(false);
  });

  it("asks for an ack after enough frames or bytes", () => {
    const session = new FrameSession();
    for (let n = 1; n < ACK_EVERY_FRAMES; n += 1) expect(session.receive(1)).toBe(false);
    expect(session.receive(1)).toBe(true);
    expect(session.acknowledge()).toBe(ACK_EVERY_FRAMES);
    expect(session.receive(ACK_EVERY_BYTES)).toBe(true);
  });
});
