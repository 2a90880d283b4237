/** What is printed of rounds. */
import type { RoundReport } from "./round.ts";
import type { Scenario } from "./scenarios.ts";

export const medianOf = (numbers: readonly number[]): number =>
  [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;

/** CPU time of the server a forwarded packet. */
export const micros = ({ cpuMicros, arrived }: RoundReport): number => cpuMicros / arrived;

const FLOOR = "raw send";
const OTHER = "Janus";

/** One line: a subject over all rounds of one scenario. */
export function comparison(
  subject: string,
  { members }: Scenario,
  rounds: readonly (readonly RoundReport[])[],
): Record<string, string> {
  const own = (name: string) => rounds.flatMap((reports) => reports.find((report) => report.subject === name) ?? []);
  const ours = own(subject);
  const median = (pick: (report: RoundReport) => number) => medianOf(ours.map(pick));
  const ratioTo = (other: string) => {
    const theirs = own(other);
    return theirs.length === 0
      ? ""
      : medianOf(ours.map((report, at) => micros(report) / micros(theirs[at] as RoundReport))).toFixed(2);
  };
  const kilobytes = (pick: (report: RoundReport) => number) => `${Math.round(median(pick) / 1024 / members)}`;
  return {
    subject,
    "µs a packet": median(micros).toFixed(2),
    [`to ${FLOOR}`]: ratioTo(FLOOR),
    [`to ${OTHER}`]: ratioTo(OTHER),
    "lost %": median(({ arrived, expected }) => Math.max(0, 1 - arrived / expected) * 100).toFixed(2),
    "p50 ms": median(({ latencyP50Ms }) => latencyP50Ms).toFixed(2),
    "p99 ms": median(({ latencyP99Ms }) => latencyP99Ms).toFixed(2),
    "kB a member": kilobytes(({ rssJoined, rssEmpty }) => rssJoined - rssEmpty),
    "kB under load": kilobytes(({ rssLoaded, rssEmpty }) => rssLoaded - rssEmpty),
    "generator %": median(({ generatorCpuMicros, seconds }) => generatorCpuMicros / seconds / 10_000).toFixed(0),
  };
}

/** Where the time goes, where a subject could tell. */
export function splitTable(reports: readonly RoundReport[]): Record<string, string> | undefined {
  const telling = reports.flatMap((report) => (report.split === undefined ? [] : [{ ...report, split: report.split }]));
  if (telling.length === 0) return undefined;
  const median = (pick: (report: (typeof telling)[number]) => number) => medianOf(telling.map(pick)).toFixed(2);
  return {
    subject: telling[0]?.subject ?? "",
    "receive µs": median(({ cpuMicros, arrived, split }) => (cpuMicros - split.routeMicros - split.sendMicros) / arrived),
    "route µs": median(({ arrived, split }) => split.routeMicros / arrived),
    "send µs": median(({ arrived, split }) => split.sendMicros / arrived),
    "µs a received packet": median(
      ({ cpuMicros, split }) => (cpuMicros - split.routeMicros - split.sendMicros) / split.receivedPackets,
    ),
  };
}
