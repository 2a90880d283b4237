import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { silentLog } from "@tsunagi/base";
import type { Client } from "@tsunagi/turn";
import { afterEach, describe, expect, it } from "vitest";
import { bindNow, ChannelDataSender, datagramSocket, isCongested } from "./datagram-socket.ts";
import { ShellCounters } from "./stats.ts";
import { UdpListeners } from "./udp-listeners.ts";

const open: { close(): unknown }[] = [];
afterEach(() => {
  for (const each of open.splice(0)) each.close();
});

function listeners() {
  const heard: string[] = [];
  const clients: Client[] = [];
  const udp = new UdpListeners(
    {
      channelData: (key, bytes) => heard.push(`${key} ${Buffer.from(bytes).toString("hex")}`),
      message: (client) => clients.push(client),
    },
    new ShellCounters(),
    silentLog,
  );
  open.push(udp);
  return { udp, heard, clients };
}

async function client() {
  const socket = createSocket("udp4");
  open.push({ close: () => socket.close() });
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  return socket;
}

describe("UdpListeners", () => {
  it("follows addresses that appear and disappear, on the same port", async () => {
    const { udp } = listeners();
    udp.open(["127.0.0.1"], 0, true);
    const { port } = udp;
    expect(udp.follow(["127.0.0.1", "127.0.0.2"])).toBe(true);
    expect(udp.addresses.map(({ address, port }) => `${address}:${port}`)).toEqual([`127.0.0.1:${port}`, `127.0.0.2:${port}`]);
    expect(udp.follow(["127.0.0.1", "127.0.0.2"])).toBe(false);
    expect(udp.follow(["127.0.0.2"])).toBe(true);
    expect(udp.addresses.map(({ address }) => address)).toEqual(["127.0.0.2"]);
  });

  it("leaves an address for later that is not there yet", () => {
    const { udp } = listeners();
    udp.open(["192.0.2.254", "127.0.0.1"], 0, false);
    expect(udp.addresses.map(({ address }) => address)).toEqual(["127.0.0.1"]);
    expect(() => listeners().udp.open(["192.0.2.254"], 0, false)).toThrow("no address to listen on");
    expect(() => listeners().udp.open(["192.0.2.254", "127.0.0.1"], 0, true)).toThrow("192.0.2.254");
  });

  it("knows a client by one key, in messages and ChannelData, also where two share a place in its cache", async () => {
    const { udp, heard, clients } = listeners();
    udp.open(["127.0.0.1"], 0, true);
    const socket = await client();
    const from = socket.address().port;
    const other = createSocket("udp4");
    open.push({ close: () => other.close() });
    other.bind(from, "127.0.0.2");
    await once(other, "listening");
    for (const each of [socket, other, socket]) {
      each.send(Buffer.from("40000000", "hex"), udp.port, "127.0.0.1");
      await expect.poll(() => heard.length).toBeGreaterThan(0);
      expect(heard.splice(0)).toEqual([
        `udp 127.0.0.1 ${udp.port} ${each === socket ? "127.0.0.1" : "127.0.0.2"} ${from} 40000000`,
      ]);
    }
    socket.send(Buffer.from("0001", "hex"), udp.port, "127.0.0.1");
    await expect.poll(() => clients.length).toBe(1);
    expect(clients[0]).toMatchObject({
      key: `udp 127.0.0.1 ${udp.port} 127.0.0.1 ${from}`,
      transport: "udp",
      remote: { family: 4, address: "127.0.0.1", port: from },
      local: { address: "127.0.0.1", port: udp.port },
    });
  });

  it("does nothing for a client whose address is gone", async () => {
    const { udp, clients } = listeners();
    udp.open(["127.0.0.1"], 0, true);
    const socket = await client();
    socket.send(Buffer.from("0001", "hex"), udp.port, "127.0.0.1");
    await expect.poll(() => clients.length).toBe(1);
    udp.follow(["127.0.0.2"]);
    const handle = clients[0]?.handle as {
      sendMessage(bytes: Uint8Array): void;
      sendChannelData(channel: number, bytes: Uint8Array): void;
    };
    handle.sendMessage(new Uint8Array(20));
    handle.sendChannelData(0x4000, new Uint8Array(20));
  });
});

describe("ChannelDataSender", () => {
  it("puts the header before the payload", async () => {
    const receiver = await client();
    const sender = datagramSocket(4);
    open.push({ close: () => sender.close() });
    expect(bindNow(sender, "127.0.0.1", 0)).toBeUndefined();
    const channelData = new ChannelDataSender(sender);
    const heard: string[] = [];
    receiver.on("message", (bytes) => heard.push(bytes.toString("hex")));
    channelData.send(0x4001, Buffer.from("aabb", "hex"), receiver.address().port, "127.0.0.1");
    channelData.send(0x4fff, new Uint8Array(0), receiver.address().port, "127.0.0.1");
    await expect.poll(() => heard).toEqual(["40010002aabb", "4fff0000"]);
    expect(isCongested(sender)).toBe(false);
  });

  it("never changes what waits because the system is full, and lets no more than so much wait", () => {
    const waiting: Uint8Array[] = [];
    const full = {
      send: (bytes: Uint8Array, offset: number, length: number) => waiting.push(bytes.subarray(offset, offset + length)),
      getSendQueueCount: () => waiting.length,
    };
    const channelData = new ChannelDataSender(full as unknown as Socket);
    const sent = Array.from({ length: 300 }, (_, index) =>
      channelData.send(0x4000 + index, Uint8Array.of(index & 0xff), 1, "127.0.0.1"),
    );
    const texts = waiting.map((bytes) => Buffer.from(bytes).toString("hex"));
    expect(texts).toEqual(texts.map((_, index) => `${(0x4000 + index).toString(16)}0001${Buffer.of(index).toString("hex")}`));
    expect([sent.indexOf(false), sent.lastIndexOf(true)]).toEqual([257, 256]);
    expect(waiting.length).toBe(257);
    waiting.splice(0);
    expect(channelData.send(0x4000, Uint8Array.of(1), 1, "127.0.0.1")).toBe(true);
  });
});
