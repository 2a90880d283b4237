/** A visit to a server as peerjs makes it: an ID, a session, a second one, and a message from one to the other. */
import { randomUUID } from "node:crypto";
import WebSocket from "ws";
import { type AskResult, ask, fieldOf, jsonOf } from "./ask.ts";

export type PeerjsVisitOptions = { readonly key: string; readonly origin: string; readonly timeoutMs: number };

/** The first frame that matters, or what came instead. */
export type Frame =
  | { readonly type: "frame"; readonly name: string; readonly value: unknown; readonly ms: number }
  | { readonly type: "none"; readonly detail: string };

export type PeerjsVisit = {
  readonly about: AskResult;
  readonly id: AskResult;
  /** undefined: there was no ID to try it with. */
  readonly session:
    | {
        readonly id: string;
        readonly open: Frame;
        /** The same ID asked for by somebody else. */
        readonly taken: Frame;
        /** What the first session gets when a second one sends it an offer under a forged name. */
        readonly relayed: Frame;
        readonly sender: string;
        readonly peers: AskResult;
      }
    | undefined;
};

/** @param url with the path of the face, with or without a final slash */
export async function visitPeerjs(url: URL, { key, origin, timeoutMs }: PeerjsVisitOptions): Promise<PeerjsVisit> {
  const prefix = new URL(url);
  if (!prefix.pathname.endsWith("/")) prefix.pathname += "/";
  const headers = { Origin: origin };
  const get = (path: string) => ask(new URL(path, prefix), { headers, timeoutMs });
  const about = await get("");
  const id = await get(`${encodeURIComponent(key)}/id?ts=1&version=1.5.5`);
  if (id.type !== "response" || id.status !== 200 || id.body === "") return { about, id, session: undefined };

  const connect = (name: string) => new PeerjsSocket(prefix, { key, id: name, origin, timeoutMs });
  const sender = randomUUID();
  const [first, second] = [connect(id.body), connect(sender)];
  try {
    const [open] = await Promise.all([first.next(), second.next()]);
    const other = connect(id.body);
    const taken = await other.next();
    other.close();
    second.send({
      type: "OFFER",
      src: "forged",
      dst: id.body,
      payload: {
        type: "data",
        connectionId: "dc_doctor",
        sdp: OFFER,
        label: "dc_doctor",
        reliable: false,
        serialization: "json",
      },
    });
    const relayed =
      open.type === "frame" && open.name === "OPEN" ? await first.next() : ({ type: "none", detail: "no session" } as const);
    const peers = await get(`${encodeURIComponent(key)}/peers?ts=1&version=1.5.5`);
    return { about, id, session: { id: id.body, open, taken, relayed, sender, peers } };
  } finally {
    first.close();
    second.close();
  }
}

/** Of a data channel, with nothing in it that anyone could connect to. */
const OFFER = {
  type: "offer",
  sdp: [
    "v=0",
    "o=- 1 1 IN IP4 127.0.0.1",
    "s=-",
    "t=0 0",
    "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
    "c=IN IP4 0.0.0.0",
    "a=ice-ufrag:doct",
    "a=ice-pwd:doctordoctordoctordoctor",
    `a=fingerprint:sha-256 ${Array.from({ length: 32 }, () => "00").join(":")}`,
    "a=setup:actpass",
    "a=mid:0",
    "a=sctp-port:5000",
    "",
  ].join("\r\n"),
};

class PeerjsSocket {
  readonly #socket: WebSocket;
  readonly #timeoutMs: number;
  readonly #frames: Frame[] = [];
  readonly #startedAt = performance.now();
  #wake: (() => void) | undefined;

  constructor(prefix: URL, { key, id, origin, timeoutMs }: { key: string; id: string; origin: string; timeoutMs: number }) {
    const place = new URL("peerjs", prefix);
    place.protocol = prefix.protocol === "https:" ? "wss:" : "ws:";
    place.search = new URLSearchParams({ key, id, token: randomUUID(), version: "1.5.5" }).toString();
    this.#timeoutMs = timeoutMs;
    this.#socket = new WebSocket(place, {
      origin,
      rejectUnauthorized: false,
      handshakeTimeout: timeoutMs,
      maxPayload: 1_048_576,
    });
    this.#socket.on("message", (data) => {
      const value = jsonOf(String(data));
      this.#put({ type: "frame", name: String(fieldOf(value, "type")), value, ms: performance.now() - this.#startedAt });
    });
    this.#socket.on("error", (error) => this.#put({ type: "none", detail: error.message }));
    this.#socket.on("close", (code) => this.#put({ type: "none", detail: `closed with ${code}` }));
  }

  send(frame: object): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(frame));
  }

  async next(): Promise<Frame> {
    if (this.#frames.length === 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, this.#timeoutMs);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    return this.#frames.shift() ?? { type: "none", detail: "no answer" };
  }

  close(): void {
    this.#socket.removeAllListeners();
    this.#socket.on("error", () => {});
    this.#socket.close();
  }

  #put(frame: Frame): void {
    this.#frames.push(frame);
    this.#wake?.();
  }
}
