import { describe, expect, test } from "vitest";
import type { Publication, Room } from "../sdk.ts";
import { Store } from "../state/store.ts";
import { NO_PATH, type PathState } from "./path.ts";
import { SfuSide } from "./sfu-side.ts";
import { Voices } from "./voices.ts";

/** As much of a room as the class touches. */
class PretendedRoom {
  readonly mode = "sfu";
  open = true;
  readonly self = { peerId: "me" };
  readonly publications = new Map<string, Publication>();
  readonly ownPublications = new Map<string, Publication>();
  readonly subscriptions = new Map<string, PretendedSubscription>();
  readonly #listeners = new Map<string, ((...args: unknown[]) => void)[]>();
  on(name: string, listener: (...args: unknown[]) => void): void {
    this.#listeners.set(name, [...(this.#listeners.get(name) ?? []), listener]);
  }
  emit(name: string, ...args: unknown[]): void {
    for (const listener of this.#listeners.get(name) ?? []) listener(...args);
  }
  subscribe(id: string): void {
    const publication = this.publications.get(id);
    if (publication !== undefined) this.subscriptions.set(id, new PretendedSubscription(publication));
  }
  unsubscribe(id: string): void {
    this.subscriptions.delete(id);
  }
  publish(peerId: string, source: Publication["source"], muted = false): void {
    const kind = source === "microphone" || source === "screen-audio" ? "audio" : "video";
    const publication = { id: `${peerId}-${source}`, peerId, kind, source, stream: `${peerId}-s`, muted } as const;
    this.publications.set(publication.id, publication);
    this.emit("published", publication);
  }
}

class PretendedSubscription {
  readonly publication: Publication;
  readonly stream = { id: "received" };
  readonly track = {};
  layer: object | null = {};
  reason = "none";
  paused = false;
  priority = 0;
  constructor(publication: Publication) {
    this.publication = publication;
  }
  pause(): void {
    this.paused = true;
  }
  resume(): void {
    this.paused = false;
  }
  setPriority(priority: number): void {
    this.priority = priority;
  }
}

function set() {
  const room = new PretendedRoom();
  const path = new Store<PathState>(NO_PATH);
  const voices = new Voices();
  const clock = { now: 0 };
  const side = new SfuSide({
    room: room as unknown as Room,
    path,
    voices,
    now: () => clock.now,
    presenceOf: () => undefined,
    changed: () => undefined,
  });
  const flowing = () => [...room.subscriptions.values()].filter(({ paused }) => !paused).map(({ publication }) => publication.id);
  return { room, path, voices, clock, side, flowing };
}

describe("what is received", () => {
  test("everybody's sound and screen, and the cameras of the page; those before are kept ready, paused, up to a limit", () => {
    const { room, side, flowing } = set();
    for (const id of ["a", "b", "c"]) {
      room.publish(id, "microphone");
      room.publish(id, "camera");
    }
    room.publish("c", "screen");
    side.show(new Set(["a/camera", "c/screen"]), "c/screen");
    expect(flowing().sort()).toEqual(["a-camera", "a-microphone", "b-microphone", "c-microphone", "c-screen"]);
    expect(room.subscriptions.get("c-screen")?.priority).toBeGreaterThan(room.subscriptions.get("a-camera")?.priority ?? 9);
    side.show(new Set(["b/camera"]), undefined);
    expect(flowing().filter((id) => id.endsWith("camera"))).toEqual(["b-camera"]);
    expect(room.subscriptions.get("a-camera")?.paused).toBe(true);
    for (let page = 0; page < 10; page++) {
      const ids = Array.from({ length: 8 }, (_, index) => `p${page}x${index}`);
      for (const id of ids) room.publish(id, "camera");
      side.show(new Set(ids.map((id) => `${id}/camera`)), undefined);
    }
    expect(room.subscriptions.has("a-camera")).toBe(false);
    expect([...room.subscriptions.keys()].filter((id) => id.endsWith("camera"))).toHaveLength(25);
  });

  test("nothing is asked for before the room is open", () => {
    const { room, side } = set();
    room.open = false;
    room.publish("a", "microphone");
    side.show(new Set(["a/camera"]), undefined);
    expect(room.subscriptions.size).toBe(0);
    room.open = true;
    room.emit("open");
    expect(room.subscriptions.size).toBe(1);
  });
});

describe("what is told", () => {
  test("mutes, and why there is no picture, but not that it is paused by the page itself", () => {
    const { room, side } = set();
    room.publish("a", "microphone", true);
    room.publish("a", "camera");
    side.show(new Set(["a/camera"]), undefined);
    expect(side.flags("a")).toEqual({ microphoneMuted: true, cameraMuted: false, held: undefined });
    const camera = room.subscriptions.get("a-camera");
    if (camera !== undefined) Object.assign(camera, { layer: null, reason: "bandwidth" });
    expect(side.flags("a").held).toBe("bandwidth");
    if (camera !== undefined) camera.reason = "paused";
    expect(side.flags("a").held).toBeUndefined();
    expect(side.flags("nobody")).toEqual({ microphoneMuted: false, cameraMuted: false, held: undefined });
  });

  test("that nobody watches: every camera of one's own, and no screen", () => {
    const { room, path } = set();
    const own = (id: string, source: Publication["source"]) =>
      room.ownPublications.set(id, { id, peerId: "me", kind: "video", source, stream: "s", muted: false });
    own("camera", "camera");
    own("screen", "screen");
    room.emit("publicationPaused", { id: "screen" });
    expect(path.get().watched).toBe(true);
    room.emit("publicationPaused", { id: "camera" });
    expect(path.get().watched).toBe(false);
    room.emit("publicationResumed", { id: "camera" });
    expect(path.get().watched).toBe(true);
  });

  test("who speaks, through short pauses; the turn is never one's own", () => {
    const { room, voices, clock } = set();
    room.emit(
      "audioLevels",
      new Map([
        ["a", 0.9],
        ["b", 0.1],
      ]),
    );
    expect([...voices.store.get().speaking]).toEqual(["a"]);
    clock.now = 500;
    room.emit("audioLevels", new Map([["a", 0.1]]));
    expect([...voices.store.get().speaking]).toEqual(["a"]);
    clock.now = 1_500;
    room.emit("audioLevels", new Map());
    expect([...voices.store.get().speaking]).toEqual([]);
    room.emit("activeSpeaker", "a");
    room.emit("activeSpeaker", "me");
    room.emit("activeSpeaker", null);
    expect(voices.store.get().active).toBe("a");
  });
});
