/** Counts of the sockets' side. What the core counts is beside it. */
import type { TurnStats as CoreStats } from "@tsunagi/turn";

/** Of the sockets alone. */
export type ShellCounts = {
  /** Datagrams from clients: of STUN, of ChannelData, of neither. */
  readonly received: { readonly stun: number; readonly channelData: number; readonly other: number };
  /** Why something from or to a client or peer was thrown away by the sockets' side. */
  readonly dropped: { readonly [Reason in ShellDrop]: number };
  readonly connections: {
    readonly open: number;
    readonly accepted: number;
    readonly ended: { readonly [Reason in StreamEnd]: number };
  };
  readonly relays: { readonly udp: number; readonly tcp: number; readonly failed: number };
};

export const SHELL_DROPS = [
  /** Neither STUN nor ChannelData. */
  "garbage",
  /** Port 0: nobody could receive the answer. */
  "source",
  /** More STUN from one source than the rate limit allows. */
  "rate",
  /** The system's send buffer stayed full. */
  "send-queue",
  /** The system refused to send. */
  "send",
  /** A TCP client reads more slowly than its peers send. */
  "client-buffer",
  /** DONT-FRAGMENT, and larger than the interface takes. */
  "too-large",
] as const;
export type ShellDrop = (typeof SHELL_DROPS)[number];

export const STREAM_ENDS = ["client", "idle", "first-message", "framing", "error", "server", "limit"] as const;
/** Why a client's connection ended. `client`: it closed. `limit`: there were too many already. */
export type StreamEnd = (typeof STREAM_ENDS)[number];

export type TurnStats = ShellCounts & {
  /** Of the core. */
  readonly core: CoreStats;
};

export class ShellCounters {
  readonly received = { stun: 0, channelData: 0, other: 0 };
  readonly dropped: Record<ShellDrop, number> = zeros(SHELL_DROPS);
  readonly ended: Record<StreamEnd, number> = zeros(STREAM_ENDS);
  open = 0;
  accepted = 0;
  readonly relays = { udp: 0, tcp: 0, failed: 0 };

  counts(): ShellCounts {
    return {
      received: { ...this.received },
      dropped: { ...this.dropped },
      connections: { open: this.open, accepted: this.accepted, ended: { ...this.ended } },
      relays: { ...this.relays },
    };
  }
}

function zeros<Name extends string>(names: readonly Name[]): Record<Name, number> {
  return Object.fromEntries(names.map((name) => [name, 0])) as Record<Name, number>;
}
