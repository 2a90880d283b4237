/** Every route of the admin face, and every error that it gives. */
import { Validator } from "@seriousme/openapi-schema-validator";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type AdminServer, startAdmin } from "../../../test/support/admin-server.ts";
import { verifyWebhook } from "../../webhooks/signature.ts";
import type { OpenApiDocument } from "./openapi.ts";

type AppBody = { id: string; key: string; name: string } & { [name: string]: unknown };

describe("the admin face", () => {
  let server: AdminServer;
  beforeEach(async () => {
    server = await startAdmin();
  });
  afterEach(() => server.close());

  const make = async (body: object = { name: "shop" }) => (await server.ask("POST", "/apps", body)).body as AppBody;
  const refused = (status: number, code: string) => ({
    status,
    body: expect.objectContaining({ code, message: expect.any(String) }),
    headers: expect.anything(),
  });

  describe("apps", () => {
    it("makes, shows, lists and deletes an app", async () => {
      const made = await server.ask("POST", "/apps", {
        name: " shop ",
        origins: ["https://example.com", "https://*.example.org", "http://localhost:3000", "http://[::1]:8080"],
        switches: { listPeers: false },
        limits: { roomMembers: 4 },
      });
      expect(made.status).toBe(201);
      const app = made.body as AppBody;
      expect(made.headers.location).toBe(`/admin/v1/apps/${app.id}`);
      expect(app).toMatchObject({
        name: "shop",
        enabled: true,
        switches: { listPeers: false, roomLog: true },
        limits: { roomMembers: 4 },
      });
      expect(JSON.stringify(app)).not.toContain("secret");
      expect(server.registry.byKey(app.key, 0)?.id).toBe(app.id);
      expect(await server.ask("GET", `/apps/${app.id}`)).toMatchObject({ status: 200, body: app });
      expect((await server.ask("GET", "/apps")).body).toEqual({ apps: [app] });
      expect(await server.ask("DELETE", `/apps/${app.id}`)).toMatchObject({ status: 204, body: "" });
      expect(await server.ask("GET", `/apps/${app.id}`)).toEqual(refused(404, "store.app.unknown"));
      expect(await server.ask("DELETE", `/apps/${app.id}`)).toEqual(refused(404, "store.app.unknown"));
      expect(server.registry.byKey(app.key, 0)).toBeUndefined();
    });

    it("lists by pages", async () => {
      const ids: string[] = [];
      for (const name of ["a", "b", "c"]) {
        server.clock.advance(1);
        ids.push((await make({ name })).id);
      }
      const first = (await server.ask("GET", "/apps?limit=2")).body as { apps: AppBody[]; next: string };
      expect(first.apps.map(({ id }) => id)).toEqual(ids.slice(0, 2));
      const second = (await server.ask("GET", `/apps?limit=2&after=${first.next}`)).body as { apps: AppBody[] };
      expect(second).toEqual({ apps: [expect.objectContaining({ id: ids[2] })] });
      expect(await server.ask("GET", "/apps?after=app_gone")).toEqual(refused(400, "admin.request.invalid"));
    });

    it("brings a key and a secret along, once", async () => {
      const app = await make({ name: "old", key: "5bea388b-3f95-4e1e-acb5-a34efdd0c480", secret: "0123456789abcdef" });
      expect(app.key).toBe("5bea388b-3f95-4e1e-acb5-a34efdd0c480");
      expect((await server.ask("GET", `/apps/${app.id}/secrets`)).body).toMatchObject({
        secrets: [{ secret: "0123456789abcdef" }],
      });
      expect(await server.ask("POST", "/apps", { name: "again", key: app.key })).toEqual(refused(409, "store.key.taken"));
    });

    it("changes what it is told to, and cuts the peers of an app that is switched off", async () => {
      const app = await make();
      server.openPeer(app.id, "alice");
      const changed = await server.ask("PATCH", `/apps/${app.id}`, { enabled: false, limits: { peers: 5 }, origins: [] });
      expect(changed).toMatchObject({ status: 200, body: { ...app, enabled: false, limits: { peers: 5, rooms: 1_000 } } });
      expect(server.outputs).toContainEqual(expect.objectContaining({ type: "ended", session: "s-alice" }));
      expect(await server.ask("PATCH", "/apps/app_x", { name: "n" })).toEqual(refused(404, "store.app.unknown"));
    });

    it("rotates key and secret with an overlap, a day unless told otherwise", async () => {
      const app = await make();
      const now = server.clock.wallNow();
      const rotated = (await server.ask("POST", `/apps/${app.id}/key/rotate`)).body as AppBody;
      expect(rotated.key).not.toBe(app.key);
      expect(rotated.retiredKeys).toEqual([{ key: app.key, until: now + 86_400_000 }]);
      expect(server.registry.byKey(app.key, now)?.id).toBe(app.id);
      await server.ask("POST", `/apps/${app.id}/key/rotate`, { overlapSeconds: 0 });
      const typed = { headers: { authorization: `Bearer ${server.token}`, "content-type": "application/json" }, payload: "" };
      expect((await server.ask("POST", `/apps/${app.id}/key/rotate`, undefined, typed)).status).toBe(200);
      expect(server.registry.byKey(rotated.key, now)).toBeUndefined();

      const before = (await server.ask("GET", `/apps/${app.id}/secrets`)).body as { secrets: { secret: string }[] };
      const view = await server.ask("POST", `/apps/${app.id}/secret/rotate`, { overlapSeconds: 60 });
      expect(JSON.stringify(view.body)).not.toContain(before.secrets[0]?.secret);
      const after = (await server.ask("GET", `/apps/${app.id}/secrets`)).body as { secrets: object[] };
      expect(after.secrets).toHaveLength(2);
      expect(after.secrets[1]).toEqual({ ...before.secrets[0], retiresAt: now + 60_000 });
      expect(await server.ask("POST", "/apps/app_x/key/rotate")).toEqual(refused(404, "store.app.unknown"));
      expect(await server.ask("POST", "/apps/app_x/secret/rotate")).toEqual(refused(404, "store.app.unknown"));
      expect(await server.ask("GET", "/apps/app_x/secrets")).toEqual(refused(404, "store.app.unknown"));
    });

    it.each([
      ["no name", {}],
      ["an empty name", { name: "  " }],
      ["an unknown field", { name: "a", admin: true }],
      ["an unknown switch", { name: "a", switches: { listpeers: false } }],
      ["a limit of the wrong kind", { name: "a", limits: { peers: "many" } }],
      ["a limit out of range", { name: "a", limits: { peers: 0 } }],
      ["an origin with a path", { name: "a", origins: ["https://example.com/"] }],
      ["an origin of another scheme", { name: "a", origins: ["ftp://example.com"] }],
      ["a key with a slash", { name: "a", key: "a/b" }],
      ["a short secret", { name: "a", secret: "short" }],
      ["a list", []],
    ])("refuses %s", async (_, body) => {
      expect(await server.ask("POST", "/apps", body)).toEqual(refused(400, "admin.request.invalid"));
      expect(await server.store.listApps()).toEqual([]);
    });
  });

  describe("webhooks", () => {
    it("adds, shows, changes, tests and removes one", async () => {
      const app = await make();
      const path = `/apps/${app.id}/webhooks`;
      const made = await server.ask("POST", path, { url: "https://example.com/hook", events: ["room.created"] });
      expect(made.status).toBe(201);
      const hook = made.body as { id: string; secret: string };
      expect(Buffer.from(hook.secret, "base64url")).toHaveLength(32);
      const view = { id: hook.id, url: "https://example.com/hook", events: ["room.created"] };
      expect((await server.ask("GET", path)).body).toEqual({ webhooks: [view] });
      expect((await server.ask("GET", `/apps/${app.id}`)).body).toMatchObject({ webhooks: [view] });
      expect((await server.ask("GET", `/apps/${app.id}/secrets`)).body).toMatchObject({
        webhooks: [{ id: hook.id, secret: hook.secret }],
      });
      const changed = await server.ask("PATCH", `${path}/${hook.id}`, { events: [] });
      expect(changed).toMatchObject({ status: 200, body: { ...view, events: [] } });

      expect((await server.ask("POST", `${path}/${hook.id}/test`)).body).toEqual({ delivered: true, status: 200, durationMs: 0 });
      const [attempt] = server.attempts;
      expect(JSON.parse(attempt?.body ?? "")).toMatchObject({ type: "webhook.test", app: { id: app.id, name: "shop" } });
      const seconds = server.clock.wallNow() / 1_000;
      expect(verifyWebhook(hook.secret, attempt?.headers["tsunagi-signature"] ?? "", attempt?.body ?? "", seconds)).toBe(true);
      server.webhookOutcome = { type: "failed", code: "webhook.attempt.timeout", message: "no answer within 5 s", final: false };
      expect((await server.ask("POST", `${path}/${hook.id}/test`)).body).toMatchObject({
        delivered: false,
        code: "webhook.attempt.timeout",
      });

      expect((await server.ask("DELETE", `${path}/${hook.id}`)).status).toBe(204);
      for (const [method, at, body] of [
        ["DELETE", `${path}/${hook.id}`, undefined],
        ["PATCH", `${path}/${hook.id}`, { events: [] }],
        ["POST", `${path}/${hook.id}/test`, undefined],
      ] as const) {
        expect(await server.ask(method, at, body)).toEqual(refused(404, "admin.webhook.unknown"));
      }
    });

    it("refuses targets inside the network, plain http, unknown events and one too many", async () => {
      const app = await make();
      const path = `/apps/${app.id}/webhooks`;
      const add = (url: string, more: object = {}) => server.ask("POST", path, { url, ...more });
      expect(await add("https://127.0.0.1/")).toEqual(refused(400, "webhook.address.private"));
      expect(await add("http://example.com/")).toEqual(refused(400, "webhook.url.insecure"));
      expect(await add("nonsense")).toEqual(refused(400, "webhook.url.invalid"));
      expect(await add("https://example.com/", { events: ["room.exploded"] })).toEqual(refused(400, "admin.request.invalid"));
      for (let n = 0; n < 16; n += 1) expect((await add(`https://example.com/${n}`)).status).toBe(201);
      expect(await add("https://example.com/16")).toEqual(refused(409, "admin.webhook.limit"));
      const [hook] = (await server.store.getApp(app.id))?.webhooks ?? [];
      expect(await server.ask("PATCH", `${path}/${hook?.id}`, { url: "https://[::1]/" })).toEqual(
        refused(400, "webhook.address.private"),
      );
      expect(await server.ask("POST", "/apps/app_x/webhooks", { url: "https://example.com/" })).toEqual(
        refused(404, "store.app.unknown"),
      );
      expect(await server.ask("GET", "/apps/app_x/webhooks")).toEqual(refused(404, "store.app.unknown"));
    });
  });

  describe("peers", () => {
    it("lists by pages, shows one, and disconnects it", async () => {
      const app = await make();
      const path = `/apps/${app.id}/peers`;
      for (const id of ["alice", "bob b", "carol"]) server.openPeer(app.id, id);
      const first = (await server.ask("GET", `${path}?limit=2`)).body as { peers: { peerId: string }[]; next: number };
      expect(first.peers.map(({ peerId }) => peerId)).toEqual(["alice", "bob b"]);
      const second = await server.ask("GET", `${path}?limit=2&after=${first.next}`);
      expect(second.body).toEqual({ peers: [{ peerId: "carol", state: "connected", rooms: [], connections: 0 }] });
      expect(await server.ask("GET", `${path}/bob%20b`)).toMatchObject({ status: 200, body: { peerId: "bob b" } });
      expect((await server.ask("DELETE", `${path}/bob%20b`)).status).toBe(204);
      expect(server.outputs).toContainEqual(expect.objectContaining({ type: "ended", session: "s-bob b" }));
      expect(await server.ask("GET", `${path}/bob%20b`)).toEqual(refused(404, "admin.peer.unknown"));
      expect(await server.ask("DELETE", `${path}/bob%20b`)).toEqual(refused(404, "admin.peer.unknown"));
    });

    it("shows nobody of another app", async () => {
      const [one, two] = [await make(), await make()];
      server.openPeer(one.id, "alice");
      expect((await server.ask("GET", `/apps/${two.id}/peers`)).body).toEqual({ peers: [] });
      expect(await server.ask("DELETE", `/apps/${two.id}/peers/alice`)).toEqual(refused(404, "admin.peer.unknown"));
      expect(await server.ask("GET", "/apps/app_x/peers")).toEqual(refused(404, "store.app.unknown"));
    });

    it.each(["limit=0", "limit=1001", "limit=x", "after=-1"])("refuses a page with %s", async (query) => {
      const app = await make();
      expect(await server.ask("GET", `/apps/${app.id}/peers?${query}`)).toEqual(refused(400, "admin.request.invalid"));
    });
  });

  describe("rooms", () => {
    const longest = "部".repeat(127).concat("屋");
    let app: AppBody;
    let path: string;
    beforeEach(async () => {
      app = await make();
      path = `/apps/${app.id}/rooms`;
      for (const id of ["alice", "bob"]) {
        server.openPeer(app.id, id);
        server.joinRoom(id, longest);
      }
      server.openPeer(app.id, "carol");
      server.joinRoom("carol", "a/b ?");
    });
    const at = (room: string) => `${path}/${encodeURIComponent(room)}`;

    it("lists by pages and shows one with its members, whatever its name", async () => {
      const first = (await server.ask("GET", `${path}?limit=1`)).body as { rooms: object[]; next: string };
      expect(first).toEqual({
        rooms: [{ room: "a/b ?", mode: "mesh", createdAt: expect.any(Number), members: 1 }],
        next: "a/b ?",
      });
      const second = await server.ask("GET", `${path}?limit=1&after=${encodeURIComponent(first.next)}`);
      expect(second.body).toMatchObject({ rooms: [{ room: longest, members: 2 }] });
      expect(second.body).not.toHaveProperty("next");
      expect((await server.ask("GET", at(longest))).body).toMatchObject({
        room: longest,
        members: [{ peerId: "alice", receiveOnly: false }, { peerId: "bob" }],
        log: [{ type: "joined" }, { type: "joined" }],
      });
      expect((await server.ask("GET", at("a/b ?"))).status).toBe(200);
      expect(await server.ask("GET", at("none"))).toEqual(refused(404, "admin.room.unknown"));
    });

    it("removes a member, and closes a room", async () => {
      expect((await server.ask("DELETE", `${at(longest)}/members/alice`)).status).toBe(204);
      expect((await server.ask("GET", at(longest))).body).toMatchObject({ members: [{ peerId: "bob" }] });
      expect(await server.ask("DELETE", `${at(longest)}/members/alice`)).toEqual(refused(404, "admin.member.unknown"));
      expect((await server.ask("DELETE", at(longest))).status).toBe(204);
      expect(await server.ask("DELETE", at(longest))).toEqual(refused(404, "admin.room.unknown"));
    });

    it("sends data to all members or to some, no larger than the app's messages", async () => {
      server.outputs.length = 0;
      expect((await server.ask("POST", `${at(longest)}/data`, { data: { say: "hello" } })).status).toBe(204);
      const message = { type: "room-data", room: longest, data: { say: "hello" } };
      expect(server.outputs).toContainEqual(expect.objectContaining({ message: expect.objectContaining(message) }));
      for (const data of [null, 0, false, "", []]) {
        expect((await server.ask("POST", `${at(longest)}/data`, { data, to: ["bob"] })).status).toBe(204);
      }
      expect(await server.ask("POST", `${at("none")}/data`, { data: 1 })).toEqual(refused(404, "admin.room.unknown"));
      expect(await server.ask("POST", `${at(longest)}/data`, {})).toEqual(refused(400, "admin.request.invalid"));
      expect(await server.ask("POST", `${at(longest)}/data`, { data: 1, to: ["no/peer"] })).toEqual(
        refused(400, "admin.request.invalid"),
      );
      const large = { data: "x".repeat(300_000) };
      expect(await server.ask("POST", `${at(longest)}/data`, large)).toEqual(refused(413, "admin.data.too-large"));
    });
  });

  describe("connections, calls and the server", () => {
    it("shows the history by pages and kinds", async () => {
      const app = await make();
      const record = { appId: app.id, kind: "media", peers: ["a", "b"], startedAt: 1, endedAt: 2, reason: "hung-up" } as const;
      await server.store.recordCalls([1, 2, 3].map((n) => ({ ...record, name: `mc_${n}` })));
      await server.store.recordCall({ ...record, kind: "room", name: "r", endedAt: server.clock.wallNow() });
      const path = `/apps/${app.id}/calls`;
      const first = (await server.ask("GET", `${path}?limit=2`)).body as { calls: { name: string }[]; next: number };
      expect(first.calls.map(({ name }) => name)).toEqual(["r", "mc_3"]);
      const second = (await server.ask("GET", `${path}?limit=2&before=${first.next}`)).body as { calls: { name: string }[] };
      expect(second.calls.map(({ name }) => name)).toEqual(["mc_2", "mc_1"]);
      expect(second).not.toHaveProperty("next");
      expect((await server.ask("GET", `${path}?kind=room`)).body).toMatchObject({
        calls: [{ kind: "room", name: "r", peers: ["a", "b"] }],
      });
      expect(await server.ask("GET", `${path}?kind=fax`)).toEqual(refused(400, "admin.request.invalid"));
      expect((await server.ask("GET", `/apps/${app.id}/connections`)).body).toEqual({ connections: [], total: 0 });
      expect(await server.ask("GET", "/apps/app_x/calls")).toEqual(refused(404, "store.app.unknown"));
      expect(await server.ask("GET", "/apps/app_x/connections")).toEqual(refused(404, "store.app.unknown"));
    });

    it("tells about the server", async () => {
      const app = await make();
      server.openPeer(app.id, "alice");
      expect((await server.ask("GET", "/server")).body).toMatchObject({
        version: "1.2.3",
        store: "sqlite",
        counts: { apps: 1, peers: 1, sessions: 1, rooms: 0, connections: 0 },
        webhooks: { waiting: 0, inFlight: 0 },
      });
    });

    it("hands out what the SFU holds of a room, where there is one", async () => {
      const app = await make();
      const path = `/apps/${app.id}/rooms/r/sfu`;
      expect(await server.ask("GET", path)).toEqual(refused(404, "admin.sfu.off"));
      const { sfu, rooms } = { sfu: new Map([["r", { slots: 3 }]]), rooms: ["r", "empty"] };
      const live = {
        peers: () => ({ peers: [] }),
        peer: () => undefined,
        rooms: () => rooms.map((room) => ({ room, mode: "sfu" as const, createdAt: 0, members: [], log: [], publications: [] })),
        connections: () => [],
        counts: () => {
          throw new Error("not asked");
        },
        command: () => true,
        sfuDump: async (_: string, room: string) => sfu.get(room),
      };
      const running = await startAdmin({ live });
      const { id } = await running.store.createApp({ name: "x" }, 0);
      const ask = (room: string) => running.ask("GET", `/apps/${id}/rooms/${room}/sfu`);
      expect(await ask("r")).toMatchObject({ status: 200, body: { dump: { slots: 3 } } });
      expect(await ask("empty")).toEqual(refused(404, "admin.sfu.unknown"));
      expect(await ask("none")).toEqual(refused(404, "admin.room.unknown"));
      expect((await running.ask("GET", `/apps/${id}/rooms/r`)).body).toMatchObject({ mode: "sfu", publications: [] });
      await running.close();
    });

    it("hands out what the TURN server tells of itself, where there is one", async () => {
      expect(await server.ask("GET", "/turn")).toMatchObject({ status: 200, body: { ports: { udp: 3478 } } });
      const without = await startAdmin({ turn: () => undefined });
      expect(await without.ask("GET", "/turn")).toEqual(refused(404, "admin.turn.off"));
      await without.close();
    });
  });

  describe("what it lets in", () => {
    it("asks every route for the token, and tells no cache to keep an answer", async () => {
      const routes = Object.entries(await document()).flatMap(([path, methods]) =>
        Object.keys(methods).map((method) => [method, path] as const),
      );
      expect(routes.length).toBeGreaterThan(20);
      for (const [method, path] of routes) {
        const url = path.replace(/\{\w+\}/g, "x");
        const answer = await server.ask(method.toUpperCase(), url, undefined, { headers: {} });
        expect(answer, `${method} ${path}`).toEqual(refused(401, "admin.token.missing"));
        expect(answer.headers).toMatchObject({ "www-authenticate": "Bearer", "cache-control": "no-store" });
      }
    });

    it.each(["Bearer wrong", "bearer tsu_admin_wrong", "Basic eDp5", "Bearer"])("refuses %s", async (authorization) => {
      const answer = await server.ask("GET", "/server", undefined, { headers: { authorization } });
      expect(answer.status).toBe(401);
      expect(JSON.stringify(server.logged)).not.toContain("wrong");
    });

    it("lets an address that sent ten wrong tokens wait, and no other", async () => {
      const wrong = { headers: { authorization: "Bearer wrong" }, remoteAddress: "192.0.2.1" };
      for (let n = 0; n < 10; n += 1)
        expect(await server.ask("GET", "/server", undefined, wrong)).toEqual(refused(401, "admin.token.wrong"));
      const throttled = await server.ask("GET", "/server", undefined, wrong);
      expect(throttled).toEqual(refused(429, "admin.token.throttled"));
      expect(throttled.headers["retry-after"]).toBe("6");
      const right = { remoteAddress: "192.0.2.1" };
      expect(await server.ask("GET", "/server", undefined, right)).toEqual(refused(429, "admin.token.throttled"));
      expect((await server.ask("GET", "/server", undefined, { remoteAddress: "192.0.2.2" })).status).toBe(200);
      server.clock.advance(6_000);
      expect((await server.ask("GET", "/server", undefined, right)).status).toBe(200);
    });

    it("refuses bodies that are broken, too large or of another type, and unknown routes", async () => {
      const send = (payload: string, type: string) =>
        server.ask("POST", "/apps", undefined, {
          payload,
          headers: { authorization: `Bearer ${server.token}`, "content-type": type },
        });
      expect(await send("{", "application/json")).toEqual(refused(400, "admin.body.invalid"));
      expect(await send('{"__proto__": {}}', "application/json")).toEqual(refused(400, "admin.body.invalid"));
      expect(await send("", "application/json")).toEqual(refused(400, "admin.request.invalid"));
      expect(await send(`{"name":"${"x".repeat(70_000)}"}`, "application/json")).toEqual(refused(413, "admin.body.too-large"));
      expect(await send("name=a", "application/x-www-form-urlencoded")).toEqual(refused(415, "admin.body.type"));
      expect(await server.ask("GET", "/nothing")).toEqual(refused(404, "admin.route.unknown"));
      expect(await server.ask("GET", "/admin/else")).toEqual(refused(404, "admin.route.unknown"));
      expect(await server.ask("PUT", "/apps", {})).toEqual(refused(404, "admin.route.unknown"));
      expect((await server.ask("GET", "/apps/%zz")).status).toBe(400);
    });

    it("hides a failure of its own, and logs it", async () => {
      server.store.listApps = async () => {
        throw new Error("password in the message");
      };
      const answer = await server.ask("GET", "/apps");
      expect(answer).toEqual(refused(500, "admin.server.failed"));
      expect(JSON.stringify(answer.body)).not.toContain("password");
      expect(server.logged).toContainEqual(expect.objectContaining({ error: expect.any(Error), route: "/admin/v1/apps" }));
    });

    it("logs each change with its route, without its content", async () => {
      const app = await make({ name: "private name" });
      await server.ask("POST", `/apps/${app.id}/key/rotate`);
      await server.ask("GET", "/apps");
      expect(server.logged).toMatchObject([
        { method: "POST", route: "/admin/v1/apps" },
        { route: "/admin/v1/apps/:appId/key/rotate", app: app.id },
      ]);
      expect(JSON.stringify(server.logged)).not.toContain("private name");
    });
  });

  const openApi = async () =>
    (await server.ask("GET", "/admin/openapi.json", undefined, { headers: {} })).body as OpenApiDocument;
  const document = async () => (await openApi()).paths;

  describe("the OpenAPI document", () => {
    it("is valid OpenAPI 3.1, without a schema that nothing uses", async () => {
      const text = await openApi();
      expect(text.openapi).toBe("3.1.0");
      const result = await new Validator().validate(structuredClone(text) as never);
      expect(result).toMatchObject({ valid: true });
      expect(Object.keys(text.components.schemas)).toEqual(expect.arrayContaining(["App", "NewApp", "Error", "Room"]));
      for (const name of Object.keys(text.components.schemas)) {
        expect(JSON.stringify(text)).toContain(`"#/components/schemas/${name}"`);
        expect(name).not.toMatch(/Input$/);
      }
    });

    it("has every route that the server has, each with a summary, answers and security", async () => {
      const listed = Object.entries(await document()).flatMap(([path, methods]) =>
        Object.entries(methods).map(([method, operation]) => {
          expect(operation, `${method} ${path}`).toMatchObject({
            summary: expect.any(String),
            tags: [expect.any(String)],
            security: [{ adminToken: [] }],
            responses: { "4XX": expect.anything() },
          });
          return `${method.toUpperCase()} ${path}`;
        }),
      );
      const registered = routesOf(server.http.printRoutes({ commonPrefix: false }));
      const open = ["GET /admin/openapi.json", "GET /admin/docs"];
      expect([...listed, ...open].sort()).toEqual(registered);
    });

    it("stands as a page too, with every route and without a script or anything from elsewhere", async () => {
      const page = await server.ask("GET", "/admin/docs", undefined, { headers: {} });
      expect(page.status).toBe(200);
      expect(page.headers["content-security-policy"]).toMatch(/^default-src 'none'; style-src 'sha256-/);
      const html = String(page.body);
      for (const path of Object.keys(await document())) expect(html).toContain(`<code>${path}</code>`);
      expect(html).not.toMatch(/<script|src=|@import|url\(|https:\/\/(?!example|\*)/);
    });
  });
});

/** Reads Fastify's tree of routes back into a list. */
function routesOf(tree: string): string[] {
  const stack: string[] = [];
  const routes: string[] = [];
  for (const line of tree.split("\n")) {
    const match = /^([│ ]*)[├└]── ([^ ]*)(?: \(([^)]*)\))?/.exec(line);
    if (match === null) continue;
    const depth = (match[1] ?? "").length / 4;
    stack.length = depth;
    stack.push(match[2] ?? "");
    const path = stack.join("").replace(/:(\w+)/g, "{$1}");
    for (const method of (match[3] ?? "").split(", ")) if (method !== "" && method !== "HEAD") routes.push(`${method} ${path}`);
  }
  return routes.sort();
}
