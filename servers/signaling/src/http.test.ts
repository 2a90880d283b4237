import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createHttp } from "./http.ts";
import { SignalingMetrics } from "./metrics.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "tsunagi-http-"));
  mkdirSync(join(root, "web", "assets"), { recursive: true });
  mkdirSync(join(root, "sdk"));
  writeFileSync(join(root, "web", "index.html"), "<title>app</title>");
  writeFileSync(join(root, "web", "assets", "app-1a2b.js"), "app");
  writeFileSync(join(root, "sdk", "tsunagi.js"), "sdk");
  writeFileSync(join(root, "secret"), "secret");
});
afterEach(() => rmSync(root, { recursive: true }));

function make(more: object = {}) {
  const counts = () => ({ peers: 1, rooms: 2, calls: 3, sfuMembers: 4, publications: 5 });
  const metrics = new SignalingMetrics({ version: "1.2.3", sessions: () => 4, counts });
  return createHttp({
    version: "1.2.3",
    metrics,
    webRoot: join(root, "web"),
    sdkRoot: join(root, "sdk"),
    defaultKey: () => "key",
    isReady: () => true,
    checkStore: async () => {},
    ...more,
  });
}

const page = { accept: "text/html,*/*" };

describe("the HTTP shell", () => {
  it("serves the web app, its own paths too, fresh; and bundles to be kept", async () => {
    const http = await make();
    for (const url of ["/", "/room/tea", "/phone?call=bob"]) {
      const reply = await http.inject({ url, headers: page });
      expect([reply.statusCode, reply.body, reply.headers["cache-control"]]).toEqual([200, "<title>app</title>", "no-cache"]);
    }
    const asset = await http.inject("/assets/app-1a2b.js");
    expect([asset.body, asset.headers["cache-control"]]).toEqual(["app", "public, max-age=31536000, immutable"]);
    for (const url of ["/assets/gone.js", "/sdk/gone.js", "/admin/gone", "/gone.json"]) {
      expect([url, (await http.inject({ url, headers: url === "/gone.json" ? {} : page })).statusCode]).toEqual([url, 404]);
    }
  });

  it("serves the SDK to pages of any origin", async () => {
    const reply = await (await make()).inject("/sdk/tsunagi.js");
    expect(reply.body).toBe("sdk");
    expect(reply.headers).toMatchObject({ "access-control-allow-origin": "*", "cross-origin-resource-policy": "cross-origin" });
    expect((await (await make()).inject({ url: "/config.json" })).headers["access-control-allow-origin"]).toBeUndefined();
  });

  it.each(["/../secret", "/%2e%2e/secret", "/sdk/..%2f..%2fsecret", "/assets/..%5c..%5csecret", "/%00"])(
    "gives nothing from outside: %s",
    async (url) => {
      const reply = await (await make()).inject(url);
      expect(reply.statusCode).toBeGreaterThanOrEqual(400);
      expect(reply.body).not.toContain("secret");
    },
  );

  it("says whether it is ready, and what it counts", async () => {
    const http = await make({ isReady: () => false });
    expect((await http.inject("/readyz")).statusCode).toBe(503);
    expect((await http.inject("/healthz")).json()).toEqual({ status: "ok" });
    const metrics = (await http.inject("/metrics")).body;
    expect(metrics).toContain("tsunagi_peers 1\n");
    expect(metrics).toContain("tsunagi_sessions 4\n");
    expect(metrics).toContain('tsunagi_build_info{version="1.2.3"');
  });

  it("is not ready while the store does not answer, and says so", async () => {
    const broken = await make({ checkStore: () => Promise.reject(new Error("gone")) });
    const reply = await broken.inject("/readyz");
    expect(reply.statusCode).toBe(503);
    expect(reply.json()).toEqual({ status: "store-unavailable" });
    expect((await (await make()).inject("/readyz")).json()).toEqual({ status: "ready" });
  });

  it("works without a built web app, and has no CA to give without TLS", async () => {
    const http = await make({ webRoot: join(root, "missing"), sdkRoot: undefined });
    expect((await http.inject({ url: "/", headers: page })).statusCode).toBe(404);
    expect((await http.inject("/ca.crt")).statusCode).toBe(404);
  });
});
