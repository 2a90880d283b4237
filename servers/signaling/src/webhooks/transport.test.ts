import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { httpTransport, parseRetryAfter } from "./transport.ts";

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
}

const attempt = (url: string) => ({ url, body: '{"名":1}', headers: { "tsunagi-delivery": "evt_1" } });
const open = httpTransport({ allowPrivate: true, timeoutMs: 2_000 });

describe("httpTransport", () => {
  it("posts the body's bytes with the headers, and takes any 2xx", async () => {
    const seen: unknown[] = [];
    const url = await serve((request, response) => {
      let body = "";
      request.setEncoding("utf8").on("data", (chunk) => {
        body += chunk;
      });
      request.on("end", () => {
        seen.push([request.method, request.url, body, request.headers["content-type"], request.headers["tsunagi-delivery"]]);
        response.writeHead(204).end();
      });
    });
    expect(await open(attempt(url))).toEqual({ type: "delivered", status: 204 });
    expect(seen).toEqual([["POST", "/hook", '{"名":1}', "application/json", "evt_1"]]);
  });

  it("says which status came, how long to wait, and that 410 is for good", async () => {
    const busy = await serve((_, response) => response.writeHead(503, { "retry-after": "7" }).end("busy"));
    expect(await open(attempt(busy))).toMatchObject({
      code: "webhook.attempt.status",
      status: 503,
      retryAfterMs: 7_000,
      final: false,
    });
    const gone = await serve((_, response) => response.writeHead(410).end());
    expect(await open(attempt(gone))).toMatchObject({ code: "webhook.attempt.status", status: 410, final: true });
  });

  it("follows no redirect", async () => {
    let reached = 0;
    const target = await serve((_, response) => {
      reached += 1;
      response.end();
    });
    const url = await serve((_, response) => response.writeHead(307, { location: target }).end());
    expect(await open(attempt(url))).toMatchObject({ code: "webhook.attempt.redirect", status: 307 });
    expect(reached).toBe(0);
  });

  it("gives up a receiver that does not answer, or is not there", async () => {
    const silent = await serve(() => {});
    const quick = httpTransport({ allowPrivate: true, timeoutMs: 50 });
    expect(await quick(attempt(silent))).toMatchObject({ code: "webhook.attempt.timeout", final: false });
    const url = await serve(() => {});
    await new Promise((resolve) => servers.pop()?.close(resolve));
    expect(await open(attempt(url))).toMatchObject({ code: "webhook.attempt.unreachable", final: false });
  });

  it("does not read an answer without end", async () => {
    let closed: Promise<unknown> | undefined;
    const url = await serve((_, response) => {
      closed = new Promise((resolve) => response.once("close", resolve));
      const more = () => {
        while (!response.destroyed && response.write("x".repeat(65_536))) {}
      };
      response.on("drain", more);
      more();
    });
    expect(await open(attempt(url))).toMatchObject({ type: "delivered" });
    await closed;
  });

  it("connects to no private address, whatever name leads there", async () => {
    let reached = 0;
    const url = new URL(
      await serve((_, response) => {
        reached += 1;
        response.end();
      }),
    );
    const to = (host: string) => attempt(`https://${host}:${url.port}/`);
    const guarded = httpTransport({
      timeoutMs: 2_000,
      resolve: (_, callback) => callback(null, [{ address: "127.0.0.1", family: 4 }]),
    });
    expect(await guarded(to("rebound.example"))).toMatchObject({ code: "webhook.address.private", final: true });
    expect(await guarded(to("127.0.0.1"))).toMatchObject({ code: "webhook.address.private", final: true });
    expect(await guarded(attempt(url.href))).toMatchObject({ code: "webhook.url.insecure", final: true });
    expect(reached).toBe(0);
  });
});

describe("parseRetryAfter", () => {
  it("takes seconds and dates", () => {
    expect(parseRetryAfter("120", 0)).toBe(120_000);
    expect(parseRetryAfter("Thu, 01 Jan 1970 00:01:00 GMT", 10_000)).toBe(50_000);
    expect(parseRetryAfter("Thu, 01 Jan 1970 00:00:01 GMT", 10_000)).toBe(0);
    expect(parseRetryAfter("soon", 0)).toBeUndefined();
    expect(parseRetryAfter(undefined, 0)).toBeUndefined();
  });
});
