import { beforeEach, describe, expect, it, vi } from "vitest";

/** ResizeObserver and IntersectionObserver alike: who is observed, and what the page is told. */
class FakeObserver {
  static readonly all: FakeObserver[] = [];
  readonly targets = new Set<object>();
  readonly #callback: (entries: object[]) => void;
  constructor(callback: (entries: object[]) => void) {
    this.#callback = callback;
    FakeObserver.all.push(this);
  }
  observe(target: object): void {
    this.targets.add(target);
  }
  unobserve(target: object): void {
    this.targets.delete(target);
  }
  fire(target: object, fields: object = {}): void {
    this.#callback([{ target, ...fields }]);
  }
}

/** A page of its own, since the observers are shared by all watches of a page. */
async function setUp() {
  FakeObserver.all.length = 0;
  const listeners = new Map<string, () => void>();
  const page = {
    visibilityState: "visible",
    pictureInPictureElement: null as object | null,
    addEventListener: (type: string, listener: () => void) => void listeners.set(type, listener),
  };
  vi.stubGlobal("document", page);
  vi.stubGlobal("addEventListener", page.addEventListener);
  vi.stubGlobal("ResizeObserver", FakeObserver);
  vi.stubGlobal("IntersectionObserver", FakeObserver);
  vi.stubGlobal("devicePixelRatio", 2);
  vi.resetModules();
  const { watchElement } = await import("./element-watch.ts");
  const element = () => ({ clientWidth: 320, clientHeight: 180 }) as HTMLVideoElement & { clientWidth: number };
  const watch = (of: HTMLVideoElement) => {
    const told: string[] = [];
    return { told, stop: watchElement(of, (width, height) => told.push(`${width}×${height}`)) };
  };
  const observers = () => FakeObserver.all as [size: FakeObserver, place: FakeObserver];
  return { page, listeners, element, watch, observers };
}

describe("an element's size", () => {
  beforeEach(() => () => vi.unstubAllGlobals());

  it("is told at once in device pixels, and when it changes", async () => {
    const { element, watch, observers } = await setUp();
    const one = element();
    const { told } = watch(one);
    expect(told).toEqual(["640×360"]);
    observers()[0].fire(one);
    one.clientWidth = 100;
    observers()[0].fire(one);
    expect(told).toEqual(["640×360", "200×360"]);
  });

  it("is nothing while it is scrolled away or its page in the background, but not in a window of its own", async () => {
    const { page, listeners, element, watch, observers } = await setUp();
    const one = element();
    const { told } = watch(one);
    observers()[1].fire(one, { isIntersecting: false });
    observers()[1].fire(one, { isIntersecting: true });
    page.visibilityState = "hidden";
    listeners.get("visibilitychange")?.();
    expect(told.splice(0)).toEqual(["640×360", "0×0", "640×360", "0×0"]);
    page.pictureInPictureElement = one;
    listeners.get("visibilitychange")?.();
    expect(told).toEqual(["640×360"]);
  });

  it("follows the zoom", async () => {
    const { listeners, element, watch } = await setUp();
    const { told } = watch(element());
    vi.stubGlobal("devicePixelRatio", 1.5);
    listeners.get("resize")?.();
    expect(told).toEqual(["640×360", "480×270"]);
  });

  it("is told to all who watch the element, and observed as long as one does", async () => {
    const { element, watch, observers } = await setUp();
    const one = element();
    const first = watch(one);
    observers()[1].fire(one, { isIntersecting: false });
    const second = watch(one);
    // It knows the place from the first.
    expect(second.told).toEqual(["0×0"]);
    first.stop();
    first.stop();
    observers()[1].fire(one, { isIntersecting: true });
    expect([first.told, second.told]).toEqual([
      ["640×360", "0×0"],
      ["0×0", "640×360"],
    ]);
    expect(observers().map(({ targets }) => targets.size)).toEqual([1, 1]);
    second.stop();
    expect([FakeObserver.all.length, ...observers().map(({ targets }) => targets.size)]).toEqual([2, 0, 0]);
  });
});
