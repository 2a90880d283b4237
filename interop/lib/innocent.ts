/** Somebody who only wants to call: two allocations that send each other a datagram every 20 ms, as audio does, whatever else goes on. */
import type { TransportAddress } from "@tsunagi/stun";
import { TurnSession, type TurnTarget } from "../../apps/cli/src/relay/turn-session.ts";

const INTERVAL_MS = 20;
const PAYLOAD = 160;
/** What is still under way when the attack is over. */
const SETTLE_MS = 120;

export type Harm = { readonly sent: number; readonly lost: number; readonly worstMs: number };

export class Innocent {
  readonly #near: TurnSession;
  readonly #far: TurnSession;
  readonly #farRelay: TransportAddress;

  private constructor(near: TurnSession, far: TurnSession, farRelay: TransportAddress) {
    this.#near = near;
    this.#far = far;
    this.#farRelay = farRelay;
    far.onData = (peer, data) => far.send(peer, data.slice());
  }

  static async start(target: TurnTarget): Promise<Innocent> {
    const options = { timeoutMs: 5000 };
    const [near, far] = await Promise.all([TurnSession.open(target, options), TurnSession.open(target, options)]);
    const [{ relayed: nearRelays }, { relayed: farRelays }] = [await near.allocate(), await far.allocate()];
    const [nearRelay, farRelay] = [nearRelays[0], farRelays[0]];
    if (nearRelay === undefined || farRelay === undefined) throw new Error("no relayed address");
    await near.bindChannel(farRelay);
    await far.bindChannel(nearRelay);
    return new Innocent(near, far, farRelay);
  }

  /** What `attack` did to the call. */
  async during<Result>(attack: () => Promise<Result>): Promise<{ readonly result: Result; readonly harm: Harm }> {
    const sentAt: number[] = [];
    const back = new Set<number>();
    let worstMs = 0;
    this.#near.onData = (_, data) => {
      const number = Buffer.from(data).readUInt32BE(0);
      const at = sentAt[number];
      if (at === undefined) return;
      back.add(number);
      worstMs = Math.max(worstMs, performance.now() - at);
    };
    const timer = setInterval(() => {
      const payload = Buffer.alloc(PAYLOAD);
      payload.writeUInt32BE(sentAt.length);
      sentAt.push(performance.now());
      this.#near.send(this.#farRelay, payload);
    }, INTERVAL_MS);
    try {
      const result = await attack();
      // Short attacks too leave time to see harm.
      await pause(SETTLE_MS);
      clearInterval(timer);
      await pause(SETTLE_MS);
      return { result, harm: { sent: sentAt.length, lost: sentAt.length - back.size, worstMs } };
    } finally {
      clearInterval(timer);
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.#near.close(), this.#far.close()]);
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
