/**
 * What the router answers to a burst: one list of packets to send, as columns in preallocated arrays, flushed once by the data plane.
 *
 * A packet is in canonical form (canonical-packet.ts): what differs for each receiver stands at a known place, so that it is written over in
 * place just before sending and nothing is copied or allocated for a packet and a receiver.
 */
import type { CanonicalPacket } from "./canonical-packet.ts";
import { writeFor } from "./canonical-packet.ts";
import type { ExtensionIds } from "./extension-ids.ts";

/** No value in a column: the packet's own stays, or the extension is left out. */
export const NONE = -1;

/** Entries of one list before it grows. A burst of 20 packets to 50 receivers fits. */
const INITIAL = 1_024;

export class SendList {
  length = 0;
  /** `abs-send-time` (ntp.ts) of all entries that carry it: whoever fills the list says when. */
  sendTime = 0;
  /** Index of the transport (`MediaTransport.index`). */
  transport = new Int32Array(INITIAL);
  packet: (CanonicalPacket | undefined)[] = new Array(INITIAL);
  ssrc = new Uint32Array(INITIAL);
  sequence = new Uint16Array(INITIAL);
  timestamp = new Uint32Array(INITIAL);
  payloadType = new Uint8Array(INITIAL);
  /** 0, 1, or NONE: as received. Set where a layer above was cut off, so that the picture ends here. */
  marker = new Int8Array(INITIAL);
  /** Transport-wide sequence number, or NONE. */
  transportSequence = new Int32Array(INITIAL);
  /** RTX (RFC 4588): the original sequence number that precedes the payload, or NONE: not a repeat. */
  originalSequence = new Int32Array(INITIAL);
  /** VP8 and VP9 picture ID, with AV1 the frame number of the dependency descriptor, or NONE: as received. */
  pictureId = new Int32Array(INITIAL);
  /** VP8 TL0PICIDX, or NONE: as received. */
  tl0PicIdx = new Int16Array(INITIAL);
  /** Extension IDs as this receiver negotiated them. */
  extensions: (ExtensionIds | undefined)[] = new Array(INITIAL);

  /** Adds an entry with nothing changed but what the arguments say; the caller sets further columns at the returned index. */
  add(
    transport: number,
    packet: CanonicalPacket,
    ssrc: number,
    sequence: number,
    timestamp: number,
    payloadType: number,
    extensions: ExtensionIds,
  ): number {
    const at = this.length;
    if (at === this.transport.length) this.#grow();
    this.length = at + 1;
    this.transport[at] = transport;
    this.packet[at] = packet;
    this.ssrc[at] = ssrc;
    this.sequence[at] = sequence;
    this.timestamp[at] = timestamp;
    this.payloadType[at] = payloadType;
    this.marker[at] = NONE;
    this.transportSequence[at] = NONE;
    this.originalSequence[at] = NONE;
    this.pictureId[at] = NONE;
    this.tl0PicIdx[at] = NONE;
    this.extensions[at] = extensions;
    return at;
  }

  /** The bytes of entry `at`, written in place: valid until the next call for the same packet. */
  bytes(at: number): Uint8Array {
    return writeFor(this, at);
  }

  clear(): void {
    this.packet.fill(undefined, 0, this.length);
    this.extensions.fill(undefined, 0, this.length);
    this.length = 0;
  }

  #grow(): void {
    const size = this.transport.length * 2;
    this.transport = widen(this.transport, new Int32Array(size));
    this.ssrc = widen(this.ssrc, new Uint32Array(size));
    this.sequence = widen(this.sequence, new Uint16Array(size));
    this.timestamp = widen(this.timestamp, new Uint32Array(size));
    this.payloadType = widen(this.payloadType, new Uint8Array(size));
    this.marker = widen(this.marker, new Int8Array(size));
    this.transportSequence = widen(this.transportSequence, new Int32Array(size));
    this.originalSequence = widen(this.originalSequence, new Int32Array(size));
    this.pictureId = widen(this.pictureId, new Int32Array(size));
    this.tl0PicIdx = widen(this.tl0PicIdx, new Int16Array(size));
    this.packet.length = size;
    this.extensions.length = size;
  }
}

function widen<Column extends { set(from: Column): void }>(from: Column, to: Column): Column {
  to.set(from);
  return to;
}
