import { describe, expect, it } from "vitest";
import { type LocalAddress, localAddresses, mtuOf, relayAddressFor } from "./interfaces.ts";

const at = (name: string, address: string): LocalAddress => ({
  family: address.includes(":") ? 6 : 4,
  address,
  interface: name,
  isInternal: name === "lo",
});
const LOCALS = [
  at("lo", "127.0.0.1"),
  at("lo", "::1"),
  at("eth0", "10.0.0.5"),
  at("eth0", "fd00::5"),
  at("eth0", "2001:db8::5"),
  at("eth1", "192.0.2.5"),
];
const chosen = (family: 4 | 6, reached: string, configured?: readonly string[]) =>
  relayAddressFor(family, reached, LOCALS, configured)?.address;

describe("relayAddressFor", () => {
  it("is the address that the client reached", () => {
    expect(chosen(4, "192.0.2.5")).toBe("192.0.2.5");
    expect(chosen(6, "fd00::5")).toBe("fd00::5");
  });

  it("is of the same interface for the other family, and global before unique local", () => {
    expect(chosen(6, "10.0.0.5")).toBe("2001:db8::5");
    expect(chosen(6, "127.0.0.1")).toBe("::1");
    expect(chosen(4, "2001:db8::5")).toBe("10.0.0.5");
  });

  it("is of another interface where that one has none, but not of the loopback one", () => {
    expect(chosen(6, "192.0.2.5")).toBe("2001:db8::5");
    expect(relayAddressFor(6, "192.0.2.5", [at("lo", "::1"), at("eth1", "192.0.2.5")])).toBeUndefined();
  });

  it("is one of those configured, the reached one first, then in their order", () => {
    expect(chosen(4, "192.0.2.5", ["10.0.0.5", "192.0.2.5"])).toBe("192.0.2.5");
    expect(chosen(4, "127.0.0.1", ["192.0.2.5", "10.0.0.5"])).toBe("192.0.2.5");
    expect(chosen(6, "127.0.0.1", ["192.0.2.5"])).toBeUndefined();
  });
});

describe("this machine", () => {
  it("has addresses without zones", () => {
    const locals = localAddresses();
    expect(locals).toContainEqual(expect.objectContaining({ family: 4, address: "127.0.0.1", isInternal: true }));
    for (const { address } of locals) expect(address).not.toMatch(/%|^fe80/);
  });

  it("has an MTU, as Ethernet where nothing tells", () => {
    expect(mtuOf("no-such-interface")).toBe(1500);
    expect(mtuOf("lo")).toBeGreaterThanOrEqual(1500);
  });
});
