import { expect, it } from "vitest";
import { RequestLimit } from "./request-limit.ts";

it("hears five requests at once, then one a second", () => {
  const limit = new RequestLimit();
  let heard = 0;
  for (let now = 0; now < 10_000; now += 10) if (limit.take(now)) heard += 1;
  expect(heard).toBe(5 + 9);
});
