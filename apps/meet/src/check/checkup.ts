/** The check of one's own connection: step by step, told through a store. */
import type { Verdict } from "@tsunagi/turn/verdict";
import type { Peer, Sdk } from "../sdk.ts";
import { loadPeerOptions } from "../state/config.ts";
import type { Settings } from "../state/settings.ts";
import { Store } from "../state/store.ts";
import { type ShownError, toShownError } from "../text/errors.ts";
import { echoThroughRelay, findCandidate } from "./attempts.ts";
import { judge } from "./facts.ts";
import { type IceServerEntry, type Results, type StepId, type StepResult, serversFor } from "./steps.ts";

/** How long the server may take to open a session. */
const OPEN_MS = 10_000;

export type CheckupState = {
  readonly phase: "running" | "done";
  readonly results: Results;
  /** From the end on. */
  readonly verdict: Verdict | undefined;
  /** The server could not be asked: nothing else can be checked. */
  readonly error: ShownError | undefined;
};

const WAITING: Results = {
  server: { state: "waiting" },
  direct: { state: "waiting" },
  stun: { state: "waiting" },
  "turn-udp": { state: "waiting" },
  "turn-tcp": { state: "waiting" },
  "turn-tls": { state: "waiting" },
};

export class Checkup {
  readonly store = new Store<CheckupState>({ phase: "running", results: WAITING, verdict: undefined, error: undefined });
  readonly #sdk: Sdk;
  readonly #ended = new AbortController();

  constructor(sdk: Sdk) {
    this.#sdk = sdk;
  }

  /** Resolves when all steps are done, or after `close`. */
  async run(settings: Settings): Promise<void> {
    this.#set("server", { state: "running" });
    const startedAt = performance.now();
    let peer: Peer | undefined;
    try {
      const config = await loadPeerOptions(settings);
      if ("error" in config) return this.#stop(config.error);
      peer = this.#sdk.createPeer(config.options);
      await opened(peer, this.#ended.signal);
      this.#set("server", { state: "ok", ms: performance.now() - startedAt });
      const servers = peer.iceServers;
      await this.#attempts(servers);
      if (!this.#ended.signal.aborted) this.store.set({ phase: "done", verdict: judge(this.store.get().results, servers) });
    } catch (error) {
      this.#stop(toShownError(error));
    } finally {
      peer?.destroy();
    }
  }

  close(): void {
    this.#ended.abort();
  }

  /** All at once: the slowest tells how long it takes. */
  async #attempts(servers: readonly IceServerEntry[]): Promise<void> {
    const { signal } = this.#ended;
    const stun = serversFor("stun", servers);
    const relays = (["turn-udp", "turn-tcp", "turn-tls"] as const).map((step) => {
      const own = serversFor(step, servers);
      const attempt = () => echoThroughRelay(own, { isTls: step === "turn-tls", signal });
      return this.#step(step, own.length === 0 ? undefined : attempt);
    });
    await Promise.all([
      this.#step("direct", () => findCandidate("host", [], signal)),
      this.#step("stun", stun.length === 0 ? undefined : () => findCandidate("srflx", stun, signal)),
      ...relays,
    ]);
  }

  async #step(step: StepId, attempt: (() => Promise<StepResult>) | undefined): Promise<void> {
    if (this.#ended.signal.aborted) return;
    if (attempt === undefined) return this.#set(step, { state: "absent" });
    this.#set(step, { state: "running" });
    this.#set(step, await attempt());
  }

  #set(step: StepId, result: StepResult): void {
    if (this.#ended.signal.aborted) return;
    this.store.set(({ results }) => ({ results: { ...results, [step]: result } }));
  }

  #stop(error: ShownError): void {
    if (!this.#ended.signal.aborted) this.store.set({ phase: "done", error });
  }
}

function opened(peer: Peer, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(Object.assign(new Error(`no session within ${OPEN_MS} ms`), { code: "meet.config.unavailable" }));
    }, OPEN_MS);
    const end = (act: () => void) => {
      clearTimeout(timer);
      act();
    };
    peer.on("open", () => end(resolve), { signal });
    peer.on("error", (error) => end(() => reject(error)), { signal });
    signal.addEventListener("abort", () => end(resolve), { once: true });
  });
}
