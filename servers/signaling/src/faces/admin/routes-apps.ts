/** Apps: what an API key names. */
import { CodedError } from "@tsunagi/base";
import type { App } from "@tsunagi/conference";
import { z } from "zod";
import { type AdminContext, type AdminHttp, adminError, mustGetApp } from "./context.ts";
import {
  appChange,
  appImport,
  appParams,
  appView,
  errors,
  importResult,
  newApp,
  noContent,
  pageSize,
  rotation,
  secretsView,
  viewOf,
} from "./schemas.ts";

const tags = ["apps"];
const DAY_SECONDS = 86_400;
/** A thousand apps with all that can be said of them. */
const IMPORT_BODY_LIMIT = 2_097_152;

export function appRoutes(http: AdminHttp, { store, registry, clock }: AdminContext): void {
  /** The faces know of the change before the answer leaves. */
  const written = async (app: App) => {
    await registry.refresh();
    return viewOf(app);
  };

  http.get(
    "/apps",
    {
      schema: {
        tags,
        summary: "List apps, oldest first",
        querystring: z.object({
          limit: pageSize(500),
          after: z.string().max(64).optional().describe("The `next` of the page before."),
        }),
        response: { 200: z.object({ apps: z.array(appView), next: z.string().optional() }), ...errors },
      },
    },
    async (request) => {
      const { limit, after } = request.query;
      const apps = await store.listApps();
      const start = after === undefined ? 0 : apps.findIndex((app) => app.id === after) + 1;
      if (after !== undefined && start === 0)
        throw adminError("admin.request.invalid", "query after: there is no such app any more");
      const page = apps.slice(start, start + limit);
      const next = start + limit < apps.length ? page.at(-1)?.id : undefined;
      return { apps: page.map(viewOf), ...(next === undefined ? {} : { next }) };
    },
  );

  http.post(
    "/apps",
    { schema: { tags, summary: "Make an app", body: newApp, response: { 201: appView, ...errors } } },
    async (request, reply) => {
      const app = await store.createApp(request.body, clock.wallNow());
      return reply
        .code(201)
        .header("location", `/admin/v1/apps/${app.id}`)
        .send(await written(app));
    },
  );

  http.post(
    "/apps/import",
    {
      bodyLimit: IMPORT_BODY_LIMIT,
      schema: {
        tags,
        summary: "Bring apps along from another system: all of them, or none",
        description: "The same import again changes nothing. A secret that is replaced verifies for another day.",
        body: appImport,
        response: { 200: importResult, ...errors },
      },
    },
    async (request) => {
      const { apps, dryRun, skipRefused } = request.body;
      const { done, outcomes } = await store.importApps(apps, { now: clock.wallNow(), dryRun, skipRefused });
      const refused = outcomes.flatMap((each) =>
        each.outcome === "refused" ? [`${each.key}: ${each.message} (${each.code})`] : [],
      );
      if (!done && !dryRun) {
        throw new CodedError("store.import.refused", `Nothing was imported: ${refused.slice(0, 10).join("; ")}.`, {
          remedy: "Take these out, or leave them out with skipRefused.",
        });
      }
      if (done) await registry.refresh();
      return {
        done,
        apps: outcomes.map((each) => (each.outcome === "updated" ? { ...each, changed: [...each.changed] } : { ...each })),
      };
    },
  );

  http.get(
    "/apps/:appId",
    { schema: { tags, summary: "One app", params: appParams, response: { 200: appView, ...errors } } },
    async (request) => viewOf(await mustGetApp(store, request.params.appId)),
  );

  http.patch(
    "/apps/:appId",
    {
      schema: {
        tags,
        summary: "Change name, origins, switches, limits, or switch it on or off",
        params: appParams,
        body: appChange,
        response: { 200: appView, ...errors },
      },
    },
    async (request) => written(await store.updateApp(request.params.appId, request.body, clock.wallNow())),
  );

  http.delete(
    "/apps/:appId",
    {
      schema: {
        tags,
        summary: "Delete an app with its keys and history; its peers are cut",
        params: appParams,
        response: { 204: noContent, ...errors },
      },
    },
    async (request, reply) => {
      await mustGetApp(store, request.params.appId);
      await store.deleteApp(request.params.appId);
      await registry.refresh();
      return reply.code(204).send(null);
    },
  );

  http.get(
    "/apps/:appId/secrets",
    {
      schema: {
        tags,
        summary: "The secrets of the app and of its webhooks",
        params: appParams,
        response: { 200: secretsView, ...errors },
      },
    },
    async (request) => {
      const app = await mustGetApp(store, request.params.appId);
      return {
        secrets: app.secrets.map(({ secret, createdAt, retiresAt }) => ({
          secret,
          createdAt,
          ...(retiresAt === undefined ? {} : { retiresAt }),
        })),
        webhooks: app.webhooks.map(({ id, secret }) => ({ id, secret })),
      };
    },
  );

  http.post(
    "/apps/:appId/key/rotate",
    {
      schema: {
        tags,
        summary: "A new API key; the old one is let in for the overlap",
        params: appParams,
        body: rotation,
        response: { 200: appView, ...errors },
      },
    },
    async (request) => {
      const overlapMs = (request.body?.overlapSeconds ?? DAY_SECONDS) * 1_000;
      return written(await store.rotateKey(request.params.appId, overlapMs, clock.wallNow()));
    },
  );

  http.post(
    "/apps/:appId/secret/rotate",
    {
      schema: {
        tags,
        summary: "A new secret; the old one verifies for the overlap",
        params: appParams,
        body: rotation,
        response: { 200: appView, ...errors },
      },
    },
    async (request) => {
      const overlapMs = (request.body?.overlapSeconds ?? DAY_SECONDS) * 1_000;
      return written(await store.rotateSecret(request.params.appId, overlapMs, clock.wallNow()));
    },
  );
}
