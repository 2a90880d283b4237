/** Which way a connection took, as the browser tells it. */
import type { BrowserPage } from "@tsunagi/testkit/drivers";
import { expect } from "vitest";

export type Path = {
  /** Candidate types of the pair in use. */
  readonly local: string;
  readonly remote: string;
  /** How the browser reaches the TURN server: udp, tcp or tls. */
  readonly relayProtocol: string | undefined;
};

/** Expressions of the RTCPeerConnection in the page. */
export const CALL = "call.getPeerConnection()";
export const DATA = "data.getPeerConnection()";

/**
 * What a path is like whose both ends are relays, looked at from both pages. The other's relay may be `prflx`, when its first check overtook
 * the candidate in signalling.
 */
export const RELAYED = { local: "relay", remote: expect.stringMatching(/^(relay|prflx)$/) };

/** The candidate pair that carries a connection now. */
export function pathOf(page: BrowserPage, connection: string): Promise<Path> {
  return page.expression<Path>(`(${readPath.toString()})(${connection})`);
}

/** Runs in the page. */
async function readPath(connection: RTCPeerConnection): Promise<Path> {
  const entries: Record<string, unknown>[] = [];
  (await connection.getStats()).forEach((entry: Record<string, unknown>) => void entries.push(entry));
  const find = (id: unknown) => entries.find((entry) => entry.id === id);
  const transport = entries.find(({ type }) => type === "transport");
  const nominated = entries.filter(
    (entry) => entry.type === "candidate-pair" && entry.nominated === true && entry.state === "succeeded",
  );
  // Firefox has no transport entry that names the pair; the one with the latest packet is in use.
  const last = (entry: Record<string, unknown>) => Number(entry.lastPacketReceivedTimestamp ?? 0);
  const pair = find(transport?.selectedCandidatePairId) ?? nominated.sort((a, b) => last(b) - last(a))[0];
  const local = find(pair?.localCandidateId);
  const remote = find(pair?.remoteCandidateId);
  return {
    local: String(local?.candidateType),
    remote: String(remote?.candidateType),
    ...(local?.relayProtocol === undefined ? {} : { relayProtocol: String(local.relayProtocol) }),
  } as Path;
}
