import type { NetworkInterfaceInfo } from "node:os";
import { describe, expect, it } from "vitest";
import { hostCandidates } from "./candidates.ts";

const info = (address: string, internal = false): NetworkInterfaceInfo =>
  ({
    address,
    family: address.includes(":") ? "IPv6" : "IPv4",
    internal,
    netmask: "",
    mac: "",
    cidr: null,
    scopeid: 0,
  }) as NetworkInterfaceInfo;

const machine = {
  lo: [info("127.0.0.1", true), info("::1", true)],
  eth0: [info("192.0.2.7"), info("2001:db8::7"), info("fe80::7")],
};
const addresses = (...parameters: Parameters<typeof hostCandidates>) => hostCandidates(...parameters).map((each) => each.address);

describe("host candidates", () => {
  it("are the machine's own addresses on the one port, IPv6 first, without loopback and link-local", () => {
    expect(hostCandidates(machine, 44_300, undefined, [])).toEqual([
      { foundation: "1", protocol: "udp", priority: 2_130_706_431, address: "2001:db8::7", port: 44_300 },
      { foundation: "2", protocol: "udp", priority: 2_130_706_175, address: "192.0.2.7", port: 44_300 },
    ]);
  });

  it("are those of the family that is bound", () => {
    expect(addresses(machine, 1, "0.0.0.0", [])).toEqual(["192.0.2.7"]);
    expect(addresses(machine, 1, "127.0.0.1", [])).toEqual(["127.0.0.1"]);
  });

  it("are what the operator announces, and no more than sixteen", () => {
    expect(addresses(machine, 1, "0.0.0.0", ["198.51.100.1"])).toEqual(["198.51.100.1"]);
    const many = Array.from({ length: 40 }, (_, at) => `198.51.100.${at}`);
    expect(addresses(machine, 1, undefined, many)).toHaveLength(16);
  });

  it("are loopback where there is nothing else", () => {
    expect(addresses({ lo: machine.lo }, 1, undefined, [])).toEqual(["::1", "127.0.0.1"]);
  });
});
