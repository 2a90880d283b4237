import {
  ATTRIBUTES,
  attributeOf,
  decodeMessage,
  encodeMessage,
  METHOD,
  type OutgoingAttribute,
  put,
  rawAttributeOf,
  type StunMessage,
} from "@tsunagi/stun";
import { seededBytes } from "@tsunagi/testkit";
import { describe, expect, it } from "vitest";
import { MAPPED, PEER, RELAYED, ScriptedServer, USER } from "../../test/scripted-server.ts";
import { TURN_ATTRIBUTES } from "../attributes/index.ts";
import { decodeChannelData, encodeChannelData } from "../channel-data.ts";
import { TurnDataConnection } from "./data-connection.ts";
import type { TurnClientOptions, TurnClientOutput } from "./outputs.ts";
import { TurnClient } from "./turn-client.ts";

const DATA = Uint8Array.of(1, 2, 3, 4, 5);
const OTHER = { family: 4, address: "198.51.100.8", port: 7001 } as const;

/** A client and what a test sees of it. What the server is sent is answered at once by `answer`; undefined is silence. */
class Bench {
  now = 1000;
  readonly server: ScriptedServer;
  readonly client: TurnClient;
  readonly events: TurnClientOutput[] = [];
  readonly sent: Uint8Array[] = [];
  answer: (bytes: Uint8Array, request: StunMessage) => Uint8Array | undefined = (bytes) => this.server.serve(bytes);

  constructor(options: Partial<TurnClientOptions> & { mechanism?: "modern" | "classic" } = {}) {
    this.server = new ScriptedServer(options.mechanism ?? "modern");
    this.client = new TurnClient({ ...USER, transport: "udp", random: seededBytes(3), ...options });
  }

  perform(outputs: readonly TurnClientOutput[]): void {
    for (const output of outputs) {
      if (output.type !== "send") {
        this.events.push(output);
        continue;
      }
      this.sent.push(output.bytes);
      if ((output.bytes[0] ?? 0) >= 0x40) continue;
      const answer = this.answer(output.bytes, decodeMessage(output.bytes));
      if (answer !== undefined) this.perform(this.client.received(this.now, answer));
    }
  }

  /** To the deadline and past it, until nothing is due before `untilMs` from now. */
  wait(ms: number): void {
    const end = this.now + ms;
    for (let due = this.client.deadline; due !== undefined && due <= end; due = this.client.deadline) {
      this.now = due;
      this.perform(this.client.tick(this.now));
    }
    this.now = end;
  }

  start(): this {
    this.perform(this.client.start(this.now));
    return this;
  }

  /** Methods requested since the last call. */
  requests(): number[] {
    return this.sent.splice(0).flatMap((bytes) => ((bytes[0] ?? 0) < 0x40 ? decodeMessage(bytes).method : []));
  }

  take(): TurnClientOutput[] {
    return this.events.splice(0);
  }
}

const allocated = (options: ConstructorParameters<typeof Bench>[0] = {}) => {
  const bench = new Bench(options).start();
  expect(bench.take()).toMatchObject([{ type: "allocated" }]);
  bench.requests();
  return bench;
};

describe("allocating", () => {
  it.each(["modern", "classic"] as const)("answers the challenge of a %s server", (mechanism) => {
    const bench = new Bench({ mechanism }).start();
    expect(bench.take()).toEqual([
      {
        type: "allocated",
        relayed: [RELAYED],
        mapped: MAPPED,
        lifetimeS: 600,
        reservationToken: undefined,
        isMobile: false,
        rttMs: 0,
      },
    ]);
    const [first, second] = bench.sent.map((bytes) => decodeMessage(bytes));
    if (first === undefined || second === undefined) throw new Error("two requests were expected");
    expect(attributeOf(first, ATTRIBUTES.USERNAME)).toBeUndefined();
    expect(attributeOf(second, ATTRIBUTES.USERNAME)).toBe("alice");
    expect(first.transactionId).not.toEqual(second.transactionId);
    const integrity = mechanism === "modern" ? ATTRIBUTES.MESSAGE_INTEGRITY_SHA256 : ATTRIBUTES.MESSAGE_INTEGRITY;
    expect(rawAttributeOf(second, integrity.type)).toBeDefined();
    expect(attributeOf(second, TURN_ATTRIBUTES.REQUESTED_TRANSPORT)).toBe(17);
  });

  it("hides the user name where that is wanted and offered", () => {
    const bench = new Bench({ anonymous: true }).start();
    const message = decodeMessage(bench.sent[1] ?? DATA);
    expect(attributeOf(message, ATTRIBUTES.USERNAME)).toBeUndefined();
    expect(attributeOf(message, ATTRIBUTES.USERHASH)).toHaveLength(32);
  });

  it("does not believe that a server of SHA-256 offers nothing, and hears the true answer after it", () => {
    const bench = new Bench();
    let isForged = true;
    bench.answer = (bytes, request) => {
      if (!isForged) return bench.server.serve(bytes);
      isForged = false;
      const error = put(ATTRIBUTES.ERROR_CODE, { code: 401, reason: "" });
      return bench.server.bare(request, "error", [
        error,
        put(ATTRIBUTES.REALM, "example.org"),
        put(ATTRIBUTES.NONCE, bench.server.nonce),
      ]);
    };
    bench.start();
    expect(bench.take()).toEqual([]);
    bench.wait(500);
    expect(bench.take()).toMatchObject([{ type: "allocated", rttMs: 0 }]);
  });

  it("ends when nothing but stripped offers come", () => {
    const bench = new Bench();
    bench.answer = (_, request) =>
      bench.server.bare(request, "error", [
        put(ATTRIBUTES.ERROR_CODE, { code: 401, reason: "" }),
        put(ATTRIBUTES.REALM, "example.org"),
        put(ATTRIBUTES.NONCE, bench.server.nonce),
      ]);
    bench.start().wait(60_000);
    expect(bench.take()).toEqual([{ type: "ended", reason: "integrity" }]);
  });

  it("takes up a new nonce, and not for ever", () => {
    const bench = new Bench();
    bench.answer = (bytes, request) => {
      if (!bench.server.isAuthentic(request)) return bench.server.serve(bytes);
      bench.server.nonces++;
      return bench.server.challenge(request, 438);
    };
    bench.start();
    expect(bench.take()).toMatchObject([{ type: "ended", reason: "refused", code: 438 }]);
    expect(bench.sent).toHaveLength(4);
  });

  it("says that the password is wrong after one attempt", () => {
    const bench = new Bench({ password: "looking-glass" }).start();
    expect(bench.take()).toMatchObject([{ type: "ended", reason: "refused", code: 401 }]);
    expect(bench.sent).toHaveLength(2);
  });

  it("takes no user name or password that none can have", () => {
    expect(() => new Bench({ password: "" })).toThrowError(expect.objectContaining({ code: "stun.string.disallowed" }));
    expect(() => new Bench({ username: "\u0007" })).toThrowError(expect.objectContaining({ code: "stun.string.disallowed" }));
  });

  it("ends with the server's reason", () => {
    const bench = new Bench();
    bench.answer = (bytes, request) =>
      bench.server.isAuthentic(request) ? bench.server.refuse(request, 486) : bench.server.serve(bytes);
    bench.start();
    expect(bench.take()).toEqual([{ type: "ended", reason: "refused", code: 486, phrase: "no" }]);
  });

  it("is told where to go instead", () => {
    const bench = new Bench();
    bench.answer = (bytes, request) =>
      bench.server.isAuthentic(request)
        ? bench.server.refuse(
            request,
            300,
            put(ATTRIBUTES.ALTERNATE_SERVER, OTHER),
            put(ATTRIBUTES.ALTERNATE_DOMAIN, "b.example"),
          )
        : bench.server.serve(bytes);
    bench.start();
    expect(bench.take()).toEqual([{ type: "ended", reason: "alternate", server: OTHER, domain: "b.example" }]);
  });

  it.each([
    ["no integrity", (bench: Bench, request: StunMessage) => bench.server.bare(request, "success", [])],
    ["another's key", (_: Bench, request: StunMessage) => new ScriptedServer("classic").answer(request, "success")],
    [
      "no integrity on a refusal",
      (bench: Bench, request: StunMessage) =>
        bench.server.bare(request, "error", [put(ATTRIBUTES.ERROR_CODE, { code: 508, reason: "" })]),
    ],
  ])("does not believe a success with %s", (_, forged) => {
    const bench = new Bench();
    bench.answer = (bytes, request) => (bench.server.isAuthentic(request) ? forged(bench, request) : bench.server.serve(bytes));
    bench.start().wait(60_000);
    expect(bench.take()).toEqual([{ type: "ended", reason: "integrity" }]);
  });

  it("gives up on silence, and at once on a port without a server", () => {
    const silent = new Bench();
    silent.answer = () => undefined;
    silent.start().wait(39_499);
    expect(silent.take()).toEqual([]);
    silent.wait(1);
    expect(silent.take()).toEqual([{ type: "ended", reason: "timeout" }]);

    const closed = new Bench();
    closed.answer = () => undefined;
    closed.start().perform(closed.client.unreachable(closed.now));
    expect(closed.take()).toEqual([{ type: "ended", reason: "unreachable" }]);
  });

  it("says what it wants", () => {
    const token = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
    const sent = (allocate: NonNullable<TurnClientOptions["allocate"]>) =>
      decodeMessage(new Bench({ allocate }).start().sent[0] ?? DATA);
    expect(attributeOf(sent({ relayTransport: "tcp" }), TURN_ATTRIBUTES.REQUESTED_TRANSPORT)).toBe(6);
    expect(attributeOf(sent({ families: [6] }), TURN_ATTRIBUTES.REQUESTED_ADDRESS_FAMILY)).toBe(6);
    expect(attributeOf(sent({ families: [4, 6] }), TURN_ATTRIBUTES.ADDITIONAL_ADDRESS_FAMILY)).toBe(6);
    expect(attributeOf(sent({ evenPort: { reserveNext: true } }), TURN_ATTRIBUTES.EVEN_PORT)).toEqual({ reserveNext: true });
    expect(attributeOf(sent({ reservationToken: token }), TURN_ATTRIBUTES.RESERVATION_TOKEN)).toEqual(token);
    expect(attributeOf(sent({ mobility: true }), TURN_ATTRIBUTES.MOBILITY_TICKET)).toHaveLength(0);
    expect(attributeOf(sent({ dontFragment: true }), TURN_ATTRIBUTES.DONT_FRAGMENT)).toBe(true);
    expect(attributeOf(sent({ lifetimeS: 90 }), TURN_ATTRIBUTES.LIFETIME)).toBe(90);
  });
});

describe("keeping what was granted", () => {
  it.each([
    [600, 540],
    [60, 30],
  ])("refreshes a lifetime of %i s after %i s", (lifetimeS, afterS) => {
    const bench = allocated({ allocate: { lifetimeS } });
    bench.wait(afterS * 1000 - 1);
    expect(bench.requests()).toEqual([]);
    bench.wait(1);
    expect(bench.requests()).toEqual([METHOD.refresh]);
    expect(bench.take()).toEqual([{ type: "refreshed", lifetimeS }]);
    bench.wait(afterS * 1000);
    expect(bench.requests()).toEqual([METHOD.refresh]);
  });

  it("renews permissions after 4 minutes and channels after 9", () => {
    const bench = allocated({ allocate: { lifetimeS: 3600 } });
    bench.perform(bench.client.permit(bench.now, [PEER, OTHER]));
    bench.perform(bench.client.bindChannel(bench.now, PEER));
    expect(bench.take()).toEqual([
      { type: "permitted", peers: [PEER, OTHER] },
      { type: "bound", peer: PEER, channel: 0x4000 },
    ]);
    bench.requests();
    bench.wait(239_999);
    expect(bench.requests()).toEqual([]);
    bench.wait(1);
    expect(bench.requests()).toEqual([METHOD.createPermission]);
    bench.wait(300_000);
    expect(bench.requests()).toEqual([METHOD.createPermission, METHOD.channelBind]);
    expect(bench.take()).toMatchObject([{ type: "permitted" }, { type: "permitted" }, { type: "bound", channel: 0x4000 }]);
  });

  it("leaves that to others when told so", () => {
    const bench = allocated({ keepAlive: false });
    bench.perform(bench.client.permit(bench.now, [PEER]));
    bench.requests();
    expect(bench.client.deadline).toBeUndefined();
    bench.perform(bench.client.tick(bench.now + 1e9));
    expect(bench.requests()).toEqual([]);
  });

  it("carries on through a stale nonce with several requests under way", () => {
    const bench = allocated();
    const held: Uint8Array[] = [];
    bench.answer = (bytes) => {
      held.push(bytes);
      return undefined;
    };
    bench.perform(bench.client.permit(bench.now, [PEER]));
    bench.perform(bench.client.bindChannel(bench.now, OTHER));
    bench.server.nonces++;
    bench.answer = (bytes) => bench.server.serve(bytes);
    for (const bytes of held) bench.perform(bench.client.received(bench.now, bench.server.serve(bytes) ?? DATA));
    expect(bench.take()).toMatchObject([{ type: "permitted" }, { type: "bound" }]);
  });

  it("ends when a refresh is refused or not answered", () => {
    const refused = allocated();
    refused.answer = (_, request) => refused.server.refuse(request, 437);
    refused.wait(540_000);
    expect(refused.take()).toEqual([{ type: "ended", reason: "refused", code: 437, phrase: "no" }]);
    const silent = allocated();
    silent.answer = () => undefined;
    silent.wait(580_000);
    expect(silent.take()).toEqual([{ type: "ended", reason: "timeout" }]);
    expect(silent.client.deadline).toBeUndefined();
  });

  it("moves to another 5-tuple with its ticket", () => {
    const ticket = Uint8Array.of(9, 9, 9);
    const bench = new Bench({ allocate: { mobility: true } });
    bench.answer = (bytes, request) => {
      if (!bench.server.isAuthentic(request)) return bench.server.serve(bytes);
      const more: OutgoingAttribute[] = [put(TURN_ATTRIBUTES.LIFETIME, 600), put(TURN_ATTRIBUTES.MOBILITY_TICKET, ticket)];
      if (request.method === METHOD.allocate) more.push(put(TURN_ATTRIBUTES.XOR_RELAYED_ADDRESS, RELAYED));
      return bench.server.answer(request, "success", ...more);
    };
    bench.start();
    expect(bench.take()).toMatchObject([{ type: "allocated", isMobile: true }]);
    bench.sent.length = 0;
    bench.perform(bench.client.moved(bench.now));
    expect(attributeOf(decodeMessage(bench.sent[0] ?? DATA), TURN_ATTRIBUTES.MOBILITY_TICKET)).toEqual(ticket);
    expect(bench.take()).toMatchObject([{ type: "refreshed" }]);
  });

  it("gives back with a lifetime of zero, and ends whatever the answer is", () => {
    for (const code of [undefined, 437]) {
      const bench = allocated();
      bench.answer = (bytes, request) => (code === undefined ? bench.server.serve(bytes) : bench.server.refuse(request, code));
      bench.perform(bench.client.close(bench.now));
      expect(attributeOf(decodeMessage(bench.sent[0] ?? DATA), TURN_ATTRIBUTES.LIFETIME)).toBe(0);
      expect(bench.take()).toEqual([{ type: "ended", reason: "closed" }]);
      expect(bench.client.close(bench.now)).toEqual([]);
      expect(bench.client.permit(bench.now, [PEER])).toEqual([]);
    }
  });
});

describe("data", () => {
  it("goes as an indication, and through a channel once that is bound", () => {
    const bench = allocated();
    const [indication] = bench.client.send(PEER, DATA);
    const message = decodeMessage(indication?.type === "send" ? indication.bytes : DATA);
    expect(message).toMatchObject({ class: "indication", method: METHOD.send });
    expect(attributeOf(message, TURN_ATTRIBUTES.XOR_PEER_ADDRESS)).toEqual(PEER);
    expect(attributeOf(message, TURN_ATTRIBUTES.DATA)).toEqual(DATA);
    bench.perform(bench.client.bindChannel(bench.now, PEER));
    const [framed] = bench.client.send(PEER, DATA);
    expect(framed?.type === "send" && framed.bytes).toHaveLength(9);
    expect(decodeChannelData(framed?.type === "send" ? framed.bytes : DATA)).toEqual({ channel: 0x4000, data: DATA });
    // ChannelData has no room for DONT-FRAGMENT.
    const [whole] = bench.client.send(PEER, DATA, { dontFragment: true });
    expect(attributeOf(decodeMessage(whole?.type === "send" ? whole.bytes : DATA), TURN_ATTRIBUTES.DONT_FRAGMENT)).toBe(true);
  });

  it("comes both ways, and what is nobody's is left alone", () => {
    const bench = allocated();
    bench.perform(bench.client.bindChannel(bench.now, PEER));
    bench.take();
    const indication = (...attributes: OutgoingAttribute[]) =>
      encodeMessage({ class: "indication", method: METHOD.data, transactionId: new Uint8Array(12), attributes });
    const peer = put(TURN_ATTRIBUTES.XOR_PEER_ADDRESS, OTHER);
    for (const bytes of [
      indication(peer, put(TURN_ATTRIBUTES.DATA, DATA)),
      encodeChannelData({ channel: 0x4000, data: DATA }),
      indication(peer, put(TURN_ATTRIBUTES.ICMP, { type: 3, code: 4, data: 1400 })),
      encodeChannelData({ channel: 0x4001, data: DATA }),
      indication(peer),
      indication(put(TURN_ATTRIBUTES.DATA, DATA)),
      Uint8Array.of(0x40),
      new Uint8Array(0),
      Uint8Array.of(0xff, 1, 2),
    ])
      bench.perform(bench.client.received(bench.now, bytes));
    expect(bench.take()).toEqual([
      { type: "data", peer: OTHER, data: DATA, channel: undefined },
      { type: "data", peer: PEER, data: DATA, channel: 0x4000 },
      { type: "icmp", peer: OTHER, icmpType: 3, icmpCode: 4, icmpData: 1400 },
    ]);
  });

  it("tells who was refused, and tries another channel number afterwards", () => {
    const bench = allocated();
    bench.answer = (_, request) => bench.server.refuse(request, 403);
    bench.perform(bench.client.permit(bench.now, [PEER]));
    bench.perform(bench.client.bindChannel(bench.now, OTHER));
    expect(bench.take()).toEqual([
      { type: "refused", request: "permission", peers: [PEER], code: 403, phrase: "no" },
      { type: "refused", request: "channel", peers: [OTHER], code: 403, phrase: "no" },
    ]);
    bench.answer = (bytes) => bench.server.serve(bytes);
    bench.perform(bench.client.bindChannel(bench.now, OTHER));
    expect(bench.take()).toEqual([{ type: "bound", peer: OTHER, channel: 0x4001 }]);
    bench.answer = () => undefined;
    bench.perform(bench.client.permit(bench.now, [PEER]));
    bench.wait(40_000);
    expect(bench.take()).toEqual([{ type: "failed", request: "permission", peers: [PEER], why: "timeout" }]);
  });
});

describe("over a stream", () => {
  it("reads answers and data cut at every byte, and pads what it sends", () => {
    for (let size = 1; size <= 40; size++) {
      const bench = new Bench({ transport: "tcp" });
      const feed = (bytes: Uint8Array) => {
        for (let offset = 0; offset < bytes.length; offset += size)
          bench.perform(bench.client.received(bench.now, bytes.subarray(offset, offset + size)));
      };
      const waiting: Uint8Array[] = [];
      bench.answer = (bytes) => {
        const answer = bench.server.serve(bytes);
        if (answer !== undefined) waiting.push(answer);
        return undefined;
      };
      const settle = () => {
        for (let bytes = waiting.shift(); bytes !== undefined; bytes = waiting.shift()) feed(bytes);
      };
      bench.start();
      settle();
      bench.perform(bench.client.bindChannel(bench.now, PEER));
      settle();
      feed(encodeChannelData({ channel: 0x4000, data: DATA }, true));
      feed(encodeChannelData({ channel: 0x4000, data: DATA }, true));
      expect(bench.take().map(({ type }) => type)).toEqual(["allocated", "bound", "data", "data"]);
      const [framed] = bench.client.send(PEER, DATA);
      expect(framed?.type === "send" && framed.bytes).toHaveLength(12);
    }
  });

  it("sends once, waits 39.5 s, and ends on bytes that are neither STUN nor ChannelData", () => {
    const silent = new Bench({ transport: "tls" });
    silent.answer = () => undefined;
    silent.start().wait(39_500);
    expect(silent.sent).toHaveLength(1);
    expect(silent.take()).toEqual([{ type: "ended", reason: "timeout" }]);
    const foreign = new Bench({ transport: "tcp" });
    foreign.answer = () => new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n");
    foreign.start();
    expect(foreign.take()).toEqual([{ type: "ended", reason: "malformed" }]);
  });

  it("connects to a peer, is told of one, and hands on the bytes behind the answer to ConnectionBind", () => {
    const bench = allocated({ transport: "tcp", allocate: { relayTransport: "tcp" } });
    bench.perform(bench.client.connect(bench.now, PEER));
    const attempt = [put(TURN_ATTRIBUTES.CONNECTION_ID, 5), put(TURN_ATTRIBUTES.XOR_PEER_ADDRESS, OTHER)];
    const parts = { class: "indication", method: METHOD.connectionAttempt, transactionId: new Uint8Array(12) } as const;
    bench.perform(bench.client.received(bench.now, encodeMessage({ ...parts, attributes: attempt })));
    expect(bench.take()).toEqual([
      { type: "connected", peer: PEER, connection: 77 },
      { type: "attempted", peer: OTHER, connection: 5 },
    ]);

    const connection = new TurnDataConnection({ ...USER, random: seededBytes(4), connection: 77 });
    const [first] = connection.start(0);
    const [second] = connection.received(0, bench.server.serve(first?.type === "send" ? first.bytes : DATA) ?? DATA);
    const request = decodeMessage(second?.type === "send" ? second.bytes : DATA);
    expect(attributeOf(request, TURN_ATTRIBUTES.CONNECTION_ID)).toBe(77);
    const answer = bench.server.serve(request.bytes) ?? DATA;
    expect(connection.received(0, Uint8Array.from([...answer, ...DATA]))).toEqual([
      { type: "joined" },
      { type: "data", data: DATA },
    ]);
    expect(connection.received(0, DATA)).toEqual([{ type: "data", data: DATA }]);
    expect(connection.closed()).toEqual([{ type: "ended", reason: "closed" }]);
    expect(connection.closed()).toEqual([]);
  });

  it("ends a data connection that is refused", () => {
    const server = new ScriptedServer("classic");
    const connection = new TurnDataConnection({ ...USER, random: seededBytes(4), connection: 1 });
    const [first] = connection.start(0);
    const [second] = connection.received(0, server.serve(first?.type === "send" ? first.bytes : DATA) ?? DATA);
    const request = decodeMessage(second?.type === "send" ? second.bytes : DATA);
    expect(connection.received(0, server.refuse(request, 400))).toEqual([
      { type: "ended", reason: "refused", code: 400, phrase: "no" },
    ]);
  });
});
