import { expect, it } from "vitest";
import { KeyframeRequests } from "./keyframe-requests.ts";

function sent(requests: KeyframeRequests, from: number, to: number): number[] {
  const times: number[] = [];
  for (let now = from; now < to; now += 10) if (requests.due(now)) times.push(now);
  return times;
}

it("asks at once, repeats until one comes, and more seldom the longer none does", () => {
  const requests = new KeyframeRequests();
  requests.want(0, true);
  const times = sent(requests, 0, 10_000);
  expect(times.slice(0, 3)).toEqual([0, 500, 1_000]);
  expect((times.at(-1) ?? 0) - (times.at(-2) ?? 0)).toBe(1_000);
  requests.came(10_000);
  expect(sent(requests, 10_000, 12_000)).toEqual([]);
});

it("takes what is asked for just after one came for answered, but not what begins just then", () => {
  const requests = new KeyframeRequests();
  requests.came(1_000);
  requests.want(1_100, false);
  expect(requests.wanted).toBe(false);
  requests.want(1_100, true);
  expect(requests.wanted).toBe(true);
  requests.cancel();
  expect(requests.due(5_000)).toBe(false);
});
