import { silentLog } from "@tsunagi/base";
import { SendList } from "@tsunagi/rtp";
import { afterEach, describe, expect, it } from "vitest";
import { createPlane } from "../src/index.ts";
import type { DataChannelPort, MediaPlane, MediaTransport, PlaneListener, TransportState } from "../src/port.ts";
import { answerTo, type Client, openClient, rtp } from "./client.ts";

const EXTENSIONS = {
  mid: 0,
  rid: 0,
  "repaired-rid": 0,
  "abs-send-time": 0,
  "transport-sequence": 0,
  "audio-level": 0,
  "video-orientation": 0,
  "playout-delay": 0,
  "dependency-descriptor": 0,
};

type Heard = {
  readonly packets: { readonly from: number; readonly bytes: Uint8Array }[];
  readonly bursts: number[];
  readonly states: [number, TransportState][];
  readonly channels: DataChannelPort[];
  readonly data: (string | Uint8Array)[];
  readonly closedChannels: DataChannelPort[];
};

function listenTo(): { heard: Heard; listener: PlaneListener } {
  const heard: Heard = { packets: [], bursts: [], states: [], channels: [], data: [], closedChannels: [] };
  return {
    heard,
    listener: {
      onBurst(from, packets, count) {
        heard.bursts.push(count);
        for (let at = 0; at < count; at++) heard.packets.push({ from: from[at] ?? -1, bytes: packets[at] ?? new Uint8Array() });
      },
      onState: (index, state) => heard.states.push([index, state]),
      onDataChannel: (_, channel) => heard.channels.push(channel),
      onData: (_, __, message) => heard.data.push(message),
      onDataClosed: (_, channel) => heard.closedChannels.push(channel),
    },
  };
}

const open: { plane: MediaPlane; clients: Pick<Client, "close">[] }[] = [];

async function start() {
  const { heard, listener } = listenTo();
  const plane = await createPlane({ port: 0, address: "127.0.0.1", log: silentLog }, listener);
  const clients: Pick<Client, "close">[] = [];
  open.push({ plane, clients });
  const join = async (options: { data?: boolean } = {}): Promise<{ client: Client; transport: MediaTransport }> => {
    const client = await openClient(options);
    clients.push(client);
    const transport = await plane.open(client.remote);
    client.answer(transport.local);
    await client.connected;
    await expect.poll(() => transport.state, { timeout: 5_000, interval: 10 }).toBe("connected");
    return { client, transport };
  };
  const answered = async () => {
    const prepared = plane.prepare();
    const client = await answerTo(prepared.local);
    clients.push(client);
    return { prepared, client };
  };
  return { plane, heard, join, answered };
}

afterEach(async () => {
  for (const { plane, clients } of open.splice(0)) {
    await Promise.all(clients.map((client) => client.close()));
    await plane.close();
  }
});

describe("the data plane", { timeout: 30_000 }, () => {
  it("carries RTP of any SSRC and payload type, and RTCP, both ways in bursts", async () => {
    const { plane, heard, join } = await start();
    const { client, transport } = await join();
    const got: Buffer[] = [];
    client.track.onMessage((packet) => got.push(packet));

    for (let at = 0; at < 1_000; at++) client.track.sendMessageBinary(rtp(1_000 + (at % 4), at, 96 + (at % 8)));
    const report = Buffer.from([0x80, 201, 0, 1, 0, 0, 0, 7]);
    client.track.sendMessageBinary(report);
    await expect.poll(() => heard.packets.length, { timeout: 5_000, interval: 10 }).toBe(1_001);
    expect(heard.packets.every((packet) => packet.from === transport.index)).toBe(true);
    expect([...(heard.packets[1_000]?.bytes ?? [])]).toEqual([...report]);
    expect(heard.packets.slice(0, 1_000).map(({ bytes }) => ((bytes[2] ?? 0) << 8) | (bytes[3] ?? 0))).toEqual(
      Array.from({ length: 1_000 }, (_, at) => at),
    );
    expect(heard.bursts.length).toBeLessThan(1_001);

    // SSRC, payload type and sequence number are written by the list; here the packet's own are used.
    const list = new SendList();
    for (let at = 0; at < 1_000; at++) {
      const bytes = rtp(77, at, 120);
      plane.flush(single(list, transport.index, bytes, 77, at, 120));
    }
    plane.sendRtcp(transport.index, report);
    await expect.poll(() => got.length, { timeout: 5_000, interval: 10 }).toBe(1_001);
    expect(got[999]?.readUInt32BE(8)).toBe(77);
    expect(plane.counters).toEqual({});
    expect(transport.stats().bytesReceived).toBe(100_008);
  });

  it("counts what cannot be sent: an SSRC whose sequence numbers go back, a transport that is gone", async () => {
    const { plane, join } = await start();
    const { transport } = await join();
    const list = new SendList();
    for (const sequence of [1, 3, 2, 20_000, 40_000, 25_000]) {
      plane.flush(single(list, transport.index, rtp(5, sequence), 5, sequence, 111));
    }
    expect(plane.counters).toEqual({ refused: 1 });
    transport.close();
    plane.flush(single(list, transport.index, rtp(5, 40_001), 5, 40_001, 111));
    plane.sendRtcp(transport.index, Buffer.from([0x80, 201, 0, 1, 0, 0, 0, 7]));
    expect(plane.counters).toEqual({ refused: 1, closed: 1, "rtcp-closed": 1 });
  });

  it("opens data channels and relays both kinds of messages", async () => {
    const { heard, join } = await start();
    const { client } = await join();
    const got: unknown[] = [];
    client.channel.onMessage((message) => got.push(message));
    await expect.poll(() => heard.channels.length, { interval: 10 }).toBe(1);
    client.channel.sendMessage("hello");
    client.channel.sendMessageBinary(Buffer.from([1, 2, 3]));
    await expect.poll(() => heard.data.length, { interval: 10 }).toBe(2);
    expect(heard.data[0]).toBe("hello");
    expect(heard.data[1]).toEqual(new Uint8Array([1, 2, 3]));
    expect(heard.channels[0]?.label).toBe("first");
    expect(heard.channels[0]?.send("back")).toBe(true);
    expect(heard.channels[0]?.send(new Uint8Array([9]))).toBe(true);
    await expect.poll(() => got.length, { interval: 10 }).toBe(2);
    expect(got[0]).toBe("back");
    client.channel.close();
    await expect.poll(() => heard.closedChannels.length, { interval: 10 }).toBe(1);
    expect(heard.channels[0]?.send("late")).toBe(false);
  });

  it("keeps clients apart on one port, with and without data channels", async () => {
    const { heard, join } = await start();
    const first = await join();
    const second = await join({ data: false });
    expect(first.transport.local.candidates).toEqual(second.transport.local.candidates);
    expect(first.transport.index).not.toBe(second.transport.index);
    first.client.track.sendMessageBinary(rtp(1, 1));
    second.client.track.sendMessageBinary(rtp(2, 1));
    await expect.poll(() => heard.packets.length, { interval: 10 }).toBe(2);
    for (const { from, bytes } of heard.packets) {
      const ssrc = new DataView(bytes.buffer, bytes.byteOffset).getUint32(8);
      expect(from).toBe(ssrc === 1 ? first.transport.index : second.transport.index);
    }
  });

  it("makes its own end first where the client answers, and takes the answer late", async () => {
    const { plane, heard, answered } = await start();
    const { prepared, client } = await answered();
    expect(prepared.local.setup).toBe("actpass");
    // The client checks as soon as it has answered, which is before the answer is here.
    await settled();
    expect(heard.packets).toEqual([]);
    const transport = prepared.accept(client.remote);
    expect(transport.local.setup).toBe(client.remote.setup === "active" ? "passive" : "active");
    await client.connected;
    await expect.poll(() => transport.state, { timeout: 5_000, interval: 10 }).toBe("connected");
    client.track.sendMessageBinary(rtp(1, 1));
    await expect.poll(() => heard.packets.map(({ from }) => from), { interval: 10 }).toEqual([transport.index]);
    const got: Buffer[] = [];
    client.track.onMessage((packet) => got.push(packet));
    plane.flush(single(new SendList(), transport.index, rtp(7, 1), 7, 1, 96));
    await expect.poll(() => got.length, { interval: 10 }).toBe(1);
    expect(() => prepared.accept(client.remote)).toThrow(expect.objectContaining({ code: "media.transport.failed" }));
  });

  it("prepares ends that differ in all that a client compares, and takes only answers that are well-formed", async () => {
    const { plane } = await start();
    const { remote } = await openClientBriefly();
    const [first, second] = [plane.prepare(), plane.prepare()];
    expect(first.local.iceUfrag).not.toBe(second.local.iceUfrag);
    expect(first.local.icePwd).not.toBe(second.local.icePwd);
    // By which a client that goes from one to the other knows that it must begin DTLS anew.
    expect(first.local.fingerprint).not.toEqual(second.local.fingerprint);
    for (const bad of [remote, { ...remote, setup: "active" as const, icePwd: "short" }]) {
      expect(() => first.accept(bad)).toThrow(expect.objectContaining({ code: "media.transport.parameters" }));
    }
    const transport = first.accept({ ...remote, setup: "active" });
    expect(transport.local).toEqual({ ...first.local, setup: "passive" });
    transport.close();
  });

  it("tells when the client goes", async () => {
    const { heard, join } = await start();
    const { client, transport } = await join();
    await client.close();
    await expect.poll(() => transport.state, { interval: 10, timeout: 5_000 }).toBe("closed");
    await expect.poll(() => heard.states.at(-1), { interval: 10 }).toEqual([transport.index, "closed"]);
  });

  it("refuses parameters that are not well-formed and a port that is taken", async () => {
    const { plane } = await start();
    const { remote } = await openClientBriefly();
    const bad = [
      { ...remote, iceUfrag: "a\r\na=x:y" },
      { ...remote, icePwd: "short" },
      { ...remote, fingerprint: { algorithm: "md5", value: remote.fingerprint.value } },
      { ...remote, fingerprint: { algorithm: "sha-256", value: "12" } },
      { ...remote, sctp: { port: 70_000, maxMessageSize: 1 } },
    ];
    for (const each of bad) await expect(plane.open(each)).rejects.toMatchObject({ code: "media.transport.parameters" });
    const again = createPlane({ port: plane.port, address: "127.0.0.1", log: silentLog }, listenTo().listener);
    await expect(again).rejects.toMatchObject({ code: "media.plane.port" });
  });

  it("takes garbage on its port without a transport noticing", async () => {
    const { plane, heard, join } = await start();
    const { client } = await join();
    const { createSocket } = await import("node:dgram");
    const socket = createSocket("udp4");
    const send = (bytes: Uint8Array) => new Promise((resolve) => socket.send(bytes, plane.port, "127.0.0.1", resolve));
    let seed = 1;
    const random = () => {
      seed = (seed * 1_103_515_245 + 12_345) & 0x7fff_ffff;
      return seed >> 8;
    };
    for (let at = 0; at < 500; at++) {
      const bytes = Uint8Array.from({ length: random() % 200 }, random);
      // Every kind of first byte, and half of them with the cookie of STUN.
      if (bytes.length > 20) bytes[0] = at % 256;
      if (bytes.length > 20 && at % 2 === 0) bytes.set([0, 1, 0, bytes.length - 20, 0x21, 0x12, 0xa4, 0x42]);
      await send(bytes);
    }
    socket.close();
    client.track.sendMessageBinary(rtp(1, 1));
    await expect.poll(() => heard.packets.length, { interval: 10 }).toBe(1);
  });

  it("opens and closes 200 transports and keeps nothing of them", async () => {
    const { plane } = await start();
    const { remote } = await openClientBriefly();
    const round = async (count: number) => {
      const transports = await Promise.all(Array.from({ length: count }, () => plane.open(remote)));
      const indexes = transports.map((transport) => transport.index);
      for (const transport of transports) transport.close();
      await settled();
      return Math.max(...indexes);
    };
    await round(50);
    const before = process.memoryUsage().rss;
    let highest = 0;
    for (let at = 0; at < 4; at++) highest = Math.max(highest, await round(50));
    // Every index came back: no transport is still held.
    expect(highest).toBe(49);
    expect(process.memoryUsage().rss - before).toBeLessThan(30_000_000);
  });
});

function single(list: SendList, to: number, bytes: Uint8Array, ssrc: number, sequence: number, payloadType: number): SendList {
  list.clear();
  // The plane asks the list for bytes only; how a packet is written over is the list's own test.
  list.add(to, { bytes, length: bytes.length } as Parameters<SendList["add"]>[1], ssrc, sequence, 0, payloadType, EXTENSIONS);
  list.bytes = () => bytes;
  return list;
}

async function openClientBriefly(): Promise<Client> {
  const client = await openClient();
  await client.close();
  return client;
}

const settled = () => new Promise((resolve) => setTimeout(resolve, 300));
