/** Hostile and broken clients of the built server: each gets its coded error, and two peers that have nothing to do with it go on. */
import { createHmac } from "node:crypto";
import { type ServerProcess, startServer } from "@tsunagi/testkit/drivers";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { admin, firstApp, metric } from "../support/admin.ts";
import { type Exchange, type Innocents, startInnocents } from "../support/innocents.ts";
import { type Message, RawClient, type RawOptions, within } from "../support/raw-client.ts";

const SECRET = "the-secret-of-the-guarded-app-of-this-test";
const HOME = "https://home.example";
/** What the innocents may feel at most: some turns of the event loop behind somebody else's largest messages. */
const UNFELT_MS = 1_000;

let server: ServerProcess;
let guardedKey: string;
let innocents: Innocents;
/** The same on a server that nobody attacks: what a busy machine does to both is not the attackers' doing. */
let uninvolved: Innocents;
let quiet: ServerProcess;
const worst: Record<"attacked" | "quiet", Exchange> = { attacked: { rounds: 0, worstMs: 0 }, quiet: { rounds: 0, worstMs: 0 } };

beforeAll(async () => {
  server = await startServer({ sfu: false });
  quiet = await startServer({ sfu: false });
  const { id } = await firstApp(server);
  await admin(server, "PATCH", `/apps/${id}`, { limits: { roomMembers: 3 } });
  const guarded = await admin<{ key: string }>(server, "POST", "/apps", {
    name: "guarded",
    secret: SECRET,
    origins: [HOME],
    switches: { requireAuthentication: true },
  });
  guardedKey = guarded.key;
});

beforeEach(async () => {
  innocents = await startInnocents(server);
  uninvolved = await startInnocents(quiet);
});

afterEach(async () => {
  const exchanges = { attacked: await innocents.stop(), quiet: await uninvolved.stop() };
  for (const each of ["attacked", "quiet"] as const) {
    const { rounds, worstMs } = exchanges[each];
    worst[each] = { rounds: worst[each].rounds + rounds, worstMs: Math.max(worst[each].worstMs, worstMs) };
  }
  expect(exchanges.attacked.rounds).toBeGreaterThan(0);
  expect(exchanges.attacked.worstMs).toBeLessThan(Math.max(UNFELT_MS, 5 * exchanges.quiet.worstMs));
});

afterAll(() => {
  for (const [which, { rounds, worstMs }] of Object.entries(worst)) {
    console.log(`innocents, ${which} server: ${rounds} rounds, the longest ${Math.round(worstMs)} ms`);
  }
});

// ---- Tokens made by hand, not with the library that checks them -----------------------------------------------------------------

const base64 = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
const nowSeconds = () => Math.floor(Date.now() / 1000);

function jwt(claims: object, { alg = "HS256", secret = SECRET, hash = "sha256" } = {}): string {
  const body = `${base64({ alg, typ: "JWT" })}.${base64({ sub: "mallory", exp: nowSeconds() + 600, ...claims })}`;
  return `${body}.${alg === "none" ? "" : createHmac(hash, secret).update(body).digest("base64url")}`;
}

function skyway(timestamp: number, ttl: number, { secret = SECRET, peerId = "mallory" } = {}) {
  return { timestamp, ttl, authToken: createHmac("sha256", secret).update(`${timestamp}:${ttl}:${peerId}`).digest("base64") };
}

/** Says this first and returns the server's last word. */
async function refused(hello: string | Uint8Array | object, options: RawOptions = {}): Promise<Message> {
  const client = await RawClient.connect(server, options);
  client.send(hello);
  const bye = await client.next("bye");
  expect(bye).toMatchObject({ retry: false });
  expect(bye.message).toMatch(/\w+ .*\w+/);
  expect(await client.end()).toEqual({ code: 4000, reason: bye.code });
  return bye;
}

let names = 0;
/** Those who vanish keep their ID for the grace time. */
const nextName = () => `mallory-${++names}`;

const open = (more: object = {}) => ({ type: "open", version: 1, key: server.key, peerId: "mallory", ...more });
const guarded = (more: object = {}) => open({ key: guardedKey, ...more });
const resume = (resumeToken: unknown, received = 0) => ({
  type: "resume",
  version: 1,
  resumeToken,
  received,
  rooms: [],
  connections: [],
});

describe("an opening is refused with a code, and with a remedy where someone can act", () => {
  it("for a key, an ID, a version, an order that is wrong", async () => {
    expect(await refused(open({ key: "11111111-1111-1111-1111-111111111111" }))).toMatchObject({
      code: "auth.key.unknown",
      remedy: expect.stringContaining("tsunagi keys"),
    });
    expect(await refused(open({ peerId: "innocent-1" }))).toMatchObject({
      code: "peer.id.taken",
      remedy: expect.stringContaining("another peer ID"),
    });
    expect(await refused(open({ peerId: "no\nid" }))).toMatchObject({ code: "peer.id.invalid" });
    expect(await refused(open({ version: 99 }))).toMatchObject({ code: "protocol.version.unsupported" });
    expect(await refused({ type: "hangup", to: "innocent-1", connection: "innocent-connection", reason: "x" })).toMatchObject({
      code: "protocol.message.out-of-order",
    });
    const hasty = await RawClient.connect(server);
    hasty.send(open()).send(open());
    const first = await hasty.next();
    // Either the second came while the first was worked on, or after its reply.
    if (first.type === "opened") expect(await hasty.next()).toMatchObject({ code: "protocol.message.out-of-order" });
    else expect(first).toMatchObject({ type: "bye", code: "protocol.message.out-of-order" });
    hasty.socket.terminate();
  });

  it("for anything that is no message", async () => {
    const malformed = ["", "{", "null", "[]", "42", '"open"', "\u0000", "{}", '{"type":5}', "9".repeat(50_000)];
    for (const text of malformed) expect((await refused(text)).code).toBe("protocol.message.malformed");
    expect((await refused(Buffer.from(JSON.stringify(open())))).code).toBe("protocol.message.malformed");
    for (const type of ["nonsense", "__proto__", "constructor", "toString", "opened"]) {
      expect((await refused({ type })).code).toBe("protocol.message.unknown");
    }
    expect((await refused('{"__proto__":{"type":"open","version":1}}')).code).toMatch(/^protocol\.message\./);
    for (const depth of [33, 100_000]) {
      const deep = `${JSON.stringify(open()).slice(0, -1)},"metadata":${"[".repeat(depth)}${"]".repeat(depth)}}`;
      expect((await refused(deep)).code).toBe("protocol.message.malformed");
    }
    const long = await RawClient.connect(server);
    long.send("x".repeat(1_100_000));
    expect((await long.end()).code).toBe(1009);
  });

  it("for a foreign origin", async () => {
    const token = jwt({});
    for (const origin of ["https://evil.example", `${HOME}.evil.example`, "http://home.example", `${HOME}:8443`, "null"]) {
      expect(await refused(guarded({ token }), { origin })).toMatchObject({
        code: "auth.origin.denied",
        remedy: expect.stringContaining("allowed origins"),
      });
    }
    const home = await RawClient.open({ port: server.port, key: guardedKey }, "mallory", { origin: HOME, hello: { token } });
    expect((await refused(resume(home.opened?.resumeToken), { origin: "https://evil.example" })).code).toBe("auth.origin.denied");
    home.send({ type: "bye" });
    await home.end();
  });

  it("for a token or credential that is missing, expired, forged or not valid yet", async () => {
    const now = nowSeconds();
    const invalid: Record<string, object> = {
      "wrong secret": { token: jwt({}, { secret: "guessed" }) },
      "alg none": { token: jwt({}, { alg: "none" }) },
      "alg None": { token: jwt({}, { alg: "None" }) },
      "another algorithm": { token: jwt({}, { alg: "HS512", hash: "sha512" }) },
      "HS256 with another name": { token: jwt({}, { alg: "RS256" }) },
      "changed after signing": { token: jwt({}).replace(/\.[^.]+\./, `.${base64({ sub: "mallory", exp: now + 9e5 })}.`) },
      "for another peer": { token: jwt({ sub: "innocent-1" }) },
      "without an end": { token: jwt({ exp: undefined }) },
      "not valid yet": { token: jwt({ nbf: now + 300 }) },
      "no token at all": { token: "a.b.c" },
      "credential with a wrong secret": { credential: skyway(now, 600, { secret: "guessed" }) },
      "credential of another peer": { credential: skyway(now, 600, { peerId: "innocent-1" }) },
      "credential from the future": { credential: skyway(now + 300, 600) },
      "credential for too short": { credential: skyway(now, 1) },
      "credential for too long": { credential: skyway(now, 90_001) },
    };
    for (const [what, proof] of Object.entries(invalid)) {
      expect(await refused(guarded(proof)), what).toMatchObject({
        code: "auth.credential.invalid",
        remedy: expect.stringContaining("secret"),
      });
    }
    for (const proof of [{ token: jwt({ exp: now - 60 }) }, { credential: skyway(now - 700, 600) }]) {
      expect(await refused(guarded(proof))).toMatchObject({
        code: "auth.credential.expired",
        remedy: expect.stringContaining("fresh"),
      });
    }
    expect(await refused(guarded())).toMatchObject({
      code: "auth.credential.required",
      remedy: expect.stringContaining("back end"),
    });
    for (const proof of [{ token: jwt({}) }, { credential: skyway(now, 600) }]) {
      const good = await RawClient.open({ port: server.port, key: guardedKey }, "mallory", { hello: proof });
      good.send({ type: "bye" });
      await good.end();
    }
  });

  it("for a forged resume token, and the session it means goes on", async () => {
    const victim = await RawClient.open(server, "victim");
    const token = String(victim.opened?.resumeToken);
    const [body = "", mac = ""] = token.split(".");
    const claims = JSON.parse(Buffer.from(body, "base64url").toString()) as object;
    const forged = [
      "",
      "a.b",
      ".",
      `${body}.`,
      `${body}.${mac.slice(0, -2)}`,
      `${base64({ ...claims, p: "innocent-1" })}.${mac}`,
      `${body}.${createHmac("sha256", SECRET).update(body).digest("base64url")}`,
    ];
    for (const each of forged) {
      expect(await refused(resume(each)), each).toMatchObject({
        code: "session.resume.invalid",
        remedy: expect.stringContaining("new session"),
      });
    }
    // The right token, but it confirms what was never sent.
    expect((await refused(resume(token, 1_000))).code).toBe("session.resume.invalid");
    expect((await refused({ ...resume(token), rooms: "all" })).code).toBe("protocol.message.malformed");
    victim.send({ type: "presence", id: 1, peers: ["victim"] });
    expect(await victim.next("presence")).toMatchObject({ present: ["victim"] });
    victim.send({ type: "bye" });
    // Over for good is over for good.
    await victim.end();
    expect((await refused(resume(token))).code).toBe("session.resume.lost");
  });
});

describe("an open session gets a code for each mistake and goes on", () => {
  it("with messages that are wrong, too large, or out of order", async () => {
    const mallory = await RawClient.open(server, nextName());
    const answer = async (message: string | Uint8Array | object) => {
      mallory.send(message);
      const error = await mallory.next("error").catch((cause: unknown) => {
        throw new Error(`after ${JSON.stringify(message).slice(0, 200)}`, { cause });
      });
      return error.code;
    };
    const deep = (depth: number) => `{"type":"room-data","room":"r","data":${"[".repeat(depth)}${"]".repeat(depth)}}`;
    expect(await answer("{")).toBe("protocol.message.malformed");
    expect(await answer(Buffer.from("{}"))).toBe("protocol.message.malformed");
    expect(await answer({ type: "joined" })).toBe("protocol.message.unknown");
    expect(await answer(open())).toBe("protocol.message.out-of-order");
    expect(await answer(resume(mallory.opened?.resumeToken))).toBe("protocol.message.out-of-order");
    expect(await answer({ type: "ack", received: 1e9 })).toBe("protocol.message.malformed");
    expect(await answer(deep(40))).toBe("protocol.message.malformed");
    expect(await answer(deep(100_000))).toBe("protocol.message.malformed");
    mallory.send({ type: "room-data", room: "r", data: "x".repeat(262_144) });
    expect(await mallory.next("error")).toMatchObject({
      code: "protocol.message.too-large",
      remedy: expect.stringContaining("messageBytes"),
    });
    const connection = "c";
    expect(await answer({ type: "answer", to: "innocent-1", connection, sdp: "" })).toBe("connection.id.unknown");
    expect(await answer({ type: "reject", to: "innocent-1", connection, reason: "x" })).toBe("connection.id.unknown");
    expect(await answer({ type: "offer", to: "nobody", connection, kind: "data", sdp: "" })).toBe("peer.target.unavailable");
    expect(await answer({ type: "offer", to: String(mallory.opened?.peerId), connection, kind: "data", sdp: "" })).toBe(
      "peer.target.unavailable",
    );
    // Somebody else's connection is none of this one's, whatever its ID.
    expect(await answer({ type: "candidate", to: "innocent-1", connection: "innocent-connection", candidate: null })).toBe(
      "connection.id.unknown",
    );
    expect(await answer({ type: "room-data", room: "r", data: 1 })).toBe("room.member.required");
    expect(await answer({ type: "join", id: 1, room: "r", mode: "mcu" })).toBe("room.mode.unsupported");
    expect(await answer({ type: "join", id: 1, room: "", mode: "mesh" })).toMatch(
      /^(room\.name\.invalid|protocol\.message\.malformed)$/,
    );
    mallory.send({ type: "presence", id: 7, peers: [] });
    expect(await mallory.next("presence")).toMatchObject({ re: 7 });
    mallory.socket.terminate();
  });

  it("in a room over its limit", async () => {
    const members = [];
    for (const name of ["r1", "r2", "r3"]) {
      const member = await RawClient.open(server, name);
      member.send({ type: "join", id: 1, room: "full", mode: "mesh", receiveOnly: true });
      await member.next("joined");
      members.push(member);
    }
    const fourth = await RawClient.open(server, "r4");
    fourth.send({ type: "join", id: 1, room: "full", mode: "mesh" });
    expect(await fourth.next("error")).toMatchObject({
      code: "room.member.limit",
      re: 1,
      room: "full",
      remedy: expect.stringContaining("roomMembers"),
    });
    members[0]?.send({ type: "leave", id: 2, room: "full" });
    await members[0]?.next();
    for (const member of [...members, fourth]) member.socket.terminate();
  });

  it("and never passes as another peer", async () => {
    const [mallory, bob] = [await RawClient.open(server, "mask"), await RawClient.open(server, "bob")];
    mallory.send({ type: "offer", to: "bob", from: "innocent-1", connection: "c", kind: "media", sdp: "v=0" });
    expect(await bob.next("offer")).toMatchObject({ from: "mask" });
    // A second key of that name in the text itself, before and after `to`.
    for (const text of [
      '{"type":"candidate","from":"innocent-1","to":"bob","connection":"c","candidate":null}',
      '{"type":"candidate","to":"bob","from":"innocent-1","connection":"c","candidate":null}',
      '{"type":"candidate","to":"bob","connection":"c","candidate":null,"from":"innocent-1","to":"bob"}',
      '{ "type" : "candidate", "fr\\u006fm":"innocent-1","to":"bob","connection":"c","candidate":null}',
    ]) {
      mallory.send(text);
      expect(await bob.next("candidate")).toMatchObject({ from: "mask" });
    }
    for (const each of [mallory, bob]) {
      each.send({ type: "join", id: 1, room: "masks", mode: "mesh" });
      await each.next("joined");
    }
    mallory.send({ type: "room-data", room: "masks", from: "innocent-1", data: { from: "innocent-1" } });
    expect(await bob.next("room-data")).toMatchObject({ from: "mask" });
    for (const each of [mallory, bob]) each.socket.terminate();
  });

  it("when it sends too much it is told so once a second, and ended when it goes on", async () => {
    const mallory = await RawClient.open(server, nextName());
    for (let id = 0; id < 7_000; id += 1) mallory.send({ type: "presence", id, peers: [] });
    const { code, reason } = await mallory.end();
    expect([code, reason]).toEqual([4000, "protocol.rate.exceeded"]);
    const types = mallory.inbox.map(({ type, code }) => (type === "error" ? String(code) : type));
    const answered = types.filter((type) => type === "presence").length;
    // A burst of ten seconds' worth, and what a slow machine refills meanwhile.
    expect(answered).toBeGreaterThanOrEqual(500);
    expect(answered).toBeLessThan(1_500);
    expect(new Set(types)).toEqual(new Set(["presence", "protocol.rate.exceeded", "bye"]));
    expect(mallory.inbox.find(({ type }) => type === "error")).toMatchObject({
      remedy: expect.stringContaining("messagesPerSecond"),
    });
  });
});

describe("a client that does not read", () => {
  const MESSAGE = "x".repeat(200_000);
  const MESSAGES = 1_000;
  /** Of 200 MB sent: 4 Mi characters are kept for the session and 8 MiB in its socket; the rest is garbage that waits for its collection. */
  const BOUND = 100_000_000;

  /** What the server's memory grows by while one member sends and the other one is deaf. */
  async function growthWith(confirm: (client: RawClient, count: number) => void): Promise<number> {
    const { id, key } = await admin<{ id: string; key: string }>(server, "POST", "/apps", {
      name: "loud",
      limits: { messagesPerSecond: 1_000 },
    });
    const [deaf, loud] = [
      await RawClient.open({ port: server.port, key }, "deaf"),
      await RawClient.open({ port: server.port, key }, "loud"),
    ];
    for (const each of [loud, deaf]) {
      each.send({ type: "join", id: 1, room: "loud", mode: "mesh" });
      await each.next("joined");
    }
    deaf.socket.pause();
    const before = await metric(server, "tsunagi_process_resident_memory_bytes");
    let highest = before;
    for (let count = 1; count <= MESSAGES; count += 1) {
      loud.send({ type: "room-data", room: "loud", data: MESSAGE });
      if (count % 10 !== 0) continue;
      // A request after it: everything before has been dealt with.
      loud.send({ type: "presence", id: count, peers: [] });
      while ((await loud.next()).type !== "presence");
      confirm(deaf, 1 + count);
      if (count % 50 === 0) highest = Math.max(highest, await metric(server, "tsunagi_process_resident_memory_bytes"));
    }
    deaf.socket.resume();
    // The server has let it go long ago.
    await deaf.end();
    loud.socket.terminate();
    await admin(server, "DELETE", `/apps/${id}`);
    return highest - before;
  }

  it.each([
    ["nor confirms", () => {}],
    ["but confirms blindly", (client: RawClient, count: number) => void client.send({ type: "ack", received: count })],
  ] as const)("%s is let go before what waits for it grows", async (which, confirm) => {
    const growth = await growthWith(confirm);
    console.log(
      `a client that does not read, ${which}: the server's memory grew by ${(growth / 1e6).toFixed(0)} MB of 200 MB sent`,
    );
    expect(growth).toBeLessThan(BOUND);
  });
});

it("the server is still the same process and logged no failure", async () => {
  expect(server.log().match(/"ready":true/g)).toHaveLength(1);
  expect(server.log()).not.toMatch(/"level":"error"/);
  expect((await within("health", server.request("/healthz"))).status).toBe(200);
});
