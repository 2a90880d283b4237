/** The store port: apps and the server's own settings. SQLite and PostgreSQL stand behind it, through one contract battery. */
import type { App, AppLimits, AppSwitches, Webhook } from "@tsunagi/conference";
import type { ImportedApp, ImportOptions, ImportResult } from "./import.ts";

export type NewApp = {
  readonly name: string;
  /** Given when old keys are imported; else made. */
  readonly key?: string | undefined;
  readonly secret?: string | undefined;
  readonly origins?: readonly string[] | undefined;
  readonly switches?: Overrides<AppSwitches> | undefined;
  readonly limits?: Overrides<AppLimits> | undefined;
  readonly webhooks?: readonly Webhook[] | undefined;
};

export type AppChange = {
  readonly name?: string | undefined;
  readonly enabled?: boolean | undefined;
  readonly origins?: readonly string[] | undefined;
  readonly switches?: Overrides<AppSwitches> | undefined;
  readonly limits?: Overrides<AppLimits> | undefined;
  readonly webhooks?: readonly Webhook[] | undefined;
};

/** Only what differs from the defaults is stored, so that a default that changes with a version reaches the apps that never touched it. */
export type Overrides<T> = { readonly [Name in keyof T]?: T[Name] | undefined };

/** What ended, for the operator: one row a call or room. */
export type CallRecord = {
  readonly appId: string;
  readonly kind: "media" | "data" | "room";
  /** Connection ID or room name. */
  readonly name: string;
  readonly peers: readonly string[];
  readonly startedAt: number;
  readonly endedAt: number;
  readonly reason: string;
};

export type StoredCall = CallRecord & {
  /** Grows with the order of writing: the cursor of {@link Store.listCalls}. */
  readonly id: number;
};

export type CallQuery = {
  readonly limit: number;
  /** Only records written before this one. */
  readonly beforeId?: number | undefined;
  readonly kind?: CallRecord["kind"] | undefined;
};

/** Names something that a face keeps for after a restart: one of its sessions or rooms. */
export type FaceStateKey = { readonly face: string; readonly appId: string; readonly name: string };
export type FaceStateChange = FaceStateKey & {
  /** The face's own JSON; undefined: it is over. */
  readonly body: string | undefined;
};

export interface Store {
  readonly kind: "sqlite" | "postgres";
  /** By creation, oldest first. A row that cannot be read is logged and left out, so that one does not stop the others. */
  listApps(): Promise<readonly App[]>;
  /** @throws {CodedError} `store.row.invalid` */
  getApp(id: string): Promise<App | undefined>;
  /** @throws {CodedError} `store.key.taken` */
  createApp(app: NewApp, now: number): Promise<App>;
  /**
   * Makes the apps whose keys are new and changes those that are there, in one transaction: all of them, or with any refused none, unless told
   * to leave those out. The same import again changes nothing.
   */
  importApps(apps: readonly ImportedApp[], options: ImportOptions): Promise<ImportResult>;
  /** @throws {CodedError} `store.app.unknown` */
  updateApp(id: string, change: AppChange, now: number): Promise<App>;
  /**
   * Replaces the webhooks by what `change` makes of them, in one transaction: two that add at once both count.
   *
   * @throws {CodedError} `store.app.unknown`, and what `change` throws, with nothing changed
   */
  changeWebhooks(id: string, change: (webhooks: readonly Webhook[]) => readonly Webhook[], now: number): Promise<App>;
  /** A new API key; the old one is let in until `now + overlapMs`. */
  rotateKey(id: string, overlapMs: number, now: number): Promise<App>;
  /** A new secret; the old one verifies until `now + overlapMs`. */
  rotateSecret(id: string, overlapMs: number, now: number): Promise<App>;
  /** With its keys, secrets and call records. An unknown ID is no error. */
  deleteApp(id: string): Promise<void>;
  /** Grows with every change of an app by any process: what {@link AppRegistry} polls. */
  revision(): Promise<number>;
  /** Server-wide texts: the signing key of resume tokens, the admin token's hash. Made by `create` when absent; the first writer wins. */
  setting(name: string, create: () => string): Promise<string>;
  /** Overwrites: only for resets that a person asked for. */
  replaceSetting(name: string, value: string): Promise<void>;
  recordCall(record: CallRecord): Promise<void>;
  /** In one transaction; records of apps that are gone are left out. */
  recordCalls(records: readonly CallRecord[]): Promise<void>;
  /** Newest first. */
  listCalls(appId: string, query: CallQuery): Promise<readonly StoredCall[]>;
  /** Drops call records beyond the retention. @returns how many */
  pruneCalls(now: number): Promise<number>;
  /** In one transaction; a later change of the same thing counts. Those of apps that are gone are left out. */
  changeFaceState(changes: readonly FaceStateChange[], now: number): Promise<void>;
  faceState(key: FaceStateKey): Promise<string | undefined>;
  /** Drops what was last written before then. @returns how many */
  pruneFaceState(before: number): Promise<number>;
  /** For `/readyz`. Rejects when the database does not answer. */
  ping(): Promise<void>;
  close(): Promise<void>;
}
