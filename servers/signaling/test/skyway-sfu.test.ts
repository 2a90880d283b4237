/** SFU rooms of skyway-js members over real sockets, with an SFU node on the bus that is the test's own. */
import { type BusRequest, MemoryBus, MemoryDirectory, type SfuCommand } from "@tsunagi/conference";
import { FakeClock } from "@tsunagi/testkit";
import { afterEach, describe, expect, it } from "vitest";
import { type SkywayClient, SkywayTest } from "./support/skyway.ts";

let test: SkywayTest;
afterEach(() => test.close());

type Offer = Extract<SfuCommand, { readonly type: "offer" }>;
type SfuOffer = {
  readonly roomName: string;
  readonly offer: { readonly sdp: string };
  readonly msids: Readonly<Record<string, string>>;
};

const commands: SfuCommand[] = [];
let versions = 0;
let bus: MemoryBus;

const DIRECTIONS = {
  receive: "recvonly",
  send: "sendonly",
  both: "sendrecv",
  inactive: "inactive",
  tag: "recvonly",
  relic: "inactive",
  stopped: "inactive",
};

/** Describes the sections that it is told of, and takes any answer. */
function describeSections({ sections }: Offer): string {
  versions += 1;
  const lines = [
    "v=0",
    `o=- 1 ${versions} IN IP4 127.0.0.1`,
    "s=-",
    "t=0 0",
    "a=ice-ufrag:ufrag",
    "a=ice-pwd:passwordpasswordpassword",
  ];
  lines.push("a=fingerprint:sha-256 00:00", "a=setup:actpass", `a=group:BUNDLE ${sections.map(({ mid }) => mid).join(" ")}`);
  for (const { mid, kind, direction, stream } of sections) {
    lines.push(`m=${kind} 9 UDP/TLS/RTP/SAVPF 96`, "c=IN IP4 0.0.0.0", `a=mid:${mid}`);
    lines.push(`a=${DIRECTIONS[direction]}`);
    if (stream !== undefined) lines.push(`a=msid:${stream} ${stream}-${kind}`);
  }
  return `${lines.join("\r\n")}\r\n`;
}

/** What a client with one track of each kind answers: it sends in those two sections. */
function answerTo(sdp: string, sending: readonly string[] = ["0", "1"]): string {
  return sdp
    .split(/(?=^m=)/m)
    .map((section) => {
      const mid = /^a=mid:(.*)\r$/m.exec(section)?.[1] ?? "";
      const receives = /^a=send(?:only|recv)\r$/m.test(section);
      const sends = sending.includes(mid) && /^a=(?:recvonly|sendrecv)\r$/m.test(section);
      const direction = sends ? (receives ? "sendrecv" : "sendonly") : receives ? "recvonly" : "inactive";
      return section.replace(/^a=(?:sendrecv|sendonly|recvonly|inactive)\r$/m, `a=${direction}\r`);
    })
    .join("")
    .replace("a=setup:actpass", "a=setup:active");
}

async function start(): Promise<void> {
  commands.length = 0;
  bus = new MemoryBus();
  await bus.attach("sfu", async (request: BusRequest) => {
    if (request.type !== "sfu") throw new Error(request.type);
    commands.push(request.command);
    const { command } = request;
    return command.type === "offer" ? { ok: true, sdp: describeSections(command) } : { ok: true, sdp: "v=0\r\n" };
  });
  const directory = new MemoryDirectory({ now: () => new FakeClock().now() });
  test = await SkywayTest.start({}, { sfu: { node: "sfu" }, cluster: { node: "one", directory, bus } });
}

/** Moves the clock until it is there: the half waits for what belongs together. */
async function nextOffer(client: SkywayClient): Promise<SfuOffer> {
  await test.until(() => {
    test.server.clock.advance(20);
    return client.events.some(({ event }) => event === "SFU_OFFER");
  });
  return client.next<SfuOffer>("SFU_OFFER");
}

async function enter(client: SkywayClient): Promise<SfuOffer> {
  expect(await test.join(client, "hall", "sfu")).toMatchObject({ src: client.peerId });
  client.emit("SFU_GET_OFFER", { roomName: "hall" });
  const offered = await nextOffer(client);
  client.emit("SFU_ANSWER", { roomName: "hall", answer: { type: "answer", sdp: answerTo(offered.offer.sdp) } });
  return offered;
}

describe("an SFU room of skyway-js members", () => {
  it("is offered with sections to send in, then with the others' streams, and without them when they have left", async () => {
    await start();
    const [alice, bob] = [await test.open("alice"), await test.open("bob")];
    const first = await enter(alice);
    expect(first.roomName).toBe("hall");
    // One of each kind more than a client usually sends.
    expect(first.offer.sdp.match(/a=recvonly/g)).toHaveLength(4);
    await test.until(() => commands.some(({ type }) => type === "negotiate"));
    alice.emit("SFU_CANDIDATE", {
      roomName: "hall",
      candidate: { candidate: "candidate:1 1 udp 1 127.0.0.1 9 typ host", sdpMid: "0" },
    });

    const toBob = await enter(bob);
    expect(toBob.offer.sdp.match(/a=sendrecv/g)).toHaveLength(2);
    expect(Object.values(toBob.msids)).toEqual(["alice"]);
    const again = await nextOffer(alice);
    expect(Object.values(again.msids)).toEqual(["bob"]);
    expect(alice.events.filter(({ event }) => event === "ERROR")).toEqual([]);
    alice.emit("SFU_ANSWER", { roomName: "hall", answer: { type: "answer", sdp: answerTo(again.offer.sdp) } });
    bob.emit("ROOM_LEAVE", { roomName: "hall" });
    const alone = await nextOffer(alice);
    expect([alone.msids, /a=send(?:only|recv)/.test(alone.offer.sdp)]).toEqual([{}, false]);
    expect(commands.filter(({ type }) => type === "leave")).toMatchObject([{ peerId: "bob" }]);
  });

  it("is offered again when the SFU hears nothing of a track any more: the client may have moved it, and does not say so", async () => {
    await start();
    const [alice, bob] = [await test.open("alice"), await test.open("bob")];
    await enter(alice);
    await enter(bob);
    const shown = await nextOffer(alice);
    alice.emit("SFU_ANSWER", { roomName: "hall", answer: { type: "answer", sdp: answerTo(shown.offer.sdp) } });
    await test.until(() => commands.filter(({ type }) => type === "negotiate").length === 3);
    const sent = () => {
      const latest = commands.findLast((each) => each.type === "negotiate" && each.peerId === "alice");
      return latest?.type === "negotiate" ? latest.send.map(({ mid, source }) => `${mid} ${source}`) : [];
    };
    expect(sent()).toEqual(["0 microphone", "1 camera"]);
    const last = commands.findLast((each) => each.type === "negotiate" && each.peerId === "alice");
    if (last?.type !== "negotiate") throw new Error("nothing is sent");
    const { appId, room, peerId, send } = last;
    const publication = send[1]?.publication ?? "";
    const event = { appId, room, peerId, type: "publication-quiet", publication } as const;
    await bus.send("one", { type: "sfu-event", event });
    const asked = await nextOffer(alice);
    alice.emit("SFU_ANSWER", { roomName: "hall", answer: { type: "answer", sdp: answerTo(asked.offer.sdp, ["0", "3"]) } });
    // It sends its picture where bob's is shown to it.
    await test.until(() => sent().includes("3 camera"));
    expect([...alice.events, ...bob.events].filter(({ event }) => /LEAVE|ERROR/.test(event))).toEqual([]);
  });

  it("goes on after a restart of the server: a new transport is offered on the same connection", async () => {
    await start();
    const [alice, bob] = [await test.open("alice"), await test.open("bob")];
    await enter(alice);
    await enter(bob);
    const again = await nextOffer(alice);
    alice.emit("SFU_ANSWER", { roomName: "hall", answer: { type: "answer", sdp: answerTo(again.offer.sdp) } });
    await alice.settled();
    const epochs = () =>
      commands.flatMap((command) => (command.type === "offer" && command.peerId === "alice" ? [command.epoch] : []));
    const before = Math.max(...epochs());
    for (const each of [alice, bob]) each.socket.io.reconnection(false);
    await test.server.restart();
    const [a, b] = [alice, bob].map((each) => test.connect({ peerId: each.peerId ?? "", token: each.token }));
    if (a === undefined || b === undefined) throw new Error("not two");
    expect([await a.next(), await b.next()]).toEqual([{ peerId: "alice" }, { peerId: "bob" }]);
    const offered = await nextOffer(a);
    expect(Math.max(...epochs())).toBeGreaterThan(before);
    expect(offered.offer.sdp.match(/m=/g)?.length).toBe(again.offer.sdp.match(/m=/g)?.length);
    b.emit("ROOM_SEND_DATA", { roomName: "hall", data: 1 });
    expect(await a.next("ROOM_DATA")).toMatchObject({ src: "bob" });
    expect([...a.events, ...b.events].filter(({ event }) => /LEAVE|JOIN|ERROR/.test(event))).toEqual([]);
  });
});
