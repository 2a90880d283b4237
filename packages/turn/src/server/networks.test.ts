import { addressBytes } from "@tsunagi/stun";
import { describe, expect, it } from "vitest";
import { contains, parseNetwork } from "./networks.ts";
import { innerAddresses } from "./peer-policy.ts";

describe("networks", () => {
  it("hold the addresses whose first bits are theirs", () => {
    const inside = (net: string, address: string) => contains(parseNetwork(net), addressBytes(address));
    expect(inside("10.0.0.0/8", "10.255.0.1")).toBe(true);
    expect(inside("10.0.0.0/8", "11.0.0.0")).toBe(false);
    expect(inside("172.16.0.0/12", "172.31.255.255")).toBe(true);
    expect(inside("172.16.0.0/12", "172.32.0.0")).toBe(false);
    expect(inside("0.0.0.0/0", "1.2.3.4")).toBe(true);
    expect(inside("0.0.0.0/0", "::1")).toBe(false);
    expect(inside("::/0", "::1")).toBe(true);
    expect(inside("192.0.2.7", "192.0.2.7")).toBe(true);
    expect(inside("192.0.2.7", "192.0.2.6")).toBe(false);
    expect(inside("2001:db8::/33", "2001:db8:7fff::1")).toBe(true);
    expect(inside("2001:db8::/33", "2001:db8:8000::1")).toBe(false);
    // Bits after the prefix do not count.
    expect(inside("10.1.2.3/8", "10.9.9.9")).toBe(true);
  });

  it("are refused in any other form", () => {
    for (const text of [
      "",
      "x",
      "10.0.0.0/33",
      "::/129",
      "10.0.0.0/",
      "10.0.0.0/-1",
      "10.0.0.0/8/8",
      "10.0.0/8",
      "10.0.0.0/1e1",
    ]) {
      expect(() => parseNetwork(text), text).toThrow(expect.objectContaining({ code: "turn.policy.net" }));
    }
  });
});

it("IPv4 addresses are found in each form that carries them", () => {
  const inner = (address: string) => innerAddresses(addressBytes(address)).map((bytes) => bytes.join("."));
  expect(inner("::ffff:1.2.3.4")).toEqual(["1.2.3.4"]);
  expect(inner("::ffff:0:1.2.3.4")).toEqual(["1.2.3.4"]);
  expect(inner("::1.2.3.4")).toEqual(["1.2.3.4"]);
  expect(inner("64:ff9b::1.2.3.4")).toEqual(["1.2.3.4"]);
  expect(inner("2002:102:304::9")).toEqual(["1.2.3.4"]);
  expect(inner("2001:0:102:304::fafa:fafa")).toEqual(["1.2.3.4", "5.5.5.5"]);
  expect(inner("2a00::200:5efe:1.2.3.4")).toEqual(["1.2.3.4"]);
  expect(inner("2a00::1")).toEqual([]);
});
