/**
 * One TCP port for HTTP and TURN. The HTTP server keeps its port and its certificate; this stands before it, looks at the first byte of each
 * connection (and, with TLS, at the protocol that was negotiated or the first decrypted byte), and passes it on.
 */
import type { Server as HttpServer } from "node:http";
import { Server as HttpsServer } from "node:https";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { firstBytes } from "./first-bytes.ts";
import type { RunningTurnServer } from "./options.ts";
import { TURN_ALPN } from "./stream-listeners.ts";

export type SharedPortOptions = {
  /** Until the first byte, and with TLS again until the first decrypted one; default 10,000. */
  readonly firstByteMs?: number | undefined;
  /** Connections that have said nothing yet; more are closed at once. Default 1,000. */
  readonly silent?: number | undefined;
};

export type SharedPortStats = {
  readonly turn: number;
  readonly http: number;
  readonly silent: number;
  readonly timedOut: number;
  readonly refused: number;
};

export type SharedPort = {
  stats(): SharedPortStats;
  /** Ends those that TURN has; from now on all are HTTP's. Idempotent. */
  close(): void;
};

/** For the `ALPNProtocols` of an HTTPS server whose port is shared: a TURN client that names its protocol is refused without. */
export const SHARED_PORT_ALPN: readonly string[] = ["http/1.1", ...TURN_ALPN];

type Listener = (...args: unknown[]) => void;

/** @param http listening or not yet; with an `https.Server` TURN over TLS is taken too, under its certificate */
export function shareHttpPort(
  http: HttpServer | HttpsServer,
  turn: Pick<RunningTurnServer, "acceptSocket">,
  { firstByteMs = 10_000, silent: maxSilent = 1000 }: SharedPortOptions = {},
): SharedPort {
  const counts = { turn: 0, http: 0, timedOut: 0, refused: 0 };
  const silent = new Set<Socket>();
  /** What TURN has: the HTTP server counts them among its own, and could not close while they are open. */
  const given = new Set<Socket>();

  const toTurn = (socket: Socket, secure: boolean) => {
    const { remoteAddress, remotePort, localAddress, localPort } = socket;
    if (remoteAddress === undefined || remotePort === undefined || localAddress === undefined || localPort === undefined) {
      socket.destroy();
      return;
    }
    counts.turn++;
    given.add(socket);
    socket.once("close", () => given.delete(socket));
    turn.acceptSocket(socket, {
      secure,
      remote: { address: remoteAddress, port: remotePort },
      local: { address: localAddress, port: localPort },
    });
  };

  /** Waits for the first byte and puts it back. */
  const look = (socket: Socket, then: (byte: number) => void) => {
    if (silent.size >= maxSilent) {
      counts.refused++;
      socket.destroy();
      return;
    }
    silent.add(socket);
    const done = () => {
      clearTimeout(timer);
      silent.delete(socket);
      socket.off("data", onData);
      socket.off("error", onError);
      socket.off("close", done);
    };
    const onData = (chunk: Buffer) => {
      done();
      socket.pause();
      socket.unshift(chunk);
      then(chunk[0] ?? 0);
    };
    const onError = () => {};
    const timer = setTimeout(() => {
      counts.timedOut++;
      // With its listener for errors: nobody else has it.
      socket.off("data", onData);
      socket.destroy();
    }, firstByteMs);
    timer.unref();
    socket.on("data", onData);
    socket.on("error", onError);
    socket.on("close", done);
  };

  const plain = intercept(http, "connection", (pass, socket) =>
    look(socket, (byte) => {
      if (firstBytes(byte) === "turn") return toTurn(socket, false);
      pass();
      // A TLS server takes what was put back by itself, and the socket with it.
      if (http instanceof HttpsServer) return;
      counts.http++;
      socket.resume();
    }),
  );
  const secure = intercept(http, "secureConnection", (pass, socket) => {
    const { alpnProtocol } = socket as TLSSocket;
    if (typeof alpnProtocol === "string" && TURN_ALPN.includes(alpnProtocol)) return toTurn(socket, true);
    look(socket, (byte) => {
      if (firstBytes(byte) === "turn") return toTurn(socket, true);
      counts.http++;
      pass();
      socket.resume();
    });
  });

  return {
    stats: () => ({ ...counts, silent: silent.size }),
    close() {
      plain();
      secure();
      for (const socket of [...silent, ...given]) socket.destroy();
    },
  };
}

/** Stands before the listeners of an event. @returns puts them back */
function intercept(server: HttpServer, event: string, act: (pass: () => void, socket: Socket) => void): () => void {
  const listeners = server.rawListeners(event) as Listener[];
  server.removeAllListeners(event);
  const first = (socket: Socket) =>
    act(() => {
      for (const listener of listeners) listener.call(server, socket);
    }, socket);
  server.on(event, first);
  return () => {
    if (!server.listeners(event).includes(first)) return;
    server.off(event, first);
    for (const listener of listeners) server.on(event, listener);
  };
}
