/** Two peers that exchange messages all the time: what happens to others must not be felt by them. */
import type { ServerProcess } from "@tsunagi/testkit/drivers";
import { type Message, RawClient } from "./raw-client.ts";

const EVERY_MS = 100;

export type Exchange = { readonly rounds: number; readonly worstMs: number };

export interface Innocents {
  /**
   * Ends the exchange. Throws when a message was lost, came out of order or came from somebody else.
   *
   * @returns how many there were, and the longest time from one peer to the other and back
   */
  stop(): Promise<Exchange>;
}

export async function startInnocents(server: ServerProcess, name = "innocent"): Promise<Innocents> {
  const [one, two] = [await RawClient.open(server, `${name}-1`), await RawClient.open(server, `${name}-2`)];
  const connection = `${name}-connection`;
  const sdp = "v=0\r\n";
  one.send({ type: "offer", to: `${name}-2`, connection, kind: "data", sdp });
  await two.next("offer");
  two.send({ type: "answer", to: `${name}-1`, connection, sdp });
  await one.next("answer");
  const relay = (client: RawClient, to: string, number: number) =>
    client.send({ type: "candidate", to, connection, candidate: { candidate: `candidate:${number}`, sdpMid: "0" } });
  const numberOf = (message: Message, from: string) => {
    const { candidate } = (message.candidate ?? {}) as { readonly candidate?: string };
    if (message.type !== "candidate" || message.from !== from) throw new Error(`${name} got ${JSON.stringify(message)}`);
    return candidate;
  };

  let stopping = false;
  let rounds = 0;
  let worstMs = 0;
  const exchange = (async () => {
    while (!stopping) {
      rounds += 1;
      const startedAt = performance.now();
      relay(one, `${name}-2`, rounds);
      const there = numberOf(await two.next(), `${name}-1`);
      relay(two, `${name}-1`, rounds);
      const back = numberOf(await one.next(), `${name}-2`);
      if (there !== `candidate:${rounds}` || back !== there) throw new Error(`${name}: ${there} and ${back} in round ${rounds}`);
      worstMs = Math.max(worstMs, performance.now() - startedAt);
      await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    }
  })();
  // Reported by `stop`; until then it must not count as unhandled.
  exchange.catch(() => {});
  return {
    async stop() {
      stopping = true;
      await exchange;
      const extra = [...one.inbox, ...two.inbox];
      if (extra.length > 0) throw new Error(`${name} also got ${JSON.stringify(extra)}`);
      for (const client of [one, two]) {
        client.send({ type: "bye" });
        await client.end();
      }
      return { rounds, worstMs };
    },
  };
}
