/** Candidate pairs (RFC 8445 §6.1.2) as getStats tells of them. */
import type { StatsReportPort } from "../ports.ts";

type Entry = Readonly<Record<string, unknown>>;

export type SelectedPair = {
  readonly bytesReceived: number;
  /** This side reaches the other through its TURN server. */
  readonly relayed: boolean;
};

/** The pair that carries the data now; undefined before there is one. */
export function selectedPair(report: StatsReportPort | undefined): SelectedPair | undefined {
  if (report === undefined) return undefined;
  let selectedId: unknown;
  const pairs = new Map<unknown, Entry>();
  const relays = new Set<unknown>();
  report.forEach((entry) => {
    if (entry.type === "transport") selectedId = entry.selectedCandidatePairId ?? selectedId;
    if (entry.type === "candidate-pair") pairs.set(entry.id, entry);
    if (entry.candidateType === "relay") relays.add(entry.id);
  });
  // Firefox marks the pair itself.
  const pair = pairs.get(selectedId) ?? [...pairs.values()].find((each) => each.selected === true || isNominated(each));
  if (pair === undefined) return undefined;
  const { bytesReceived, localCandidateId } = pair;
  return { bytesReceived: typeof bytesReceived === "number" ? bytesReceived : 0, relayed: relays.has(localCandidateId) };
}

function isNominated(pair: Entry): boolean {
  return pair.nominated === true && pair.state === "succeeded";
}

/** Which kinds of pairs were tried, for a person who has to find out why none worked: no addresses. */
export function describePairs(report: StatsReportPort | undefined): string {
  const kinds = new Map<unknown, string>();
  const pairs: Entry[] = [];
  let local = 0;
  let remote = 0;
  report?.forEach((entry) => {
    if (entry.type === "candidate-pair") pairs.push(entry);
    if (entry.type !== "local-candidate" && entry.type !== "remote-candidate") return;
    if (entry.type === "local-candidate") local += 1;
    else remote += 1;
    kinds.set(entry.id, `${entry.candidateType}/${entry.protocol}`);
  });
  if (pairs.length === 0) return `no candidate pair could be formed (${local} local and ${remote} remote candidates)`;
  const counts = new Map<string, number>();
  for (const pair of pairs) {
    const kind = `${kinds.get(pair.localCandidateId) ?? "?"} to ${kinds.get(pair.remoteCandidateId) ?? "?"}`;
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return `tried ${[...counts].map(([kind, count]) => `${count} × ${kind}`).join(", ")}`;
}
