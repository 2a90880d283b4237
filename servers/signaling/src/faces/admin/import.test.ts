/** Apps that come along from another system, and peers of other client libraries in the lists. */
import { permissionsFromSwitches } from "@tsunagi/conference";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type AdminServer, startAdmin } from "../../../test/support/admin-server.ts";

const KEY = "5bea388b-3f95-4e1e-acb5-a34efdd0c480";

describe("the admin face", () => {
  let server: AdminServer;
  beforeEach(async () => {
    server = await startAdmin();
  });
  afterEach(() => server.close());

  const imported = (body: object) => server.ask("POST", "/apps/import", body);

  it("imports apps that peers can use at once, and tells a dry run", async () => {
    const apps = [{ key: KEY, name: "old", secret: "kept", domains: ["shop.example"], switches: { listPeers: false } }];
    expect(await imported({ apps, dryRun: true })).toMatchObject({
      status: 200,
      body: { done: false, apps: [{ outcome: "created" }] },
    });
    expect(server.registry.byKey(KEY, 0)).toBeUndefined();
    expect(await imported({ apps })).toMatchObject({
      status: 200,
      body: { done: true, apps: [{ key: KEY, outcome: "created" }] },
    });
    expect(server.registry.byKey(KEY, 0)).toMatchObject({
      name: "old",
      origins: ["https://shop.example:*", "http://shop.example:*"],
    });
    expect((await imported({ apps: [{ key: KEY, enabled: false }] })).body).toEqual({
      done: true,
      apps: [{ key: KEY, outcome: "updated", changed: ["enabled"] }],
    });
  });

  it("imports nothing when one entry is refused, unless it is to be left out", async () => {
    const apps = [{ key: KEY }, { key: KEY }];
    expect(await imported({ apps })).toMatchObject({ status: 409, body: { code: "store.import.refused" } });
    expect((await server.ask("GET", "/apps")).body).toEqual({ apps: [] });
    expect(await imported({ apps, skipRefused: true })).toMatchObject({
      status: 200,
      body: { done: true, apps: [{ outcome: "created" }, { outcome: "refused", code: "store.key.repeated" }] },
    });
    const wrong = await imported({ apps: [{ key: "other", domains: ["a/b"] }] });
    expect(wrong).toMatchObject({
      status: 400,
      body: { code: "admin.request.invalid", message: expect.stringContaining("domain") },
    });
    expect(await imported({ apps: [] })).toMatchObject({ status: 400 });
  });

  it("tells which client library a peer uses", async () => {
    const app = await server.store.createApp({ name: "shop" }, 0);
    await server.registry.refresh();
    server.openPeer(app.id, "alice");
    server.input({
      type: "open",
      session: "s-bob",
      appId: app.id,
      peerId: "bob",
      grants: { permissions: permissionsFromSwitches(app.switches) },
      framing: "skyway",
    });
    const { peers } = (await server.ask("GET", `/apps/${app.id}/peers`)).body as { peers: object[] };
    expect(peers).toMatchObject([{ peerId: "alice" }, { peerId: "bob", framing: "skyway" }]);
    expect(peers[0]).not.toHaveProperty("framing");
    expect((await server.ask("GET", `/apps/${app.id}/peers/bob`)).body).toMatchObject({ framing: "skyway" });
  });
});
