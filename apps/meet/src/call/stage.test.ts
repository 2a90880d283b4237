import { describe, expect, test } from "vitest";
import type { Participant } from "./model.ts";
import { cornerAfterKey, freestCorner, nearestCorner } from "./self-view.tsx";
import { chooseFocus, nextLayout, stageEntries } from "./stage-entries.ts";
import { assignStreams } from "./streams.ts";

const stream = (id: string) => ({ id }) as MediaStream;
const person = (id: string, more: Partial<Participant> = {}): Participant => ({
  id,
  name: id,
  link: "connected",
  receiveOnly: false,
  camera: stream(`${id}-camera`),
  screen: null,
  microphoneOn: true,
  cameraOn: true,
  quality: undefined,
  ...more,
});

describe("who is on the stage", () => {
  test("screens lead, listeners have no tile", () => {
    const all = [person("a"), person("b", { screen: stream("s") }), person("c", { receiveOnly: true })];
    expect(stageEntries(all, undefined).map(({ key }) => key)).toEqual(["b/screen", "a/camera", "b/camera"]);
  });

  test("large is the pinned one, else a screen, else who spoke last, else the first", () => {
    const plain = stageEntries([person("a"), person("b")], undefined);
    expect(chooseFocus(plain, undefined, undefined)).toBe("a/camera");
    expect(chooseFocus(plain, undefined, "b")).toBe("b/camera");
    const sharing = stageEntries([person("a"), person("b", { screen: stream("s") })], undefined);
    expect(chooseFocus(sharing, undefined, "a")).toBe("b/screen");
    expect(chooseFocus(sharing, "a/camera", undefined)).toBe("a/camera");
    expect(chooseFocus(plain, "gone/camera", "gone")).toBe("a/camera");
  });
});

test("the layouts go round", () => {
  expect(nextLayout("grid")).toBe("speaker");
  expect(nextLayout(nextLayout("speaker"))).toBe("grid");
});

describe("which stream is which", () => {
  const presence = { name: "", microphone: true, camera: true, screen: "s" };
  test("the named one is the screen, in either order", () => {
    const [camera, screen] = [stream("c"), stream("s")];
    expect(assignStreams([camera, screen], presence)).toEqual({ camera, screen });
    expect(assignStreams([screen, camera], presence)).toEqual({ camera, screen });
    expect(assignStreams([screen], presence)).toEqual({ camera: null, screen });
  });

  test("a second stream waits for its name", () => {
    const [camera, other] = [stream("c"), stream("x")];
    expect(assignStreams([camera, other], { ...presence, screen: undefined })).toEqual({ camera, screen: null });
  });
});

describe("the own picture", () => {
  const area = { width: 1000, height: 600 };
  const size = { width: 200, height: 112 };
  test("goes where it hides least, top right when that is all the same", () => {
    expect(freestCorner([{ x: 0, y: 0, width: 1000, height: 600 }], size, area)).toEqual({ right: true, bottom: false });
    const three = [
      { x: 0, y: 0, width: 496, height: 296 },
      { x: 504, y: 0, width: 496, height: 296 },
      { x: 252, y: 304, width: 496, height: 296 },
    ];
    expect(freestCorner(three, size, area)).toEqual({ right: true, bottom: true });
  });

  test("is let go into the nearest corner, and moves by arrow keys", () => {
    expect(nearestCorner(30, 450, size, area)).toEqual({ right: false, bottom: true });
    expect(cornerAfterKey({ right: true, bottom: false }, "ArrowDown")).toEqual({ right: true, bottom: true });
    expect(cornerAfterKey({ right: true, bottom: false }, "a")).toBeUndefined();
  });
});
