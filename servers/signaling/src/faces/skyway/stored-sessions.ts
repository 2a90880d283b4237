/**
 * What sessions and rooms of this face need after a restart of the server, written behind their backs: skyway-js declares nothing when it comes
 * back, so that the server has to remember for it.
 */
import type { Clock, JsonValue, Log } from "@tsunagi/base";
import type { Member, RoomMode } from "@tsunagi/protocol";
import type { FaceStateChange, Store } from "../../store/store.ts";
import { asFields, isName } from "./calls.ts";

const SESSIONS = "skyway.session";
const ROOMS = "skyway.room";
/** Changes that come together are one transaction. */
const WRITE_MS = 50;
/** After a failure. */
const RETRY_MS = 1_000;
/** Changes that wait while the store does not answer; further ones are lost. */
const MAX_WAITING = 50_000;
/** Clients give up after seconds; what is so old is of no use to anyone. */
const FORGOTTEN_MS = 24 * 3_600_000;
const PRUNE_MS = 3_600_000;
/** What is written of living sessions is refreshed this often, so that it does not look forgotten. */
const REFRESH_MS = FORGOTTEN_MS / 4;

export type StoredRoomOfSession = { readonly room: string; readonly mode: RoomMode; readonly sfu?: JsonValue | undefined };
export type StoredSession = {
  readonly session: string;
  readonly token: string;
  readonly expiresAt?: number | undefined;
  readonly rooms: readonly StoredRoomOfSession[];
};
/** In the order of joining. */
export type StoredRoom = { readonly mode: RoomMode; readonly members: readonly Member[] };

/** Something that can say what is to be kept of it; undefined: nothing any more. */
type Source<Stored> = () => Stored | undefined;

export type StoredSessionsOptions = {
  readonly store: Pick<Store, "changeFaceState" | "faceState" | "pruneFaceState">;
  readonly clock: Clock;
  readonly log: Log;
  /** All that live now, to be written again. */
  readonly living: () => void;
};

export class StoredSessions {
  readonly #options: StoredSessionsOptions;
  #waiting = new Map<string, { readonly face: string; readonly appId: string; readonly name: string; read: Source<unknown> }>();
  #cancelWrite: (() => void) | undefined;
  #cancelPrune: (() => void) | undefined;
  #cancelRefresh: (() => void) | undefined;
  #writing: Promise<void> | undefined;
  #failing = false;
  #closed = false;

  constructor(options: StoredSessionsOptions) {
    this.#options = options;
    this.#prune();
    this.#refreshLater();
  }

  /** Nothing waits or is under way: for tests. */
  get isWritten(): boolean {
    return this.#waiting.size === 0 && this.#writing === undefined;
  }

  sessionChanged(appId: string, peerId: string, read: Source<StoredSession>): void {
    this.#changed(SESSIONS, appId, peerId, read);
  }

  roomChanged(appId: string, room: string, read: Source<StoredRoom>): void {
    this.#changed(ROOMS, appId, room, read);
  }

  async session(appId: string, peerId: string): Promise<StoredSession | undefined> {
    return asSession(await this.#read(SESSIONS, appId, peerId));
  }

  async room(appId: string, room: string): Promise<StoredRoom | undefined> {
    return asRoom(await this.#read(ROOMS, appId, room));
  }

  /** Writes what waits. Sessions that live stay in the store. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelPrune?.();
    this.#cancelRefresh?.();
    this.#cancelWrite?.();
    await this.flush();
  }

  async flush(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
    this.#cancelWrite?.();
    this.#cancelWrite = undefined;
    if (this.#waiting.size === 0) return;
    const { store, clock, log } = this.#options;
    const waiting = this.#waiting;
    this.#waiting = new Map();
    const changes = [...waiting.values()].map(({ face, appId, name, read }): FaceStateChange => {
      const stored = read();
      return { face, appId, name, body: stored === undefined ? undefined : JSON.stringify(stored) };
    });
    this.#writing = store
      .changeFaceState(changes, clock.wallNow())
      .then(
        () => {
          this.#failing = false;
        },
        (error: unknown) => {
          if (!this.#failing)
            log.warn({ error: String(error), changes: changes.length }, "sessions of skyway-js wait for the store");
          this.#failing = true;
          for (const [key, change] of waiting) if (!this.#waiting.has(key)) this.#waiting.set(key, change);
          this.#writeLater(RETRY_MS);
        },
      )
      .finally(() => {
        this.#writing = undefined;
      });
    await this.#writing;
  }

  #changed(face: string, appId: string, name: string, read: Source<unknown>): void {
    // A line feed is in none of them.
    const key = `${face}\n${appId}\n${name}`;
    if (this.#waiting.size >= MAX_WAITING && !this.#waiting.has(key)) return;
    this.#waiting.set(key, { face, appId, name, read });
    this.#writeLater(WRITE_MS);
  }

  #writeLater(delayMs: number): void {
    if (this.#closed) return;
    this.#cancelWrite ??= this.#options.clock.after(delayMs, () => {
      this.#cancelWrite = undefined;
      void this.flush();
    });
  }

  async #read(face: string, appId: string, name: string): Promise<unknown> {
    const { store, log } = this.#options;
    try {
      const body = await store.faceState({ face, appId, name });
      return body === undefined ? undefined : JSON.parse(body);
    } catch (error) {
      // Its client then begins anew.
      log.warn({ error: String(error) }, "a session of skyway-js cannot be read");
      return undefined;
    }
  }

  #prune(): void {
    const { store, clock, log } = this.#options;
    store
      .pruneFaceState(clock.wallNow() - FORGOTTEN_MS)
      .catch((error: unknown) => log.warn({ error: String(error) }, "old sessions of skyway-js stay in the store"));
    if (!this.#closed) this.#cancelPrune = clock.after(PRUNE_MS, () => this.#prune());
  }

  #refreshLater(): void {
    this.#cancelRefresh = this.#options.clock.after(REFRESH_MS, () => {
      this.#options.living();
      this.#refreshLater();
    });
  }
}

function asSession(value: unknown): StoredSession | undefined {
  const { session, token, expiresAt, rooms } = asFields(value) ?? {};
  if (typeof session !== "string" || typeof token !== "string" || !Array.isArray(rooms)) return undefined;
  return {
    session,
    token,
    ...(typeof expiresAt === "number" ? { expiresAt } : {}),
    rooms: rooms.flatMap((each: unknown) => {
      const { room, mode, sfu } = asFields(each) ?? {};
      if (!isName(room) || (mode !== "mesh" && mode !== "sfu")) return [];
      return [{ room, mode, ...(sfu === undefined ? {} : { sfu: sfu as JsonValue }) }];
    }),
  };
}

function asRoom(value: unknown): StoredRoom | undefined {
  const { mode, members } = asFields(value) ?? {};
  if ((mode !== "mesh" && mode !== "sfu") || !Array.isArray(members)) return undefined;
  return { mode, members: members.flatMap((each: unknown) => asMember(each) ?? []) };
}

function asMember(value: unknown): Member | undefined {
  const { peerId, joinedAt, receiveOnly, metadata, framing } = asFields(value) ?? {};
  if (!isName(peerId) || typeof joinedAt !== "number" || typeof receiveOnly !== "boolean") return undefined;
  return {
    peerId,
    joinedAt,
    receiveOnly,
    ...(metadata === undefined ? {} : { metadata: metadata as JsonValue }),
    ...(framing === "skyway" || framing === "peerjs" ? { framing } : {}),
  };
}
