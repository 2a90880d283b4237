/**
 * Perfect negotiation (webrtc-pc §10.7) for one RTCPeerConnection: either side may offer at any moment; when both do, the polite one
 * gives way.
 *
 * It does so without a rollback wherever it can: Chromium 156 shows no frame of the remote videos any more after one, although they are
 * decoded. The polite side sets its offer only when the answer is there, so that until then it can take the other side's offer in the
 * stable state. Offers that need ICE gathering (the first one, restarts) have to be set at once, and are rolled back when they collide.
 *
 * Descriptions and candidates are dealt with one after another in a queue of their own, since some steps here wait (for gathering in
 * Vanilla ICE, RFC 8838 §8): the RTCPeerConnection's own operations chain would let the next message overtake them.
 */
import type { Clock, Log } from "@tsunagi/base";
import type { Candidate } from "@tsunagi/protocol";
import { type CandidateEventPort, listen, type PeerConnectionPort, type SessionDescriptionPort } from "../ports.ts";

/** Vanilla ICE: how long to wait for the end of gathering, from the start, and from the first candidate. */
const GATHER_TIMEOUT_MS = 10_000;
const GATHER_AFTER_FIRST_MS = 3_000;

export type NegotiationOutput =
  | { readonly type: "offer"; readonly sdp: string; readonly restart: boolean }
  | { readonly type: "answer"; readonly sdp: string }
  | { readonly type: "candidate"; readonly candidate: Candidate | null };

export type NegotiationOptions = {
  readonly pc: PeerConnectionPort;
  readonly polite: boolean;
  readonly trickle: boolean;
  readonly clock: Clock;
  readonly log: Log;
  readonly send: (output: NegotiationOutput) => void;
  /** Asked before each offer. */
  readonly mayOffer: () => boolean;
  /** After the remote offer is set, before the answer is made. */
  readonly onAnswering: () => void;
  readonly onNegotiated: () => void;
  /** The descriptions do not fit together: this RTCPeerConnection cannot be negotiated any further. */
  readonly onBroken: (error: unknown) => void;
};

export class Negotiation {
  readonly #options: NegotiationOptions;
  readonly #pc: PeerConnectionPort;
  readonly #unlisten: (() => void)[] = [];
  #queue: Promise<void> = Promise.resolve();
  #closed = false;
  #trickle: boolean;
  #ignoringOffer = false;
  #restartWanted = false;
  /** The polite side's offer that was sent and is not set yet. */
  #pending: SessionDescriptionPort | undefined;
  /** The offer under way has new ICE credentials. */
  #restarting = false;
  /** Wanted explicitly while something else was under way. */
  #again = false;
  /** An offer is on its way into the queue, so another request for one adds nothing. */
  #offerQueued = false;
  /** Own candidates that wait until the description they belong to was sent. */
  #held: (Candidate | null)[] | undefined;
  /** Own candidates of the current description, to be told again to a peer that may have missed them. */
  #told: (Candidate | null)[] = [];
  #early: (Candidate | null)[] = [];

  constructor(options: NegotiationOptions) {
    this.#options = options;
    this.#pc = options.pc;
    this.#trickle = options.trickle;
    this.#unlisten.push(
      listen(this.#pc, "negotiationneeded", () => this.#offer(false)),
      listen<CandidateEventPort>(this.#pc, "icecandidate", (event) => this.#onLocalCandidate(event)),
    );
  }

  /** Whether an offer of this side waits for its answer. */
  get offering(): boolean {
    return this.#pending !== undefined || this.#pc.signalingState === "have-local-offer";
  }

  /** Offers although the browser sees no need: what changed is not part of its check (codec preferences, say). */
  negotiate(): void {
    this.#offer(true);
  }

  /** When something else is under way the browser asks again by itself; what was asked for explicitly must be kept. */
  #offer(keep: boolean): void {
    if (this.#offerQueued) return;
    this.#offerQueued = true;
    this.#enqueue(async () => {
      this.#offerQueued = false;
      if (!this.#options.mayOffer()) return;
      if (this.#pc.signalingState !== "stable" || this.#pending !== undefined) {
        this.#again ||= keep;
        return;
      }
      if (this.#options.polite && this.#pc.localDescription !== null && !this.#restartWanted) {
        this.#restarting = false;
        this.#pending = await this.#pc.createOffer();
        this.#sendOffer();
        return;
      }
      this.#restarting = this.#restartWanted;
      this.#restartWanted = false;
      this.#hold();
      await this.#pc.setLocalDescription();
      await this.#gathered();
      this.#sendOffer();
      this.#release();
    });
  }

  /** Offers with new ICE credentials (RFC 8445 §9), as soon as nothing else is under way. */
  restartIce(): void {
    if (this.#closed) return;
    this.#restartWanted = true;
    this.#pc.restartIce();
  }

  /** The server forgot what was on its way: say again what has not been answered. */
  repeat(): void {
    this.#enqueue(async () => {
      if (this.offering) this.#sendOffer();
      const ice = this.#pc.iceConnectionState;
      if (ice === "connected" || ice === "completed" || !this.#trickle) return;
      for (const candidate of this.#told) this.#options.send({ type: "candidate", candidate });
    });
  }

  handleOffer(sdp: string, trickle: boolean): void {
    this.#enqueue(async () => {
      // The remote side wants Vanilla ICE: it gets it, whatever this side's own option says.
      if (!trickle) this.#trickle = false;
      const collision = this.#pc.signalingState !== "stable";
      this.#ignoringOffer = collision && !this.#options.polite;
      if (this.#ignoringOffer) return;
      // The other side ignores it, since it was offering itself.
      this.#again ||= this.#pending !== undefined;
      this.#pending = undefined;
      // In have-local-offer this rolls the own offer back (webrtc-pc §4.4.1.5); the browser fires negotiationneeded again afterwards.
      await this.#pc.setRemoteDescription({ type: "offer", sdp });
      await this.#addEarly();
      if (this.#closed) return;
      this.#options.onAnswering();
      this.#hold();
      await this.#pc.setLocalDescription();
      await this.#gathered();
      const answer = this.#pc.localDescription;
      if (answer?.type === "answer" && answer.sdp !== undefined) this.#options.send({ type: "answer", sdp: answer.sdp });
      this.#release();
      this.#settled();
    });
  }

  handleAnswer(sdp: string): void {
    this.#enqueue(async () => {
      const pending = this.#pending;
      this.#pending = undefined;
      if (pending !== undefined) await this.#pc.setLocalDescription(pending);
      // An answer to an offer that was sent twice after the server was restarted.
      if (this.#pc.signalingState !== "have-local-offer") return;
      await this.#pc.setRemoteDescription({ type: "answer", sdp });
      this.#restarting = false;
      await this.#addEarly();
      this.#settled();
    });
  }

  handleCandidate(candidate: Candidate | null): void {
    this.#enqueue(async () => {
      if (this.#pc.remoteDescription === null) this.#early.push(candidate);
      else await this.#addCandidate(candidate);
    });
  }

  close(): void {
    this.#closed = true;
    for (const unlisten of [...this.#unlisten]) unlisten();
  }

  // ---- Steps -----------------------------------------------------------------------------------------------------------------

  #enqueue(step: () => Promise<void>): void {
    this.#queue = this.#queue.then(async () => {
      if (this.#closed) return;
      try {
        await step();
      } catch (error) {
        if (!this.#closed) this.#options.onBroken(error);
      }
    });
  }

  #settled(): void {
    if (this.#closed) return;
    this.#options.onNegotiated();
    if (!this.#again) return;
    this.#again = false;
    this.negotiate();
  }

  #sendOffer(): void {
    const offer = this.#pending ?? this.#pc.localDescription;
    if (this.#closed || offer?.type !== "offer" || offer.sdp === undefined) return;
    this.#options.send({ type: "offer", sdp: offer.sdp, restart: this.#restarting });
  }

  async #addEarly(): Promise<void> {
    const early = this.#early;
    this.#early = [];
    for (const candidate of early) await this.#addCandidate(candidate);
  }

  async #addCandidate(candidate: Candidate | null): Promise<void> {
    try {
      await this.#pc.addIceCandidate(candidate === null ? null : (candidate as never));
    } catch (error) {
      // One bad candidate is no reason to end a session that others may connect; those of an ignored offer are expected to fail.
      if (!this.#ignoringOffer && !this.#closed) this.#options.log.warn({ error, candidate }, "a remote candidate was refused");
    }
  }

  // ---- Own candidates ----------------------------------------------------------------------------------------------------------

  #onLocalCandidate({ candidate }: CandidateEventPort): void {
    // The empty one marks the end of one generation; the null that follows says the same for all.
    if (candidate !== null && candidate.candidate === "") return;
    const plain: Candidate | null =
      candidate === null
        ? null
        : {
            candidate: candidate.candidate,
            sdpMid: candidate.sdpMid,
            sdpMLineIndex: candidate.sdpMLineIndex,
            usernameFragment: candidate.usernameFragment,
          };
    if (this.#held !== undefined) this.#held.push(plain);
    else this.#tell(plain);
  }

  #hold(): void {
    this.#held = [];
    if (this.#restarting) this.#told = [];
  }

  #release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const candidate of held) this.#tell(candidate);
  }

  #tell(candidate: Candidate | null): void {
    if (!this.#trickle || this.#closed) return;
    this.#told.push(candidate);
    this.#options.send({ type: "candidate", candidate });
  }

  /** Vanilla ICE: resolves when the local description has all its candidates, or as many as came within the limits. */
  #gathered(): Promise<void> {
    if (this.#trickle || this.#pc.iceGatheringState === "complete") return Promise.resolve();
    const { clock } = this.#options;
    return new Promise((resolve) => {
      let cancel = clock.after(GATHER_TIMEOUT_MS, () => done());
      let first = true;
      const unlisten = [
        listen(this.#pc, "icegatheringstatechange", () => {
          if (this.#pc.iceGatheringState === "complete") done();
        }),
        listen<CandidateEventPort>(this.#pc, "icecandidate", ({ candidate }) => {
          if (candidate === null || !first) return;
          first = false;
          cancel();
          cancel = clock.after(GATHER_AFTER_FIRST_MS, () => done());
        }),
      ];
      const done = () => {
        cancel();
        for (const each of unlisten) each();
        const index = this.#unlisten.indexOf(done);
        if (index >= 0) this.#unlisten.splice(index, 1);
        resolve();
      };
      // Closing ends the wait too.
      this.#unlisten.push(done);
    });
  }
}
