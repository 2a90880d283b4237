/** One call between two places: do frames come on both sides, how soon, and over which candidates in the end. */
import { type BrowserPage, probeMedia } from "@tsunagi/testkit/drivers";
import type { Place } from "./ground.ts";
import type { Way } from "./pairings.ts";

/** The chosen candidate pair as one end sees it (webrtc-stats RTCIceCandidateStats). */
export type Pair = {
  /** host, srflx, prflx or relay. */
  readonly local: string;
  readonly remote: string;
  /** How this end speaks to its TURN server, where its own candidate is relayed: udp, tcp or tls. */
  readonly relayProtocol: string | undefined;
};

export type CallResult = {
  readonly caller: Pair;
  readonly callee: Pair;
  /** From `call()` to the first frame that is decoded, the later of the two sides. */
  readonly firstFrameMs: number;
  /** The longest time without a frame on either side, during what was done meanwhile and until frames flowed again. */
  readonly gapMs: number;
};

/** `relay`: some packets of the call go through a TURN server. */
export function wayOf({ caller, callee }: CallResult): Way {
  // A candidate that a check over the relay has found is called prflx, and still has a protocol to the relay.
  const isRelayed = ({ local, remote, relayProtocol }: Pair) =>
    relayProtocol !== undefined || local === "relay" || remote === "relay";
  return isRelayed(caller) || isRelayed(callee) ? "relay" : "direct";
}

export type CallOptions = {
  /** For the first frames. Default 20,000. */
  readonly withinMs?: number;
  /** What happens to the networks while the call goes on. */
  readonly meanwhile?: () => Promise<void>;
};

/** ICE may find a better pair after the first: the pair counts that has been the same on both sides for so long. */
const STEADY_MS = 1_000;
const STEADY_LIMIT_MS = 8_000;

/** What was received before a path went away has been shown by then. */
const NOTICED_MS = 500;

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

type Kept = { began: number; firstFrameAt: number | undefined; call: import("@tsunagi/sdk").MediaConnection | undefined };

/** @throws when there are no frames on both sides; the message says which pairs the browsers had tried */
export async function callBetween(caller: Place, callee: Place, options: CallOptions = {}): Promise<CallResult> {
  const withinMs = options.withinMs ?? 20_000;
  const pages = [caller.page, callee.page];
  for (const page of pages) await page.evaluate(prepare);
  try {
    await caller.page.evaluate(begin, callee.name);
    const came = await Promise.all(
      pages.map((page) =>
        page
          .waitFor(() => (helpers.kept.nat as Kept).firstFrameAt, { what: "the first frame", timeoutMs: withinMs })
          .catch(async (error: unknown) => {
            throw new Error(`${caller.name} to ${callee.name}: no frame at ${page.name}; ${await tried(page)}`, { cause: error });
          }),
      ),
    );
    const began = await caller.page.evaluate(() => (helpers.kept.nat as Kept).began);
    const [callerPair, calleePair] = await steadyPairs(caller.page, callee.page);
    // Over the pair that is left in the end, and not only over the one that was there first.
    const probes = await Promise.all(pages.map((page) => probeMedia(page, "document.querySelector('#remote')")));
    await Promise.all(probes.map((probe) => probe.expectVideo()));
    for (const probe of probes) await probe.reset();
    if (options.meanwhile !== undefined) {
      await options.meanwhile();
      await pause(NOTICED_MS);
    }
    const readings = await Promise.all(probes.map((probe) => probe.expectVideo()));
    for (const probe of probes) await probe.stop();
    const gapMs = Math.max(...readings.map(({ video }) => video.longestGapMs));
    return { caller: callerPair, callee: calleePair, firstFrameMs: Math.max(...came) - began, gapMs };
  } finally {
    for (const page of pages) await page.evaluate(() => (helpers.kept.nat as Kept).call?.close());
    for (const page of pages) await page.waitFor(() => peer.connections.size === 0, { what: "the end of the call" });
    for (const page of pages) await page.evaluate(tidy);
  }
}

/** In the page: takes the next call, and notes when the first frame is decoded. Both pages' clocks are the machine's. */
function prepare(): void {
  const kept: Kept = { began: 0, firstFrameAt: undefined, call: undefined };
  helpers.kept.nat = kept;
  helpers.kept.stream = helpers.signal({ width: 160, height: 90, framesPerSecond: 20, audio: false });
  helpers.kept.watch = (call: import("@tsunagi/sdk").MediaConnection) => {
    kept.call = call;
    call.on("stream", (stream) => {
      helpers.show("remote", stream);
      document.querySelector<HTMLVideoElement>("#remote")?.requestVideoFrameCallback(() => {
        kept.firstFrameAt = performance.timeOrigin + performance.now();
      });
    });
  };
  if (helpers.kept.listening === true) return;
  helpers.kept.listening = true;
  peer.on("call", (call) => {
    (helpers.kept.watch as (call: unknown) => void)(call);
    call.answer(helpers.kept.stream as MediaStream);
  });
}

function begin(to: string): void {
  (helpers.kept.nat as Kept).began = performance.timeOrigin + performance.now();
  (helpers.kept.watch as (call: unknown) => void)(peer.call(to, helpers.kept.stream as MediaStream));
}

function tidy(): void {
  document.querySelector("#remote")?.remove();
  // A page that waits for its next call draws nothing meanwhile.
  for (const track of (helpers.kept.stream as MediaStream).getTracks()) track.stop();
}

async function steadyPairs(...pages: readonly [BrowserPage, BrowserPage]): Promise<[Pair, Pair]> {
  const read = async () => [await pages[0].evaluate(readPair), await pages[1].evaluate(readPair)] as [Pair, Pair];
  const startedAt = performance.now();
  let pairs = await read();
  let since = startedAt;
  while (performance.now() - since < STEADY_MS && performance.now() - startedAt < STEADY_LIMIT_MS) {
    await pause(250);
    const now = await read();
    if (JSON.stringify(now) !== JSON.stringify(pairs)) [pairs, since] = [now, performance.now()];
  }
  return pairs;
}

async function readPair(): Promise<Pair> {
  const entries = new Map<string, Record<string, unknown>>();
  const report = await (helpers.kept.nat as Kept).call?.getPeerConnection()?.getStats();
  report?.forEach((entry, id) => void entries.set(id, entry));
  const transport = [...entries.values()].find((entry) => entry.type === "transport");
  const pair = entries.get(String(transport?.selectedCandidatePairId));
  const local = entries.get(String(pair?.localCandidateId));
  const remote = entries.get(String(pair?.remoteCandidateId));
  return {
    local: String(local?.candidateType),
    remote: String(remote?.candidateType),
    relayProtocol: local?.relayProtocol as string | undefined,
  };
}

/** Which candidates there were, by kind. */
async function tried(page: BrowserPage): Promise<string> {
  return page.evaluate(async () => {
    const report = await (helpers.kept.nat as Kept).call?.getPeerConnection()?.getStats();
    const kinds: string[] = [];
    const states: string[] = [];
    report?.forEach((entry) => {
      if (/^(local|remote)-candidate$/.test(entry.type)) {
        kinds.push(`${entry.type.split("-")[0]} ${entry.candidateType}/${entry.relayProtocol ?? entry.protocol}`);
      }
      if (entry.type === "candidate-pair") states.push(entry.state);
    });
    return `candidates: ${kinds.join(", ") || "none"}; pairs: ${states.join(", ") || "none"}`;
  });
}
