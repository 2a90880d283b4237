import { createSocket } from "node:dgram";
import { once } from "node:events";
import type { Client, RelayRequest } from "@tsunagi/turn";
import { afterEach, describe, expect, it } from "vitest";
import type { LocalAddress } from "./interfaces.ts";
import { UdpRelays } from "./relays.ts";
import { ShellCounters } from "./stats.ts";

const open: { close(): unknown }[] = [];
afterEach(() => {
  for (const each of open.splice(0)) each.close();
});

/** An interface that the system does not know has Ethernet's MTU. */
const LOCAL: LocalAddress = { family: 4, address: "127.0.0.1", interface: "no-such-interface", isInternal: true };
const CLIENT = { local: { family: 4, address: "127.0.0.1", port: 1 } } as Client;
const ANY: RelayRequest = { family: 4, transport: "udp", client: CLIENT, port: { type: "any" } };

function relays() {
  const errors: unknown[] = [];
  const heard: string[] = [];
  const counters = new ShellCounters();
  const udp = new UdpRelays(
    { ports: { min: 40_000, max: 40_999 }, configured: [], external: {}, locals: () => [LOCAL] },
    {
      fromPeer: (relay, address, port, payload) => heard.push(`${relay} ${address} ${port} ${Buffer.from(payload)}`),
      peerError: (relay, peer, error) => errors.push({ relay, peer, error }),
      failed: () => {},
    },
    counters,
  );
  open.push({ close: () => udp.closeAll() });
  return { udp, errors, heard, counters };
}

async function peer() {
  const socket = createSocket("udp4");
  open.push({ close: () => socket.close() });
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  const lengths: number[] = [];
  socket.on("message", (bytes) => lengths.push(bytes.length));
  return { socket, lengths, port: socket.address().port };
}

describe("UdpRelays", () => {
  it("sends with DONT-FRAGMENT what the interface takes, and reports the rest with the MTU", async () => {
    const { udp, errors, counters } = relays();
    const { lengths, port } = await peer();
    udp.open(7, ANY);
    udp.send(7, "127.0.0.1", port, new Uint8Array(1472), true);
    udp.send(7, "127.0.0.1", port, new Uint8Array(1473), true);
    udp.send(7, "127.0.0.1", port, new Uint8Array(1473), false);
    await expect.poll(() => lengths).toEqual([1472, 1473]);
    const error = { type: 3, code: 4, data: 1500 };
    expect(errors).toEqual([{ relay: 7, peer: { family: 4, address: "127.0.0.1", port }, error }]);
    expect(counters.dropped["too-large"]).toBe(1);
  });

  it("sends nothing to port 0, nor from a relay that is closed", async () => {
    const { udp, counters } = relays();
    const { port } = await peer();
    udp.open(7, ANY);
    udp.send(7, "127.0.0.1", 0, new Uint8Array(1), false);
    expect([udp.close(7), udp.close(7)]).toEqual([true, false]);
    udp.send(7, "127.0.0.1", port, new Uint8Array(1), false);
    expect(counters.relays.udp).toBe(0);
  });

  it("copies what lies in a buffer that is used again", async () => {
    const { udp } = relays();
    const { socket, port } = await peer();
    const texts: string[] = [];
    socket.on("message", (bytes) => texts.push(bytes.toString()));
    udp.open(7, ANY);
    const reused = Buffer.from("first");
    udp.copying(() => udp.send(7, "127.0.0.1", port, reused, false));
    reused.write("later");
    await expect.poll(() => texts).toEqual(["first"]);
  });

  it("tells what peers send, by relay", async () => {
    const { udp, heard } = relays();
    const { socket, port } = await peer();
    const opened = udp.open(7, ANY);
    if (typeof opened === "string") throw new Error(opened);
    socket.send("hello", opened.address.port, opened.address.address);
    await expect.poll(() => heard).toEqual([`7 127.0.0.1 ${port} hello`]);
  });

  it("has no relay of a family that the machine lacks", () => {
    const { udp, counters } = relays();
    expect(udp.open(7, { ...ANY, family: 6 })).toBe("family");
    expect(counters.relays).toEqual({ udp: 0, tcp: 0, failed: 1 });
  });
});
