/** The admin face over a real store and a real conference core, without a socket. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLog } from "@tsunagi/base";
import { Conference, type ConferenceEvent, type Input, type Output, permissionsFromSwitches } from "@tsunagi/conference";
import { FakeClock } from "@tsunagi/testkit";
import Fastify, { type FastifyInstance, type InjectOptions } from "fastify";
import { ADMIN_MAX_PARAM_LENGTH, type AdminFaceOptions, AdminToken, adminFace } from "../../src/faces/admin/index.ts";
import { AppRegistry, openStore, type Store } from "../../src/store/index.ts";
import { WebhookService } from "../../src/webhooks/index.ts";
import type { Attempt, Outcome } from "../../src/webhooks/transport.ts";

export type Answer = { readonly status: number; readonly body: unknown; readonly headers: { readonly [name: string]: unknown } };

export type AdminServer = {
  readonly http: FastifyInstance;
  readonly store: Store;
  readonly registry: AppRegistry;
  readonly clock: FakeClock;
  readonly token: string;
  readonly dataDir: string;
  readonly attempts: Attempt[];
  readonly outputs: Output[];
  readonly logged: unknown[];
  webhookOutcome: Outcome;
  /** With the token, JSON in and out. */
  ask(method: string, path: string, body?: unknown, more?: Partial<InjectOptions>): Promise<Answer>;
  /** Feeds the conference core. */
  input(input: Input): void;
  openPeer(appId: string, peerId: string): void;
  joinRoom(peerId: string, room: string): void;
  close(): Promise<void>;
};

export async function startAdmin(change: Partial<AdminFaceOptions> = {}): Promise<AdminServer> {
  const dataDir = mkdtempSync(join(tmpdir(), "tsunagi-admin-"));
  const clock = new FakeClock();
  const store = await openStore({ dataDir });
  const registry = await AppRegistry.open(store, { clock });
  const conference = new Conference({ recoveryMs: 0 }, clock.now(), clock.wallNow());
  const events: ConferenceEvent[] = [];
  const attempts: Attempt[] = [];
  const outputs: Output[] = [];
  const logged: unknown[] = [];
  const log = { ...silentLog, error: (fields: unknown) => logged.push(fields), info: (fields: unknown) => logged.push(fields) };
  let found = false;
  const input = (given: Input) => {
    for (const output of conference.handle(clock.now(), given)) {
      outputs.push(output);
      if (output.type === "admin-result") found = output.found;
      if (output.type === "event") events.push(output.event);
    }
  };
  registry.events.on("changed", (app) => input({ type: "app", app }));
  registry.events.on("removed", (app) => input({ type: "app-removed", appId: app.id }));
  const webhooks = new WebhookService({
    registry,
    clock,
    transport: async (attempt) => {
      attempts.push(attempt);
      return server.webhookOutcome;
    },
  });
  const token = await AdminToken.open({ store, dataDir, clock });
  const http = Fastify({ routerOptions: { maxParamLength: ADMIN_MAX_PARAM_LENGTH } });
  await adminFace(http, {
    store,
    registry,
    webhooks,
    guard: {},
    clock,
    log,
    version: "1.2.3",
    token,
    turn: () => ({ ports: { udp: 3478 } }),
    live: {
      peers: (...args) => conference.peers(...args),
      peer: (...args) => conference.peer(...args),
      rooms: (...args) => conference.rooms(...args),
      connections: (...args) => conference.connections(...args),
      counts: () => conference.counts(),
      command(command) {
        input({ type: "admin", command });
        return found;
      },
    },
    ...change,
  });
  await http.ready();
  let re = 0;
  const server: AdminServer = {
    http,
    store,
    registry,
    clock,
    token: token.created ?? "",
    dataDir,
    attempts,
    outputs,
    logged,
    webhookOutcome: { type: "delivered", status: 200 },
    async ask(method, path, body, more = {}) {
      const response = await http.inject({
        method: method as "GET",
        url: path.startsWith("/admin") ? path : `/admin/v1${path}`,
        headers: { authorization: `Bearer ${token.created}` },
        ...(body === undefined ? {} : { payload: body as object }),
        ...more,
      });
      const json = /json/.test(String(response.headers["content-type"]));
      return { status: response.statusCode, body: json ? response.json() : response.body, headers: response.headers };
    },
    input,
    openPeer(appId, peerId) {
      const app = registry.byId(appId);
      if (app === undefined) throw new Error(`no app ${appId}`);
      input({
        type: "open",
        session: `s-${peerId}`,
        appId,
        peerId,
        grants: { permissions: permissionsFromSwitches(app.switches) },
      });
    },
    joinRoom(peerId, room) {
      re += 1;
      const message = { type: "join", id: re, room, mode: "mesh", receiveOnly: false } as never;
      input({ type: "message", session: `s-${peerId}`, message, text: "" });
    },
    async close() {
      webhooks.close();
      registry.close();
      await http.close();
      await store.close();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
  return server;
}
