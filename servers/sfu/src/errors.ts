/** Codes of this server; those about descriptions are in packages/sfu, those about publications and slots in its router. */
export const SFU_SERVER_CODES = [
  /** The worker process ended; members are moved to another. */
  "sfu.worker.lost",
  /** No worker is there, or none takes more. */
  "sfu.capacity.reached",
  /** The room is being closed, or the server is. */
  "sfu.room.unavailable",
  /** An offer of an older connection than the one known. */
  "sfu.epoch.stale",
  /** The client restarted ICE: it must open a new connection with a higher epoch instead. */
  "sfu.offer.restart",
  /** This member may not send, receive or use data here. */
  "sfu.direction.denied",
  "sfu.publication.limit",
  "sfu.slot.limit",
  "sfu.command.failed",
  /** On the control channel. */
  "sfu.control.malformed",
  "sfu.control.rate",
  /** On the data channels. */
  "sfu.data.malformed",
  "sfu.data.rate",
  "sfu.data.overflow",
] as const;

export type SfuServerCode = (typeof SFU_SERVER_CODES)[number];
