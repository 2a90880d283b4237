/** The browser as the core's platform. */
import { type Log, secureRandom, systemClock } from "@tsunagi/base";
import type { NetworkWatch, PeerConnectionFactory, Platform, SocketFactory } from "../core/ports.ts";
import { watchElement } from "./element-watch.ts";

const socket: SocketFactory = (url) => {
  const web = new WebSocket(url);
  const port: ReturnType<SocketFactory> = {
    send: (text) => {
      // In CLOSING a browser would swallow it; what counts is kept by the session and sent again.
      if (web.readyState === WebSocket.OPEN) web.send(text);
    },
    get bufferedAmount() {
      return web.bufferedAmount;
    },
    close: (code, reason) => web.close(code, reason),
    onopen: null,
    onmessage: null,
    onclose: null,
  };
  web.onopen = () => port.onopen?.();
  web.onmessage = ({ data }) => port.onmessage?.(String(data));
  web.onclose = ({ code, reason }) => port.onclose?.(code, reason);
  return port;
};

const peerConnections: PeerConnectionFactory = {
  create: (config) => new RTCPeerConnection(config),
  createStream: () => new MediaStream(),
  codecs: (kind) => RTCRtpReceiver.getCapabilities?.(kind)?.codecs,
};

const network: NetworkWatch = {
  listen(listener) {
    const ended = new AbortController();
    const { signal } = ended;
    addEventListener("online", () => listener("online"), { signal });
    // Chromium alone tells of changes without an interruption.
    const connection = (navigator as { connection?: EventTarget }).connection;
    connection?.addEventListener("change", () => listener("changed"), { signal });
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && listener("visible"), {
      signal,
    });
    return () => ended.abort();
  },
};

/** Warnings and errors go to the console; the steps of a lifecycle only with `verbose`. */
export function consoleLog(verbose = false): Log {
  const nothing = () => {};
  return {
    error: (fields, message) => console.error(`tsunagi: ${message}`, fields),
    warn: (fields, message) => console.warn(`tsunagi: ${message}`, fields),
    info: verbose ? (fields, message) => console.info(`tsunagi: ${message}`, fields) : nothing,
    debug: verbose ? (fields, message) => console.debug(`tsunagi: ${message}`, fields) : nothing,
  };
}

export function browserPlatform(): Platform {
  return {
    clock: systemClock,
    random: secureRandom,
    log: consoleLog(),
    socket,
    peerConnections,
    network,
    watchElement,
    defaultServer: typeof location === "undefined" || location.origin === "null" ? undefined : location.origin,
  };
}
