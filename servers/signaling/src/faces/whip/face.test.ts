/** The face over the conference core, with an SFU that answers what it is told to. */
import { silentLog } from "@tsunagi/base";
import {
  type App,
  DEFAULT_LIMITS,
  DEFAULT_SWITCHES,
  permissionsFromSwitches,
  type SfuCommand,
  type SfuReply,
} from "@tsunagi/conference";
import { FakeClock, settle } from "@tsunagi/testkit";
import Fastify from "fastify";
import { SignJWT } from "jose";
import { describe, expect, it } from "vitest";
import { ConferenceHost, type SessionSink } from "../../host.ts";
import { type WhipLimits, whipFace } from "./face.ts";

const SECRET = "0123456789012345678901234567890123456789";
const APP: App = {
  id: "app",
  key: "key",
  retiredKeys: [],
  name: "app",
  enabled: true,
  secrets: [{ secret: SECRET, createdAt: 0 } as App["secrets"][number]],
  origins: [],
  switches: DEFAULT_SWITCHES,
  limits: DEFAULT_LIMITS,
  webhooks: [],
  createdAt: 0,
  updatedAt: 0,
};
const ICE = "a=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n";
const offer = (direction: string) =>
  `v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n${[
    ["audio", 111],
    ["video", 96],
  ]
    .map(([kind, type], mid) => `m=${kind} 9 UDP/TLS/RTP/SAVPF ${type}\r\n${ICE}a=mid:${mid}\r\na=${direction}\r\n`)
    .join("")}`;
const ANSWER = "v=0\r\nm=audio 9 x 1\r\na=msid:slot-0 slot-0-audio\r\nm=video 9 x 1\r\na=msid:slot-1 slot-1-video\r\n";

type Options = { readonly app?: Partial<App>; readonly limits?: Partial<WhipLimits>; readonly sfu?: boolean };

async function make({ app: changes = {}, limits, sfu = true }: Options = {}) {
  const app = { ...APP, ...changes };
  const clock = new FakeClock({ wallNowMs: Date.now() });
  const commands: SfuCommand[] = [];
  const next: { reply: SfuReply } = { reply: { ok: true, sdp: ANSWER } };
  const claimed = new Set<string>();
  const host: ConferenceHost = new ConferenceHost({
    clock,
    log: silentLog,
    graceMs: 10_000,
    sfu,
    onEvent: (event) => {
      if (event.type === "peer.closed") claimed.delete(event.peerId);
    },
    onSfu: (command, correlation) => {
      commands.push(command);
      const { reply } = next;
      if (correlation !== undefined) setImmediate(() => host.handle({ type: "sfu-reply", correlation, reply }));
    },
  });
  host.handle({ type: "app", app });
  const http = Fastify();
  const state = { ready: true };
  const { metrics } = await whipFace(http, {
    host,
    apps: { byKey: (key) => (key === app.key ? app : undefined) },
    ownership: {
      claimPeer: async (_, peerId) => !claimed.has(peerId) && claimed.add(peerId) !== undefined,
      releasePeer: (_, peerId) => void claimed.delete(peerId),
    },
    iceServers: { configured: [{ urls: ["turn:t.example"], username: "u", credential: "c" }] },
    clock,
    log: silentLog,
    isReady: () => state.ready,
    sfu,
    limits,
  });
  const post = (url: string, payload: string = offer("sendonly"), headers: Record<string, string> = {}) =>
    http.inject({ method: "POST", url, payload, headers: { "content-type": "application/sdp", ...headers } });
  /** Another member over the native face, publishing one of each kind. */
  const publisher = async (peerId: string) => {
    const sink = Object.fromEntries(
      ["send", "relay", "opened", "restored", "refused", "renewed", "ended"].map((name) => [name, () => {}]),
    ) as unknown as SessionSink;
    host.register(peerId, sink);
    host.handle({
      type: "open",
      session: peerId,
      appId: "app",
      peerId,
      grants: { permissions: permissionsFromSwitches(DEFAULT_SWITCHES) },
    });
    const join = { type: "join", id: 1, room: "r", mode: "sfu", receiveOnly: false } as const;
    host.handle({ type: "message", session: peerId, message: join, text: "" });
    const send = (["audio", "video"] as const).map((kind, mid) => ({
      mid: String(mid),
      kind,
      source: "camera" as const,
      stream: "s",
      muted: false,
      publication: `${peerId}-${kind}`,
    }));
    const message = { type: "sfu-offer", id: 2, room: "r", epoch: 1, sdp: "x", send, receive: [] } as const;
    host.handle({ type: "message", session: peerId, message, text: "" });
    await settle();
  };
  const token = (claims: object) =>
    new SignJWT({ ...claims })
      .setProtectedHeader({ alg: "HS256" })
      .setExpirationTime("1h")
      .sign(new TextEncoder().encode(SECRET));
  const members = () => host.conference.rooms("app").flatMap(({ members: all }) => all.map(({ peerId }) => peerId));
  return { http, metrics, host, clock, commands, next, state, claimed, post, publisher, token, members };
}
const codeOf = (reply: { body: string }) => JSON.parse(reply.body).code;
const negotiations = (commands: readonly SfuCommand[]) => commands.flatMap((each) => (each.type === "negotiate" ? [each] : []));

describe("WHIP", () => {
  it("makes a member that publishes each section, and answers as RFC 9725 §4.2 says", async () => {
    const { post, commands, members } = await make();
    const reply = await post("/whip/r?key=key");
    expect(reply.statusCode).toBe(201);
    expect(reply.headers).toMatchObject({
      "content-type": "application/sdp",
      "accept-patch": "application/trickle-ice-sdpfrag",
      link: '<turn:t.example>; rel="ice-server"; username="u"; credential="c"; credential-type="password"',
      "access-control-allow-origin": "*",
    });
    expect(reply.headers.location).toMatch(/^\/whip\/r\/[A-Za-z0-9]{24}$/);
    expect(reply.headers.etag).toMatch(/^"\w+"$/);
    expect(reply.body).toBe(ANSWER);
    expect(members()).toEqual([expect.stringMatching(/^whip-/)]);
    const [negotiated] = negotiations(commands);
    expect(negotiated?.send.map(({ mid, kind, stream }) => [mid, kind, stream])).toEqual([
      ["0", "audio", "whip"],
      ["1", "video", "whip"],
    ]);
    expect(negotiated?.directions).toEqual({ publish: true, subscribe: true, data: true });
  });

  it("ends with DELETE, once, and frees the peer ID", async () => {
    const { http, post, members, commands } = await make();
    const { headers } = await post("/whip/r?key=key&peerId=cam", offer("sendonly"));
    expect(members()).toEqual(["cam"]);
    const url = String(headers.location);
    expect((await http.inject({ method: "DELETE", url })).statusCode).toBe(200);
    expect(members()).toEqual([]);
    expect(commands.at(-2)).toMatchObject({ type: "leave", peerId: "cam" });
    const again = await http.inject({ method: "DELETE", url });
    expect([again.statusCode, codeOf(again)]).toEqual([404, "whip.session.unknown"]);
  });

  it("takes candidates that are trickled, and tells that it cannot restart ICE", async () => {
    const { http, post } = await make();
    const { headers } = await post("/whip/r?key=key");
    const url = String(headers.location);
    const patch = (payload: string, more: Record<string, string>, type = "application/trickle-ice-sdpfrag") =>
      http.inject({ method: "PATCH", url, payload, headers: { "content-type": type, ...more } });
    const match = { "if-match": String(headers.etag) };
    const fragment = `${ICE}m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\na=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n`;
    expect((await patch(fragment, match)).statusCode).toBe(204);
    for (const [payload, more, status, code] of [
      [fragment, {}, 428, "whip.session.unmatched"],
      [fragment, { "if-match": '"other"' }, 412, "whip.session.mismatch"],
      [fragment.replace("EsAw", "Anew"), { "if-match": "*" }, 422, "whip.restart.unsupported"],
      ["nonsense", match, 400, "whip.fragment.malformed"],
    ] as const) {
      const reply = await patch(payload, more);
      expect([reply.statusCode, codeOf(reply)]).toEqual([status, code]);
      expect(reply.headers["content-type"]).toContain("application/problem+json");
    }
    expect((await patch(fragment, match, "application/sdp")).statusCode).toBe(415);
  });

  it("answers what it cannot take with a status, a code and a remedy", async () => {
    const { http, post, next, state } = await make();
    const refused = async (reply: Awaited<ReturnType<typeof post>>) => [reply.statusCode, codeOf(reply)];
    expect(await refused(await post("/whip/r"))).toEqual([401, "whip.key.missing"]);
    expect(await refused(await post("/whip/r?key=wrong"))).toEqual([401, "auth.key.unknown"]);
    expect(await refused(await post("/whip/r?key=key", "v=0\r\nx"))).toEqual([400, "whip.offer.malformed"]);
    expect(await refused(await post("/whip/r?key=key", offer("recvonly")))).toEqual([422, "whip.offer.direction"]);
    expect(await refused(await post("/whip/r?key=key", "{}", { "content-type": "application/json" }))).toEqual([
      415,
      "whip.body.type",
    ]);
    expect(await refused(await post("/whip/r?key=key", "x".repeat(300_000)))).toEqual([413, "whip.body.too-large"]);
    next.reply = { ok: false, code: "sfu.offer.codec", message: "no codec" };
    expect(await refused(await post("/whip/r?key=key"))).toEqual([422, "sfu.offer.codec"]);
    next.reply = { ok: false, code: "sfu.capacity.reached", message: "full" };
    const full = await post("/whip/r?key=key");
    expect(await refused(full)).toEqual([503, "sfu.capacity.reached"]);
    expect(full.headers["retry-after"]).toBe("5");
    state.ready = false;
    expect(await refused(await post("/whip/r?key=key"))).toEqual([503, "whip.server.draining"]);
    const got = await http.inject({ method: "GET", url: "/whip/r" });
    expect([got.statusCode, got.headers.allow]).toEqual([405, "OPTIONS, POST"]);
    const off = await make({ sfu: false });
    expect(await refused(await off.post("/whip/r?key=key"))).toEqual([404, "whip.sfu.off"]);
  });

  it("counts what is there, and what came of requests", async () => {
    const { post, metrics } = await make();
    await post("/whip/r?key=key");
    await post("/whep/r?key=key", offer("recvonly"));
    await post("/whip/r?key=wrong");
    const read = () => Object.fromEntries(metrics.map(({ name, read: counts }) => [name, Object.fromEntries(counts())]));
    expect(read()).toEqual({
      tsunagi_whip_sessions: { whip: 1, whep: 1 },
      tsunagi_whip_requests_total: { "whip,ok": 1, "whep,ok": 1, "whip,auth.key.unknown": 1 },
    });
  });

  it("leaves nothing behind of a session that did not come to be", async () => {
    const { post, next, host, claimed } = await make();
    next.reply = { ok: false, code: "sfu.offer.malformed", message: "bad" };
    expect((await post("/whip/r?key=key")).statusCode).toBe(400);
    expect(host.conference.counts()).toMatchObject({ peers: 0, sessions: 0, rooms: 0, sfuMembers: 0, offers: 0 });
    expect(claimed.size).toBe(0);
  });

  it("lets pages of all origins ask, and those of the app begin", async () => {
    const { http, post } = await make({ app: { origins: ["https://ok.example"] } });
    const preflight = await http.inject({ method: "OPTIONS", url: "/whip/r", headers: { origin: "https://x.example" } });
    expect(preflight.statusCode).toBe(204);
    expect(preflight.headers).toMatchObject({
      "access-control-allow-origin": "*",
      "access-control-allow-methods": "OPTIONS, POST",
      "access-control-allow-headers": "authorization, content-type, if-match",
      "accept-post": "application/sdp",
    });
    expect(preflight.headers["access-control-expose-headers"]).toContain("location");
    const wrong = await post("/whip/r?key=key", undefined, { origin: "https://x.example" });
    expect([wrong.statusCode, codeOf(wrong)]).toEqual([403, "auth.origin.denied"]);
    expect((await post("/whip/r?key=key", undefined, { origin: "https://ok.example" })).statusCode).toBe(201);
  });

  it("keeps limits: sessions, requests of one address, wrong keys of one address", async () => {
    const few = await make({ limits: { sessions: 1 } });
    expect((await few.post("/whip/a?key=key")).statusCode).toBe(201);
    expect(codeOf(await few.post("/whip/b?key=key"))).toBe("whip.session.limit");
    const slow = await make({ limits: { perMinute: 3 } });
    for (let n = 0; n < 3; n += 1) expect((await slow.post(`/whip/${n}?key=key`)).statusCode).toBe(201);
    const late = await slow.post("/whip/4?key=key");
    expect([late.statusCode, late.headers["retry-after"]]).toEqual([429, "5"]);
    slow.clock.advance(60_000);
    expect((await slow.post("/whip/5?key=key")).statusCode).toBe(201);
    const guessed = await make();
    for (let n = 0; n < 10; n += 1) await guessed.post(`/whip/r?key=guess${n}`);
    expect((await guessed.post("/whip/r?key=key")).statusCode).toBe(429);
  });

  it("ends when its transport is lost, and when the operator removes it", async () => {
    const { http, post, host, members } = await make();
    const { headers } = await post("/whip/r?key=key&peerId=cam");
    host.handle({
      type: "sfu-event",
      event: { type: "transport-lost", appId: "app", room: "r", peerId: "cam", epoch: 1, reason: "ICE failed" },
    });
    await settle();
    expect(members()).toEqual([]);
    expect((await http.inject({ method: "DELETE", url: String(headers.location) })).statusCode).toBe(404);
    await post("/whip/r?key=key&peerId=cam2");
    host.command({ type: "remove-member", appId: "app", room: "r", peerId: "cam2" });
    await settle();
    expect(host.conference.counts()).toMatchObject({ peers: 0, sessions: 0 });
  });
});

describe("tokens", () => {
  it("say who publishes where, and name the peer", async () => {
    const { post, token, members } = await make({ app: { switches: { ...DEFAULT_SWITCHES, requireAuthentication: true } } });
    const bearer = async (claims: object) => ({ authorization: `Bearer ${await token(claims)}` });
    expect(codeOf(await post("/whip/r?key=key"))).toBe("auth.credential.required");
    expect(codeOf(await post("/whip/r?key=key", undefined, { authorization: "Bearer a.b.c" }))).toBe("auth.credential.invalid");
    const listener = await bearer({ sub: "studio", grants: { publish: false } });
    expect(codeOf(await post("/whip/r?key=key", undefined, listener))).toBe("auth.permission.denied");
    const elsewhere = await bearer({ sub: "studio", grants: { rooms: ["other"] } });
    expect(codeOf(await post("/whip/r?key=key", undefined, elsewhere))).toBe("auth.permission.denied");
    const studio = await bearer({ sub: "studio", grants: { rooms: ["r"] } });
    expect((await post("/whip/r?key=key", undefined, studio)).statusCode).toBe(201);
    expect(members()).toEqual(["studio"]);
    expect((await post("/whip/r?key=key", undefined, studio)).statusCode).toBe(409);
  });

  it("without dots are an app's key, for programs that ask for a token only", async () => {
    const { post } = await make();
    expect((await post("/whip/r", undefined, { authorization: "Bearer key" })).statusCode).toBe(201);
  });
});

describe("WHEP", () => {
  it("gives a viewer what is published, as one stream", async () => {
    const { post, publisher, commands } = await make();
    await publisher("ann");
    const reply = await post("/whep/r?key=key", offer("recvonly"));
    expect(reply.statusCode).toBe(201);
    expect(reply.body.match(/a=msid:\S+/g)).toEqual(["a=msid:whep", "a=msid:whep"]);
    const negotiated = negotiations(commands).at(-1);
    expect(negotiated?.receive.map(({ publication }) => publication)).toEqual(["ann-audio", "ann-video"]);
    expect(negotiated?.send).toEqual([]);
  });

  it("answers before anyone publishes, and fills its sections when someone does, for as long as that lasts", async () => {
    const { post, publisher, commands, clock, host } = await make();
    expect((await post("/whep/r?key=key", offer("recvonly"))).statusCode).toBe(201);
    const viewer = () => negotiations(commands).filter(({ peerId }) => peerId.startsWith("whep-"));
    const shown = () =>
      viewer()
        .at(-1)
        ?.receive.map(({ publication }) => publication);
    expect(shown()).toEqual([null, null]);
    for (const peerId of ["ann", "bob"]) await publisher(peerId);
    clock.advance(100);
    await settle();
    expect(shown()).toEqual(["ann-audio", "ann-video"]);
    expect(new Set(viewer().map(({ sdp, epoch }) => `${epoch} ${sdp}`)).size).toBe(1);
    host.handle({ type: "end", session: "ann" });
    await settle();
    clock.advance(100);
    await settle();
    expect(shown()).toEqual(["bob-audio", "bob-video"]);
    expect(viewer()).toHaveLength(3);
  });

  it("shows one member when told which", async () => {
    const { post, publisher, commands } = await make();
    await publisher("ann");
    await publisher("bob");
    await post("/whep/r?key=key&from=bob", offer("recvonly"));
    expect(
      negotiations(commands)
        .at(-1)
        ?.receive.map(({ publication }) => publication),
    ).toEqual(["bob-audio", "bob-video"]);
  });

  it("has sessions of its own", async () => {
    const { http, post } = await make();
    const { headers } = await post("/whep/r?key=key", offer("recvonly"));
    const url = String(headers.location).replace("/whep/", "/whip/");
    expect((await http.inject({ method: "DELETE", url })).statusCode).toBe(404);
    expect((await http.inject({ method: "DELETE", url: String(headers.location) })).statusCode).toBe(200);
  });
});
