/** What the pool and a worker process say to each other over the process's own channel. All of it is JSON, and both ends are ours. */
import type { SfuCommand, SfuEvent, SfuReply, SfuRoomRef } from "@tsunagi/conference";
import type { PublicationInit } from "@tsunagi/sfu";
import type { SfuLimits } from "./options.ts";

export type WorkerSettings = {
  readonly port: number;
  readonly address: string | undefined;
  readonly announcedAddresses: readonly string[];
  readonly limits: SfuLimits;
  /** Where this worker listens for pipes from others: a socket's path, or a named pipe. */
  readonly pipe: string;
};

/** A publication as another worker needs it to take it over a pipe. */
export type PlacedPublication = {
  readonly init: PublicationInit;
  readonly stream: string;
  /** Of its transport, on its own worker. */
  readonly index: number;
};

/** What is published in a room on another worker. */
export type RoomPeer = { readonly path: string; readonly publications: readonly PlacedPublication[] };

export type ToWorker =
  | { readonly type: "start"; readonly settings: WorkerSettings }
  | { readonly type: "command"; readonly id: number; readonly command: SfuCommand }
  /** All other workers that the room is on now. */
  | { readonly type: "peers"; readonly room: SfuRoomRef; readonly peers: readonly RoomPeer[] }
  | { readonly type: "stop" };

export type WorkerStats = {
  readonly rooms: number;
  readonly members: number;
  readonly transports: number;
  /** Share of a core that the process used lately, 0 to 1 and, with the library's own threads, above. */
  readonly load: number;
  readonly residentBytes: number;
  /** Sums since the process started. */
  readonly counters: Readonly<Record<string, number>>;
  /** Packets and messages dropped, by reason. */
  readonly dropped: Readonly<Record<string, number>>;
};

export type FromWorker =
  /** The program is there and waits for its settings. */
  | { readonly type: "loaded" }
  | { readonly type: "started"; readonly port: number }
  | { readonly type: "failed"; readonly code: string; readonly message: string; readonly remedy?: string | undefined }
  | { readonly type: "reply"; readonly id: number; readonly reply: SfuReply }
  | { readonly type: "event"; readonly event: SfuEvent }
  /** All that clients of this worker publish in the room now. */
  | { readonly type: "room"; readonly room: SfuRoomRef; readonly publications: readonly PlacedPublication[] }
  | { readonly type: "stats"; readonly stats: WorkerStats }
  | {
      readonly type: "log";
      readonly level: "error" | "warn" | "info" | "debug";
      readonly fields: Readonly<Record<string, unknown>>;
      readonly message: string;
    };
