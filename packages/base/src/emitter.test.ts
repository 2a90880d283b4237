import { describe, expect, it } from "vitest";
import { Emitter } from "./emitter.ts";

type Events = { data: [number, string]; open: []; close: [] };

describe("Emitter", () => {
  it("calls listeners in the order they were added, with all arguments", () => {
    const emitter = new Emitter<Events>();
    const seen: unknown[] = [];
    emitter.on("data", (n, s) => seen.push(["a", n, s])).on("data", (n) => seen.push(["b", n]));
    expect(emitter.emit("data", 1, "x")).toBe(true);
    expect(seen).toEqual([
      ["a", 1, "x"],
      ["b", 1],
    ]);
    expect(emitter.emit("open")).toBe(false);
  });

  it("removes a listener by off, by once and by an abort", () => {
    const emitter = new Emitter<Events>();
    const seen: string[] = [];
    const off = () => seen.push("off");
    const controller = new AbortController();
    emitter.on("open", off);
    emitter.once("open", () => seen.push("once"));
    emitter.on("open", () => seen.push("signal"), { signal: controller.signal });
    emitter.emit("open");
    emitter.off("open", off);
    controller.abort();
    expect(emitter.emit("open")).toBe(false);
    expect(seen).toEqual(["off", "once", "signal"]);
    expect(emitter.listenerCount("open")).toBe(0);
  });

  it("lets a once listener be removed by the function that was given", () => {
    const emitter = new Emitter<Events>();
    const listener = () => expect.unreachable();
    emitter.once("open", listener);
    emitter.off("open", listener);
    expect(emitter.emit("open")).toBe(false);
  });

  it("goes on over the listeners that were there when a listener adds or removes others", () => {
    const emitter = new Emitter<Events>();
    const seen: string[] = [];
    const second = () => seen.push("second");
    emitter.on("open", () => {
      emitter.off("open", second);
      emitter.on("open", () => seen.push("late"));
    });
    emitter.on("open", second);
    emitter.emit("open");
    expect(seen).toEqual(["second"]);
  });

  it("does not let a throwing listener stop the others, and reports its error", async () => {
    const emitter = new Emitter<Events>();
    const reported: unknown[] = [];
    const previous = process.listeners("uncaughtException");
    process.removeAllListeners("uncaughtException");
    process.once("uncaughtException", (error) => reported.push(error));
    const seen: string[] = [];
    emitter.on("open", () => {
      throw new Error("from a listener");
    });
    emitter.on("open", () => seen.push("reached"));
    emitter.emit("open");
    await new Promise((resolve) => setImmediate(resolve));
    for (const listener of previous) process.on("uncaughtException", listener);
    expect(seen).toEqual(["reached"]);
    expect(reported).toEqual([new Error("from a listener")]);
  });

  it("resolves once without a listener with the first argument, next with all", async () => {
    const emitter = new Emitter<Events>();
    const first = emitter.once("data");
    const all = emitter.next("data");
    emitter.emit("data", 7, "seven");
    expect(await first).toBe(7);
    expect(await all).toEqual([7, "seven"]);
    expect(emitter.listenerCount("data") + emitter.listenerCount("close")).toBe(0);
  });

  it("rejects an awaited event when the emitter closes first or the signal aborts", async () => {
    const emitter = new Emitter<Events>();
    const closed = emitter.once("open");
    emitter.emit("close");
    await expect(closed).rejects.toMatchObject({ code: "event.emitter.closed" });
    const controller = new AbortController();
    const aborted = emitter.once("open", { signal: controller.signal });
    controller.abort(new Error("enough"));
    await expect(aborted).rejects.toThrow("enough");
    await expect(emitter.once("open", { signal: AbortSignal.abort(new Error("before")) })).rejects.toThrow("before");
    expect(emitter.listenerCount("open") + emitter.listenerCount("close")).toBe(0);
  });
});
