import { transportAddress } from "@tsunagi/stun";
import { describe, expect, it } from "vitest";
import { SourceTable, sourceKey } from "./source-table.ts";

it("a source is an IPv4 address or a /64", () => {
  const key = (address: string) => sourceKey(transportAddress(address, 1));
  expect(key("192.0.2.1")).not.toBe(key("192.0.2.2"));
  expect(key("::ffff:192.0.2.1")).toBe(key("192.0.2.1"));
  expect(key("2001:db8:1:2::1")).toBe(key("2001:db8:1:2:ffff::9"));
  expect(key("2001:db8:1:2::1")).not.toBe(key("2001:db8:1:3::1"));
});

describe("SourceTable", () => {
  const table = () => new SourceTable<{ n: number }>(1000, () => ({ n: 0 }));

  it("remembers while it is used, and begins anew after being idle", () => {
    const sources = table();
    sources.use(0, "a", 10).n = 5;
    expect(sources.use(999, "a", 10).n).toBe(5);
    expect(sources.use(1998, "a", 10).n).toBe(5);
    expect(sources.use(2998, "a", 10).n).toBe(0);
  });

  it("drops the one idle for longest when it is full", () => {
    const sources = table();
    for (const source of ["a", "b", "a", "c"]) sources.use(0, source, 2).n++;
    expect(sources.size).toBe(2);
    expect(sources.use(0, "a", 9).n).toBe(2);
    expect(sources.use(0, "b", 9).n).toBe(0);
  });

  it("forgets the idle ones when told to look", () => {
    const sources = table();
    sources.use(0, "a", 9);
    sources.use(500, "b", 9);
    sources.forgetIdle(1000);
    expect(sources.size).toBe(1);
  });
});
