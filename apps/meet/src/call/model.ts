/** What a call shows, whether it is a room or a telephone call: one model, so that there is one call screen. */
import type { Route } from "../router.ts";
import type { ConnectionStats, MemberLink, QualityReason, QualityReport } from "../sdk.ts";
import type { Store } from "../state/store.ts";
import type { ShownError } from "../text/errors.ts";
import type { ChatItem } from "./chat.ts";
import type { Layers, PathState } from "./path.ts";
import type { Voices } from "./voices.ts";

export type Participant = {
  readonly id: string;
  /** Empty: the app shows a word for "guest". */
  readonly name: string;
  readonly link: MemberLink;
  readonly receiveOnly: boolean;
  readonly camera: MediaStream | null;
  readonly screen: MediaStream | null;
  readonly microphoneOn: boolean;
  readonly cameraOn: boolean;
  readonly quality: QualityReport | undefined;
  /** Whether the camera's stream has a picture now; undefined: see the stream. */
  readonly pictured?: boolean | undefined;
  /** Why the server sends no camera picture now although there is one. */
  readonly held?: QualityReason | undefined;
  /** In rooms that are encrypted from end to end: whether this one's media can be read here. */
  readonly locked?: boolean | undefined;
};

/** The way to the server. Media goes on while it is being repaired. */
export type ServerLink = { readonly state: "up" } | { readonly state: "reconnecting"; readonly attempt: number };

export type CallEnd = {
  /** Ours: `left`. The platform's end reasons (`declined`, `hung-up`, …), `room.closed`, or `failed` with an error. */
  readonly reason: string;
  readonly byMe: boolean;
  readonly error: ShownError | undefined;
  /** 0: it never began. */
  readonly durationMs: number;
};

export type CallState = {
  readonly phase: "preparing" | "joining" | "live" | "ended";
  readonly end: CallEnd | undefined;
  /** `Date.now()` when it went live. */
  readonly since: number | undefined;
  readonly serverLink: ServerLink;
  readonly participants: readonly Participant[];
  readonly screen: MediaStream | null;
  readonly chat: readonly ChatItem[];
  /** Messages can be sent now. */
  readonly chatOpen: boolean;
};

/** Passing news: spoken by the live region, errors also shown. */
export type Notice =
  | { readonly type: "joined" | "left" | "share-started"; readonly id: string; readonly name: string }
  | { readonly type: "message"; readonly id: string; readonly name: string; readonly text: string }
  | { readonly type: "file"; readonly id: string; readonly name: string; readonly file: string }
  | { readonly type: "error"; readonly error: ShownError };

export interface Call {
  readonly kind: "room" | "phone";
  /** The room's name, or the other side's name. */
  readonly title: string;
  readonly receiveOnly: boolean;
  readonly store: Store<CallState>;
  readonly path: Store<PathState>;
  readonly voices: Voices;
  onNotice(listener: (notice: Notice) => void): () => void;
  /** The place that the others should open to join; none for a telephone call. */
  invite(listen: boolean): Route | undefined;
  sendChat(text: string): void;
  sendFiles(files: readonly File[]): void;
  acceptFile(id: string): void;
  declineFile(id: string): void;
  cancelFile(id: string): void;
  startScreen(): Promise<void>;
  stopScreen(): void;
  stats(): Promise<ReadonlyMap<string, ConnectionStats>>;
  /** What is received of each picture, in SFU rooms. */
  layers(): Layers;
  /** Shows a stream in an element; in SFU rooms as large as the element is. Returns what ends it. */
  attach(element: HTMLVideoElement, stream: MediaStream): () => void;
  /** Which pictures (`PEER/camera`, `PEER/screen`) are on the page, and which of them leads: the others cost nothing. */
  show(keys: ReadonlySet<string>, leading: string | undefined): void;
  leave(): void;
}

export const EMPTY_CALL: CallState = {
  phase: "preparing",
  end: undefined,
  since: undefined,
  serverLink: { state: "up" },
  participants: [],
  screen: null,
  chat: [],
  chatOpen: false,
};
