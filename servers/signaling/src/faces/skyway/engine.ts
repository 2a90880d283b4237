/** engine.io, told what skyway-js needs of it, and with payloads of polling looked at before they are taken apart. */
import type { IncomingMessage } from "node:http";
import { Server as EngineServer, type Socket as EngineSocket, type ServerOptions } from "engine.io";

export type { EngineServer, EngineSocket };

/** Room data of 20 MiB, and what is written around it. */
export const MESSAGE_BYTES = 25_000_000;
/** Clients ping so often. */
const PING_INTERVAL_MS = 25_000;
/** A tab in the background may run its timers once a minute only. */
const PING_TIMEOUT_MS = 60_000;
/** Packets in one POST: each costs many times its bytes. */
const MAX_PACKETS = 4_000;
/** Texts in a payload with binary packets are read letter by letter. */
const MAX_TEXTS_IN_BINARY = 1_048_576;

const OPTIONS: ServerOptions = {
  transports: ["polling", "websocket"],
  allowEIO3: true,
  pingInterval: PING_INTERVAL_MS,
  pingTimeout: PING_TIMEOUT_MS,
  maxHttpBufferSize: MESSAGE_BYTES,
  // Signalling texts are short or carry SDP once: compression would cost 64 kB and more a connection.
  perMessageDeflate: false,
  httpCompression: false,
};

/** What of a polling transport is changed. */
type PollingTransport = {
  onData(data: string | Buffer): void;
  onError(message: string): void;
};
const original = Symbol("onData");
type Watched = PollingTransport & { [original]?: PollingTransport["onData"] };

class BoundedServer extends EngineServer {
  protected override createTransport(name: Parameters<EngineServer["upgrades"]>[0], request: IncomingMessage) {
    const transport = super.createTransport(name, request);
    if (name === "polling") {
      const watched = transport as unknown as Watched;
      watched[original] = watched.onData;
      watched.onData = onPollingData;
    }
    return transport;
  }
}

function onPollingData(this: Watched, data: string | Buffer): void {
  if (isPayloadBounded(data)) this[original]?.(data);
  else this.onError("too many packets at once");
}

/** @param allow whether a new client may come: undefined, or why not */
export function makeEngine(allow: (request: IncomingMessage) => string | undefined): EngineServer {
  return new BoundedServer({
    ...OPTIONS,
    allowRequest: (request, done) => {
      const why = allow(request);
      done(why ?? null, why === undefined);
    },
  });
}

/** Walks over a payload of engine.io's protocol 3, `<length>:<packet>…`, or its binary form, without taking it apart. */
export function isPayloadBounded(data: string | Buffer): boolean {
  return typeof data === "string" ? isTextBounded(data) : isBinaryBounded(data);
}

function isTextBounded(data: string): boolean {
  let packets = 0;
  for (let at = 0; at < data.length; ) {
    const colon = data.indexOf(":", at);
    // No length has more digits; what follows is refused by engine.io itself.
    if (colon < 0 || colon - at > 10) return packets > 0 || data.length < 1_000;
    const length = Number(data.slice(at, colon));
    if (!Number.isSafeInteger(length) || length < 0) return true;
    packets += 1;
    if (packets > MAX_PACKETS) return false;
    at = colon + 1 + length;
  }
  return true;
}

/** Each packet: 0 for text or 1, the length's decimal digits as bytes, 255, the packet. */
function isBinaryBounded(data: Buffer): boolean {
  let packets = 0;
  let texts = 0;
  for (let at = 0; at < data.length; ) {
    const end = data.indexOf(255, at + 1);
    if (end < 0 || end - at > 11) return false;
    let length = 0;
    for (let digit = at + 1; digit < end; digit += 1) {
      const value = data[digit] ?? 255;
      if (value > 9) return false;
      length = length * 10 + value;
    }
    packets += 1;
    if (data[at] === 0) texts += length;
    if (packets > MAX_PACKETS || texts > MAX_TEXTS_IN_BINARY) return false;
    at = end + 1 + length;
  }
  return true;
}
