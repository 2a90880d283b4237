/**
 * A publisher's RTP packets as a browser sends them: VP8 (RFC 7741) in frames that a pacer spreads over 5 ms steps, Opus with its level (RFC 6464).
 * Each packet ends in a trailer that says which packet of the load it is and when it left.
 */
import { EXTENSION_ID, OPUS, type VideoLoad, VP8 } from "./scenarios.ts";

/** Chromium's pacer wakes so often, and drains at 2.5 times the rate. */
export const STEP_MS = 5;
const PACING_FACTOR = 2.5;
const AUDIO_MS = 20;
const DTX_MS = 400;
/** A key frame at least so often; a browser sends them on request, and these, too. */
const KEY_FRAME_EVERY_MS = 3_000;

const MAGIC = 0x7453_6667;
export const TRAILER = 20;

export type Trailer = { stream: number; count: number; sentAtMicros: number };

/** The same clock in every process of the machine. */
export const nowMicros = (): number => Number(process.hrtime.bigint()) / 1000;

/** @returns false where this is no packet of the load (padding, a probe) */
export function readTrailer(packet: Buffer, into: Trailer): boolean {
  const at = packet.length - TRAILER;
  if (at < 12 || packet.readUInt32BE(at) !== MAGIC) return false;
  into.stream = packet.readUInt32BE(at + 4);
  into.count = packet.readUInt32BE(at + 8);
  into.sentAtMicros = packet.readDoubleBE(at + 12);
  return true;
}

function writeTrailer(packet: Buffer, stream: number, count: number): void {
  const at = packet.length - TRAILER;
  packet.writeUInt32BE(MAGIC, at);
  packet.writeUInt32BE(stream, at + 4);
  packet.writeUInt32BE(count, at + 8);
  packet.writeDoubleBE(nowMicros(), at + 12);
}

/** Fixed header and one-byte extensions: abs-send-time, transport-wide sequence number, level; 24 bytes (RFC 8285 §4.2). */
const PAYLOAD_AT = 28;
const TRANSPORT_SEQUENCE_AT = 12 + 4 + 4 + 1;
const LEVEL_AT = TRANSPORT_SEQUENCE_AT + 2 + 1;

function makePacket(payloadType: number, ssrc: number, payloadBytes: number): Buffer {
  const packet = Buffer.alloc(PAYLOAD_AT + Math.max(payloadBytes, TRAILER + 16), 0x5a);
  packet.fill(0, 0, PAYLOAD_AT);
  packet[0] = 0x90;
  packet[1] = payloadType;
  packet.writeUInt32BE(ssrc, 8);
  packet.writeUInt32BE(0xbede_0003, 12);
  packet[16] = (EXTENSION_ID.absSendTime << 4) | 2;
  packet[TRANSPORT_SEQUENCE_AT - 1] = (EXTENSION_ID.transportSequence << 4) | 1;
  packet[LEVEL_AT - 1] = payloadType === OPUS ? EXTENSION_ID.audioLevel << 4 : 0;
  return packet;
}

/** Transport-wide sequence numbers count over all streams of one member. */
export type MemberSequence = { next: number };

export interface Source {
  /** Sends what is due. @returns how many */
  send(nowMs: number): number;
  wantKeyFrame(): void;
  readonly ssrc: number;
}

type Emit = (packet: Buffer) => void;

abstract class Stream {
  readonly ssrc: number;
  readonly #stream: number;
  readonly #emit: Emit;
  readonly #member: MemberSequence;
  #count = 0;
  #sequence = 1_000;

  constructor(stream: number, ssrc: number, member: MemberSequence, emit: Emit) {
    this.#stream = stream;
    this.ssrc = ssrc;
    this.#member = member;
    this.#emit = emit;
  }

  protected deliver(packet: Buffer, timestamp: number): void {
    packet.writeUInt16BE(this.#sequence, 2);
    this.#sequence = (this.#sequence + 1) & 0xffff;
    packet.writeUInt32BE(timestamp >>> 0, 4);
    // 24 bits of seconds in 6.18 fixed point.
    packet.writeUIntBE(Math.floor((Date.now() % 64_000) * 262.144) & 0xff_ffff, 17, 3);
    packet.writeUInt16BE(this.#member.next, TRANSPORT_SEQUENCE_AT);
    this.#member.next = (this.#member.next + 1) & 0xffff;
    writeTrailer(packet, this.#stream, this.#count++);
    this.#emit(packet);
  }
}

export class VideoSource extends Stream implements Source {
  readonly #load: VideoLoad;
  readonly #packet: Buffer;
  readonly #startMs: number;
  readonly #perStep: number;
  #frame = 0;
  #ofFrame = 0;
  #isKey = true;
  #keyWanted = false;
  #lastKeyMs = 0;
  #tl0 = 0;

  constructor(load: VideoLoad, stream: number, ssrc: number, member: MemberSequence, startMs: number, emit: Emit) {
    super(stream, ssrc, member, emit);
    this.#load = load;
    this.#packet = makePacket(VP8, ssrc, load.payloadBytes);
    this.#startMs = startMs;
    this.#perStep = Math.ceil((load.framesPerSecond * load.packetsPerFrame * PACING_FACTOR * STEP_MS) / 1000);
  }

  wantKeyFrame(): void {
    this.#keyWanted = true;
  }

  send(nowMs: number): number {
    let sent = 0;
    while (this.#dueMs() <= nowMs) {
      if (this.#ofFrame === 0) this.#begin(nowMs);
      this.#write();
      sent++;
      if (++this.#ofFrame === this.#load.packetsPerFrame) {
        this.#ofFrame = 0;
        this.#frame++;
      }
    }
    return sent;
  }

  #dueMs(): number {
    return (
      this.#startMs + (this.#frame * 1000) / this.#load.framesPerSecond + Math.floor(this.#ofFrame / this.#perStep) * STEP_MS
    );
  }

  #begin(nowMs: number): void {
    this.#isKey = this.#frame === 0 || this.#keyWanted || nowMs - this.#lastKeyMs > KEY_FRAME_EVERY_MS;
    if (this.#isKey) this.#lastKeyMs = nowMs;
    this.#keyWanted = false;
    this.#tl0 = (this.#tl0 + 1) & 0xff;
  }

  /** RFC 7741 §4.2: X; I, L, T, K; 15 bits of picture ID; TL0PICIDX; TID, Y, KEYIDX. One temporal layer. */
  #write(): void {
    const packet = this.#packet;
    const first = this.#ofFrame === 0;
    packet[1] = VP8 | (this.#ofFrame === this.#load.packetsPerFrame - 1 ? 0x80 : 0);
    packet[PAYLOAD_AT] = first ? 0x90 : 0x80;
    packet[PAYLOAD_AT + 1] = 0xf0;
    packet.writeUInt16BE(0x8000 | (this.#frame & 0x7fff), PAYLOAD_AT + 2);
    packet[PAYLOAD_AT + 4] = this.#tl0;
    packet[PAYLOAD_AT + 5] = 0x20;
    if (first) {
      // RFC 6386 §9.1: frame tag (lowest bit 0: key frame), start code, 1280 × 720.
      const tag = [this.#isKey ? 0x10 : 0x11, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x00, 0x05, 0xd0, 0x02];
      for (let i = 0; i < tag.length; i++) packet[PAYLOAD_AT + 6 + i] = tag[i] as number;
    }
    this.deliver(packet, Math.round((this.#frame * 90_000) / this.#load.framesPerSecond));
  }
}

export class AudioSource extends Stream implements Source {
  readonly #packet: Buffer;
  readonly #everyMs: number;
  readonly #startMs: number;
  #index = 0;

  constructor(talks: boolean, stream: number, ssrc: number, member: MemberSequence, startMs: number, emit: Emit) {
    super(stream, ssrc, member, emit);
    this.#everyMs = talks ? AUDIO_MS : DTX_MS;
    this.#startMs = startMs;
    // 32 kbit/s; DTX sends comfort noise in a few bytes, which the trailer outgrows.
    this.#packet = makePacket(OPUS, ssrc, talks ? 80 : TRAILER + 16);
    // RFC 6464 §3: V and −dBov.
    this.#packet[LEVEL_AT] = talks ? 0x80 | 25 : 127;
    this.#packet[PAYLOAD_AT] = 0xfc;
  }

  wantKeyFrame(): void {
    // Sound has none.
  }

  send(nowMs: number): number {
    let sent = 0;
    while (this.#startMs + this.#index * this.#everyMs <= nowMs) {
      this.deliver(this.#packet, this.#index * this.#everyMs * 48);
      this.#index++;
      sent++;
    }
    return sent;
  }
}
