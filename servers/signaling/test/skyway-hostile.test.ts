/** Clients of the skyway-js face that mean no good, or are broken: refused with a code, bounded, and nobody else notices. */
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { candidate, mediaOffer, type SkywayClient, type SkywayEvent, SkywayTest } from "./support/skyway.ts";

let test: SkywayTest;
let raws: RawClient[] = [];
beforeEach(() => {
  raws = [];
});
afterEach(async () => {
  for (const raw of raws) raw.socket.terminate();
  await test.close();
});

/** Engine packets as they are, over a WebSocket from the start. */
class RawClient {
  readonly socket: WebSocket;
  readonly received: string[] = [];
  closed: number | undefined;

  constructor(peerId: string, more = "") {
    const query = `EIO=3&transport=websocket&apiKey=${test.server.key}&token=raw-${peerId}&peerId=${peerId}${more}`;
    this.socket = new WebSocket(`${test.url.replace("http", "ws")}/socket.io/?${query}`);
    this.socket.on("message", (data) => this.received.push(String(data)));
    this.socket.on("close", (code) => {
      this.closed = code;
    });
    this.socket.on("error", () => {});
    raws.push(this);
  }

  static async open(peerId: string): Promise<RawClient> {
    const client = new RawClient(peerId);
    await test.until(() => client.received.some((each) => each.startsWith('42["OPEN"')));
    return client;
  }

  /** Socket.io's packet, in engine.io's message. */
  send(packet: string): this {
    this.socket.send(`4${packet}`);
    return this;
  }

  attach(bytes: Buffer): this {
    this.socket.send(Buffer.concat([Buffer.from([4]), bytes]));
    return this;
  }

  errors(): readonly string[] {
    return this.received.filter((each) => each.startsWith('42["ERROR"'));
  }
}

/** Two who have nothing to do with it. */
async function bystanders(): Promise<() => Promise<void>> {
  const [alice, bob] = [await test.open("alice"), await test.open("bob")];
  await test.join(alice, "quiet");
  await test.join(bob, "quiet");
  await alice.next();
  let n = 0;
  return async () => {
    n += 1;
    alice.emit("ROOM_SEND_DATA", { roomName: "quiet", data: n });
    expect(await bob.next()).toEqual({ roomName: "quiet", src: "alice", data: n });
    expect([alice.events, bob.events]).toEqual([[], []]);
  };
}

describe("messages", () => {
  it("that are no packets, or of unknown events, are refused or passed over", async () => {
    test = await SkywayTest.start();
    const undisturbed = await bystanders();
    const mallory = await RawClient.open("mallory");
    const nonsense = [
      "",
      "9",
      "x",
      "2",
      "2[]",
      "2[1,2]",
      '2["connect",1]',
      '2{"a":1}',
      '2["UNKNOWN",{"roomName":"quiet"}]',
      '2["UNKNOWN"]',
      '2["ROOM_SEND_DATA"]',
      '2["ROOM_SEND_DATA",null]',
      '2["ROOM_SEND_DATA",{"roomName":1}]',
      '2["SEND_OFFER",[]]',
      '2["SEND_OFFER",{"dst":"alice","connectionId":"c","connectionType":"media","offer":7}]',
      '2["SEND_CANDIDATE",{"dst":"alice","connectionId":"c","candidate":null}]',
      '2["UPDATE_CREDENTIAL","x"]',
      '2["__proto__",{}]',
      '2["ROOM_JOIN",{"roomName":"__proto__","roomType":"mesh"}]',
      '2["ROOM_JOIN",{"roomName":"r","roomType":{"toString":1}}]',
      '2["SFU_ANSWER",{"roomName":"__proto__","answer":{"sdp":1}}]',
      '2["SFU_GET_OFFER",{"roomName":"constructor"}]',
      "0/admin",
      '2/admin,["ROOM_JOIN",{}]',
      "31[]",
      "4{}",
    ];
    for (const each of nonsense) mallory.send(each);
    mallory.send('2["ROOM_GET_LOGS",{"roomName":"__proto__"}]');
    await test.until(() => mallory.received.some((each) => each.startsWith('42["ROOM_LOGS"')));
    expect(mallory.socket.readyState).toBe(1);
    for (const error of mallory.errors()) expect(error).toMatch(/\[[a-z]+\.[a-z]+\.[a-z-]+\]/);
    const metrics = await (await fetch(`${test.url}/metrics`)).text();
    expect(metrics).toContain('tsunagi_skyway_refusals_total{code="protocol.message.unknown"} 3');
    expect(metrics).toContain('event="other"');
    await undisturbed();
  });

  it("of any form never break the face", async () => {
    test = await SkywayTest.start({ limits: { messagesPerSecond: 100_000, roomsPerPeer: 1_000 } });
    const undisturbed = await bystanders();
    const mallory = await RawClient.open("mallory");
    const events = [
      "SEND_OFFER",
      "SEND_ANSWER",
      "SEND_CANDIDATE",
      "SEND_FORCE_CLOSE",
      "ROOM_JOIN",
      "ROOM_LEAVE",
      "ROOM_GET_USERS",
    ];
    events.push("ROOM_GET_LOGS", "ROOM_SEND_DATA", "SFU_GET_OFFER", "SFU_ANSWER", "SFU_CANDIDATE", "UPDATE_CREDENTIAL", "PING");
    const field = fc.constantFrom(
      "roomName",
      "dst",
      "connectionId",
      "offer",
      "answer",
      "candidate",
      "data",
      "metadata",
      "roomType",
    );
    const value = fc.oneof(fc.constantFrom("quiet", "alice", "c", "media", "mesh", "sfu"), fc.jsonValue({ maxDepth: 3 }));
    const payload = fc.oneof(fc.dictionary(field, value), fc.jsonValue());
    const packet = fc.oneof(
      fc.tuple(fc.constantFrom(...events), payload).map(([event, given]) => `2${JSON.stringify([event, given])}`),
      fc
        .tuple(fc.constantFrom("51-", "52-", "50-", "5", "6", "3"), payload)
        .map(([head, given]) => head + JSON.stringify(["ROOM_SEND_DATA", given])),
      // A lone 1 is the end of the session.
      fc.string().filter((text) => text !== "1"),
    );
    const failed = "server.internal.failed";
    for (const each of fc.sample(packet, { numRuns: 2_000, seed: 7 })) {
      mallory.send(each);
      if (each.startsWith("5")) mallory.attach(Buffer.from(each));
    }
    mallory.send('2["ROOM_JOIN",{"roomName":"last"}]').send('2["ROOM_GET_USERS",{"roomName":"last"}]');
    await test.until(() => mallory.received.some((each) => each.includes('"last"') && each.includes("ROOM_USERS")));
    expect(await (await fetch(`${test.url}/metrics`)).text()).not.toContain(failed);
    await undisturbed();
  });

  it("that are giant or nest deeply cost little", async () => {
    test = await SkywayTest.start();
    const undisturbed = await bystanders();
    const mallory = await RawClient.open("mallory");
    mallory.send('2["ROOM_JOIN",{"roomName":"m"}]');
    const deep = (depth: number) => `${"[".repeat(depth)}${"]".repeat(depth)}`;
    mallory.send(`2["ROOM_SEND_DATA",{"roomName":"m","data":${deep(10_000)}}]`);
    await test.until(() => mallory.errors().length === 1);
    expect(mallory.errors()[0]).toContain("[protocol.message.malformed]");
    test.server.clock.advance(2_000);
    mallory.send(`2${JSON.stringify(["SEND_OFFER", mediaOffer("alice", "c", { metadata: "x".repeat(300_000) })])}`);
    await test.until(() => mallory.errors().length === 2);
    expect(mallory.errors()[1]).toContain("[protocol.message.too-large]");
    test.server.clock.advance(2_000);
    mallory.send(`2["ROOM_SEND_DATA",{"roomName":"m","data":${"[".repeat(20_000_000)}`);
    await test.until(() => mallory.errors().length === 3);
    await undisturbed();
    // More than engine.io takes at all.
    mallory.send("x".repeat(26_000_000));
    await test.until(() => mallory.closed !== undefined);
    expect(mallory.closed).toBe(1009);
    await undisturbed();
  });

  it("with attachments that never come, too many or nobody asked for are given up", async () => {
    test = await SkywayTest.start({}, { skyway: { graceMs: 1_000 } });
    const undisturbed = await bystanders();
    const mallory = await RawClient.open("mallory");
    mallory.send('2["ROOM_JOIN",{"roomName":"m"}]');
    const header = (count: number) => `5${count}-["ROOM_SEND_DATA",{"roomName":"m","data":{"_placeholder":true,"num":0}}]`;
    mallory.send(header(2)).attach(Buffer.alloc(1_000_000));
    await test.until(() => test.face.buffered > 1_000_000);
    test.server.clock.advance(31_000);
    expect(test.face.buffered).toBe(0);
    await test.until(() => mallory.errors().length === 1);
    for (const attack of [
      () => mallory.attach(Buffer.alloc(100)),
      () => mallory.send(header(1_000_000)),
      () => mallory.send(header(1)).send('2["PING",null]'),
      () => mallory.send('51-["ROOM_SEND_DATA",{"_placeholder":true,"num":9}]').attach(Buffer.alloc(1)),
      () =>
        mallory.send(header(3)).attach(Buffer.alloc(12_000_000)).attach(Buffer.alloc(12_000_000)).attach(Buffer.alloc(2_000_000)),
    ]) {
      test.server.clock.advance(2_000);
      const before = mallory.errors().length;
      attack();
      await test.until(() => mallory.errors().length > before);
      await test.until(() => test.face.buffered === 0);
    }
    expect(mallory.socket.readyState).toBe(1);
    await undisturbed();
  });

  it("that come in a flood are read slowly, and end in the sender's end where it does not stop", async () => {
    test = await SkywayTest.start({ limits: { messagesPerSecond: 1 } });
    const undisturbed = await bystanders();
    const mallory = await RawClient.open("mallory");
    const offer = `2${JSON.stringify(["SEND_OFFER", mediaOffer("nobody")])}`;
    for (let n = 0; n < 20_000; n += 1) mallory.send(offer);
    await new Promise((resolve) => setTimeout(resolve, 200));
    await undisturbed();
    expect(test.face.buffered).toBeLessThan(33_554_432);
    expect(mallory.errors()).toHaveLength(1);
  });
});

describe("names", () => {
  it("of others, their sockets and their rooms are of no use", async () => {
    test = await SkywayTest.start();
    const undisturbed = await bystanders();
    const alice = test.face.session(test.server.app.id, "alice");
    const mallory = await test.open("mallory");
    mallory.emit("SEND_OFFER", { ...mediaOffer("bob"), src: "alice", roomName: "quiet" });
    mallory.emit("ROOM_SEND_DATA", { roomName: "quiet", src: "alice", data: "forged" });
    mallory.emit("SEND_CANDIDATE", candidate("bob", "mc_1", { src: "alice", roomName: "quiet" }));
    mallory.emit("SFU_GET_OFFER", { roomName: "quiet" }).emit("ROOM_GET_USERS", { roomName: "quiet" });
    await mallory.settled();
    await undisturbed();
    // A socket's ID is all that polling asks for: it is never told to others, and a wrong one is nobody's.
    const polled = await fetch(`${test.url}/socket.io/?EIO=3&transport=polling&sid=${"A".repeat(20)}`);
    expect(polled.status).toBe(400);
    expect((await fetch(`${test.url}/socket.io/?EIO=3&transport=polling&sid=__proto__`)).status).toBe(400);
    expect(await test.connect({ peerId: "alice", token: "guessed" }).next()).toMatchObject({ type: "unavailable-id" });
    expect(await test.connect({ peerId: "alice", token: "" }).next()).toMatchObject({ type: "unavailable-id" });
    expect(test.face.session(test.server.app.id, "alice")).toBe(alice);
    await undisturbed();
  });

  it("of ten thousand rooms are as many as the app allows", async () => {
    test = await SkywayTest.start({ limits: { roomsPerPeer: 8, messagesPerSecond: 100_000 } });
    const mallory = await RawClient.open("mallory");
    for (let n = 0; n < 10_000; n += 1) mallory.send(`2["ROOM_JOIN",{"roomName":"${n}","roomType":"mesh"}]`);
    mallory.send('2["ROOM_GET_USERS",{"roomName":"0"}]');
    await test.until(() => mallory.received.some((each) => each.startsWith('42["ROOM_USERS"')));
    expect([test.face.rooms.size, test.server.signaling.host.conference.counts().rooms]).toEqual([8, 8]);
    expect(mallory.errors().at(-1)).toContain("[room.limit.reached]");
  });
});

describe("polling", () => {
  const poll = (sid: string) => `${test.url}/socket.io/?EIO=3&transport=polling&sid=${sid}`;

  async function handshake(peerId: string): Promise<string> {
    const query = `EIO=3&transport=polling&apiKey=${test.server.key}&token=t&peerId=${peerId}`;
    const text = await (await fetch(`${test.url}/socket.io/?${query}`)).text();
    const sid = /"sid":"([^"]+)"/.exec(text)?.[1];
    if (sid === undefined) throw new Error(text);
    return sid;
  }

  it("with a million packets in a body, or a body that is too long or of unknown length, is cut off", async () => {
    test = await SkywayTest.start();
    const undisturbed = await bystanders();
    const headers = { "content-type": "text/plain" };
    const sid = await handshake("mallory");
    await fetch(poll(sid), { method: "POST", headers, body: "1:6".repeat(1_000_000) }).catch(() => undefined);
    expect((await fetch(poll(sid))).status).toBe(400);
    const binary = await handshake("mallory2");
    const many = Buffer.concat(Array.from({ length: 10_000 }, () => Buffer.from([1, 1, 255, 4])));
    await fetch(poll(binary), { method: "POST", headers: { "content-type": "application/octet-stream" }, body: many }).catch(
      () => undefined,
    );
    expect((await fetch(poll(binary))).status).toBe(400);
    const long = await handshake("mallory3");
    const refused = await fetch(poll(long), { method: "POST", headers, body: "x".repeat(25_000_001) }).catch(() => undefined);
    expect([undefined, 413]).toContain(refused?.status);
    // What was said to those that never asked for it.
    await test.until(() => test.face.buffered < 100);
    await undisturbed();
  });
});

describe("a receiver that does not read", () => {
  it("loses its transport, and others go on", async () => {
    test = await SkywayTest.start({ limits: { messagesPerSecond: 1_000 } });
    const undisturbed = await bystanders();
    const [sender, deaf] = [await test.open("sender"), await RawClient.open("deaf")];
    deaf.send('2["ROOM_JOIN",{"roomName":"m"}]');
    await test.join(sender, "m");
    deaf.socket.pause();
    const data = Buffer.alloc(5_000_000);
    for (let n = 0; n < 14; n += 1) {
      sender.emit("ROOM_SEND_DATA", { roomName: "m", data });
      test.server.clock.advance(100);
    }
    const seen = await settle(sender);
    const link = test.face.session(test.server.app.id, "deaf")?.link;
    expect([link, test.face.buffered < 60_000_000]).toEqual([undefined, true]);
    test.server.clock.advance(11_000);
    const left = seen.find(({ event }) => event === "ROOM_USER_LEAVE")?.payload ?? (await sender.next("ROOM_USER_LEAVE"));
    expect(left).toMatchObject({ src: "deaf" });
    await test.until(() => test.face.buffered === 0);
    await undisturbed();
  }, 20_000);
});

/** Its messages are read, the clock is moved as long as they are read slowly. */
async function settle(client: SkywayClient): Promise<readonly SkywayEvent[]> {
  const settled = client.settled();
  let done = false;
  void settled.finally(() => {
    done = true;
  });
  while (!done) {
    test.server.clock.advance(100);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return settled;
}
