/**
 * What the face and the SFU half of a skyway-js member ask of each other. The face owns the session, its rooms and its wire; the half owns what
 * is specific to one SFU room of one member: sections, stream IDs, offers, answers.
 */
import type { Clock, JsonValue, Log } from "@tsunagi/base";
import type { CoreMessage, SfuCommand, SfuReply } from "@tsunagi/conference";
import type { Candidate, ServerCounted } from "@tsunagi/protocol";

/** A message to the core without `id`: the face counts those. Distributes over the union. */
export type Unnumbered<Message = CoreMessage> = Message extends { readonly id: number } ? Omit<Message, "id"> : Message;

/** What the half may do with its member's session. */
export interface SkywayRoomSession {
  readonly appId: string;
  readonly peerId: string;
  readonly roomName: string;
  /**
   * To the core, after the outputs that are being performed now. Besides offers the half says `leave` once, when the member's media is lost and its
   * client does not answer: the face then does as after a `ROOM_LEAVE`. @returns the request's id, which the reply names as `re`; 0 for messages that
   * have none.
   */
  say(message: Unnumbered): number;
  /** To the client: one event with one argument. Kept, within bounds, while it has no transport. */
  emit(event: "SFU_OFFER" | "ERROR", payload: JsonValue): void;
}

/** `SfuLink`, as far as it is needed. */
export interface SkywaySfuLink {
  offer(command: Extract<SfuCommand, { readonly type: "offer" }>): Promise<SfuReply>;
  /** For the end of an offer that was never answered: the core knows nothing of it. */
  perform(command: Extract<SfuCommand, { readonly type: "leave" }>, correlation: undefined): void;
}

/** What of a room outlives a restart of the signalling server: JSON, a few kB. The half alone knows its shape, and checks it when it gets it back. */
export type StoredSfuRoom = JsonValue;

export type SkywaySfuRoomOptions = {
  readonly session: SkywayRoomSession;
  readonly sfu: SkywaySfuLink;
  readonly clock: Clock;
  readonly log: Log;
  /** Letters and digits, unpredictable. */
  readonly newId: () => string;
  /** Whether the client is Firefox, as its request said. */
  readonly isMozilla: boolean;
  /** After a restart: what `changed` said last. The room must then re-offer by itself, with a higher epoch than any before. */
  readonly restored?: StoredSfuRoom | undefined;
  /** Called when what should outlive a restart has changed. */
  readonly changed: (state: StoredSfuRoom) => void;
};

/** What the face calls. Made after the core has let the member in (`joined`, which is the first message handed over), or after a restart. */
export interface SkywaySfuRoomPort {
  /** `SFU_GET_OFFER`; may be repeated. */
  getOffer(): void;
  /** `SFU_ANSWER`. `sdp` is a text of at most some 100 kB, and anything at all. */
  answer(sdp: string): void;
  /** The SFU hears nothing of this publication of the member's any more: its client may have taken the track away, and does not say so. */
  quiet(publication: string): void;
  /** `SFU_CANDIDATE`. */
  candidate(candidate: Candidate): void;
  /**
   * What the core says about this room: `joined`, `published`, `unpublished`, `publication-updated`, `member-joined`, `member-left`, `sfu-answer`,
   * `sfu-reset`, and an `error` with the `re` of what was said or with this `room`. @returns true when an error was meant for the half and need
   * not be told to the client.
   */
  handle(message: ServerCounted): boolean;
  /** The client has a transport again after a gap; what was emitted meanwhile has been delivered before this. */
  resumed(): void;
  /** The member has left, or is gone. Nothing is said or emitted any more. Idempotent. */
  close(): void;
}

export type MakeSkywaySfuRoom = (options: SkywaySfuRoomOptions) => SkywaySfuRoomPort;
