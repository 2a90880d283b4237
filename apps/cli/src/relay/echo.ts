/** Proof that a relay works: two allocations of our own, and a datagram from one to the other and back, as a call between two strict networks goes. */
import { randomBytes } from "node:crypto";
import type { TransportAddress } from "@tsunagi/stun";
import { TurnFailed, type TurnFailure } from "./turn-failure.ts";
import { TurnSession, type TurnSessionOptions, type TurnTarget } from "./turn-session.ts";

export type RelayEcho =
  | {
      readonly type: "echoed";
      /** Where it was, after the server sent elsewhere. */
      readonly target: TurnTarget;
      readonly relayed: TransportAddress;
      /** As the server sees this machine. */
      readonly mapped: TransportAddress | undefined;
      /** Until the server was reached (TCP, TLS), until it gave the address, and there and back through both relays. */
      readonly openMs: number;
      readonly allocateMs: number;
      readonly echoMs: number;
    }
  | { readonly type: "failed"; readonly target: TurnTarget; readonly failure: TurnFailure; readonly ms: number };

const MAX_REDIRECTS = 3;
/** Datagrams may be lost: again after each of these. */
const ECHO_INTERVAL_MS = 250;

export async function relayEcho(target: TurnTarget, options: TurnSessionOptions): Promise<RelayEcho> {
  const startedAt = performance.now();
  let place = target;
  for (let redirects = 0; ; redirects++) {
    try {
      return await attempt(place, options);
    } catch (error) {
      if (!(error instanceof TurnFailed)) throw error;
      const { failure } = error;
      if (failure.why !== "alternate" || redirects === MAX_REDIRECTS)
        return { type: "failed", target: place, failure, ms: performance.now() - startedAt };
      // RFC 8489 §10: the same protocol and credentials there; the certificate must be for the domain it names.
      place = { ...place, address: failure.server.address, port: failure.server.port, name: failure.domain ?? place.name };
    }
  }
}

/** @throws {TurnFailed} */
async function attempt(target: TurnTarget, options: TurnSessionOptions): Promise<RelayEcho> {
  const opened: TurnSession[] = [];
  try {
    const open = async () => {
      const session = await TurnSession.open(target, options);
      opened.push(session);
      return session;
    };
    const near = await open();
    const startedAt = performance.now();
    const { relayed: nearRelays, mapped } = await near.allocate();
    const allocateMs = performance.now() - startedAt;
    const far = await open();
    const { relayed: farRelays } = await far.allocate();
    const [nearRelay] = nearRelays;
    const [farRelay] = farRelays;
    if (nearRelay === undefined || farRelay === undefined) throw new Error("allocated without an address");
    // A channel on one side and plain permissions on the other: both ways of sending are tried.
    await Promise.all([near.bindChannel(farRelay), far.permit(nearRelay)]).catch((error) => {
      const isForbidden = error instanceof TurnFailed && error.failure.why === "refused" && error.failure.code === 403;
      throw isForbidden ? new TurnFailed({ why: "own-relay", relayed: nearRelay }) : error;
    });
    const echoMs = await echo(near, far, farRelay, options.timeoutMs);
    if (echoMs === undefined) throw new TurnFailed({ why: "no-echo", relayed: nearRelay });
    return { type: "echoed", target, relayed: nearRelay, mapped, openMs: near.openedMs, allocateMs, echoMs };
  } finally {
    await Promise.all(opened.map((session) => session.close()));
  }
}

/** Milliseconds there and back; undefined when nothing came back in time. */
function echo(near: TurnSession, far: TurnSession, farRelay: TransportAddress, timeoutMs: number): Promise<number | undefined> {
  const mark = randomBytes(16).toString("hex");
  const sentAt = new Map<string, number>();
  far.onData = (peer, data) => far.send(peer, data.slice());
  return new Promise((resolve) => {
    const finish = (result: number | undefined) => {
      clearInterval(again);
      clearTimeout(limit);
      resolve(result);
    };
    near.onData = (_, data) => {
      const at = sentAt.get(Buffer.from(data).toString());
      if (at !== undefined) finish(performance.now() - at);
    };
    const send = () => {
      const text = `${mark} ${sentAt.size}`;
      sentAt.set(text, performance.now());
      near.send(farRelay, Buffer.from(text));
    };
    const again = setInterval(send, ECHO_INTERVAL_MS);
    const limit = setTimeout(() => finish(undefined), timeoutMs);
    send();
  });
}
