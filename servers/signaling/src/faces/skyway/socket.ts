/**
 * One engine.io socket of a skyway-js client: packets in and out, how fast they may come, and how much may wait to go. A client that is too fast is
 * slowed down, since it knows no refusal: its socket is not read for a while.
 */
import type { Clock, Millis } from "@tsunagi/base";
import type { Socket as EngineSocket } from "engine.io";
import type { WebSocket } from "ws";
import {
  CONNECT,
  DISCONNECT,
  decodeText,
  type Frames,
  isBinaryHeader,
  isTooDeep,
  Partial,
  type Received,
  sizeOf,
} from "./packets.ts";

/** Bursts of this many seconds' worth of messages pass at once. */
const BURST_SECONDS = 10;
/** So many bytes count as one more message. */
const BYTES_PER_TOKEN = 65_536;
/** What may wait of a client that is being slowed down: a few messages arrive after its socket is no longer read. */
const MAX_BACKLOG = 2_000;
const BACKLOG_BYTES = 33_554_432;
const SLOW_MS = 100;
/** Attachments of one packet, and how long they may take to arrive. */
const MAX_ATTACHMENTS = 1_000;
const ATTACHMENTS_MS = 30_000;
/** One message, from its first byte to its last. */
const MESSAGE_MS = 120_000;
/** After the last word to a client its transport stays open for so long: a client that closes it itself does not try again. */
const LEAVE_OPEN_MS = 2_000;
/** Characters of a text that is no room data and has no attachments. */
const MAX_TEXT = 262_144;
const ROOM_DATA = '2["ROOM_SEND_DATA"';
/** What waits to be sent to one client; beyond it, it does not read. */
const MAX_PENDING = 50_331_648;

/** What a link needs of its face. */
export interface LinkOwner {
  readonly clock: Clock;
  /** Of one packet, attachments included. */
  readonly packetBytes: number;
  /** @param size of the packet, attachments included; @param text as it came, of packets without attachments */
  received(link: SkywayLink, packet: Received, size: number, text: string | undefined): void;
  /** A packet was refused. */
  refused(link: SkywayLink, code: LinkRefusal, message: string): void;
  /** Bytes more (or fewer) that are kept for packets that are not whole, or wait to be sent. @returns whether there is room for them */
  reserve(bytes: number): boolean;
  closed(link: SkywayLink): void;
}
export type LinkRefusal =
  | "protocol.message.malformed"
  | "protocol.message.too-large"
  | "protocol.rate.exceeded"
  | "server.capacity.reached";

const LINK = Symbol("link");
type Linked = EngineSocket & { [LINK]?: SkywayLink };
type LinkedWebSocket = WebSocket & { [LINK]?: SkywayLink };

export class SkywayLink {
  readonly engine: EngineSocket;
  /** As its first request says. */
  readonly isMozilla: boolean;
  readonly #owner: LinkOwner;
  /** What is on the other side of it; the face's. */
  session: LinkSession | undefined;
  /** Messages wait until then: the client's session is being opened. */
  isGreeting = true;
  /** The browser said that it leaves the page. */
  isGone = false;
  /** Messages a second; 0 before the app is known. */
  rate = 0;
  #tokens = 0;
  #refilledAt: Millis = 0;
  #partial: Partial | undefined;
  #partialSince: Millis = 0;
  #backlog: (string | Buffer)[] | undefined;
  #backlogBytes = 0;
  #cancelSlow: (() => void) | undefined;
  #pending = 0;
  #closeAt: Millis | undefined;
  #unreadSince: Millis | undefined;

  constructor(engine: EngineSocket, owner: LinkOwner, userAgent = "") {
    this.engine = engine;
    this.isMozilla = /\bFirefox\//.test(userAgent);
    this.#owner = owner;
    const linked: Linked = engine;
    linked[LINK] = this;
    engine.on("data", onData);
    engine.on("drain", onDrain);
    engine.on("upgrade", onUpgrade);
    engine.once("close", onClose);
    watchCloseCode(this);
  }

  get isOpen(): boolean {
    return this.engine.readyState === "open" && this.#closeAt === undefined;
  }

  // ---- Out ---------------------------------------------------------------------------------------------------------------------

  connect(): void {
    this.engine.send(CONNECT);
  }

  /** False: the client does not read, and its transport has been closed. */
  send(frames: Frames): boolean {
    if (!this.isOpen) return false;
    if (this.#pending + sizeOf(frames) > MAX_PENDING) {
      this.terminate();
      return false;
    }
    if (typeof frames === "string") return this.#write(frames);
    return frames.every((frame) => this.#write(frame));
  }

  #write(frame: string | Buffer): boolean {
    // Counted before: when the transport takes it at once, it is uncounted again inside.
    this.#pending += frame.length;
    if (!this.#owner.reserve(frame.length)) {
      this.terminate();
      return false;
    }
    this.engine.send(frame);
    return true;
  }

  /** Ends the namespace: the client does not come back by itself. The transport follows a little later, if the client leaves it open. */
  disconnect(): void {
    if (!this.isOpen) return;
    this.engine.send(DISCONNECT);
    this.#closeAt ??= this.#owner.clock.now() + LEAVE_OPEN_MS;
  }

  /** The client notices a loss, and comes back. Not by a word: it may not read, or not be read. */
  terminate(): void {
    // What still arrives is not read.
    this.#closeAt ??= this.#owner.clock.now();
    const socket = webSocketOf(this.engine);
    if (socket === undefined) this.engine.close(true);
    else socket.terminate();
  }

  // ---- In ----------------------------------------------------------------------------------------------------------------------

  received(data: unknown): void {
    // engine.io hands over texts and Buffers.
    if ((typeof data !== "string" && !Buffer.isBuffer(data)) || this.#closeAt !== undefined) return;
    if (this.isGreeting || this.#backlog !== undefined) this.#wait(data);
    else this.#read(data);
  }

  /** The session is there: what came meanwhile is read now. */
  greeted(messagesPerSecond: number): void {
    this.isGreeting = false;
    this.rate = messagesPerSecond;
    this.#tokens = messagesPerSecond * BURST_SECONDS;
    this.#refilledAt = this.#owner.clock.now();
    this.#readBacklog();
  }

  /** Attachments that do not come are not waited for, nor messages that never end. @returns bytes of a message that is not whole */
  sweep(now: Millis): number {
    if (this.#closeAt !== undefined && now >= this.#closeAt) {
      this.terminate();
      return 0;
    }
    if (this.#partial !== undefined && now - this.#partialSince >= ATTACHMENTS_MS) {
      this.#dropPartial();
      this.#owner.refused(this, "protocol.message.malformed", "attachments did not arrive");
    }
    const unread = unreadBytes(this.engine);
    if (unread === 0) this.#unreadSince = undefined;
    else this.#unreadSince ??= now;
    if (this.#unreadSince !== undefined && now - this.#unreadSince >= MESSAGE_MS) this.terminate();
    return unread;
  }

  /** engine.io says that it is over. */
  closed(): void {
    this.#closeAt ??= this.#owner.clock.now();
    this.#cancelSlow?.();
    // A socket that is not read would not see its own end.
    resumeReading(this.engine);
    this.#dropPartial();
    this.#owner.reserve(-this.#backlogBytes - this.#pending);
    this.#backlog = undefined;
    this.#backlogBytes = 0;
    this.#pending = 0;
    this.#owner.closed(this);
  }

  drained(): void {
    this.#owner.reserve(-this.#pending);
    this.#pending = 0;
  }

  #wait(data: string | Buffer): void {
    this.#backlog ??= [];
    this.#backlogBytes += data.length;
    const hasRoom = this.#owner.reserve(data.length);
    this.#backlog.push(data);
    if (hasRoom && this.#backlog.length <= MAX_BACKLOG && this.#backlogBytes <= BACKLOG_BYTES) return;
    this.#owner.refused(this, "protocol.rate.exceeded", "too much at once");
    this.terminate();
  }

  #readBacklog(): void {
    const backlog = this.#backlog;
    if (backlog === undefined) return;
    let read = 0;
    for (const data of backlog) {
      if (!this.isOpen || this.#tokensNow() < 1) break;
      read += 1;
      this.#backlogBytes -= data.length;
      this.#owner.reserve(-data.length);
      this.#read(data);
    }
    backlog.splice(0, read);
    if (backlog.length === 0) {
      this.#backlog = undefined;
      resumeReading(this.engine);
    } else if (this.isOpen) {
      this.#slowDown();
    }
  }

  #slowDown(): void {
    this.#backlog ??= [];
    pauseReading(this.engine);
    this.#cancelSlow?.();
    this.#cancelSlow = this.#owner.clock.after(SLOW_MS, () => this.#readBacklog());
  }

  #read(data: string | Buffer): void {
    if (typeof data === "string") this.#readText(data);
    else this.#readAttachment(data);
    this.#tokens = this.#tokensNow() - 1 - Math.floor(data.length / BYTES_PER_TOKEN);
    // Else it is reading what waited already, and stops by itself.
    if (this.#tokens < 1 && this.#backlog === undefined) this.#slowDown();
  }

  #readText(text: string): void {
    const owner = this.#owner;
    if (this.#partial !== undefined) {
      this.#dropPartial();
      owner.refused(this, "protocol.message.malformed", "attachments were announced and did not come");
    }
    const isHeader = isBinaryHeader(text);
    const mayBeLong = isHeader || text.startsWith(ROOM_DATA);
    const limit = mayBeLong ? owner.packetBytes : MAX_TEXT;
    if (text.length > limit) {
      owner.refused(this, "protocol.message.too-large", `${text.length} characters, at most ${limit}`);
    } else if (mayBeLong && isTooDeep(text)) {
      owner.refused(this, "protocol.message.malformed", "the message nests too deeply");
    } else if (isHeader) {
      this.#partial = this.#attempt(() => new Partial(text, MAX_ATTACHMENTS));
      this.#partialSince = owner.clock.now();
      if (this.#partial !== undefined && !owner.reserve(text.length)) this.#refusePartial();
    } else {
      const packet = this.#attempt(() => decodeText(text));
      if (packet !== undefined) owner.received(this, packet, text.length, text);
    }
  }

  #readAttachment(data: Buffer): void {
    const partial = this.#partial;
    if (partial === undefined) {
      this.#owner.refused(this, "protocol.message.malformed", "an attachment that nothing announced");
      return;
    }
    if (partial.bytes + data.length > this.#owner.packetBytes) {
      this.#dropPartial();
      this.#owner.refused(this, "protocol.message.too-large", `at most ${this.#owner.packetBytes} bytes`);
      return;
    }
    const hasRoom = this.#owner.reserve(data.length);
    const packet = this.#attempt(() => partial.add(data));
    if (packet === undefined) {
      if (!hasRoom) this.#refusePartial();
      return;
    }
    const size = partial.bytes;
    this.#dropPartial();
    this.#owner.received(this, packet, size, undefined);
  }

  #attempt<Result>(act: () => Result): Result | undefined {
    try {
      return act();
    } catch {
      this.#dropPartial();
      this.#owner.refused(this, "protocol.message.malformed", "no packet of socket.io");
      return undefined;
    }
  }

  #refusePartial(): void {
    this.#dropPartial();
    this.#owner.refused(this, "server.capacity.reached", "too much is under way");
  }

  #dropPartial(): void {
    if (this.#partial === undefined) return;
    this.#owner.reserve(-this.#partial.bytes);
    this.#partial = undefined;
  }

  #tokensNow(): number {
    const now = this.#owner.clock.now();
    this.#tokens = Math.min(this.rate * BURST_SECONDS, this.#tokens + ((now - this.#refilledAt) * this.rate) / 1_000);
    this.#refilledAt = now;
    return this.#tokens;
  }
}

/** The session on a link; the link itself asks nothing of it. */
export interface LinkSession {
  readonly id: string;
}

// One set of listeners for all sockets: they are called with the socket as `this`.
function onData(this: EngineSocket, data: unknown): void {
  (this as Linked)[LINK]?.received(data);
}

function onDrain(this: EngineSocket): void {
  (this as Linked)[LINK]?.drained();
}

function onUpgrade(this: EngineSocket): void {
  const link = (this as Linked)[LINK];
  if (link !== undefined) watchCloseCode(link);
}

function onClose(this: EngineSocket): void {
  (this as Linked)[LINK]?.closed();
}

/** RFC 6455 §7.4.1: the browser leaves the page. engine.io does not hand the code on. */
const GOING_AWAY = 1001;

function watchCloseCode(link: SkywayLink): void {
  const socket = webSocketOf(link.engine);
  if (socket === undefined) return;
  (socket as LinkedWebSocket)[LINK] = link;
  // Before engine.io's own, which tells the link that it is over.
  socket.prependOnceListener("close", onWebSocketClose);
}

function onWebSocketClose(this: WebSocket, code: number): void {
  const link = (this as LinkedWebSocket)[LINK];
  if (link !== undefined && code === GOING_AWAY) link.isGone = true;
}

function pauseReading(engine: EngineSocket): void {
  webSocketOf(engine)?.pause();
}

function resumeReading(engine: EngineSocket): void {
  webSocketOf(engine)?.resume();
}

/** Of the transport `websocket`; polls wait for their answers anyway. */
function webSocketOf(engine: EngineSocket): WebSocket | undefined {
  const transport = engine.transport as typeof engine.transport & { readonly socket?: WebSocket };
  return transport.name === "websocket" ? transport.socket : undefined;
}

/** Of a message that is on its way. `ws` has no public name for it: without these fields it is not known, and nothing else breaks. */
function unreadBytes(engine: EngineSocket): number {
  const socket = webSocketOf(engine) as unknown as
    | { readonly _receiver?: { readonly _bufferedBytes?: number; readonly _totalPayloadLength?: number } }
    | undefined;
  return (socket?._receiver?._bufferedBytes ?? 0) + (socket?._receiver?._totalPayloadLength ?? 0);
}

/** What was given to engine.io and never went out: of a transport that is just closing, or is replaced. */
export function unsent(engine: EngineSocket): Frames[] {
  const buffer = (engine as unknown as { readonly writeBuffer?: readonly { readonly type: string; readonly data?: unknown }[] })
    .writeBuffer;
  const frames: Frames[] = [];
  let header: string | undefined;
  let attachments: Buffer[] = [];
  let missing = 0;
  for (const { type, data } of buffer ?? []) {
    if (type !== "message") continue;
    if (typeof data === "string") {
      header = undefined;
      // The session says itself that it is open.
      if (data.startsWith("2") && !data.startsWith('2["OPEN"')) frames.push(data);
      if (!isBinaryHeader(data)) continue;
      header = data;
      attachments = [];
      missing = Number.parseInt(data.slice(1), 10);
    } else if (header !== undefined && Buffer.isBuffer(data)) {
      attachments.push(data);
      missing -= 1;
      if (missing > 0) continue;
      frames.push([header, ...attachments]);
      header = undefined;
    }
  }
  return frames;
}
