/** How a broadcast flows, from the browser's statistics (W3C webrtc-stats) of its one connection. */

export type Direction = "out" | "in";

export type Flow = {
  /** Since the reading before; 0 in the first. */
  readonly bps: number;
  readonly loss: number;
  readonly rttMs: number | undefined;
  /** Of the largest picture. */
  readonly width: number | undefined;
  readonly height: number | undefined;
  readonly fps: number | undefined;
  /** What keeps the sender from its best. */
  readonly limit: "none" | "cpu" | "bandwidth" | "other";
  /** From the server to the eye: half a round trip, and the wait in the browser. */
  readonly delayMs: number | undefined;
};

/** Counters as they were, for the rates of the next reading. */
export type FlowMark = {
  readonly atMs: number;
  readonly bytes: number;
  readonly packets: number;
  readonly lost: number;
  readonly waited: number;
  readonly emitted: number;
};

type Entry = Readonly<Record<string, unknown>>;
export type Report = { forEach(visit: (entry: Entry) => void): void };

/** Pure: hand in the mark of the reading before. */
export function readFlow(
  report: Report,
  direction: Direction,
  atMs: number,
  before: FlowMark | undefined,
): { readonly flow: Flow; readonly mark: FlowMark } {
  const streams: Entry[] = [];
  const remote: Entry[] = [];
  let rtt: number | undefined;
  report.forEach((entry) => {
    if (entry.type === (direction === "out" ? "outbound-rtp" : "inbound-rtp")) streams.push(entry);
    else if (entry.type === "remote-inbound-rtp") remote.push(entry);
    else if (entry.type === "candidate-pair" && (entry.nominated === true || entry.state === "succeeded"))
      rtt = number(entry.currentRoundTripTime) ?? rtt;
  });
  const sum = (name: string) => streams.reduce((total, entry) => total + (number(entry[name]) ?? 0), 0);
  const pictures = streams.filter((entry) => entry.kind === "video");
  const largest = pictures.reduce<Entry | undefined>(
    (best, entry) => ((number(entry.frameHeight) ?? 0) > (number(best?.frameHeight) ?? 0) ? entry : best),
    undefined,
  );
  const mark: FlowMark = {
    atMs,
    bytes: sum(direction === "out" ? "bytesSent" : "bytesReceived"),
    packets: sum(direction === "out" ? "packetsSent" : "packetsReceived"),
    lost: sum("packetsLost"),
    waited: number(largest?.jitterBufferDelay) ?? 0,
    emitted: number(largest?.jitterBufferEmittedCount) ?? 0,
  };
  const since = (name: Exclude<keyof FlowMark, "atMs">) => Math.max(0, mark[name] - (before?.[name] ?? mark[name]));
  const seconds = before === undefined ? 0 : (atMs - before.atMs) / 1000;
  const came = since("packets") + since("lost");
  const waitMs = since("emitted") > 0 ? (since("waited") / since("emitted")) * 1000 : undefined;
  const reason = largest?.qualityLimitationReason;
  return {
    mark,
    flow: {
      bps: seconds > 0 ? (since("bytes") * 8) / seconds : 0,
      loss:
        direction === "out"
          ? remote.reduce((most, entry) => Math.max(most, number(entry.fractionLost) ?? 0), 0)
          : came > 0
            ? since("lost") / came
            : 0,
      rttMs: rtt === undefined ? undefined : rtt * 1000,
      width: number(largest?.frameWidth),
      height: number(largest?.frameHeight),
      fps: number(largest?.framesPerSecond),
      limit: reason === "cpu" || reason === "bandwidth" || reason === "other" ? reason : "none",
      delayMs: waitMs === undefined ? undefined : waitMs + ((rtt ?? 0) * 1000) / 2,
    },
  };
}

export type Health = "good" | "fair" | "bad" | "silent";

/** In one word. `picture`: whether one should be on its way. */
export function healthOf({ bps, loss, fps, limit }: Flow, picture: boolean): Health {
  if (bps < 1000) return "silent";
  if (loss > 0.1 || (picture && (fps ?? 0) < 5)) return "bad";
  if (loss > 0.03 || limit === "cpu" || limit === "bandwidth") return "fair";
  return "good";
}

function number(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}
