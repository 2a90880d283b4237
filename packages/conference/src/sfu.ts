/**
 * What the conference core and an SFU node say to each other over the Bus. All of it is JSON. A room's media lives on one SFU node (a pool of
 * worker processes); members name their transports by a counter, `epoch`: a higher one replaces the one before.
 */
import type { Candidate, MediaDirections, SfuReceive, SfuSend } from "@tsunagi/protocol";

/** Names a room among all apps. */
export type SfuRoomRef = { readonly appId: string; readonly room: string };
export type SfuMemberRef = SfuRoomRef & { readonly peerId: string };

export type SfuRoomLimits = {
  readonly publicationBps: number;
  readonly publicationsPerMember: number;
  readonly memberBps: number;
};

/** Of a connection that is gone; the fingerprint with its algorithm before it. */
export type SfuTransportParameters = { readonly iceUfrag: string; readonly icePwd: string; readonly fingerprint: string };

/** A section of the SFU's own offer. */
export type SfuOfferedSection = {
  readonly mid: string;
  readonly kind: "audio" | "video";
  /**
   * `receive`: the client may send here. `send`: a slot. `both`: a slot where it may send, too. `inactive`: kept, to be used again. `tag`: `receive`,
   * and its transport is all sections' (RFC 9143 §7.2.1). `relic`: one that was that, alone on the transport that it had. `stopped`: for good.
   */
  readonly direction: "receive" | "send" | "both" | "inactive" | "tag" | "relic" | "stopped";
  /** Of `relic`: its transport's. */
  readonly transport?: SfuTransportParameters | undefined;
  /** Of `send` and `both`: the MediaStream ID that the client is to know it by. */
  readonly stream?: string | undefined;
};

export type SfuCommand =
  /**
   * A member's offer. Opens its transport when `epoch` is higher than the one known (the older one is closed once the new one is connected, or after
   * 10 s), else changes the sections of the living one.
   */
  | (SfuMemberRef & {
      readonly type: "negotiate";
      readonly epoch: number;
      readonly sdp: string;
      /** As the client sent it: signalling inflates it into `sdp` before it goes to an SFU node, and deflates the answer. */
      readonly sdpDeflate?: string | undefined;
      readonly send: readonly SfuSend[];
      readonly receive: readonly SfuReceive[];
      readonly limits: SfuRoomLimits;
      /** May this member publish, subscribe, use data? The core has checked `send` already. */
      readonly directions: MediaDirections;
    })
  /**
   * The SFU's own offer, for a member whose client only answers (skyway-js). Opens the transport of a higher `epoch` than the one known, or
   * describes the living one again, with a higher version of its `o=` line. The client's answer then comes as `negotiate` of the same epoch, read
   * as the offer that it would be from there: what it sends is published, what it receives are slots. A transport without an answer ends after 30 s.
   */
  | (SfuMemberRef & {
      readonly type: "offer";
      readonly epoch: number;
      /** All there ever were on this client's connection, in their order (RFC 8829 §5.2.2). */
      readonly sections: readonly SfuOfferedSection[];
    })
  | (SfuMemberRef & { readonly type: "candidate"; readonly epoch: number; readonly candidate: Candidate | null })
  | (SfuMemberRef & { readonly type: "mute"; readonly publication: string; readonly muted: boolean })
  | (SfuMemberRef & { readonly type: "leave" })
  | (SfuRoomRef & { readonly type: "close" })
  /** The operator's dump of a live room. */
  | (SfuRoomRef & { readonly type: "dump" });

export type SfuReply =
  | { readonly ok: true; readonly sdp?: string | undefined; readonly sdpDeflate?: string | undefined; readonly dump?: unknown }
  | { readonly ok: false; readonly code: string; readonly message: string; readonly remedy?: string | undefined };

/** From the SFU node to the node that owns the room. */
export type SfuEvent =
  /** This transport is gone: its worker died, or ICE failed for good. The member should offer with a higher epoch. */
  | (SfuMemberRef & { readonly type: "transport-lost"; readonly epoch: number; readonly reason: string })
  /** It is connected: what it publishes can be seen. */
  | (SfuMemberRef & { readonly type: "transport-connected"; readonly epoch: number })
  /** Of a member whose client only answers: it has stopped sending this, and may have taken the track away without a word. An offer would tell. */
  | (SfuMemberRef & { readonly type: "publication-quiet"; readonly publication: string });
