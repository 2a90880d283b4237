/**
 * socket.io packets of protocol 4 (socket.io 2), namespace `/`: one event with one argument each way. Texts are bounded in depth before they are
 * parsed, and binary attachments in number and bytes before they are kept.
 */
import { ProtocolError } from "@tsunagi/base";
import { Decoder, Encoder, PacketType } from "socket.io-parser";

/** A packet ready to be sent: its text, and its attachments where it has some. */
export type Frames = string | readonly [text: string, ...attachments: Buffer[]];

export const CONNECT = "0";
export const DISCONNECT = "1";

/** Arrays and objects inside each other. What recurses over values, ours and others' code, is safe far beyond it. */
export const MAX_DEPTH = 200;

/** What a client sent, in one piece. */
export type Received =
  | { readonly type: "event"; readonly event: string; readonly payload: unknown }
  | { readonly type: "disconnect" }
  /** Nothing to act on: the other namespaces, acknowledgements. */
  | { readonly type: "other" };

const encoder = new Encoder();

/** One event with one argument. */
export function encodeEvent(event: string, payload: unknown): string {
  return `2${JSON.stringify([event, payload])}`;
}

/** The same, when there may be Buffers in the argument. */
export function encodeBinaryEvent(event: string, payload: unknown): Frames {
  const [text, ...attachments] = encoder.encode({ type: PacketType.EVENT, nsp: "/", data: [event, payload] });
  // The encoder's own types know no better: the first is the text, the rest are what was taken out of it.
  return attachments.length === 0 ? String(text) : [String(text), ...(attachments as unknown as Buffer[])];
}

export function sizeOf(frames: Frames): number {
  if (typeof frames === "string") return frames.length;
  let size = 0;
  for (const each of frames) size += each.length;
  return size;
}

/** Reads a packet without attachments. @throws {ProtocolError} `protocol.message.malformed` */
export function decodeText(text: string): Received {
  return decodeWith(plainDecoder, text) ?? { type: "other" };
}

/** Whether attachments follow this text. */
export function isBinaryHeader(text: string): boolean {
  const type = text.charCodeAt(0);
  // BINARY_EVENT and BINARY_ACK.
  return type === 0x35 || type === 0x36;
}

/** A packet whose attachments are on their way. */
export class Partial {
  readonly #decoder: PacketDecoder;
  bytes: number;

  /** @throws {ProtocolError} `protocol.message.malformed` */
  constructor(header: string, maxAttachments: number) {
    this.bytes = header.length;
    this.#decoder = new PacketDecoder(maxAttachments);
    decodeWith(this.#decoder, header);
  }

  /** @returns the packet once it is whole. @throws {ProtocolError} `protocol.message.malformed` */
  add(attachment: Buffer): Received | undefined {
    this.bytes += attachment.length;
    return decodeWith(this.#decoder, attachment);
  }
}

type DecodedPacket = { readonly type: number; readonly nsp?: string; readonly data?: unknown };

class PacketDecoder extends Decoder {
  decoded: DecodedPacket | undefined;

  constructor(maxAttachments = 0) {
    super({ maxAttachments });
    this.on("decoded", (packet: DecodedPacket) => {
      this.decoded = packet;
    });
  }
}

/** For all packets without attachments: it keeps nothing from one to the next. */
const plainDecoder = new PacketDecoder();

function decodeWith(decoder: PacketDecoder, data: string | Buffer): Received | undefined {
  decoder.decoded = undefined;
  try {
    decoder.add(data);
  } catch (cause) {
    throw new ProtocolError("protocol.message.malformed", cause instanceof Error ? cause.message : "no packet", { cause });
  }
  const packet = decoder.decoded as DecodedPacket | undefined;
  if (packet === undefined) return undefined;
  if (packet.nsp !== "/") return { type: "other" };
  if (packet.type === PacketType.DISCONNECT) return { type: "disconnect" };
  if (packet.type !== PacketType.EVENT || !Array.isArray(packet.data)) return { type: "other" };
  const [event, payload] = packet.data as readonly unknown[];
  return typeof event === "string" ? { type: "event", event, payload } : { type: "other" };
}

/** The same of a value that was parsed from a short text. */
export function isShallow(value: unknown, depth = 0): boolean {
  if (typeof value !== "object" || value === null) return true;
  if (depth >= MAX_DEPTH) return false;
  for (const each of Object.values(value)) if (!isShallow(each, depth + 1)) return false;
  return true;
}

/**
 * Whether a text of JSON nests deeper than {@link MAX_DEPTH}: of long ones looked at before they are parsed, since a parser's stack costs memory and
 * time. Short ones are parsed in any case, and looked at where something recurses over them.
 */
export function isTooDeep(text: string): boolean {
  if (text.length <= MAX_DEPTH) return false;
  let depth = 0;
  let inString = false;
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    if (inString) {
      if (unit === 0x5c) index += 1;
      else if (unit === 0x22) inString = false;
    } else if (unit === 0x22) {
      inString = true;
    } else if (unit === 0x5b || unit === 0x7b) {
      depth += 1;
      if (depth > MAX_DEPTH) return true;
    } else if (unit === 0x5d || unit === 0x7d) {
      depth -= 1;
    }
  }
  return false;
}

/**
 * The text of a client's event as another client gets it: under the event's other name, and with who really sent it, without building it anew.
 *
 * @param text of an event whose only argument is an object
 */
export function forwardText(text: string, event: string, forwarded: string, src: string): string | undefined {
  const head = `2["${event}",{`;
  // Of two equal names in an object the later one counts (ECMA-262 JSON.parse), so that a `src` which the client made up does not.
  if (!text.startsWith(head) || !text.endsWith("}]")) return undefined;
  const inner = text.slice(head.length, -2);
  const comma = inner.trim() === "" ? "" : ",";
  return `2["${forwarded}",{${inner}${comma}"src":${JSON.stringify(src)}}]`;
}
