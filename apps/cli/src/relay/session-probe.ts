/** A native session opened for one thing: the ICE servers that a client is told of (PROTOCOL.md, `open`). */
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import WebSocket from "ws";
import { VERSION } from "../version.ts";

export type IceServerEntry = {
  readonly urls: readonly string[];
  readonly username?: string | undefined;
  readonly credential?: string | undefined;
};

export type SessionResult =
  | {
      readonly type: "opened";
      readonly iceServers: readonly IceServerEntry[];
      readonly isRelayOnly: boolean;
      readonly ms: number;
    }
  /** The server's own words. */
  | { readonly type: "refused"; readonly code: string; readonly message: string; readonly remedy: string | undefined }
  | { readonly type: "unreachable"; readonly detail: string };

export type KeyResult = { readonly type: "key"; readonly key: string } | { readonly type: "none"; readonly detail: string };

const MAX_ANSWER = 65_536;

/** The key that the web apps of the server use. */
export function defaultKey(url: URL, timeoutMs: number): Promise<KeyResult> {
  return new Promise((resolve) => {
    const request = url.protocol === "https:" ? httpsRequest : httpRequest;
    const options = { agent: false, signal: AbortSignal.timeout(timeoutMs), rejectUnauthorized: false } as const;
    const outgoing = request(new URL("/config.json", url), options, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (text: string) => {
        if (body.length < MAX_ANSWER) body += text;
      });
      response.on("error", (error) => resolve({ type: "none", detail: error.message }));
      response.on("end", () => {
        const key = field(parsed(body), "key");
        if (typeof key === "string" && key !== "") resolve({ type: "key", key });
        else resolve({ type: "none", detail: `/config.json answered ${response.statusCode} without a key` });
      });
    });
    outgoing.on("error", (error) => resolve({ type: "none", detail: error.message }));
    outgoing.end();
  });
}

export function openSession(
  url: URL,
  options: { readonly key: string; readonly token: string | undefined; readonly timeoutMs: number },
): Promise<SessionResult> {
  const startedAt = performance.now();
  const place = new URL("/v1", url);
  place.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return new Promise((resolve) => {
    // The certificate is judged by a check of its own.
    const socket = new WebSocket(place, {
      origin: url.origin,
      rejectUnauthorized: false,
      handshakeTimeout: options.timeoutMs,
      maxPayload: 1_048_576,
    });
    const finish = (result: SessionResult) => {
      clearTimeout(limit);
      resolve(result);
      socket.removeAllListeners();
      socket.on("error", () => {});
      if (result.type === "opened") socket.send(JSON.stringify({ type: "bye" }), () => socket.close());
      else socket.terminate();
    };
    const limit = setTimeout(() => finish({ type: "unreachable", detail: "no answer" }), options.timeoutMs);
    socket.on("open", () => {
      const { key, token } = options;
      const client = `tsunagi-doctor/${VERSION}`;
      socket.send(JSON.stringify({ type: "open", version: 1, key, client, ...(token === undefined ? {} : { token }) }));
    });
    socket.on("error", (error) => finish({ type: "unreachable", detail: error.message }));
    socket.on("close", (code) => finish({ type: "unreachable", detail: `closed with ${code}` }));
    socket.on("message", (data) => {
      const result = resultOf(parsed(String(data)), performance.now() - startedAt);
      if (result !== undefined) finish(result);
    });
  });
}

function resultOf(message: unknown, ms: number): SessionResult | undefined {
  const type = field(message, "type");
  if (type === "bye") {
    const remedy = field(message, "remedy");
    return {
      type: "refused",
      code: String(field(message, "code")),
      message: String(field(message, "message")),
      remedy: typeof remedy === "string" ? remedy : undefined,
    };
  }
  if (type !== "opened") return undefined;
  const servers = field(message, "iceServers");
  const iceServers = Array.isArray(servers) ? servers.flatMap((server) => iceServer(server) ?? []) : [];
  return { type: "opened", iceServers, isRelayOnly: field(message, "iceTransportPolicy") === "relay", ms };
}

function iceServer(value: unknown): IceServerEntry | undefined {
  const urls = field(value, "urls");
  const all = (Array.isArray(urls) ? urls : [urls]).filter((url) => typeof url === "string");
  const username = field(value, "username");
  const credential = field(value, "credential");
  if (all.length === 0) return undefined;
  return {
    urls: all,
    ...(typeof username === "string" ? { username } : {}),
    ...(typeof credential === "string" ? { credential } : {}),
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function field(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>)[name] : undefined;
}
