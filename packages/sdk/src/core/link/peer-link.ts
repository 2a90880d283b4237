/**
 * One connection's transport: an RTCPeerConnection with the remote peer, negotiated ({@link Negotiation}), watched ({@link FlowWatch}) and
 * repaired ({@link Recovery}); replaced by a new one, of a higher epoch, when it cannot be saved.
 */
import { Emitter } from "@tsunagi/base";
import type { AnswerBody, CandidateBody, Framing, OfferBody, RestartBody } from "@tsunagi/protocol";
import type { Link, LinkEvents, LinkState } from "../link.ts";
import {
  type DataChannelEventPort,
  listen,
  type PeerConnectionConfig,
  type PeerConnectionPort,
  type Platform,
  type TrackEventPort,
} from "../ports.ts";
import { describePairs, selectedPair } from "./candidate-pairs.ts";
import { FlowWatch } from "./flow-watch.ts";
import { Negotiation, type NegotiationOutput } from "./negotiation.ts";
import { Recovery } from "./recovery.ts";

/** Bodies that arrive before this side has accepted: an offer and its candidates, with a limit against a flood. */
const MAX_EARLY_BODIES = 200;
/** New RTCPeerConnections in a row that never connect. */
const MAX_RENEWALS = 3;

export type NegotiationBody = OfferBody | AnswerBody | CandidateBody | RestartBody;

export type PeerLinkOptions = {
  readonly platform: Platform;
  readonly connection: string;
  /** The callee is polite. */
  readonly polite: boolean;
  readonly trickle: boolean;
  /** Asked for each new RTCPeerConnection, each ICE restart, and in {@link PeerLink.configure}. */
  readonly config: () => PeerConnectionConfig;
  /** Fields of every offer (kind, room), and those that only the first one has. */
  readonly offerFields: Pick<OfferBody, "kind" | "room">;
  readonly firstOfferFields: Partial<OfferBody>;
  readonly send: (body: NegotiationBody) => void;
  readonly signalOpen: () => boolean;
  readonly probe: () => Promise<boolean>;
};

/** All that lives and dies with one RTCPeerConnection. */
type Transport = {
  readonly pc: PeerConnectionPort;
  readonly negotiation: Negotiation;
  readonly unlisten: readonly (() => void)[];
  flow: FlowWatch | undefined;
  answered: boolean;
  /** A STUN or TURN server could not be reached since the last restart. */
  unreached: boolean;
};

export class PeerLink extends Emitter<LinkEvents> implements Link {
  readonly #options: PeerLinkOptions;
  readonly #recovery: Recovery;
  #transport: Transport | undefined;
  #state: LinkState = "connecting";
  #epoch = 0;
  #renewals = 0;
  /** A negotiation has ended once, so the other side has read the first offer's fields. */
  #settledOnce = false;
  #early: NegotiationBody[] = [];
  /** See {@link Link.framing}: no restarts and no later epochs, for the other end would take them for something else. */
  framing: Framing | undefined;

  constructor(options: PeerLinkOptions) {
    super();
    this.#options = options;
    this.#recovery = new Recovery({
      clock: options.platform.clock,
      polite: options.polite,
      signalOpen: options.signalOpen,
      probe: options.probe,
      flow: () => this.#transport?.flow,
      shortOfServers: () => this.#transport?.unreached === true && this.#transport.pc.iceGatheringState === "complete",
      restart: () => this.#restart(),
      askRestart: () => this.#send({ type: "restart", connection: options.connection }),
      renew: () => this.renew("no connectivity"),
      fail: () => void this.#fail(),
    });
  }

  get state(): LinkState {
    return this.#state;
  }

  get peerConnection(): PeerConnectionPort | null {
    return this.#transport?.pc ?? null;
  }

  get epoch(): number {
    return this.#epoch;
  }

  /** Whether it has an RTCPeerConnection: it was started or accepted. */
  get started(): boolean {
    return this.#transport !== undefined;
  }

  /** This side begins: the first RTCPeerConnection offers as soon as something was added to it. */
  start(): void {
    if (this.#transport === undefined && this.#state !== "closed") this.#open(true);
  }

  /** Offers anew: the first offer was in a manner that the other end does not know. */
  offerAgain(): void {
    this.#open(true);
    this.negotiate();
  }

  /** This side takes the offer that has arrived. */
  accept(): void {
    if (this.#transport !== undefined || this.#state === "closed") return;
    this.#open(false);
    const early = this.#early;
    this.#early = [];
    for (const body of early) this.handle(body);
  }

  /** A message of the other side about this connection. */
  handle(body: NegotiationBody): void {
    if (this.#state === "closed") return;
    if (this.#transport === undefined) {
      // The same offer again comes from a caller whose server was restarted.
      if (body.type === "offer") this.#early = [];
      if (this.#early.length < MAX_EARLY_BODIES) this.#early.push(body);
      return;
    }
    const epoch = body.epoch ?? 0;
    if (body.type === "restart" && !this.#options.polite && epoch === this.#epoch + 1) {
      this.renew("the other side asks for it");
      return;
    }
    if (epoch > this.#epoch && body.type === "offer" && this.#options.polite) {
      this.#epoch = epoch;
      this.#open(false);
    }
    // Late messages of a transport that was replaced.
    if (epoch === this.#epoch) this.#feed(this.#transport, body);
  }

  negotiate(): void {
    this.#transport?.negotiation.negotiate();
  }

  restartIce(why: string): void {
    if (this.#transport === undefined) return;
    this.#options.platform.log.info({ connection: this.#options.connection, why }, "ICE restart wanted");
    this.#recovery.requested();
  }

  /** There are new ICE servers or TURN credentials: the next gathering uses them, whichever side begins it. */
  configure(): void {
    try {
      this.#transport?.pc.setConfiguration(this.#options.config());
    } catch (error) {
      this.#options.platform.log.warn({ error }, "the browser refused the new ICE configuration");
    }
  }

  renew(why: string): void {
    if (this.#transport === undefined || this.framing !== undefined) return;
    this.#options.platform.log.info({ connection: this.#options.connection, why }, "new peer connection");
    if (this.#options.polite) {
      this.#send({ type: "restart", connection: this.#options.connection, epoch: this.#epoch + 1 });
      return;
    }
    this.#renewals += 1;
    if (this.#renewals > MAX_RENEWALS) {
      void this.#fail(why);
      return;
    }
    this.#epoch += 1;
    this.#open(true);
  }

  /** Signalling is back; see {@link Recovery.signalResumed}. */
  signalResumed(info: { readonly restored: boolean; readonly doubtful: boolean }): void {
    if (this.#transport === undefined) return;
    if (!info.restored) {
      this.#recovery.signalResumed(info.doubtful);
      return;
    }
    this.repeat();
    // The server was made anew, and its TURN server may have been with it: ICE would notice late that a relay is gone.
    void this.#stats().then((report) => this.#recovery.signalResumed(info.doubtful || selectedPair(report)?.relayed === true));
  }

  /** Says again what the other side may not have got. */
  repeat(): void {
    // To peerjs a second offer is another call.
    if (this.framing !== "peerjs") this.#transport?.negotiation.repeat();
  }

  /** Frees everything; `state` becomes `closed`. Idempotent. */
  close(): void {
    if (this.#state === "closed") return;
    this.#recovery.close();
    this.#dispose();
    this.#early = [];
    this.#setState("closed");
    this.removeAllListeners();
  }

  // ---- One transport -----------------------------------------------------------------------------------------------------------

  #open(offering: boolean): void {
    this.#dispose();
    if (this.#state === "connected") this.#setState("reconnecting");
    const { platform, polite, trickle, config, connection } = this.#options;
    const pc = platform.peerConnections.create(config());
    const epoch = this.#epoch;
    const negotiation = new Negotiation({
      pc,
      polite,
      trickle,
      clock: platform.clock,
      log: platform.log,
      send: (output) => this.#sendOutput(output),
      mayOffer: () => {
        const fixed = this.framing === "peerjs" && this.#settledOnce;
        if (fixed) this.emit("fixed");
        return !fixed;
      },
      onAnswering: () => this.emit("answering", pc),
      onNegotiated: () => this.#onNegotiated(pc),
      onBroken: (error) => {
        platform.log.warn({ error, connection }, "negotiation failed");
        // The very first offer that came: whoever sent it would send the like again, or nothing at all.
        if (this.framing !== undefined || (polite && !this.#settledOnce)) void this.#fail("its description cannot be used");
        else this.renew("negotiation failed");
      },
    });
    const unlisten = [
      listen(pc, "iceconnectionstatechange", () => this.#evaluate(pc)),
      listen(pc, "connectionstatechange", () => this.#evaluate(pc)),
      listen(pc, "icecandidateerror", () => {
        if (this.#transport?.pc === pc) this.#transport.unreached = true;
      }),
      listen<TrackEventPort>(pc, "track", (event) => this.emit("track", event)),
      listen<DataChannelEventPort>(pc, "datachannel", (event) => this.emit("datachannel", event.channel)),
    ];
    this.#transport = { pc, negotiation, unlisten, flow: undefined, answered: false, unreached: false };
    this.emit("peerConnection", pc, { epoch, offering });
  }

  #restart(): void {
    const transport = this.#transport;
    if (transport === undefined || this.framing !== undefined) return;
    this.#options.platform.log.info({ connection: this.#options.connection }, "ICE restart");
    // The policy may have been changed.
    this.configure();
    transport.unreached = false;
    transport.negotiation.restartIce();
  }

  #dispose(): void {
    const transport = this.#transport;
    if (transport === undefined) return;
    this.#transport = undefined;
    transport.flow?.stop();
    transport.negotiation.close();
    for (const unlisten of transport.unlisten) unlisten();
    transport.pc.close();
  }

  #feed({ negotiation, pc }: Transport, body: NegotiationBody): void {
    switch (body.type) {
      case "offer":
        negotiation.handleOffer(body.sdp, body.trickle !== false);
        break;
      case "answer":
        // Before its version 4 skyway-js asks for an offer so.
        if (this.framing !== undefined && pc.signalingState === "stable") negotiation.negotiate();
        else negotiation.handleAnswer(body.sdp);
        break;
      case "candidate":
        negotiation.handleCandidate(body.candidate);
        break;
      case "restart":
        this.#recovery.requested();
        break;
    }
  }

  #onNegotiated(pc: PeerConnectionPort): void {
    const transport = this.#transport;
    if (transport?.pc !== pc) return;
    this.#settledOnce = true;
    if (!transport.answered) {
      transport.answered = true;
      if (pc.connectionState !== "connected") this.#recovery.connecting();
    }
    this.emit("negotiated", pc);
  }

  #evaluate(pc: PeerConnectionPort): void {
    const transport = this.#transport;
    if (transport?.pc !== pc || this.#state === "closed") return;
    const ice = pc.iceConnectionState;
    if (this.framing !== undefined && (ice === "failed" || pc.connectionState === "failed")) {
      void this.#fail();
    } else if (ice === "failed") {
      this.#lost();
      this.#recovery.failed();
    } else if (ice === "disconnected") {
      this.#lost();
      this.#recovery.disconnected();
    } else if (pc.connectionState === "failed") {
      // ICE holds, so it is DTLS that failed: no restart repairs that.
      this.#lost();
      this.renew("DTLS failed");
    } else if (pc.connectionState === "connected" && (ice === "connected" || ice === "completed")) {
      this.#renewals = 0;
      this.#recovery.healthy();
      transport.flow ??= new FlowWatch({
        clock: this.#options.platform.clock,
        pc,
        onStall: () => this.#recovery.stalled(),
        onRevive: () => this.emit("revived"),
      });
      this.#setState("connected");
    }
  }

  #lost(): void {
    if (this.#state === "connected") this.#setState("reconnecting");
  }

  async #stats() {
    return this.#transport?.pc.getStats().catch(() => undefined);
  }

  async #fail(why?: string): Promise<void> {
    const report = await this.#stats();
    if (this.#state === "closed") return;
    const tried = describePairs(report);
    this.emit("failed", why === undefined ? tried : `${why}; ${tried}`);
    this.close();
  }

  #setState(state: LinkState): void {
    const before = this.#state;
    if (before === state) return;
    this.#state = state;
    this.emit("state", state, before);
  }

  // ---- Messages ----------------------------------------------------------------------------------------------------------------

  #sendOutput(output: NegotiationOutput): void {
    const { connection, offerFields, firstOfferFields, trickle } = this.#options;
    if (output.type === "answer") {
      this.#send({ type: "answer", connection, sdp: output.sdp });
    } else if (output.type === "candidate") {
      this.#send({ type: "candidate", connection, candidate: output.candidate });
    } else {
      const first = this.#settledOnce ? {} : firstOfferFields;
      this.#send({
        type: "offer",
        connection,
        ...offerFields,
        ...first,
        framing: this.framing,
        sdp: output.sdp,
        ...(output.restart ? { restart: true } : {}),
        ...(trickle ? {} : { trickle: false }),
      });
    }
  }

  #send(body: NegotiationBody): void {
    if (body.type === "restart" && this.framing !== undefined) return;
    this.#options.send(body.epoch === undefined && this.#epoch > 0 ? { ...body, epoch: this.#epoch } : body);
  }
}
