/** The parts of an RTCStatsReport (W3C webrtc-stats) that an application asks about, as one small object. */
import type { Millis } from "@tsunagi/base";
import type { StatsReportPort } from "../ports.ts";

export type CandidateInfo = {
  readonly type: "host" | "srflx" | "prflx" | "relay" | "unknown";
  /** To the TURN server where relayed over it, else between the ends: udp, tcp or tls. */
  readonly protocol: string;
  readonly address?: string;
  readonly port?: number;
};

export type TrackStats = {
  /** Payload since the report before, bit/s; 0 in the first. */
  readonly bitrateBps: number;
  /** 0 to 1, since the report before. Sending: as the other end reported it last. */
  readonly packetLoss: number;
  readonly jitterMs?: number;
  /** As in SDP, without the kind: "opus", "VP8". */
  readonly codec?: string;
  readonly framesPerSecond?: number;
  /** Of the largest picture where there are several. */
  readonly width?: number;
  readonly height?: number;
  readonly framesDecoded?: number;
  readonly freezeCount?: number;
  /** 0 to 1. */
  readonly audioLevel?: number;
};

export type DirectionStats = { readonly send?: TrackStats; readonly receive?: TrackStats };

export type ConnectionStats = {
  /** Monotonic milliseconds. */
  readonly at: Millis;
  readonly rttMs?: number;
  /** Whether either end's packets take the way over a TURN server. */
  readonly relayed?: boolean;
  readonly localCandidate?: CandidateInfo;
  readonly remoteCandidate?: CandidateInfo;
  readonly availableOutgoingBps?: number;
  readonly audio: DirectionStats;
  readonly video: DirectionStats;
  readonly data?: {
    readonly bytesSent: number;
    readonly bytesReceived: number;
    readonly messagesSent: number;
    readonly messagesReceived: number;
    /** Long messages of a lossy connection of which only a part came. */
    readonly messagesDropped: number;
  };
};

/** Counters of one RTP stream when they were last read. */
type Sample = { readonly atMs: number; readonly bytes: number; readonly packets: number; readonly lost: number };

/** What the next summary needs of this one. */
export type StatsSnapshot = ReadonlyMap<string, Sample>;

type Entry = Readonly<Record<string, unknown>>;

/** Reads one report. Pure: pass the snapshot of the summary before to get rates. */
export function summarizeStats(
  at: Millis,
  report: StatsReportPort | undefined,
  previous: StatsSnapshot = new Map(),
  messagesDropped = 0,
): { readonly stats: ConnectionStats; readonly snapshot: StatsSnapshot } {
  const entries = new Map<string, Entry>();
  report?.forEach((entry, id) => void entries.set(id, entry));
  const of = (type: string) => [...entries.values()].filter((entry) => entry.type === type);
  const get = (id: unknown) => (typeof id === "string" ? entries.get(id) : undefined);

  const snapshot = new Map<string, Sample>();
  const pair = selectedPair(of("transport"), of("candidate-pair"), get);
  const remoteInbound = of("remote-inbound-rtp");
  const local = candidate(get(pair?.localCandidateId));
  const remote = candidate(get(pair?.remoteCandidateId));
  // Firefox gives no round trip for the pair: the one that RTCP measures is near enough.
  const rtt = number(pair?.currentRoundTripTime) ?? least(remoteInbound.map((entry) => number(entry.roundTripTime)));
  const media = (kind: "audio" | "video"): DirectionStats => {
    const select = (type: string) => of(type).filter((entry) => entry.kind === kind || entry.mediaType === kind);
    const receive = track(select("inbound-rtp"), false);
    const send = track(select("outbound-rtp"), true);
    return { ...defined("send", send), ...defined("receive", receive) };
  };
  const track = (streams: readonly Entry[], sending: boolean): TrackStats | undefined => {
    if (streams.length === 0) return undefined;
    let bits = 0;
    let lost = 0;
    let expected = 0;
    let reported: number | undefined;
    let jitter: number | undefined;
    for (const stream of streams) {
      const id = String(stream.id);
      const about = sending ? remoteInbound.find((entry) => entry.localId === id) : stream;
      const sample: Sample = {
        atMs: number(stream.timestamp) ?? at,
        bytes: number(stream[sending ? "bytesSent" : "bytesReceived"]) ?? 0,
        packets: number(stream[sending ? "packetsSent" : "packetsReceived"]) ?? 0,
        lost: number(about?.packetsLost) ?? 0,
      };
      snapshot.set(id, sample);
      const before = previous.get(id);
      const elapsedMs = before === undefined ? 0 : sample.atMs - before.atMs;
      if (before !== undefined && elapsedMs > 0) {
        bits += (Math.max(0, sample.bytes - before.bytes) * 8000) / elapsedMs;
        // packetsLost may fall when a late packet comes after all (RFC 3550 §6.4.1).
        const newLost = Math.max(0, sample.lost - before.lost);
        lost += newLost;
        expected += Math.max(0, sample.packets - before.packets) + (sending ? 0 : newLost);
      }
      reported = greatest([reported, sending ? number(about?.fractionLost) : undefined]);
      jitter = greatest([jitter, number(about?.jitter)]);
    }
    const largest = streams.reduce((best, each) => (area(each) > area(best) ? each : best));
    const source = sending ? get(largest.mediaSourceId) : largest;
    const codec = get(largest.codecId)?.mimeType;
    return {
      bitrateBps: Math.round(bits),
      packetLoss: Math.min(1, reported ?? (expected === 0 ? 0 : lost / expected)),
      ...defined("jitterMs", scaled(jitter, 1000)),
      ...defined("codec", typeof codec === "string" ? codec.slice(codec.indexOf("/") + 1) : undefined),
      ...defined("framesPerSecond", number(largest.framesPerSecond)),
      ...defined("width", number(largest.frameWidth)),
      ...defined("height", number(largest.frameHeight)),
      ...defined("framesDecoded", sum(streams, "framesDecoded")),
      ...defined("freezeCount", sum(streams, "freezeCount")),
      ...defined("audioLevel", number(source?.audioLevel)),
    };
  };
  const channels = of("data-channel");
  const stats: ConnectionStats = {
    at,
    ...defined("rttMs", scaled(rtt, 1000)),
    ...defined("relayed", local && remote && (local.type === "relay" || remote.type === "relay")),
    ...defined("localCandidate", local),
    ...defined("remoteCandidate", remote),
    ...defined("availableOutgoingBps", number(pair?.availableOutgoingBitrate)),
    audio: media("audio"),
    video: media("video"),
    ...(channels.length === 0
      ? {}
      : {
          data: {
            bytesSent: sum(channels, "bytesSent") ?? 0,
            bytesReceived: sum(channels, "bytesReceived") ?? 0,
            messagesSent: sum(channels, "messagesSent") ?? 0,
            messagesReceived: sum(channels, "messagesReceived") ?? 0,
            messagesDropped,
          },
        }),
  };
  return { stats, snapshot };
}

/** {@link summarizeStats} with the snapshot kept. */
export class StatsReader {
  #snapshot: StatsSnapshot | undefined;

  read(at: Millis, report: StatsReportPort | undefined, messagesDropped?: number): ConnectionStats {
    const { stats, snapshot } = summarizeStats(at, report, this.#snapshot, messagesDropped);
    this.#snapshot = snapshot;
    return stats;
  }
}

/** Chromium names the pair in the transport's entry; Firefox marks the pair itself. */
function selectedPair(
  transports: readonly Entry[],
  pairs: readonly Entry[],
  get: (id: unknown) => Entry | undefined,
): Entry | undefined {
  for (const transport of transports) {
    const pair = get(transport.selectedCandidatePairId);
    if (pair !== undefined) return pair;
  }
  return (
    pairs.find((pair) => pair.selected === true) ?? pairs.find((pair) => pair.nominated === true && pair.state === "succeeded")
  );
}

function candidate(entry: Entry | undefined): CandidateInfo | undefined {
  if (entry === undefined) return undefined;
  const type = entry.candidateType;
  const known = type === "host" || type === "srflx" || type === "prflx" || type === "relay" ? type : "unknown";
  const address = entry.address ?? entry.ip;
  return {
    type: known,
    protocol: String(entry.relayProtocol ?? entry.protocol ?? "udp"),
    ...(typeof address === "string" && address !== "" ? { address } : {}),
    ...defined("port", number(entry.port)),
  };
}

function number(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}

function scaled(value: number | undefined, factor: number): number | undefined {
  return value === undefined ? undefined : value * factor;
}

function sum(entries: readonly Entry[], field: string): number | undefined {
  const values = entries.map((entry) => number(entry[field])).filter((value) => value !== undefined);
  return values.length === 0 ? undefined : values.reduce((a, b) => a + b);
}

function area(entry: Entry): number {
  return (number(entry.frameWidth) ?? 0) * (number(entry.frameHeight) ?? 0);
}

function least(values: readonly (number | undefined)[]): number | undefined {
  const present = values.filter((value) => value !== undefined);
  return present.length === 0 ? undefined : Math.min(...present);
}

function greatest(values: readonly (number | undefined)[]): number | undefined {
  const present = values.filter((value) => value !== undefined);
  return present.length === 0 ? undefined : Math.max(...present);
}

/** A field that is absent rather than undefined. */
function defined<Name extends string, T>(name: Name, value: T | undefined): { readonly [N in Name]?: T } {
  return (value === undefined ? {} : { [name]: value }) as { readonly [N in Name]?: T };
}
