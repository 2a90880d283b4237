/** The handful of engine.io 3 and socket.io 2 packets that skyway-js speaks: https://github.com/socketio/engine.io-protocol/tree/v3 */
import WebSocket from "ws";
import type { NoAnswer } from "../doctor/probes.ts";
import { type Answer, type AskResult, ask, fieldOf, jsonOf } from "./ask.ts";

/** The payloads of a polling answer: `length:packet` after each other, the length in UTF-16 units. undefined: it is none. */
export function packetsOf(body: string): readonly string[] | undefined {
  const packets: string[] = [];
  let at = 0;
  while (at < body.length) {
    const colon = body.indexOf(":", at);
    const length = Number(body.slice(at, colon));
    if (colon < 0 || colon === at || !Number.isSafeInteger(length) || length < 1 || colon + 1 + length > body.length)
      return undefined;
    packets.push(body.slice(colon + 1, colon + 1 + length));
    at = colon + 1 + length;
  }
  return packets.length > 0 ? packets : undefined;
}

export type SocketEvent =
  | { readonly type: "event"; readonly name: string; readonly payload: unknown }
  /** The server ended the namespace, or the transport. */
  | { readonly type: "ended" }
  /** Nothing came in time. */
  | { readonly type: "silent" };

export type HandshakeResult =
  | { readonly type: "engine"; readonly client: EngineClient; readonly answer: Answer }
  /** Something else answers there. */
  | { readonly type: "other"; readonly answer: Answer }
  | NoAnswer;

export type UpgradeOutcome =
  | { readonly type: "upgraded"; readonly ms: number }
  | { readonly type: "failed"; readonly detail: string };

export type EngineOptions = { readonly origin: string; readonly timeoutMs: number };

export class EngineClient {
  readonly sid: string;
  readonly #base: URL;
  readonly #options: EngineOptions;
  readonly #waiting: SocketEvent[] = [];
  #wake: (() => void) | undefined;
  #socket: WebSocket | undefined;
  #ended = false;

  private constructor(base: URL, sid: string, options: EngineOptions) {
    this.#base = base;
    this.sid = sid;
    this.#options = options;
  }

  /** @param query of the handshake, engine.io's own left out */
  static async open(url: URL, query: Readonly<Record<string, string>>, options: EngineOptions): Promise<HandshakeResult> {
    const base = new URL("/socket.io/", url);
    for (const [name, value] of Object.entries({ ...query, EIO: "3" })) base.searchParams.set(name, value);
    const place = new URL(base);
    place.searchParams.set("transport", "polling");
    const answer = await ask(place, { headers: { Origin: options.origin }, timeoutMs: options.timeoutMs });
    if (answer.type !== "response") return answer;
    const [first, ...rest] = packetsOf(answer.body) ?? [];
    const sid = first?.startsWith("0") ? fieldOf(jsonOf(first.slice(1)), "sid") : undefined;
    if (answer.status !== 200 || typeof sid !== "string") return { type: "other", answer };
    const client = new EngineClient(base, sid, options);
    for (const packet of rest) client.#received(packet);
    return { type: "engine", client, answer };
  }

  /** A page's question before it sends bytes of its own. */
  preflight(): Promise<AskResult> {
    return ask(this.#place("polling"), {
      method: "OPTIONS",
      headers: {
        Origin: this.#options.origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type",
      },
      timeoutMs: this.#options.timeoutMs,
    });
  }

  /** By polling, whatever the transport is. */
  post(name: string, payload: unknown): Promise<AskResult> {
    const packet = eventPacket(name, payload);
    return ask(this.#place("polling"), {
      method: "POST",
      headers: { Origin: this.#options.origin, "Content-Type": "text/plain;charset=UTF-8" },
      body: `${packet.length}:${packet}`,
      timeoutMs: this.#options.timeoutMs,
    });
  }

  upgrade(): Promise<UpgradeOutcome> {
    const startedAt = performance.now();
    const place = this.#place("websocket");
    place.protocol = place.protocol === "https:" ? "wss:" : "ws:";
    const { origin, timeoutMs } = this.#options;
    return new Promise((resolve) => {
      const socket = new WebSocket(place, {
        origin,
        rejectUnauthorized: false,
        handshakeTimeout: timeoutMs,
        maxPayload: 4_194_304,
      });
      const fail = (detail: string) => {
        clearTimeout(limit);
        socket.removeAllListeners();
        socket.on("error", () => {});
        socket.terminate();
        resolve({ type: "failed", detail });
      };
      const limit = setTimeout(() => fail("no answer"), timeoutMs);
      socket.on("error", (error) => fail(error.message));
      socket.on("close", (code) => fail(`closed with ${code}`));
      socket.on("open", () => socket.send("2probe"));
      socket.once("message", (data) => {
        if (String(data) !== "3probe") return fail(`answered ${JSON.stringify(String(data).slice(0, 40))} to the probe`);
        clearTimeout(limit);
        socket.removeAllListeners();
        socket.on("error", () => {});
        socket.on("message", (packet, isBinary) => {
          if (!isBinary) this.#received(String(packet));
        });
        socket.on("close", () => this.#end());
        socket.send("5");
        this.#socket = socket;
        resolve({ type: "upgraded", ms: performance.now() - startedAt });
      });
    });
  }

  async emit(name: string, payload: unknown): Promise<void> {
    if (this.#socket === undefined) await this.post(name, payload);
    else this.#socket.send(eventPacket(name, payload));
  }

  /** The next event with one of these names; others in between are dropped. */
  async next(...names: readonly string[]): Promise<SocketEvent> {
    const until = performance.now() + this.#options.timeoutMs;
    for (;;) {
      const event = this.#waiting.shift();
      if (event?.type === "event" && !names.includes(event.name)) continue;
      if (event !== undefined) return event;
      if (this.#ended) return { type: "ended" };
      const left = until - performance.now();
      if (left <= 0) return { type: "silent" };
      if (this.#socket === undefined) await this.#poll(left);
      else await this.#sleep(left);
    }
  }

  /** As skyway-js does at `destroy()`. */
  close(): void {
    this.#ended = true;
    if (this.#socket === undefined) {
      void ask(this.#place("polling"), { method: "POST", body: "2:411:1", timeoutMs: this.#options.timeoutMs });
      return;
    }
    this.#socket.removeAllListeners();
    this.#socket.on("error", () => {});
    this.#socket.send("41");
    this.#socket.close();
  }

  #place(transport: string): URL {
    const place = new URL(this.#base);
    place.searchParams.set("transport", transport);
    place.searchParams.set("sid", this.sid);
    return place;
  }

  async #poll(timeoutMs: number): Promise<void> {
    const answer = await ask(this.#place("polling"), { headers: { Origin: this.#options.origin }, timeoutMs });
    const packets = answer.type === "response" && answer.status === 200 ? packetsOf(answer.body) : undefined;
    if (packets === undefined) return this.#end();
    for (const packet of packets) this.#received(packet);
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #received(packet: string): void {
    if (packet.startsWith("42")) {
      const event = jsonOf(packet.slice(2));
      if (Array.isArray(event) && typeof event[0] === "string")
        this.#waiting.push({ type: "event", name: event[0], payload: event[1] });
    } else if (packet === "41" || packet.startsWith("44") || packet === "1") this.#waiting.push({ type: "ended" });
    this.#wake?.();
  }

  #end(): void {
    this.#ended = true;
    this.#wake?.();
  }
}

function eventPacket(name: string, payload: unknown): string {
  return `42${JSON.stringify([name, payload])}`;
}
