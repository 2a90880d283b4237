import type { DataChannel } from "node-datachannel";
import { describe, expect, it } from "vitest";
import { NativeChannel } from "./channel.ts";

function setUp() {
  const sent: (string | Uint8Array)[] = [];
  const state = { buffered: 0, throws: false, closed: 0, lost: 0 };
  const take = (message: string | Uint8Array) => {
    if (state.throws) throw new Error("closed");
    sent.push(message);
    // What the library says where it had to queue.
    return false;
  };
  const native: Partial<DataChannel> = {
    getLabel: () => "tsunagi.data",
    bufferedAmount: () => {
      if (state.closed > 0) throw new Error("closed");
      return state.buffered;
    },
    sendMessage: take,
    sendMessageBinary: take,
    close: () => void state.closed++,
  };
  const channel = new NativeChannel(native as DataChannel, () => state.lost++);
  return { channel, sent, state };
}

describe("a data channel", () => {
  it("sends text and bytes, also what the library has to queue", () => {
    const { channel, sent, state } = setUp();
    const bytes = Uint8Array.of(1);
    expect([channel.label, channel.send("a"), channel.send(bytes)]).toEqual(["tsunagi.data", true, true]);
    expect([sent, state.lost]).toEqual([["a", bytes], 0]);
  });

  it("refuses what a slow reader lets pile up, and takes messages again afterwards", () => {
    const { channel, sent, state } = setUp();
    state.buffered = 1_048_577;
    expect([channel.bufferedAmount, channel.send("a")]).toEqual([1_048_577, false]);
    state.buffered = 1_048_576;
    expect([channel.send("b"), sent, state.lost]).toEqual([true, ["b"], 1]);
  });

  it("counts what is lost because the library closed it first, or it is too large", () => {
    const { channel, state } = setUp();
    state.throws = true;
    expect([channel.send("a"), channel.send(Uint8Array.of(1)), state.lost]).toEqual([false, false, 2]);
  });

  it.each(["close", "ownerClosed"] as const)("is not touched any more after %s", (end) => {
    const { channel, sent, state } = setUp();
    channel[end]();
    channel.close();
    expect([channel.send("a"), channel.bufferedAmount, sent, state.lost]).toEqual([false, 0, [], 1]);
    expect(state.closed).toBe(end === "close" ? 1 : 0);
  });
});
