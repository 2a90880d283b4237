/** Attempts with the browser's own peer connections: which addresses can be had, and whether data gets through a relay. */
import { failureOf, type IceServerEntry, type StepResult } from "./steps.ts";

/** Whoever waits for a call would have given up by then. */
const TIMEOUT_MS = 8000;
/** Chromium reports a silent STUN server after 9.5 s (RFC 8489 §6.2.1), and only then which of its addresses got an answer. */
const GATHERING_MS = 12_000;
const ECHOES = 5;

type Wanted = "host" | "srflx" | "relay";

/** Whether a candidate of a kind is found. */
export async function findCandidate(
  wanted: Wanted,
  servers: readonly IceServerEntry[],
  signal: AbortSignal,
): Promise<StepResult> {
  const startedAt = performance.now();
  const connection = new RTCPeerConnection(configOf(servers, "all"));
  const errors: { code: number; text: string }[] = [];
  let hosts = 0;
  connection.addEventListener("icecandidateerror", ({ errorCode, errorText }) =>
    errors.push({ code: errorCode, text: errorText }),
  );
  try {
    const end = await new Promise<"found" | "complete" | "timeout">((resolve) => {
      const timer = setTimeout(() => resolve("timeout"), GATHERING_MS);
      signal.addEventListener("abort", () => resolve("timeout"), { once: true });
      connection.addEventListener("icecandidate", ({ candidate }) => {
        if (candidate?.type === wanted) resolve("found");
        if (candidate?.type === "host" && candidate.protocol === "udp") hosts++;
        if (candidate === null) {
          clearTimeout(timer);
          resolve("complete");
        }
      });
      connection.createDataChannel("check");
      connection.setLocalDescription().catch(() => resolve("timeout"));
    });
    const ms = performance.now() - startedAt;
    if (end === "found") return { state: "ok", ms };
    // A browser keeps a server-reflexive address to itself when it equals a host address: that one got an answer, and no error is told of it.
    if (wanted === "srflx" && end === "complete" && errors.length < hosts) return { state: "ok", ms, sameAddress: true };
    if (wanted === "host") return { state: "failed", why: "none", ms };
    return { state: "failed", why: failureOf(errors, false), ms, detail: detailOf(errors) };
  } finally {
    connection.close();
  }
}

/** Two connections of this page meet over the relay alone, and send data there and back. */
export async function echoThroughRelay(
  servers: readonly IceServerEntry[],
  options: { readonly isTls: boolean; readonly signal: AbortSignal },
): Promise<StepResult> {
  const startedAt = performance.now();
  const near = new RTCPeerConnection(configOf(servers, "relay"));
  const far = new RTCPeerConnection(configOf(servers, "relay"));
  const errors: { code: number; text: string }[] = [];
  let relayed = 0;
  for (const [from, to] of [
    [near, far],
    [far, near],
  ] as const) {
    from.addEventListener("icecandidate", ({ candidate }) => {
      if (candidate === null || candidate.candidate === "") return;
      relayed++;
      // The other end may be closed by now.
      to.addIceCandidate(candidate).catch(() => {});
    });
    from.addEventListener("icecandidateerror", ({ errorCode, errorText }) => errors.push({ code: errorCode, text: errorText }));
  }
  try {
    const channel = near.createDataChannel("check");
    far.addEventListener("datachannel", ({ channel: other }) => {
      other.addEventListener("message", ({ data }) => other.send(data));
    });
    const opened = within(options.signal, (resolve) => {
      channel.addEventListener("open", () => resolve(true));
      // All of the near end's attempts are over, and none gave an address: nothing more will come.
      near.addEventListener("icegatheringstatechange", () => {
        if (near.iceGatheringState === "complete" && relayed === 0) resolve(false);
      });
    });
    await near.setLocalDescription();
    await far.setRemoteDescription(near.localDescription as RTCSessionDescription);
    await far.setLocalDescription();
    await near.setRemoteDescription(far.localDescription as RTCSessionDescription);
    const isOpen = await opened;
    const ms = performance.now() - startedAt;
    if (!isOpen) {
      const why = relayed > 0 ? "no-echo" : failureOf(errors, options.isTls);
      return { state: "failed", why, ms, detail: detailOf(errors) };
    }
    let best = Number.POSITIVE_INFINITY;
    for (let round = 0; round < ECHOES; round++) best = Math.min(best, await echo(channel, options.signal));
    if (!Number.isFinite(best)) return { state: "failed", why: "no-echo", ms };
    return { state: "ok", ms, rttMs: best };
  } finally {
    near.close();
    far.close();
  }
}

async function echo(channel: RTCDataChannel, signal: AbortSignal): Promise<number> {
  const sentAt = performance.now();
  const came = await within(signal, (resolve) => {
    channel.addEventListener("message", () => resolve(true), { once: true });
    channel.send("echo");
  });
  return came ? performance.now() - sentAt : Number.POSITIVE_INFINITY;
}

/** False after the time limit, or when the check is given up. */
function within(signal: AbortSignal, begin: (resolve: (value: boolean) => void) => void): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), TIMEOUT_MS);
    const done = (value: boolean) => {
      clearTimeout(timer);
      resolve(value);
    };
    signal.addEventListener("abort", () => done(false), { once: true });
    begin(done);
  });
}

function configOf(servers: readonly IceServerEntry[], policy: RTCIceTransportPolicy): RTCConfiguration {
  return {
    iceTransportPolicy: policy,
    iceServers: servers.map(({ urls, username, credential }) => ({
      urls: [...urls],
      ...(username === undefined ? {} : { username }),
      ...(credential === undefined ? {} : { credential }),
    })),
  };
}

function detailOf(errors: readonly { readonly code: number; readonly text: string }[]): string | undefined {
  const last = errors.at(-1);
  return last === undefined ? undefined : `${last.code} ${last.text}`.trim();
}
