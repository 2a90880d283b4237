import { expect, it } from "vitest";
import type { MediaStream, VideoElement } from "../ports.ts";
import { Attachments } from "./attachments.ts";
import type { Subscription } from "./subscription.ts";

it("lets the subscriptions of a stream watch the elements that show it, and only as long as they do", () => {
  const [stream, other] = [{}, {}] as MediaStream[];
  const [left, right] = [{ name: "left" }, { name: "right" }] as unknown as VideoElement[];
  if (stream === undefined || other === undefined || left === undefined || right === undefined) throw new Error("no elements");
  const events: string[] = [];
  const subscription = (name: string, of: MediaStream | null) => {
    const watch = (element: VideoElement) => {
      const place = (element as unknown as { name: string }).name;
      events.push(`+${name} ${place}`);
      return () => events.push(`-${name} ${place}`);
    };
    return { stream: of, watch } as unknown as Subscription;
  };
  const [camera, sound, screen] = [subscription("camera", stream), subscription("sound", stream), subscription("screen", other)];
  const all = [camera, sound, screen];
  const attachments = new Attachments();
  attachments.update(new Map([[left, stream]]), all);
  attachments.update(new Map([[left, stream]]), all);
  expect(events.splice(0)).toEqual(["+camera left", "+sound left"]);

  const both = new Map([
    [left, stream],
    [right, stream],
  ]);
  attachments.update(both, all);
  expect(events.splice(0)).toEqual(["+camera right", "+sound right"]);

  sound.stream = null;
  attachments.update(both, all);
  expect(events.splice(0)).toEqual(["-sound left", "-sound right"]);

  attachments.update(new Map([[left, other]]), all);
  expect(events.splice(0)).toEqual(["-camera left", "-camera right", "+screen left"]);
  attachments.update(new Map(), all);
  attachments.update(new Map([[left, other]]), all);
  expect(events).toEqual(["-screen left", "+screen left"]);
});
