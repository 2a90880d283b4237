import {
  ATTRIBUTES,
  attributeOf,
  encodeMessage,
  featuresOfNonce,
  longTermKey,
  METHOD,
  type OutgoingAttribute,
  put,
  rawAttributeOf,
  userHash,
} from "@tsunagi/stun";
import { nodeStunCrypto as crypto } from "@tsunagi/stun/node";
import { describe, expect, it } from "vitest";
import { PROTOCOL_NUMBER, restCredential, TURN_ATTRIBUTES, turnPolicy } from "../src/index.ts";
import { codeOf, PEER, SECRET, type TestClient, WALL_START_MS, World } from "./world.ts";

const UDP = put(TURN_ATTRIBUTES.REQUESTED_TRANSPORT, PROTOCOL_NUMBER.udp);

/** A client that has a nonce and no allocation. */
function challenged(world: World, options: Parameters<World["client"]>[0] = {}): TestClient {
  const client = world.client(options);
  client.challenge(client.once(METHOD.allocate, [], { authenticated: false }));
  client.take();
  return client;
}

function allocateWith(
  world: World,
  client: TestClient,
  credentials: readonly OutgoingAttribute[],
  hash: "sha1" | "sha256",
  key: Uint8Array,
) {
  const parts = { class: "request", method: METHOD.allocate, transactionId: world.random(12) } as const;
  const protection = hash === "sha1" ? { messageIntegrity: { key, crypto } } : { messageIntegritySha256: { key, crypto } };
  return client.raw(encodeMessage({ ...parts, attributes: [UDP, ...credentials] }, protection));
}

describe("RFC 8489 §9.2.4 long-term credentials", () => {
  it("are asked for with realm, nonce and password algorithms, and nothing that is not needed", () => {
    const answer = new World({ software: "never told" }).client().once(METHOD.allocate, [UDP], { authenticated: false });
    expect(codeOf(answer)).toBe(401);
    expect(answer?.attributes.map(({ type }) => type)).toEqual([
      ATTRIBUTES.ERROR_CODE.type,
      ATTRIBUTES.REALM.type,
      ATTRIBUTES.NONCE.type,
      ATTRIBUTES.PASSWORD_ALGORITHMS.type,
    ]);
    expect(answer && attributeOf(answer, ATTRIBUTES.ERROR_CODE)?.reason).toBe("");
    expect(answer && attributeOf(answer, ATTRIBUTES.REALM)).toBe("tsunagi");
    expect(answer?.bytes.length).toBeLessThanOrEqual(88);
  });

  it("protect every request but Binding: nothing is made without them", () => {
    const world = new World();
    const alice = world.client();
    for (const method of [
      METHOD.allocate,
      METHOD.refresh,
      METHOD.createPermission,
      METHOD.channelBind,
      METHOD.connect,
      METHOD.connectionBind,
    ]) {
      expect(codeOf(alice.once(method, [UDP, put(TURN_ATTRIBUTES.XOR_PEER_ADDRESS, PEER)], { authenticated: false }))).toBe(401);
    }
    expect(world.shell.relays.size).toBe(0);
  });

  it("protect the answers too, errors included, and only those carry SOFTWARE", () => {
    const world = new World({ software: "tsunagi-test" });
    const alice = world.client();
    const answers = [alice.allocate(), alice.permit(), alice.allocate()];
    expect(answers.map(codeOf)).toEqual([undefined, 400, 437]);
    for (const answer of answers) {
      alice.expectProtected(answer);
      expect(attributeOf(answer, ATTRIBUTES.SOFTWARE)).toBe("tsunagi-test");
    }
  });

  it("with a part missing are refused: 400", () => {
    const world = new World();
    const alice = challenged(world);
    const all = [
      put(ATTRIBUTES.USERNAME, alice.username),
      put(ATTRIBUTES.REALM, alice.realm),
      put(ATTRIBUTES.NONCE, alice.nonce),
    ];
    for (const missing of [0, 1, 2]) {
      expect(codeOf(allocateWith(world, alice, all.toSpliced(missing, 1), "sha1", alice.key()))).toBe(400);
    }
    expect(codeOf(allocateWith(world, alice, all, "sha1", alice.key()))).toBeUndefined();
  });

  it("that are wrong are refused: 401, for user, password, secret and integrity alike", () => {
    const world = new World({ users: { bob: "builder" } });
    const expiry = WALL_START_MS / 1000 + 3600;
    for (const credential of [
      { username: "nobody", password: "builder" },
      { username: "bob", password: "Builder" },
      { username: `${expiry}:bob`, password: "builder" },
      restCredential("other secret", { expiry, name: "alice" }, crypto),
      { ...restCredential(SECRET, { expiry, name: "alice" }, crypto), username: `${expiry + 1}:alice` },
    ]) {
      expect(codeOf(world.client({ credential }).allocate())).toBe(401);
    }
    expect(world.server.stats()).toMatchObject({ authenticationFailures: 5, allocations: { now: 0 } });
  });

  it("forged by a changed byte are refused: 401", () => {
    const world = new World();
    const alice = challenged(world);
    const request = alice.encode(METHOD.allocate, [UDP]);
    // The lifetime of nobody's business: any byte of the attributes before the integrity.
    for (const offset of [8, 21, 24, request.length - 1]) {
      const forged = request.slice();
      forged[offset] = (forged[offset] ?? 0) ^ 1;
      const answer = alice.raw(forged);
      expect([401, 400]).toContain(codeOf(answer));
    }
    expect(world.shell.relays.size).toBe(0);
  });

  it("of static users work, whatever characters the password has", () => {
    const world = new World({ users: { bob: "pä55 wörd", __proto__: "x", constructor: "y" } });
    expect(codeOf(world.client({ credential: { username: "bob", password: "pä55 wörd" } }).allocate())).toBeUndefined();
    expect(codeOf(world.client({ credential: { username: "constructor", password: "y" } }).allocate())).toBeUndefined();
    expect(codeOf(world.client({ credential: { username: "toString", password: "y" } }).allocate())).toBe(401);
  });

  it("refuse REST credentials where no secret is set", () => {
    const world = new World({ secrets: [], users: { bob: "builder" } });
    expect(codeOf(world.client().allocate())).toBe(401);
  });
});

describe("TURN REST credentials", () => {
  it("end at their time", () => {
    const world = new World();
    expect(codeOf(world.client({ expiresInS: 10 }).allocate())).toBeUndefined();
    expect(codeOf(world.client({ expiresInS: 0 }).allocate())).toBe(401);
    const late = world.client({ expiresInS: 10 });
    world.advance(10_000);
    expect(codeOf(late.allocate())).toBe(401);
  });

  it("are accepted under each of several secrets", () => {
    const world = new World({ secrets: ["new", "old"] });
    const expiry = WALL_START_MS / 1000 + 3600;
    for (const secret of ["new", "old"]) {
      expect(
        codeOf(world.client({ credential: restCredential(secret, { expiry, name: "a" }, crypto) }).allocate()),
      ).toBeUndefined();
    }
  });

  it("count for the name, whatever the expiry", () => {
    const world = new World({ limits: { allocationsPerUser: 1 } });
    expect(codeOf(world.client({ expiresInS: 100 }).allocate())).toBeUndefined();
    expect(codeOf(world.client({ expiresInS: 200 }).allocate())).toBe(486);
  });

  it("keep an allocation refreshed after their expiry, but make no new one", () => {
    const world = new World();
    const alice = world.client({ expiresInS: 60 });
    alice.allocated();
    world.advance(300_000);
    expect(codeOf(alice.refresh())).toBeUndefined();
    expect(codeOf(alice.permit(PEER))).toBeUndefined();
    expect(codeOf(alice.bind(0x4000))).toBeUndefined();
    expect(codeOf(alice.elsewhere().allocate())).toBe(401);
  });
});

describe("RFC 8489 §9.2.1 password algorithms", () => {
  it("give SHA-256 to a client that chooses it, and then in all its requests", () => {
    const world = new World();
    const alice = world.client({ algorithm: "sha256" });
    alice.allocated();
    expect(codeOf(alice.permit(PEER))).toBeUndefined();
    expect(codeOf(alice.refresh(0))).toBeUndefined();
  });

  it("give MD5 to a client of RFC 5389, which sends none of it", () => {
    expect(codeOf(new World().client({ algorithm: "md5" }).allocate())).toBeUndefined();
  });

  it("are refused when the list was changed on the way, or half of it is missing: 400", () => {
    const world = new World();
    const alice = challenged(world, { algorithm: "sha256" });
    const named = [
      put(ATTRIBUTES.USERNAME, alice.username),
      put(ATTRIBUTES.REALM, alice.realm),
      put(ATTRIBUTES.NONCE, alice.nonce),
    ];
    const chosen = (algorithm: number) => put(ATTRIBUTES.PASSWORD_ALGORITHM, { algorithm, parameters: new Uint8Array(0) });
    const list = (...algorithms: number[]) =>
      put(
        ATTRIBUTES.PASSWORD_ALGORITHMS,
        algorithms.map((algorithm) => ({ algorithm, parameters: new Uint8Array(0) })),
      );
    const md5Key = longTermKey({ username: alice.username, realm: alice.realm, password: alice.password }, crypto);
    const refused = [
      [list(1), chosen(1)],
      [list(1, 2), chosen(2)],
      [list(2, 1), chosen(3)],
      [list(2, 1)],
      [chosen(2)],
      [chosen(1)],
    ];
    for (const algorithms of refused) {
      expect(codeOf(allocateWith(world, alice, [...named, ...algorithms], "sha256", alice.key()))).toBe(400);
      expect(codeOf(allocateWith(world, alice, [...named, ...algorithms], "sha1", md5Key))).toBe(400);
    }
    expect(codeOf(allocateWith(world, alice, [...named, list(2, 1), chosen(1)], "sha256", md5Key))).toBeUndefined();
  });

  it("are announced in the nonce, so that a nonce without the sign is worth nothing", () => {
    const world = new World();
    const alice = challenged(world);
    expect(featuresOfNonce(alice.nonce)).toEqual({ passwordAlgorithms: true, usernameAnonymity: false });
    alice.nonce = alice.nonce.replace("obMatJos2", "xxMatJos2");
    expect(codeOf(alice.once(METHOD.allocate, [UDP]))).toBe(438);
  });
});

describe("RFC 8489 §14.4 USERHASH", () => {
  const USERS = { secrets: [], users: { bob: "builder", eve: "x" } };
  const credential = { username: "bob", password: "builder" };
  const hashed = (client: TestClient, username: string) => [
    put(ATTRIBUTES.USERHASH, userHash(username, client.realm, crypto)),
    put(ATTRIBUTES.REALM, client.realm),
    put(ATTRIBUTES.NONCE, client.nonce),
  ];

  it("stands for a static user's name, and is announced where all users can be found by it", () => {
    const world = new World(USERS);
    const bob = challenged(world, { credential });
    expect(featuresOfNonce(bob.nonce)?.usernameAnonymity).toBe(true);
    expect(codeOf(allocateWith(world, bob, hashed(bob, "bob"), "sha1", bob.key()))).toBeUndefined();
    expect(world.events).toMatchObject([{ user: "bob" }]);
    expect(codeOf(bob.refresh())).toBeUndefined();
  });

  it("of nobody is refused: 401", () => {
    const world = new World(USERS);
    const bob = challenged(world, { credential });
    expect(codeOf(allocateWith(world, bob, hashed(bob, "nobody"), "sha1", bob.key()))).toBe(401);
    expect(codeOf(allocateWith(world, bob, hashed(bob, "eve"), "sha1", bob.key()))).toBe(401);
  });

  it("refreshes the allocation that a REST credential made", () => {
    const world = new World();
    const alice = world.client();
    alice.allocated();
    const parts = { class: "request", method: METHOD.refresh, transactionId: world.random(12) } as const;
    const key = { key: alice.key(), crypto };
    const answer = alice.raw(encodeMessage({ ...parts, attributes: hashed(alice, alice.username) }, { messageIntegrity: key }));
    expect(codeOf(answer)).toBeUndefined();
  });
});

describe("RFC 8656 §5 nonces", () => {
  it("are stale after an hour: 438 with a new one, and the request succeeds with that", () => {
    const world = new World();
    const alice = world.client();
    alice.allocated(put(TURN_ATTRIBUTES.LIFETIME, 3600));
    world.advance(3_599_000);
    expect(codeOf(alice.once(METHOD.refresh, [put(TURN_ATTRIBUTES.LIFETIME, 3600)]))).toBeUndefined();
    world.advance(1000);
    const stale = alice.once(METHOD.refresh, []);
    expect(codeOf(stale)).toBe(438);
    expect(stale && rawAttributeOf(stale, ATTRIBUTES.MESSAGE_INTEGRITY.type)).toBeUndefined();
    alice.challenge(stale);
    expect(codeOf(alice.once(METHOD.refresh, []))).toBeUndefined();
  });

  it("are of one 5-tuple: what was copied from the wire is worth nothing elsewhere", () => {
    const world = new World();
    const alice = challenged(world);
    const request = alice.encode(METHOD.allocate, [UDP]);
    const thief = world.client({ address: "6.6.6.6" });
    expect(codeOf(thief.raw(request))).toBe(438);
    expect(codeOf(alice.raw(request))).toBeUndefined();
  });

  it("of another process, forged or cut, are stale", () => {
    const world = new World();
    const alice = challenged(world);
    const { nonce } = alice;
    const foreign = challenged(new World({}, 7));
    const changed = nonce.slice(0, 13) + (nonce[13] === "B" ? "C" : "B") + nonce.slice(14);
    for (const other of ["x", `${nonce}x`, nonce.slice(0, -1), `${nonce.slice(0, -1)}~`, changed, foreign.nonce]) {
      alice.nonce = other;
      expect(codeOf(alice.once(METHOD.allocate, [UDP])), other).toBe(438);
    }
  });

  it("with wrong credentials are not even called stale: 401", () => {
    const world = new World();
    const mallory = challenged(world, { credential: { username: "x", password: "y" } });
    mallory.nonce = "old";
    expect(codeOf(mallory.once(METHOD.allocate, [UDP]))).toBe(401);
  });
});

describe("live policy", () => {
  it("lets new users in and refuses those that are gone, at their next request", () => {
    const world = new World({ users: { bob: "builder" } });
    const bob = world.client({ credential: { username: "bob", password: "builder" } });
    bob.allocated();
    world.server.configure(world.now, turnPolicy({ users: { eve: "x" } }));
    expect(codeOf(bob.refresh())).toBe(401);
    expect(codeOf(world.client({ credential: { username: "eve", password: "x" } }).allocate())).toBeUndefined();
    world.advance(601_000);
    expect(world.server.stats().allocations.now).toBe(0);
  });

  it("goes on refreshing under a secret that stays, expired or not, and no more under one that is gone", () => {
    const world = new World({ secrets: ["old"] });
    const expiry = WALL_START_MS / 1000 + 60;
    const alice = world.client({ credential: restCredential("old", { expiry, name: "alice" }, crypto) });
    alice.allocated();
    world.advance(120_000);
    world.server.configure(world.now, turnPolicy({ secrets: ["new", "old"] }));
    expect(codeOf(alice.refresh())).toBeUndefined();
    expect(codeOf(alice.refresh())).toBeUndefined();
    world.server.configure(world.now, turnPolicy({ secrets: ["new"] }));
    expect(codeOf(alice.refresh())).toBe(401);
  });

  it("refuses a changed password of a living allocation", () => {
    const world = new World({ users: { bob: "builder" } });
    const bob = world.client({ credential: { username: "bob", password: "builder" } });
    bob.allocated();
    world.server.configure(world.now, turnPolicy({ users: { bob: "changed" } }));
    expect(codeOf(bob.refresh())).toBe(401);
    bob.password = "changed";
    expect(codeOf(bob.refresh())).toBeUndefined();
  });

  it("stays as it was when the new one cannot be used", () => {
    const world = new World();
    const configure = (policy: Parameters<typeof turnPolicy>[0]) => () => world.server.configure(world.now, turnPolicy(policy));
    expect(configure({ allow: ["10.0.0.0/33"] })).toThrow(expect.objectContaining({ code: "turn.policy.net" }));
    expect(configure({ users: { bob: "\u0000" } })).toThrow(expect.objectContaining({ code: "turn.policy.credential" }));
    expect(configure({ users: { bob: "" } })).toThrow(expect.objectContaining({ code: "turn.policy.credential" }));
    expect(configure({ secrets: [""] })).toThrow(expect.objectContaining({ code: "turn.policy.credential" }));
    expect(configure({ realm: "" })).toThrow(expect.objectContaining({ code: "turn.policy.credential" }));
    expect(codeOf(world.client().allocate())).toBeUndefined();
  });
});
