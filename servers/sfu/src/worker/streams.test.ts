import { expect, it } from "vitest";
import { Streams } from "./streams.ts";

it("keeps of one member what it has, and of the others all", () => {
  const streams = new Streams();
  streams.set("a1", "a", "main");
  streams.set("a2", "a", "main");
  streams.set("b1", "b", "main");
  streams.keep("a", new Set(["a2", "b1"]));
  expect(["a1", "a2", "b1"].map((id) => streams.of(id)?.peerId)).toEqual([undefined, "a", "b"]);
  streams.delete("b1");
  expect(streams.of("b1")).toBeUndefined();
});
