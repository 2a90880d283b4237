/** What a page receives, decoded: exactly these streams, told apart by colour and tone, and nothing besides. */
import { type BrowserPage, probeMedia } from "@tsunagi/testkit/drivers";

/** For `helpers.signal({ colour, hz })`: far enough apart to be told after encoding. */
export const COLOURS = {
  red: "#c02020",
  green: "#20a020",
  blue: "#2020c0",
  yellow: "#c0c020",
  cyan: "#20c0c0",
  magenta: "#c020c0",
} as const;

export type Colour = keyof typeof COLOURS;

/** One stream: the colour of its picture, the frequency of its tone; what is absent must not be there. */
export type Expected = {
  /** `any`: a picture of unknown colour. */
  readonly colour?: Colour | "any";
  readonly hz?: number;
  /** Number of tracks of each kind, where it is not what `colour` and `hz` say. */
  readonly audioTracks?: number;
  readonly videoTracks?: number;
};

/** Expressions in the page. */
export type Where = {
  /** Gives the streams. */
  readonly streams: string;
  /** Gives the connections that they come over, to see that these decode nothing else. Absent: not looked at. */
  readonly connections?: string;
};

export const OF_CALL: Where = { streams: "call.remoteStreams", connections: "[call.getPeerConnection()]" };
export const OF_ROOM: Where = {
  streams: "[...room.remoteStreams.values()].flat()",
  connections: "[...room.getPeerConnections().values()]",
};

type Options = { readonly withinMs?: number; readonly what?: string };

/** Waits until the page decodes what is expected and nothing else, whatever the order of the streams. */
export async function expectReceived(
  page: BrowserPage,
  where: Where,
  expected: readonly Expected[],
  { withinMs = 20_000, what = "" }: Options = {},
): Promise<void> {
  // Installs the probes in the page.
  await (await probeMedia(page, "new MediaStream()")).stop();
  const outcome = await page.expression<{ readonly fits: boolean; readonly seen: unknown }>(
    `(${watchReceived.toString()})(() => ${where.streams}, () => ${where.connections ?? "undefined"}, ${JSON.stringify({ expected, withinMs, colours: COLOURS })})`,
  );
  if (outcome.fits) return;
  throw new Error(
    `${page.name}${what === "" ? "" : `, ${what}`}: within ${withinMs} ms not ${JSON.stringify(expected)}, but ${JSON.stringify(outcome.seen)}`,
  );
}

type Task = {
  readonly expected: readonly Expected[];
  readonly withinMs: number;
  readonly colours: Readonly<Record<string, string>>;
};

/** Runs in the page, so it refers to nothing outside itself. */
async function watchReceived(
  streams: () => readonly MediaStream[],
  given: () => readonly (RTCPeerConnection | null | undefined)[] | undefined,
  { expected, withinMs, colours }: Task,
): Promise<{ fits: boolean; seen: unknown }> {
  /** Decoded frames that show that a picture comes. */
  const FRAMES = 5;
  const ROUND_MS = 2_000;
  const AUDIBLE_RMS = 0.001;
  /** Two bins of the probe's spectrum. */
  const TOLERANCE_HZ = 48;
  const probes = globalThis.__tsunagiProbes;
  if (probes === undefined) throw new Error("no probes");
  const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
  const connections = () => given() ?? [];
  const bytesOf = (hex: string) => [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16));
  const nearest = (seen: readonly number[]): string => {
    const distance = (hex: string) => bytesOf(hex).reduce((sum, value, at) => sum + (value - (seen[at] ?? 0)) ** 2, 0);
    const [best] = Object.entries(colours).sort((a, b) => distance(a[1]) - distance(b[1]));
    return best !== undefined && distance(best[1]) < 3 * 45 ** 2 ? best[0] : `rgb(${seen.map(Math.round).join()})`;
  };

  /** Which receivers got something since the last look: by the transport's own count, not by our streams. */
  const flows = async (): Promise<Map<string, { kind: string; count: number }>> => {
    const all = new Map<string, { kind: string; count: number }>();
    for (const [index, connection] of connections().entries()) {
      const report = connection ? await connection.getStats() : [];
      report.forEach((each: { type?: string; id?: string; kind?: string; framesDecoded?: number; packetsReceived?: number }) => {
        if (each.type !== "inbound-rtp") return;
        const count = each.kind === "video" ? each.framesDecoded : each.packetsReceived;
        all.set(`${index} ${each.id}`, { kind: each.kind ?? "", count: count ?? 0 });
      });
    }
    return all;
  };

  const look = (stream: MediaStream, probe: ReturnType<typeof probes.get>) => {
    const { video, audio } = probe.read();
    return {
      audioTracks: stream.getAudioTracks().length,
      videoTracks: stream.getVideoTracks().length,
      ...(video.frames >= FRAMES && video.changes >= 2 ? { colour: nearest(video.colour) } : {}),
      ...(audio.rms > AUDIBLE_RMS ? { hz: Math.round(audio.dominantHz) } : {}),
      frames: video.frames,
    };
  };
  type Look = ReturnType<typeof look>;

  const isLike = (seen: Look, wanted: Expected): boolean => {
    const audioTracks = wanted.audioTracks ?? (wanted.hz === undefined ? 0 : 1);
    const videoTracks = wanted.videoTracks ?? (wanted.colour === undefined ? 0 : 1);
    let colourFits = seen.colour === wanted.colour;
    if (wanted.colour === undefined) colourFits = seen.frames === 0;
    if (wanted.colour === "any") colourFits = seen.colour !== undefined;
    const hzFits =
      wanted.hz === undefined ? seen.hz === undefined : seen.hz !== undefined && Math.abs(seen.hz - wanted.hz) <= TOLERANCE_HZ;
    return seen.audioTracks === audioTracks && seen.videoTracks === videoTracks && colourFits && hzFits;
  };
  const allFit = (seen: readonly Look[]): boolean => {
    if (seen.length !== expected.length) return false;
    const left = [...seen];
    return expected.every((wanted) => {
      const at = left.findIndex((each) => isLike(each, wanted));
      if (at >= 0) left.splice(at, 1);
      return at >= 0;
    });
  };
  const wantedFlows = {
    video: expected.filter(({ colour }) => colour !== undefined).length,
    audio: expected.filter(({ hz }) => hz !== undefined).length,
  };

  /** For the report of a failure: the m-sections, and where their tracks are. */
  const describe = (connection: RTCPeerConnection | null | undefined) =>
    connection?.getTransceivers().map(({ mid, direction, currentDirection, receiver: { track } }) => {
      const inStreams = [...streams()].flatMap((stream, at) => (stream.getTracks().includes(track) ? [at] : []));
      return `${mid} ${track.kind} ${direction}/${currentDirection} ${track.muted ? "muted" : "flows"} in ${inStreams.join() || "none"}`;
    });

  const startedAt = performance.now();
  let seen: unknown;
  const opened = new Map<MediaStream, ReturnType<typeof probes.get>>();
  try {
    while (performance.now() - startedAt < withinMs) {
      const now = [...streams()];
      for (const stream of now) if (!opened.has(stream)) opened.set(stream, probes.get(probes.open(stream)));
      for (const probe of opened.values()) probe.reset();
      const before = await flows();
      const roundAt = performance.now();
      let looks: Look[] = [];
      let fits = false;
      while (!fits && performance.now() - roundAt < ROUND_MS) {
        await sleep(50);
        looks = now.map((stream) => look(stream, opened.get(stream) as ReturnType<typeof probes.get>));
        fits = allFit(looks) && now.length === streams().length;
      }
      // Time enough for what should not come to show itself.
      if (fits) await sleep(Math.max(0, 250 - (performance.now() - roundAt)));
      const came = { video: 0, audio: 0 };
      for (const [id, { kind, count }] of await flows()) {
        if (count > (before.get(id)?.count ?? 0)) came[kind === "video" ? "video" : "audio"] += 1;
      }
      seen = { streams: looks, flowing: came, connections: connections().map(describe) };
      const flowsFit = given() === undefined || (came.video === wantedFlows.video && came.audio === wantedFlows.audio);
      if (fits && flowsFit) return { fits: true, seen };
    }
    return { fits: false, seen };
  } finally {
    for (const probe of opened.values()) probe.stop();
  }
}
