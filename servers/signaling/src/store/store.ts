/** The store port: apps and the server's own settings. SQLite and PostgreSQL stand behind it, through one contract battery. */
import type { App, AppLimits, AppSwitches, Webhook } from "@tsunagi/conference";

export type NewApp = {
  readonly name: string;
  /** Given when old keys are imported; else made. */
  readonly key?: string | undefined;
  readonly secret?: string | undefined;
  readonly origins?: readonly string[] | undefined;
  readonly switches?: Partial<AppSwitches> | undefined;
  readonly limits?: Partial<AppLimits> | undefined;
  readonly webhooks?: readonly Webhook[] | undefined;
};

export type AppChange = {
  readonly name?: string | undefined;
  readonly enabled?: boolean | undefined;
  readonly origins?: readonly string[] | undefined;
  readonly switches?: Partial<AppSwitches> | undefined;
  readonly limits?: Partial<AppLimits> | undefined;
  readonly webhooks?: readonly Webhook[] | undefined;
};

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

export interface Store {
  listApps(): Promise<readonly App[]>;
  getApp(id: string): Promise<App | undefined>;
  /** @throws {CodedError} `store.key.taken` */
  createApp(app: NewApp, now: number): Promise<App>;
  /** @throws {CodedError} `store.app.unknown` */
  updateApp(id: string, change: AppChange, now: number): Promise<App>;
  /** A new API key; the old one is let in until `now + overlapMs`. */
  rotateKey(id: string, overlapMs: number, now: number): Promise<App>;
  /** A new secret; the old one verifies until `now + overlapMs`. */
  rotateSecret(id: string, overlapMs: number, now: number): Promise<App>;
  deleteApp(id: string): Promise<void>;
  /** Server-wide texts: the signing key of resume tokens, the admin token's hash. Made by `create` when absent; the first writer wins. */
  setting(name: string, create: () => string): Promise<string>;
  recordCall(record: CallRecord): Promise<void>;
  /** Newest first. */
  listCalls(appId: string, limit: number, before?: number): Promise<readonly CallRecord[]>;
  close(): Promise<void>;
}
