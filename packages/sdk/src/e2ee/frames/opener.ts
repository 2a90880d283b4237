/** Decrypts frames of other members. What cannot be opened for certain is dropped and counted, never shown. */
import { decodeHeader } from "../sframe/header.ts";
import { generationOf, MAX_STEP, stepOf } from "../sframe/kid.ts";
import { ReplayWindow } from "../sframe/replay-window.ts";
import { type Bytes, concat, deriveSframeKey, open, ratchet, type SframeKey, TAG_BYTES } from "../sframe/suite.ts";

/** Of one sender: the one in use and the one before, whose last frames may be under way. */
const GENERATIONS = 2;
/** Keys of earlier ratchet steps that are kept for frames under way. */
const STEPS = 2;

export type DropReason = "malformed" | "no-sender" | "no-key" | "old-key" | "forged" | "replayed" | "old";
export type Opened = { readonly frame: Bytes } | { readonly dropped: DropReason; readonly kid?: number };

type Receiving = { readonly sframe: SframeKey; readonly window: ReplayWindow };
type Generation = {
  step: number;
  baseKey: Bytes;
  readonly keys: Map<number, Receiving>;
  /** A step ahead that no genuine frame has confirmed yet: a forged key ID must not make us forget the keys in use. */
  ahead: { readonly step: number; readonly baseKey: Bytes; readonly key: Receiving } | undefined;
};

export class FrameOpener {
  readonly #senders = new Map<string, Map<number, Generation>>();
  opened = 0;
  readonly dropped: Record<DropReason, number> = {
    malformed: 0,
    "no-sender": 0,
    "no-key": 0,
    "old-key": 0,
    forged: 0,
    replayed: 0,
    old: 0,
  };

  async addKey(peerId: string, kid: number, baseKey: Bytes): Promise<void> {
    const key = await receiving(baseKey, kid);
    let generations = this.#senders.get(peerId);
    if (generations === undefined) {
      generations = new Map();
      this.#senders.set(peerId, generations);
    }
    const number = generationOf(kid);
    // Known, and perhaps ratcheted on already. Older than what is in use: a message that was held back.
    if (generations.has(number) || Math.max(-1, ...generations.keys()) > number) return;
    generations.set(number, { step: stepOf(kid), baseKey, keys: new Map([[stepOf(kid), key]]), ahead: undefined });
    for (const old of [...generations.keys()].sort((a, b) => a - b).slice(0, -GENERATIONS)) generations.delete(old);
  }

  removeSender(peerId: string): void {
    this.#senders.delete(peerId);
  }

  /** @param peerId whose frame this is to be; undefined while that is not known */
  async open(peerId: string | undefined, bytes: Bytes): Promise<Opened> {
    const result = await this.#open(peerId, bytes);
    if ("dropped" in result) this.dropped[result.dropped] += 1;
    else this.opened += 1;
    return result;
  }

  async #open(peerId: string | undefined, bytes: Bytes): Promise<Opened> {
    const clear = bytes[bytes.length - 1];
    if (clear === undefined) return { dropped: "malformed" };
    const header = decodeHeader(bytes.subarray(0, bytes.length - 1), clear);
    if (header === undefined || clear + header.length + TAG_BYTES > bytes.length - 1) return { dropped: "malformed" };
    const { kid, ctr } = header;
    if (peerId === undefined) return { dropped: "no-sender" };
    const generation = this.#senders.get(peerId)?.get(generationOf(kid));
    if (generation === undefined) return { dropped: "no-key", kid };
    const step = stepOf(kid);
    const key = await keyOf(generation, kid, step);
    if (key === undefined) return { dropped: "old-key", kid };
    const fresh = key.window.check(ctr);
    if (fresh !== "new") return { dropped: fresh };
    const body = clear + header.length;
    const aad = concat(bytes.subarray(clear, body), bytes.subarray(0, clear));
    const plaintext = await open(key.sframe, ctr, bytes.subarray(body, bytes.length - 1), aad);
    if (plaintext === undefined) return { dropped: "forged", kid };
    if (!key.window.add(ctr)) return { dropped: "replayed" };
    if (generation.ahead?.key === key) goOn(generation);
    return { frame: concat(bytes.subarray(0, clear), plaintext) };
  }
}

async function keyOf(generation: Generation, kid: number, step: number): Promise<Receiving | undefined> {
  if (step <= generation.step) return generation.keys.get(step);
  if (generation.ahead?.step === step) return generation.ahead.key;
  let { baseKey } = generation;
  for (let at = generation.step; at < Math.min(step, MAX_STEP); at += 1) baseKey = await ratchet(baseKey);
  const key = await receiving(baseKey, kid);
  // Another track's frame may have come this far meanwhile: one key has one window.
  if (step <= generation.step) return generation.keys.get(step);
  if (generation.ahead?.step !== step) generation.ahead = { step, baseKey, key };
  return generation.ahead.key;
}

function goOn(generation: Generation): void {
  if (generation.ahead === undefined) return;
  const { step, baseKey, key } = generation.ahead;
  generation.ahead = undefined;
  generation.step = step;
  generation.baseKey = baseKey;
  generation.keys.set(step, key);
  for (const old of [...generation.keys.keys()].sort((a, b) => a - b).slice(0, -STEPS)) generation.keys.delete(old);
}

async function receiving(baseKey: Bytes, kid: number): Promise<Receiving> {
  return { sframe: await deriveSframeKey(baseKey, kid), window: new ReplayWindow() };
}
