/** Several members in one room, their messages carried in simulated time by a signalling that may lose or change them. */
import type { CodedError, JsonValue } from "@tsunagi/base";
import { FakeClock } from "@tsunagi/testkit";
import { describe, expect, it } from "vitest";
import { FrameOpener } from "../frames/opener.ts";
import { FrameSealer } from "../frames/sealer.ts";
import { generationOf, stepOf } from "../sframe/kid.ts";
import type { Bytes } from "../sframe/suite.ts";
import {
  ASK_RETRY_MS,
  CHANGE_MS,
  GATHER_MS,
  HELLO_RETRY_MS,
  KeyExchange,
  type MemberKeyState,
  SWITCH_MS,
} from "./key-exchange.ts";

const FRAME = new Uint8Array(80).fill(5);

class Room {
  readonly clock = new FakeClock();
  readonly members = new Map<string, TestMember>();
  /** What is on its way is asked; false loses it. */
  pass: (from: string, to: string, data: JsonValue) => boolean = () => true;
  sent = 0;

  async join(id: string, options: { passphrase?: string; publish?: boolean; plain?: boolean } = {}): Promise<TestMember> {
    const member = new TestMember(id, this, options.passphrase);
    const others = [...this.members.values()];
    this.members.set(id, member);
    for (const other of others) other.keys.joined(id);
    if (options.plain !== true) {
      member.keys.start(others.map((other) => other.id));
      if (options.publish !== false) member.keys.publish();
    }
    await this.settle();
    return member;
  }

  async leave(id: string): Promise<void> {
    this.members.get(id)?.keys.close();
    this.members.delete(id);
    for (const other of this.members.values()) other.keys.left(id);
    await this.settle();
  }

  /** Lets messages, gathered steps and switches happen. */
  async settle(): Promise<void> {
    for (let round = 0; round < 8; round += 1) {
      for (const member of this.members.values()) await member.keys.idle;
      this.clock.advance((GATHER_MS + SWITCH_MS) / 4);
    }
  }
}

class TestMember {
  readonly id: string;
  readonly keys: KeyExchange;
  readonly sealer = new FrameSealer();
  readonly opener = new FrameOpener();
  readonly states: [string, MemberKeyState][] = [];
  readonly failures: [string, string][] = [];
  readonly kids: number[] = [];
  #work: Promise<void> = Promise.resolve();

  constructor(id: string, room: Room, passphrase: string | undefined) {
    this.id = id;
    const later = (work: () => Promise<void>) => {
      this.#work = this.#work.then(work);
    };
    this.keys = new KeyExchange(
      { room: "r", selfId: id, passphrase, iterations: 10 },
      {
        setSendKey: (kid, key) => {
          this.kids.push(kid);
          later(() => this.sealer.setKey(kid, key));
        },
        addReceiveKey: (peerId, kid, key) => later(() => this.opener.addKey(peerId, kid, key)),
        removeSender: (peerId) => later(async () => this.opener.removeSender(peerId)),
        send: (data, to) => {
          room.sent += 1;
          for (const each of to) {
            if (room.pass(id, each, data)) room.members.get(each)?.keys.receive(id, JSON.parse(JSON.stringify(data)));
          }
        },
        state: (peerId, state) => this.states.push([peerId, state]),
        failed: (peerId: string | undefined, error: CodedError) => this.failures.push([peerId ?? "own", error.code]),
      },
      room.clock,
    );
  }

  async seal(): Promise<Bytes> {
    await this.#work;
    const frame = await this.sealer.seal(FRAME, 1);
    if (frame === undefined) throw new Error(`${this.id} has no key`);
    return frame;
  }

  async reads(from: TestMember, frame?: Bytes): Promise<boolean> {
    const bytes = frame ?? (await from.seal());
    await this.#work;
    const result = await this.opener.open(from.id, bytes);
    if ("dropped" in result && result.dropped === "no-key") this.keys.missing(from.id, result.kid ?? 0);
    return "frame" in result;
  }
}

const typeOf = (data: JsonValue) => (data as { type: string }).type;

describe.each([undefined, "a long passphrase"])("members with the passphrase %s", (passphrase) => {
  const given = passphrase === undefined ? {} : { passphrase };

  it("read each other; a late one reads what comes and not what was, at one ratchet step", async () => {
    const room = new Room();
    const a = await room.join("a", given);
    const b = await room.join("b", given);
    expect(await b.reads(a)).toBe(true);
    expect(await a.reads(b)).toBe(true);
    expect(a.keys.states).toEqual(new Map([["b", "secured"]]));
    const early = await a.seal();
    const before = a.kids.at(-1) as number;
    const c = await room.join("c", given);
    const after = a.kids.at(-1) as number;
    expect([generationOf(after), stepOf(after)]).toEqual([generationOf(before), stepOf(before) + 1]);
    expect(await c.reads(a)).toBe(true);
    expect(await c.reads(b)).toBe(true);
    expect(await b.reads(a)).toBe(true);
    expect(await a.reads(c)).toBe(true);
    expect(await c.reads(a, early)).toBe(false);
    expect(await b.reads(a, early)).toBe(true);
    expect([a, b, c].flatMap((member) => member.failures)).toEqual([]);
  });

  it("get a new key when someone leaves, who reads nothing from then on", async () => {
    const room = new Room();
    const a = await room.join("a", given);
    const b = await room.join("b", given);
    const c = await room.join("c", given);
    expect(await c.reads(a)).toBe(true);
    await room.leave("c");
    const frame = await a.seal();
    expect(generationOf(a.kids.at(-1) as number)).toBe(1);
    expect(await c.reads(a, frame)).toBe(false);
    expect(await b.reads(a, frame)).toBe(true);
    expect(b.keys.states.has("c")).toBe(false);
    // And back again: as a new member.
    const again = await room.join("c", given);
    expect(await again.reads(a)).toBe(true);
    expect(await a.reads(again)).toBe(true);
  });
});

describe("members", () => {
  it("that only watch need no keys of their own, and change nobody's when they come together", async () => {
    const room = new Room();
    const a = await room.join("a");
    const watchers = await Promise.all(["v1", "v2", "v3"].map((id) => room.join(id, { publish: false })));
    expect(watchers.every((watcher) => watcher.kids.length === 0)).toBe(true);
    for (const watcher of watchers) expect(await watcher.reads(a)).toBe(true);
    expect(stepOf(a.kids.at(-1) as number)).toBeLessThanOrEqual(3);
  });

  it("that were there before a key was get that one, so that nothing of its first frames is lost", async () => {
    const room = new Room();
    const a = await room.join("a");
    const b = await room.join("b", { publish: false });
    const c = await room.join("c");
    expect(c.kids).toEqual([0]);
    expect(await a.reads(c)).toBe(true);
    expect(await b.reads(c)).toBe(true);
  });

  it("that publish later give their key to all who are there", async () => {
    const room = new Room();
    const a = await room.join("a", { publish: false });
    const b = await room.join("b", { publish: false });
    b.keys.publish();
    await room.settle();
    expect(await a.reads(b)).toBe(true);
  });

  it("with another passphrase, or with none, are told and get no key", async () => {
    for (const [first, second] of [
      [{ passphrase: "one" }, { passphrase: "two" }],
      [{ passphrase: "one" }, {}],
      [{}, { passphrase: "two" }],
    ]) {
      const room = new Room();
      const a = await room.join("a", first);
      const b = await room.join("b", second);
      expect(a.keys.states.get("b")).toBe("mismatch");
      expect(b.keys.states.get("a")).toBe("mismatch");
      expect(a.failures).toEqual([["b", "e2ee.passphrase.mismatch"]]);
      expect(await b.reads(a)).toBe(false);
    }
  });

  it("that do not encrypt are asked three times and then shown as such", async () => {
    const room = new Room();
    const a = await room.join("a");
    await room.join("b", { plain: true });
    room.pass = (_, to) => to !== "b";
    room.clock.advance(HELLO_RETRY_MS.reduce((sum, ms) => sum + ms, 0) + 100);
    expect(a.keys.states.get("b")).toBe("plain");
    expect(a.failures).toEqual([["b", "e2ee.member.plain"]]);
  });

  it("whose hello was lost find each other at the next one", async () => {
    const room = new Room();
    const a = await room.join("a");
    room.pass = (_, __, data) => typeOf(data) !== "hello";
    const b = await room.join("b");
    expect(a.keys.states.get("b")).toBe("waiting");
    room.pass = () => true;
    room.clock.advance(HELLO_RETRY_MS[0] ?? 0);
    await room.settle();
    expect(await b.reads(a)).toBe(true);
    expect(await a.reads(b)).toBe(true);
  });

  it("whose key was lost ask for it and get it, a bounded number of times", async () => {
    const room = new Room();
    const a = await room.join("a");
    room.pass = (_, to, data) => !(to === "b" && typeOf(data) === "keys");
    const b = await room.join("b");
    expect(await b.reads(a)).toBe(false);
    await room.settle();
    room.pass = () => true;
    room.clock.advance(2_000);
    expect(await b.reads(a)).toBe(false);
    await room.settle();
    expect(await b.reads(a)).toBe(true);

    room.pass = (_, to) => to !== "b";
    await room.leave("x");
    a.keys.left("nobody");
    await room.join("c");
    await room.leave("c");
    const before = room.sent;
    for (let second = 0; second < 120; second += 1) {
      await b.reads(a);
      room.clock.advance(1_000);
    }
    expect(room.sent - before).toBeLessThanOrEqual(ASK_RETRY_MS.length + 2);
    expect(b.failures).toContainEqual(["a", "e2ee.key.missing"]);
  });

  it("say so when a key was changed on its way", async () => {
    const room = new Room();
    const a = await room.join("a");
    room.pass = (from, to, data) => {
      if (to !== "b" || typeOf(data) !== "keys") return true;
      const keys = data as { kid: number };
      room.members.get("b")?.keys.receive(from, { ...keys, kid: keys.kid + 1 });
      return false;
    };
    const b = await room.join("b");
    expect(b.failures).toContainEqual(["a", "e2ee.key.damaged"]);
    expect(await b.reads(a)).toBe(false);
  });

  it("stay secured when somebody says a wrong hello in their name", async () => {
    const room = new Room();
    const a = await room.join("a", { passphrase: "p" });
    const b = await room.join("b", { passphrase: "p" });
    const liar = new TestMember("b", room, "q");
    await liar.keys.idle;
    liar.keys.start(["a"]);
    await liar.keys.idle;
    await room.settle();
    expect(a.keys.states.get("b")).toBe("secured");
    expect(await b.reads(a)).toBe(true);
    liar.keys.close();
  });

  it("that join while a new key waits for its time get that one", async () => {
    const room = new Room();
    const a = await room.join("a");
    const b = await room.join("b");
    await room.join("c");
    room.members.get("c")?.keys.close();
    room.members.delete("c");
    for (const other of [a, b]) other.keys.left("c");
    room.clock.advance(GATHER_MS);
    await a.keys.idle;
    // The new key is given, and not used yet.
    const d = await room.join("d");
    const kid = a.kids.at(-1) as number;
    expect([generationOf(kid), stepOf(kid)]).toEqual([1, 1]);
    expect(await d.reads(a)).toBe(true);
    expect(await b.reads(a)).toBe(true);
    expect(await a.reads(d)).toBe(true);
  });

  it("that come with one public key after the other cost the others one step a second", async () => {
    const room = new Room();
    const a = await room.join("a");
    await room.join("b");
    const before = a.kids.length;
    for (let n = 0; n < 20; n += 1) {
      const again = new TestMember("b", room, undefined);
      again.keys.start(["a"]);
      await again.keys.idle;
      await a.keys.idle;
      room.clock.advance(GATHER_MS * 2);
      await a.keys.idle;
      again.keys.close();
    }
    expect(a.kids.length - before).toBeLessThanOrEqual(2);
    room.clock.advance(CHANGE_MS);
    const last = new TestMember("b", room, undefined);
    room.members.set("b", last);
    last.keys.start(["a"]);
    await room.settle();
    expect(await last.reads(a)).toBe(true);
  });

  it("compare the same safety code", async () => {
    const room = new Room();
    const a = await room.join("a");
    const b = await room.join("b");
    expect(await a.keys.safetyCode("b")).toBe(await b.keys.safetyCode("a"));
    expect(await a.keys.safetyCode("nobody")).toBeUndefined();
  });
});
