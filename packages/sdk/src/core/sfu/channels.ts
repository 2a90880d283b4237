/** The three data channels of a transport: JSON texts, checked before anyone sees them. */
import type { JsonValue, Log } from "@tsunagi/base";
import {
  SFU_CONTROL_LABEL,
  SFU_DATA_LABEL,
  SFU_LOSSY_LABEL,
  type SfuControlEvent,
  type SfuControlRequest,
  type SfuData,
} from "@tsunagi/protocol";
import { type DataChannelPort, listen, type PeerConnectionPort } from "../ports.ts";

/** More than this waits: what is lossy is lost, what is reliable goes over signalling. */
const MAX_LOSSY_BUFFER = 65_536;
const MAX_BUFFER = 1_048_576;
/** What every SCTP stack takes as one message (RFC 8831 §6.6). */
const MAX_CHARACTERS = 16_384;

export type ChannelEvents = {
  readonly onControlOpen: () => void;
  readonly onControl: (event: SfuControlEvent) => void;
  readonly onData: (data: SfuData) => void;
};

export class Channels {
  readonly #control: DataChannelPort;
  readonly #data: DataChannelPort;
  readonly #lossy: DataChannelPort;
  readonly #ends: (() => void)[];

  constructor(pc: PeerConnectionPort, log: Log, events: ChannelEvents) {
    this.#control = pc.createDataChannel(SFU_CONTROL_LABEL);
    this.#data = pc.createDataChannel(SFU_DATA_LABEL);
    this.#lossy = pc.createDataChannel(SFU_LOSSY_LABEL, { ordered: false, maxRetransmits: 0 });
    const onText = <T>(channel: DataChannelPort, check: (value: Fields) => T | undefined, then: (value: T) => void) =>
      listen<{ readonly data: unknown }>(channel, "message", ({ data }) => {
        const value = parse(data);
        const known = value && check(value);
        if (known === undefined) log.debug({ label: channel.label }, "a message that is not known");
        else then(known);
      });
    this.#ends = [
      listen(this.#control, "open", events.onControlOpen),
      onText(this.#control, readControl, events.onControl),
      onText(this.#data, readData, events.onData),
      onText(this.#lossy, readData, events.onData),
    ];
  }

  get controlOpen(): boolean {
    return this.#control.readyState === "open";
  }

  request(request: SfuControlRequest): void {
    if (this.controlOpen) this.#control.send(JSON.stringify(request));
  }

  /** False: it has to take another way. */
  send(data: JsonValue, topic: string, reliable: boolean, to: readonly string[] | undefined): boolean {
    const channel = reliable ? this.#data : this.#lossy;
    if (channel.readyState !== "open") return false;
    const text = JSON.stringify({ topic, data, ...(to === undefined ? {} : { to }) } satisfies SfuData);
    if (text.length > MAX_CHARACTERS) return false;
    if (!reliable && channel.bufferedAmount > MAX_LOSSY_BUFFER) return true;
    if (channel.bufferedAmount > MAX_BUFFER) return false;
    channel.send(text);
    return true;
  }

  release(): void {
    for (const end of this.#ends) end();
  }
}

type Fields = Readonly<Record<string, unknown>>;

function parse(data: unknown): Fields | undefined {
  if (typeof data !== "string") return undefined;
  try {
    const value: unknown = JSON.parse(data);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
  } catch {
    return undefined;
  }
}

/** A client trusts its server; what is checked is what the code that follows relies on. */
export function readControl(value: Fields): SfuControlEvent | undefined {
  const holds = {
    quality: () => typeof value.mid === "string" && typeof value.reason === "string",
    demand: () => typeof value.publication === "string" && Array.isArray(value.encodings),
    speakers: () => Array.isArray(value.levels),
    bandwidth: () => typeof value.bps === "number",
    error: () => typeof value.code === "string" && typeof value.message === "string",
  }[String(value.type)];
  return holds?.() === true ? (value as SfuControlEvent) : undefined;
}

export function readData(value: Fields): SfuData | undefined {
  return typeof value.topic === "string" && typeof value.from === "string" && value.data !== undefined
    ? (value as unknown as SfuData)
    : undefined;
}
