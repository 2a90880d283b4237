import { put, type TransportAddress } from "@tsunagi/stun";
import { describe, expect, it } from "vitest";
import { TURN_ATTRIBUTES, turnPolicy } from "../src/index.ts";
import { codeOf, PEER, SECRET, World } from "./world.ts";

const V6 = put(TURN_ATTRIBUTES.REQUESTED_ADDRESS_FAMILY, 6);

function peer(address: string): TransportAddress {
  return { family: address.includes(":") ? 6 : 4, address, port: 80 };
}

/** The code that CreatePermission, ChannelBind and Connect all give. */
function judged(world: World, address: string): number | undefined {
  const family = address.includes(":") ? [V6] : [];
  const alice = world.client({ transport: "tcp" });
  alice.allocated(...family);
  const tcp = world.client({ transport: "tcp" });
  tcp.allocatedTcp(...family);
  const codes = new Set([
    codeOf(alice.permit(peer(address))),
    codeOf(alice.bind(0x4000, peer(address))),
    codeOf(tcp.connect(peer(address))),
  ]);
  alice.refresh(0);
  tcp.refresh(0);
  if (codes.size > 1) throw new Error(`${address}: ${[...codes]}`);
  return [...codes][0];
}

const REFUSED = [
  ["loopback", "127.0.0.1 127.255.255.254 ::1"],
  ["private", "10.0.0.1 172.16.0.1 172.31.255.255 192.168.1.1 fc00::1 fdff::1 fec0::1"],
  ["carrier-grade NAT", "100.64.0.1 100.127.255.255"],
  ["link-local", "169.254.1.1 fe80::1 febf::1"],
  ["multicast", "224.0.0.1 239.255.255.255 ff02::1"],
  [
    "broadcast and reserved",
    "255.255.255.255 240.0.0.1 192.0.0.1 198.18.0.1 198.19.255.255 100::1 2001:2::1 2001:10::1 2001:20::1 5f00::1",
  ],
  ["unspecified", "0.0.0.0 0.1.2.3 ::"],
  ["documentation", "192.0.2.1 198.51.100.1 203.0.113.1 2001:db8::1 3fff::1"],
  ["cloud metadata", "169.254.169.254 168.63.129.16 100.100.100.200 fd00:ec2::254"],
  ["IPv4-mapped", "::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 ::ffff:0.0.0.0"],
  ["IPv4-translated", "::ffff:0:127.0.0.1 ::ffff:0:192.168.0.1"],
  ["IPv4-compatible", "::127.0.0.1 ::10.0.0.1 ::2"],
  ["NAT64", "64:ff9b::127.0.0.1 64:ff9b::10.1.2.3 64:ff9b::169.254.169.254 64:ff9b:1::8.8.8.8 64:ff9b:1:ffff::1"],
  ["6to4", "2002:7f00:1:: 2002:a00:1::1 2002:c0a8:101::1"],
  ["Teredo", "2001:0:7f00:1::f7f7:f7f7 2001::80ff:fffe 2001:0:808:808::f5ff:fffe"],
  ["ISATAP", "2a00:1450::5efe:10.0.0.1 2a00:1450::200:5efe:127.0.0.1"],
] as const;

const ALLOWED = [
  ["public IPv4", "8.8.8.8 1.1.1.1 100.63.255.255 100.128.0.1 172.15.0.1 172.32.0.1 169.253.0.1 223.255.255.255 11.0.0.1"],
  ["public IPv6", "2a00:1450:4001::1 2606:4700::1111 2001:4860::8888 2001:1::1"],
  [
    "a public IPv4 address inside IPv6",
    "::ffff:8.8.8.8 64:ff9b::8.8.8.8 2002:808:808::1 2001:0:808:808::f7f7:f7f7 2a00:1450::5efe:8.8.8.8",
  ],
] as const;

describe("RFC 8656 §10.2 peers refused", () => {
  for (const [name, addresses] of REFUSED) {
    it(`are ${name}: 403`, () => {
      const world = new World();
      for (const address of addresses.split(" ")) expect(judged(world, address), address).toBe(403);
    });
  }

  for (const [name, addresses] of ALLOWED) {
    it(`are not ${name}`, () => {
      const world = new World();
      for (const address of addresses.split(" ")) expect(judged(world, address), address).toBeUndefined();
    });
  }

  it("are the server's own addresses, in each form", () => {
    const world = new World({ ownAddresses: ["9.1.2.3", "2a00:1450::99"] });
    for (const address of ["9.1.2.3", "::ffff:9.1.2.3", "64:ff9b::9.1.2.3", "2002:901:203::", "2a00:1450::99"]) {
      expect(judged(world, address), address).toBe(403);
    }
  });
});

describe("allow and deny lists", () => {
  it("open what would be refused", () => {
    const world = new World({ allow: ["10.1.0.0/16", "127.0.0.1", "fd00:1::/32"] });
    for (const address of ["10.1.2.3", "127.0.0.1", "fd00:1::5"]) expect(judged(world, address), address).toBeUndefined();
    for (const address of ["10.2.0.1", "127.0.0.2", "fd00:2::5"]) expect(judged(world, address), address).toBe(403);
  });

  it("open an inner address in all its forms, or one form alone", () => {
    const world = new World({ allow: ["10.0.0.0/8", "::ffff:192.168.0.0/112"] });
    for (const address of ["::ffff:10.0.0.1", "64:ff9b::10.0.0.1", "::ffff:192.168.5.5"]) {
      expect(judged(world, address), address).toBeUndefined();
    }
    expect(judged(world, "192.168.5.5")).toBe(403);
  });

  it("close what would be open, in all its forms, and have the last word", () => {
    const world = new World({ deny: ["8.8.0.0/16", "2a00:1450::/32"], allow: ["8.8.8.8", "2a00:1450::1", "::ffff:0:0/96"] });
    for (const address of ["8.8.8.8", "::ffff:8.8.8.8", "2002:808:808::", "2a00:1450::1"]) {
      expect(judged(world, address), address).toBe(403);
    }
    expect(judged(world, "8.9.0.1")).toBeUndefined();
  });

  it("cut off a peer at once when they change", () => {
    const world = new World();
    const alice = world.client();
    const { relay } = alice.allocated();
    alice.bind(0x4000);
    alice.permit({ ...PEER, address: "1.1.1.1" });
    alice.send("before");
    world.fromPeer(relay, "before");
    world.shell.toPeer = [];
    world.shell.channelData = [];
    const tcp = world.client({ transport: "tcp" });
    tcp.allocatedTcp();
    tcp.connect();
    world.server.configure(world.now, turnPolicy({ secrets: [SECRET], deny: [PEER.address] }));
    expect(codeOf(tcp.take().at(-1))).toBe(403);
    alice.sendChannel(0x4000, "x");
    alice.send("x");
    world.fromPeer(relay, "y");
    expect(world.shell.toPeer).toEqual([]);
    expect(world.shell.channelData).toEqual([]);
    expect(world.shell.closedConnections).toHaveLength(1);
    expect(world.server.stats()).toMatchObject({
      permissions: 1,
      channels: 0,
      tcpConnections: 0,
      relayed: { packetsToClient: 1 },
    });
    expect(codeOf(alice.bind(0x4000))).toBe(403);
    world.server.configure(world.now, turnPolicy({ secrets: [SECRET] }));
    alice.bind(0x4001);
    alice.send("again");
    world.fromPeer(relay, "again");
    expect([world.shell.toPeer.length, world.shell.channelData.length]).toEqual([1, 1]);
  });
});
