/**
 * What a media or data connection sees of its transport: one negotiated RTCPeerConnection with a remote peer, kept alive.
 * {@link PeerLink} in link/ is what implements it.
 */
import type { Emitter } from "@tsunagi/base";
import type { EndReason, Framing } from "@tsunagi/protocol";
import type { DataChannelPort, Metadata, PeerConnectionPort, Platform, TrackEventPort } from "./ports.ts";

/**
 * `connecting`: not yet connected; `connected`; `reconnecting`: it was connected, and its path is being repaired;
 * `closed`: for good, by its owner or because it could not be repaired.
 */
export type LinkState = "connecting" | "connected" | "reconnecting" | "closed";

export type LinkEvents = {
  /**
   * A new RTCPeerConnection, before anything was negotiated: add tracks or data channels to it now, synchronously.
   * The first has epoch 0; each later one replaces a transport that could not be saved, and the one before it is already closed.
   * Only the offering side of the epoch (`offering`) should add what both sides share, such as a data channel.
   */
  peerConnection: [pc: PeerConnectionPort, info: { readonly epoch: number; readonly offering: boolean }];
  /** The remote side's offer was set and the answer is about to be made: attach own tracks to its transceivers now. */
  answering: [pc: PeerConnectionPort];
  /** A negotiation round ended: directions and codecs are settled. */
  negotiated: [pc: PeerConnectionPort];
  track: [event: TrackEventPort];
  datachannel: [channel: DataChannelPort];
  state: [state: LinkState, before: LinkState];
  /** What the other side sends comes in again after it had stopped: what is sent to it will arrive, too. */
  revived: [];
  /** Something needs a negotiation, and the other end's library knows of one only. */
  fixed: [];
  /** It could not be connected, or not be saved within the limit; `closed` follows. */
  failed: [why: string];
};

export interface Link extends Emitter<LinkEvents> {
  readonly state: LinkState;
  /** The current RTCPeerConnection; null before the first one and after the end. */
  readonly peerConnection: PeerConnectionPort | null;
  readonly epoch: number;
  /** How the other end was built, where that is not this SDK: nothing is repaired with it. */
  readonly framing?: Framing | undefined;
  /** Asks for an ICE restart, whichever side has to offer it. */
  restartIce(why: string): void;
  /** Asks for a new RTCPeerConnection, because what runs over this one is broken (its SCTP association ended, say). */
  renew(why: string): void;
}

/** What a connection is made of. {@link Peer} makes the link and owns it: a connection listens to it and asks to be ended. */
export type ConnectionInit = {
  readonly id: string;
  readonly remoteId: string;
  /** Whether this side made the connection. */
  readonly outgoing: boolean;
  readonly metadata: Metadata;
  readonly platform: Platform;
  readonly link: Link;
  /**
   * This side ends it: tells the other peer, closes the link and forgets the connection. Idempotent.
   * The connection itself then emits `close`, once, whether it or its owner began.
   */
  readonly end: (reason: EndReason) => void;
};

/** What the peer calls on a connection that it owns. */
export interface OwnedConnection {
  /** The other side hung up, the link failed, or the peer was destroyed: `end` need not be called any more. Idempotent. */
  ownerClosed(reason: EndReason): void;
}
