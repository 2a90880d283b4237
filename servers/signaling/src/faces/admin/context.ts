/** What the admin routes work with: narrow ports, so that tests and other shells can stand behind them. */
import { type Clock, type Code, CodedError, type Log } from "@tsunagi/base";
import type { AdminCommand, App, Conference } from "@tsunagi/conference";
import type { FastifyInstance, RawServerDefault } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import type { AppRegistry } from "../../store/app-registry.ts";
import type { Store } from "../../store/store.ts";
import type { GuardOptions } from "../../webhooks/guard.ts";
import type { WebhookService } from "../../webhooks/service.ts";
import type { AdminCode } from "./errors.ts";

/** What is there now, and what the operator does to it. */
export type LiveControl = Pick<Conference, "peers" | "peer" | "rooms" | "connections" | "counts"> & {
  /** @returns whether the command found what it names */
  command(command: AdminCommand): boolean | Promise<boolean>;
  /** What the SFU holds of a room; undefined: nothing, or it does not answer. Left out: there is no SFU. */
  readonly sfuDump?: ((appId: string, room: string) => Promise<unknown>) | undefined;
};

export type AdminContext = {
  readonly store: Store;
  readonly registry: AppRegistry;
  readonly live: LiveControl;
  readonly webhooks: Pick<WebhookService, "test" | "size">;
  readonly guard: GuardOptions;
  /** State of the TURN server in the same process; undefined while there is none. */
  readonly turn: () => Record<string, unknown> | undefined;
  readonly clock: Clock;
  readonly log: Log;
  readonly version: string;
};

export type AdminHttp = FastifyInstance<
  RawServerDefault,
  import("node:http").IncomingMessage,
  import("node:http").ServerResponse,
  import("fastify").FastifyBaseLogger,
  ZodTypeProvider
>;

export function adminError(code: AdminCode, message: string, remedy?: string): CodedError {
  return new CodedError(code satisfies Code, message, { remedy });
}

/** @throws {CodedError} `store.app.unknown` */
export async function mustGetApp(store: Store, id: string): Promise<App> {
  const app = await store.getApp(id);
  if (app === undefined) throw new CodedError("store.app.unknown", `There is no app with the ID ${JSON.stringify(id)}.`);
  return app;
}
