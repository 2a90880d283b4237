import { expect, it } from "vitest";
import { clearBytes } from "./clear-bytes.ts";

it("leaves readable what depacketizers read, and no more", () => {
  expect(clearBytes("audio", "audio/opus")).toBe(1);
  expect(clearBytes("key", "video/VP8")).toBe(10);
  expect(clearBytes("delta", "video/VP8")).toBe(1);
  expect(clearBytes("key", "video/VP9")).toBe(0);
  // Where the browser does not tell: as for VP8.
  expect(clearBytes("key", undefined)).toBe(10);
});
