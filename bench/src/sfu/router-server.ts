/**
 * Router and data plane alone, without signalling, SDP and pool, to see where the time goes: what the main thread spends in the router and in sending
 * is measured around each call; everything else that the process uses is receiving.
 */
import { readFileSync } from "node:fs";
import { performance } from "node:perf_hooks";
import { silentLog } from "@tsunagi/base";
import { createPlane, type MediaPlane } from "@tsunagi/media";
import { type Codec, Router } from "@tsunagi/sfu";
import { serve } from "./child.ts";
import type { Window } from "./pacer.ts";
import { AUDIO_SSRC, EXTENSION_ID, OPUS, SCENARIOS, VIDEO_RTX_SSRC, VIDEO_SSRC, VP8, VP8_RTX } from "./scenarios.ts";
import { nowMicros } from "./source.ts";
import type { Split } from "./subject.ts";
import type { Side } from "./transport-client.ts";

type Request =
  | { readonly type: "join"; readonly member: number; readonly side: Side }
  | { readonly type: "begin"; readonly window: Window }
  | { readonly type: "end" };

const scenario = SCENARIOS.find((each) => each.name === process.argv[2]);
if (scenario === undefined) throw new Error(`no scenario ${process.argv[2]}`);
const { publishers, video, talkers } = scenario;

const feedback = { nack: true, pli: true, fir: true, transportCc: true, remb: true };
const CODECS: Readonly<Record<"audio" | "video", readonly Codec[]>> = {
  audio: [
    {
      ...{ name: "opus", payloadType: OPUS, clockRate: 48_000, channels: 2, fmtp: "minptime=10;useinbandfec=1", rtx: undefined },
      feedback: { ...feedback, nack: false, pli: false, fir: false },
    },
  ],
  video: [{ name: "vp8", payloadType: VP8, clockRate: 90_000, channels: 1, fmtp: "", rtx: VP8_RTX, feedback }],
};
const EXTENSIONS = {
  "audio-level": EXTENSION_ID.audioLevel,
  "abs-send-time": EXTENSION_ID.absSendTime,
  "transport-sequence": EXTENSION_ID.transportSequence,
  mid: EXTENSION_ID.mid,
};

const router = new Router();
const { list, rtcp } = router.output;
const indexes: number[] = [];
let window: Window = { fromMicros: Number.POSITIVE_INFINITY, toMicros: Number.POSITIVE_INFINITY };
let split = { receivedPackets: 0, routeMicros: 0, sendMicros: 0 };
let packetsSent = 0;
/** At the window's begin and end. */
const marks: { readonly activeMicros: number; readonly cpuMicros: number }[] = [];

function mark() {
  const [nanos = ""] = readFileSync(`/proc/self/task/${process.pid}/schedstat`, "utf8").split(" ", 1);
  return { activeMicros: performance.eventLoopUtilization().active * 1000, cpuMicros: Number(nanos) / 1000 };
}

/** What was measured is wall time: on a busy machine the thread was waiting in part of it, which is taken off. */
function ranShare(): number {
  const [from, to] = marks;
  if (from === undefined || to === undefined) return 1;
  return Math.min(1, (to.cpuMicros - from.cpuMicros) / (to.activeMicros - from.activeMicros));
}

const plane: MediaPlane = await createPlane(
  { port: 0, address: "127.0.0.1", log: silentLog },
  {
    onBurst(from, packets, count) {
      timed(count, (now) => {
        for (let at = 0; at < count; at++) router.receive(now, from[at] as number, packets[at] as Uint8Array);
        router.endBurst(now);
      });
    },
    onState() {},
    onDataChannel() {},
    onData() {},
    onDataClosed() {},
  },
);
setInterval(() => {
  const { deadline } = router;
  if (deadline !== undefined && deadline <= performance.now()) timed(0, (now) => router.tick(now));
}, 5);

/** Routes, then sends what came of it. */
function timed(packets: number, route: (now: number) => void): void {
  const before = nowMicros();
  route(performance.now());
  router.takeEvents();
  const routed = nowMicros();
  const sent = list.length + rtcp.length;
  plane.flush(list);
  list.clear();
  for (const { transport, packet } of rtcp) plane.sendRtcp(transport, packet);
  rtcp.length = 0;
  const done = nowMicros();
  if (before < window.fromMicros || before >= window.toMicros) return;
  packetsSent += sent;
  split = {
    receivedPackets: split.receivedPackets + packets,
    routeMicros: split.routeMicros + routed - before,
    sendMicros: split.sendMicros + done - routed,
  };
}

serve<Request>(async (request) => {
  switch (request.type) {
    case "join":
      return await join(request.member, request.side);
    case "begin":
      subscribeAll();
      window = request.window;
      for (const at of [window.fromMicros, window.toMicros]) setTimeout(() => marks.push(mark()), (at - nowMicros()) / 1000);
      return false;
    case "end":
      return {
        split: scaled(),
        notes: {
          packetsSent,
          counters: plane.counters,
          dump: process.env.BENCH_DUMP === undefined ? undefined : router.dump(performance.now()),
          drops: dropsOf(router.dump(performance.now())),
        },
      };
  }
});

function scaled(): Split {
  const share = ranShare();
  return { ...split, routeMicros: split.routeMicros * share, sendMicros: split.sendMicros * share };
}

async function join(member: number, side: Side): Promise<Side> {
  const [algorithm = "", value = ""] = side.fingerprint.split(" ");
  const { index, local } = await plane.open({
    iceUfrag: side.ufrag,
    icePwd: side.pwd,
    fingerprint: { algorithm, value },
    setup: side.setup,
    sctp: undefined,
  });
  indexes[member] = index;
  const now = performance.now();
  router.addTransport(now, index, `member${member}`);
  if (member < publishers) {
    if (talkers !== undefined) publish(member, "audio", AUDIO_SSRC(member), undefined);
    if (video !== undefined) publish(member, "video", VIDEO_SSRC(member), VIDEO_RTX_SSRC(member));
  }
  return {
    ufrag: local.iceUfrag,
    pwd: local.icePwd,
    fingerprint: `${local.fingerprint.algorithm} ${local.fingerprint.value}`,
    setup: local.setup,
    candidates: local.candidates.map(
      ({ foundation, protocol, priority, address, port }) =>
        `candidate:${foundation} 1 ${protocol} ${priority} ${address} ${port} typ host`,
    ),
  };
}

function publish(member: number, kind: "audio" | "video", ssrc: number, rtxSsrc: number | undefined): void {
  router.publish(performance.now(), indexes[member] ?? -1, {
    id: `${kind}${member}`,
    peerId: `member${member}`,
    kind,
    source: kind === "audio" ? "microphone" : "camera",
    mid: kind === "audio" ? "0" : "1",
    codecs: CODECS[kind],
    extensions: EXTENSIONS,
    encodings: [{ rid: undefined, ssrc, rtxSsrc }],
    muted: false,
  });
}

function subscribeAll(): void {
  const now = performance.now();
  for (const [member, index] of indexes.entries()) {
    let section = 2;
    for (let publisher = 0; publisher < publishers; publisher++) {
      if (publisher === member) continue;
      for (const kind of ["audio", "video"] as const) {
        if ((kind === "audio" ? talkers : video) === undefined) continue;
        const mid = `${section++}`;
        const ssrc = 10_000_000 + member * 10_000 + publisher * 4 + (kind === "audio" ? 0 : 1);
        const rtxSsrc = kind === "audio" ? undefined : ssrc + 1;
        router.addSlot(now, index, { mid, kind, ssrc, rtxSsrc, codecs: CODECS[kind], extensions: EXTENSIONS });
        router.wish(now, index, { mid, publication: `${kind}${publisher}` });
      }
    }
  }
}

function dropsOf(dump: unknown): unknown {
  return typeof dump === "object" && dump !== null && "drops" in dump ? dump.drops : undefined;
}
