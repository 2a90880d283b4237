import { describe, expect, test } from "vitest";
import type { Publication } from "../sdk.ts";
import { choosePublisher, onAir, type Scene } from "./on-air.ts";

describe("what a viewer is told", () => {
  const scene = (more: Partial<Scene>): Scene => ({
    publisher: undefined,
    publisherHere: false,
    publishing: false,
    note: undefined,
    seenLive: false,
    ...more,
  });
  test.each([
    ["before it begins", {}, "waiting"],
    ["while it runs", { publishing: true, publisherHere: true }, "live"],
    [
      "while it runs from a program without a note, in a room whose last broadcast is over",
      { publishing: true, note: { title: "", state: "over" } },
      "live",
    ],
    ["while the sender's network is away", { publisherHere: true, seenLive: true }, "interrupted"],
    ["after the sender stopped", { note: { title: "", state: "over" }, seenLive: true }, "over"],
    ["after the sender vanished", { seenLive: true }, "over"],
    ["who comes after the end", { note: { title: "", state: "over" } }, "over"],
  ] as const)("%s", (_, more, expected) => {
    expect(onAir(scene(more))).toBe(expected);
  });

  const publication = (peerId: string, kind: "audio" | "video"): Publication => ({
    id: `${peerId}-${kind}`,
    peerId,
    kind,
    source: kind === "video" ? "camera" : "microphone",
    stream: "s",
    muted: false,
  });
  test("the broadcast stays with who has it; a picture before a voice; the server's faces first", () => {
    const all = [publication("a", "audio"), publication("b", "video"), publication("whip-x", "audio")];
    expect(choosePublisher(all, "a")).toBe("a");
    expect(choosePublisher(all, undefined)).toBe("whip-x");
    expect(choosePublisher(all.slice(0, 2), "gone")).toBe("b");
    expect(choosePublisher([], "a")).toBeUndefined();
  });
});
