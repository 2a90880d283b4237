/** What the attack tests share: servers with a call beside, the figures, and what a server answered. Everything is closed when a file's tests are over. */
import { put } from "@tsunagi/stun";
import { PROTOCOL_NUMBER, TURN_ATTRIBUTES } from "@tsunagi/turn";
import { afterAll, expect } from "vitest";
import { TurnFailed } from "../../apps/cli/src/relay/turn-failure.ts";
import type { TurnTarget } from "../../apps/cli/src/relay/turn-session.ts";
import { type Harm, Innocent } from "./innocent.ts";
import { TurnServerProcess } from "./turn-server-process.ts";

export const ALICE = { username: "alice", password: "wonderland" } as const;
export const MALLORY = { username: "mallory", password: "m" } as const;
export const EVE = { username: "eve", password: "e" } as const;
export const USERS = { alice: ALICE.password, mallory: MALLORY.password, eve: EVE.password };
export const UDP_RELAY = put(TURN_ATTRIBUTES.REQUESTED_TRANSPORT, PROTOCOL_NUMBER.udp);
/** The rate limit out of the way of what else is to be seen. */
export const FAST = { rateLimit: { perSecond: 1_000_000, burst: 1_000_000 } } as const;

const figures: string[] = [];
/** Closed last to first. */
export const open: (() => Promise<unknown> | undefined)[] = [];
afterAll(async () => {
  for (const close of open.splice(0).reverse()) await close();
  if (figures.length > 0) console.log(["", "What the attacks came to:", ...figures.map((line) => `  ${line}`), ""].join("\n"));
});

export async function start(...args: Parameters<typeof TurnServerProcess.start>): Promise<TurnServerProcess> {
  const server = await TurnServerProcess.start(...args);
  open.push(() => server.close());
  return server;
}

export function target(server: TurnServerProcess, more: Partial<TurnTarget> = {}): TurnTarget {
  return { transport: "udp", address: "127.0.0.1", port: server.port, ...ALICE, ...more };
}

export async function innocentOn(server: TurnServerProcess): Promise<Innocent> {
  const innocent = await Innocent.start(target(server));
  open.push(() => innocent.close());
  return innocent;
}

export function note(name: string, text: string, harm?: Harm): void {
  const beside =
    harm === undefined ? "" : `; the call beside lost ${harm.lost} of ${harm.sent}, worst ${harm.worstMs.toFixed(0)} ms`;
  figures.push(`${name}: ${text}${beside}`);
}

/** Nothing is lost, and nothing stalls. How late packets come depends on the machine, which the attacker's process keeps busy too: it is printed. */
export function expectUnhurt({ sent, lost, worstMs }: Harm): void {
  expect(lost).toBeLessThanOrEqual(Math.max(2, sent * 0.02));
  expect(worstMs).toBeLessThan(2000);
}

/** The server's error code, or why there was none; "granted" for a success. */
export async function codeFrom(act: Promise<unknown>): Promise<number | string> {
  try {
    await act;
    return "granted";
  } catch (error) {
    if (error instanceof TurnFailed) return error.failure.why === "refused" ? error.failure.code : error.failure.why;
    throw error;
  }
}

/** Bytes held by the process beyond what was held before. */
export function grownBetween(before: ServerMemory, after: ServerMemory): number {
  return after.memory.heapUsed + after.memory.external - before.memory.heapUsed - before.memory.external;
}
type ServerMemory = { readonly memory: { readonly heapUsed: number; readonly external: number } };
