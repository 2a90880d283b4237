import { describe, expect, it } from "vitest";
import { RelayPorts } from "./relay-ports.ts";

const all = (ports: RelayPorts, even = false, pair = false) => [...ports.candidates("udp a", even, pair)];

describe("RelayPorts", () => {
  it("begins anywhere and offers every port of the range once", () => {
    const ports = new RelayPorts({ min: 100, max: 104 }, () => 3);
    expect(all(ports)).toEqual([103, 104, 100, 101, 102]);
  });

  it("leaves out what it holds, for each address on its own", () => {
    const ports = new RelayPorts({ min: 100, max: 103 }, () => 0);
    ports.take("udp a", 101);
    ports.take("udp b", 102);
    expect(all(ports)).toEqual([100, 102, 103]);
    ports.give("udp a", 101);
    expect(all(ports)).toEqual([100, 101, 102, 103]);
  });

  it("offers even ports, and pairs of which both are free and in the range", () => {
    const ports = new RelayPorts({ min: 99, max: 106 }, () => 0);
    ports.take("udp a", 103);
    expect(all(ports, true)).toEqual([100, 102, 104, 106]);
    expect(all(ports, true, true)).toEqual([100, 104]);
  });
});
