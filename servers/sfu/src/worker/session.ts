/** One transport of a member: what was negotiated on it, and its data channels. */
import { createHash, randomBytes } from "node:crypto";
import type { DataChannelPort, MediaTransport } from "@tsunagi/media";
import type { SfuControlEvent, SfuReceive } from "@tsunagi/protocol";
import { SFU_CONTROL_LABEL, SFU_DATA_LABEL, SFU_LOSSY_LABEL } from "@tsunagi/protocol";
import { type ClientTransport, Negotiation, type PublicationInit, type SlotInit } from "@tsunagi/sfu";

/** What a client was told last, by what it is about, so that a channel that opens late starts with how things are. */
const MAX_REMEMBERED = 2_048;

export class Session {
  readonly epoch: number;
  readonly transport: MediaTransport;
  readonly client: ClientTransport;
  readonly negotiation: Negotiation;
  /** Its client never offers. */
  readonly isAnswerer: boolean;
  /** In the router, by mid. */
  slots: ReadonlyMap<string, SlotInit> = new Map();
  /** What each slot should show, by mid: a publication may come after the wish. */
  readonly wanted = new Map<string, string | null>();
  /** Of the last offer; in the router once `live`. */
  publications: readonly PublicationInit[] = [];
  /** The last offer as it came, and its answer: the same again gets the same. */
  request = "";
  answer = "";
  /** `waiting`: the member's older transport still carries its publications. `lost`: the path is gone, or never was. */
  state: "waiting" | "live" | "lost" = "waiting";
  connected = false;
  readonly #told = new Map<string, string>();
  #control: DataChannelPort | undefined;
  #data: DataChannelPort | undefined;
  #lossy: DataChannelPort | undefined;

  /** @param negotiation where it has begun with an offer of ours */
  constructor(epoch: number, transport: MediaTransport, client: ClientTransport, negotiation?: Negotiation) {
    this.epoch = epoch;
    this.transport = transport;
    this.client = client;
    this.negotiation = negotiation ?? new Negotiation(() => randomBytes(4).readUInt32BE());
    this.isAnswerer = negotiation !== undefined;
  }

  get index(): number {
    return this.transport.index;
  }

  get channels(): readonly string[] {
    return [this.#control, this.#data, this.#lossy].flatMap((channel) => (channel === undefined ? [] : [channel.label]));
  }

  /** @returns false: it is not one of ours, or there already */
  addChannel(channel: DataChannelPort): boolean {
    switch (channel.label) {
      case SFU_CONTROL_LABEL:
        if (this.#control !== undefined) return false;
        this.#control = channel;
        for (const text of this.#told.values()) channel.send(text);
        return true;
      case SFU_DATA_LABEL:
        if (this.#data !== undefined) return false;
        this.#data = channel;
        return true;
      case SFU_LOSSY_LABEL:
        if (this.#lossy !== undefined) return false;
        this.#lossy = channel;
        return true;
      default:
        return false;
    }
  }

  removeChannel(channel: DataChannelPort): void {
    if (this.#control === channel) this.#control = undefined;
    if (this.#data === channel) this.#data = undefined;
    if (this.#lossy === channel) this.#lossy = undefined;
  }

  kindOf(channel: DataChannelPort): "control" | "data" | "lossy" | undefined {
    if (channel === this.#control) return "control";
    if (channel === this.#data) return "data";
    return channel === this.#lossy ? "lossy" : undefined;
  }

  /** For `lossy` the reliable one will do where the client opened no other. */
  dataChannel(lossy: boolean): DataChannelPort | undefined {
    return lossy ? (this.#lossy ?? this.#data) : this.#data;
  }

  tell(event: SfuControlEvent, text = JSON.stringify(event)): void {
    const about = subject(event);
    if (about !== undefined && (this.#told.has(about) || this.#told.size < MAX_REMEMBERED)) this.#told.set(about, text);
    this.#control?.send(text);
  }
}

function subject(event: SfuControlEvent): string | undefined {
  switch (event.type) {
    case "quality":
      return `quality ${event.mid}`;
    case "demand":
      return `demand ${event.publication}`;
    case "speakers":
    case "bandwidth":
      return event.type;
    case "error":
      return undefined;
  }
}

/** A MediaStream id for what is in a slot: the same for all of one member's stream, so that the browser plays them in step. */
export function streamId(owner: { readonly peerId: string; readonly stream: string } | undefined): string | undefined {
  if (owner === undefined) return undefined;
  return createHash("sha256")
    .update(JSON.stringify([owner.peerId, owner.stream]))
    .digest("hex")
    .slice(0, 24);
}

/** What an offer asks for, as text to compare. */
export function requestText(sdp: string, send: readonly unknown[], receive: readonly SfuReceive[]): string {
  return JSON.stringify([sdp, send, receive]);
}
