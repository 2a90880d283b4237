/** The probes over real sockets. */
import { createHash, randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";
import { lookup } from "node:dns/promises";
import { readFile } from "node:fs/promises";
import { request as httpRequest, type IncomingMessage, type RequestOptions } from "node:http";
import { request as httpsRequest } from "node:https";
import { createServer, isIP } from "node:net";
import { networkInterfaces } from "node:os";
import { connect, rootCertificates } from "node:tls";
import {
  ATTRIBUTES,
  attributeOf,
  bindingRequest,
  ClientTransaction,
  mappedAddressOf,
  type TransactionOutput,
} from "@tsunagi/stun";
import { turnPort } from "../relay/turn-port.ts";
import type { HttpResult, Interface, NoAnswer, PortState, Probes, StunResult, TlsResult, UpgradeResult } from "./probes.ts";

/** Of a body: `/healthz` is far smaller. */
const MAX_BODY = 16_384;

export type ProbeOptions = {
  readonly timeoutMs: number;
  /** The local CA's certificate, if this machine has one. */
  readonly caFile: string;
};

export function networkProbes({ timeoutMs, caFile }: ProbeOptions): Probes {
  return {
    now: () => Date.now(),
    interfaces,
    get: (url) => get(url, timeoutMs),
    upgrade: (url) => upgrade(url, timeoutMs),
    certificate: (url) => certificate(url, timeoutMs, caFile),
    stun: (host, port, family) => stun(host, port, family, timeoutMs),
    turn: (host, port, transport) => turnPort(host, port, transport, timeoutMs),
    resolve: (host) => resolveHost(host, 4, timeoutMs),
    localPort,
  };
}

export function interfaces(): Interface[] {
  return Object.entries(networkInterfaces()).flatMap(([name, addresses]) =>
    (addresses ?? [])
      .filter(({ internal, address }) => !internal && !address.toLowerCase().startsWith("fe80:"))
      .map(({ address, family }) => ({ name, address, family: family === "IPv4" ? (4 as const) : (6 as const) })),
  );
}

/** Certificates are judged by a probe of their own. */
export function open(url: URL, options: RequestOptions, onResponse?: (response: IncomingMessage) => void) {
  const all = { ...options, agent: false } as const;
  return url.protocol === "https:"
    ? httpsRequest(url, { ...all, rejectUnauthorized: false }, onResponse)
    : httpRequest(url, all, onResponse);
}

function get(url: URL, timeoutMs: number): Promise<HttpResult> {
  const startedAt = performance.now();
  return new Promise((resolve) => {
    const outgoing = open(url, { signal: AbortSignal.timeout(timeoutMs) }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (text: string) => {
        if (body.length < MAX_BODY) body += text;
      });
      response.on("error", (error) => resolve(noAnswer(error)));
      response.on("end", () => {
        const date = Date.parse(response.headers.date ?? "");
        const ms = performance.now() - startedAt;
        resolve({ type: "response", status: response.statusCode ?? 0, dateMs: Number.isNaN(date) ? undefined : date, body, ms });
      });
    });
    outgoing.on("error", (error) => resolve(noAnswer(error)));
    outgoing.end();
  });
}

/** The opening handshake of RFC 6455 §4.1; closed as soon as the server agreed. */
function upgrade(url: URL, timeoutMs: number): Promise<UpgradeResult> {
  const startedAt = performance.now();
  const key = randomBytes(16).toString("base64");
  const expected = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
  const headers = {
    Connection: "Upgrade",
    Upgrade: "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": key,
    Origin: url.origin,
  };
  return new Promise((resolve) => {
    const outgoing = open(url, { headers, signal: AbortSignal.timeout(timeoutMs) }, (response) => {
      response.resume();
      resolve({ type: "answered", status: response.statusCode ?? 0 });
    });
    outgoing.on("upgrade", (response, socket) => {
      socket.on("error", () => {});
      socket.destroy();
      const isRight = response.headers["sec-websocket-accept"] === expected;
      resolve(
        isRight
          ? { type: "upgraded", ms: performance.now() - startedAt }
          : { type: "foreign", detail: "a wrong Sec-WebSocket-Accept" },
      );
    });
    outgoing.on("error", (error) => resolve(noAnswer(error)));
    outgoing.end();
  });
}

async function certificate(url: URL, timeoutMs: number, caFile: string): Promise<TlsResult> {
  const localCa = await readFile(caFile, "utf8").catch(() => undefined);
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const withSystem = await handshake(host, Number(url.port || 443), [...rootCertificates], timeoutMs);
  if (withSystem.type !== "certificate" || withSystem.isTrusted || localCa === undefined) return withSystem;
  const withLocal = await handshake(host, Number(url.port || 443), [localCa], timeoutMs);
  return withLocal.type === "certificate" ? { ...withLocal, isLocalCa: withLocal.isTrusted } : withLocal;
}

function handshake(host: string, port: number, ca: string[], timeoutMs: number): Promise<TlsResult> {
  return new Promise((resolve) => {
    // An address is no server name (RFC 6066 §3); the certificate is checked against it all the same.
    const socket = connect({ host, port, ca, rejectUnauthorized: false, ...(isIP(host) === 0 ? { servername: host } : {}) });
    const done = (result: TlsResult) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(result);
    };
    const timer = setTimeout(() => done({ type: "timeout" }), timeoutMs);
    socket.on("error", (error) => done(noAnswer(error)));
    socket.on("secureConnect", () => {
      const peer = socket.getPeerCertificate();
      const problem = socket.authorizationError as unknown as Error | string | undefined;
      done({
        type: "certificate",
        isTrusted: socket.authorized,
        isLocalCa: false,
        problem:
          problem === undefined || problem === null ? undefined : String(problem instanceof Error ? problem.message : problem),
        names: (peer.subjectaltname ?? "").split(", ").map((name) => name.replace(/^(DNS|IP Address):/, "")),
        validFromMs: Date.parse(peer.valid_from),
        validToMs: Date.parse(peer.valid_to),
      });
    });
  });
}

async function stun(host: string, port: number, family: 4 | 6, timeoutMs: number): Promise<StunResult> {
  const address = await resolveHost(host, family, timeoutMs);
  if (address === undefined) return { type: "no-address" };
  return new Promise((resolve) => {
    const transaction = new ClientTransaction({ request: bindingRequest(randomBytes(12)) });
    const socket = createSocket(family === 4 ? "udp4" : "udp6");
    const finish = (result: StunResult) => {
      clearTimeout(limit);
      clearTimeout(timer);
      socket.removeAllListeners();
      socket.on("error", () => {});
      socket.close();
      resolve(result);
    };
    // Earlier than the transaction's own 39.5 s: a person waits.
    const limit = setTimeout(() => finish({ type: "silent" }), timeoutMs);
    let timer: NodeJS.Timeout | undefined;
    const perform = (outputs: readonly TransactionOutput[]) => {
      for (const output of outputs) {
        if (output.type === "send") socket.send(output.bytes);
        else
          return finish(
            output.type === "response" ? stunResult(output) : { type: output.why === "unreachable" ? "unreachable" : "silent" },
          );
      }
      clearTimeout(timer);
      const { deadline } = transaction;
      if (deadline !== undefined)
        timer = setTimeout(() => perform(transaction.handle(performance.now(), { type: "tick" })), deadline - performance.now());
    };
    socket.on("message", (bytes) => perform(transaction.handle(performance.now(), { type: "received", bytes })));
    // A connected socket hears of ICMP errors, and of nobody but the server.
    socket.on("error", () => perform(transaction.handle(performance.now(), { type: "unreachable" })));
    socket.connect(port, address, (error?: Error) => {
      if (error) finish({ type: "unreachable" });
      else perform(transaction.handle(performance.now(), { type: "start" }));
    });
  });
}

function stunResult({ message, rttMs }: Extract<TransactionOutput, { type: "response" }>): StunResult {
  try {
    const error = attributeOf(message, ATTRIBUTES.ERROR_CODE);
    if (message.class === "error")
      return { type: "error", detail: error === undefined ? "no code" : `${error.code} ${error.reason}` };
    const mapped = mappedAddressOf(message);
    return mapped === undefined
      ? { type: "error", detail: "no address in the answer" }
      : { type: "mapped", address: mapped.address, port: mapped.port, rttMs };
  } catch (error) {
    return { type: "error", detail: (error as Error).message };
  }
}

/** undefined where there is none of that family, or none in time. */
export async function resolveHost(host: string, family: 4 | 6, timeoutMs: number): Promise<string | undefined> {
  const bare = host.replace(/^\[|\]$/g, "");
  if (bare === "localhost") return family === 4 ? "127.0.0.1" : "::1";
  if (isIP(bare) !== 0) return isIP(bare) === family ? bare : undefined;
  // The resolver knows no timeout of ours, and may think for half a minute.
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), timeoutMs);
  });
  const found = lookup(bare, { family }).then(
    ({ address }) => address,
    () => undefined,
  );
  const address = await Promise.race([found, late]);
  clearTimeout(timer);
  return address;
}

function localPort(protocol: "tcp" | "udp", port: number): Promise<PortState> {
  const stateOf = (error: NodeJS.ErrnoException): PortState => (error.code === "EACCES" ? "denied" : "taken");
  return new Promise((resolve) => {
    if (protocol === "tcp") {
      const server = createServer();
      server.once("error", (error) => resolve(stateOf(error)));
      server.listen({ port, exclusive: true }, () => server.close(() => resolve("free")));
    } else {
      const socket = createSocket("udp4");
      socket.once("error", (error: NodeJS.ErrnoException) => {
        socket.close();
        resolve(stateOf(error));
      });
      socket.bind({ port, exclusive: true }, () => socket.close(() => resolve("free")));
    }
  });
}

export function noAnswer(error: NodeJS.ErrnoException): NoAnswer {
  // A host name with several addresses fails with all of their errors in one.
  const code =
    error.code ?? (error instanceof AggregateError ? (error.errors[0] as NodeJS.ErrnoException | undefined)?.code : undefined);
  if (error.name === "AbortError" || error.name === "TimeoutError" || code === "ETIMEDOUT") return { type: "timeout" };
  if (code === "ECONNREFUSED" || code === "EHOSTUNREACH" || code === "ENETUNREACH") return { type: "refused" };
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") return { type: "unresolved" };
  return { type: "foreign", detail: code ?? error.message };
}
