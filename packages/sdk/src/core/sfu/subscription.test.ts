import { describe, expect, it } from "vitest";
import { Subscription } from "./subscription.ts";

const publication = { id: "p", peerId: "a", kind: "video", source: "camera", stream: "s", muted: false } as const;
type OnSize = (width: number, height: number) => void;

function setUp(kind: "audio" | "video" = "video") {
  const watched = new Map<object, OnSize>();
  let changes = 0;
  const subscription = new Subscription(
    { ...publication, kind },
    {
      changed: () => {
        changes += 1;
      },
      watchElement: (element, onSize) => {
        watched.set(element, onSize);
        return () => watched.delete(element);
      },
    },
  );
  return { subscription, watched, changes: () => changes };
}
const element = () => ({ srcObject: null }) as never;
const wanted = { maxWidth: null, maxHeight: null, maxFrameRate: null, paused: false, priority: 0 };

describe("a subscription", () => {
  it("wants everything at first, and what was set after that", () => {
    const { subscription, changes } = setUp();
    expect(subscription.wanted).toEqual(wanted);
    subscription.setQuality("medium");
    expect(subscription.wanted).toEqual({ ...wanted, maxWidth: 640, maxHeight: 360 });
    subscription.setQuality({ maxFrameRate: 7 });
    expect(subscription.wanted).toEqual({ ...wanted, maxFrameRate: 7 });
    subscription.setQuality("high");
    subscription.setPriority(-99.5);
    subscription.pause();
    subscription.pause();
    expect(subscription.wanted).toEqual({ ...wanted, paused: true, priority: -10 });
    expect(changes()).toBe(5);
  });

  it("follows the largest of the elements that show it, unless told by hand", () => {
    const { subscription, watched } = setUp();
    const [small, large] = [element(), element()];
    const stop = subscription.watch(small);
    subscription.watch(large);
    watched.get(small)?.(160, 200);
    watched.get(large)?.(640, 120);
    expect(subscription.wanted).toMatchObject({ maxWidth: 640, maxHeight: 200 });
    watched.get(large)?.(0, 0);
    watched.get(small)?.(0, 0);
    expect(subscription.wanted).toMatchObject({ maxWidth: 0, maxHeight: 0 });
    subscription.setQuality("low");
    expect(subscription.wanted).toMatchObject({ maxWidth: 320 });
    subscription.setQuality("auto");
    stop();
    stop();
    expect([...watched.keys()]).toEqual([large]);
    subscription.release();
    expect([watched.size, subscription.wanted]).toEqual([0, wanted]);
  });

  it("of sound has no size", () => {
    const { subscription, watched } = setUp("audio");
    subscription.watch(element())();
    expect(watched.size).toBe(0);
  });
});
