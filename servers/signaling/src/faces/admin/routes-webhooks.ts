/** Webhooks of an app. */
import type { Webhook } from "@tsunagi/conference";
import { z } from "zod";
import { newId, newSecret } from "../../store/keys.ts";
import { checkWebhookUrl } from "../../webhooks/guard.ts";
import { type AdminContext, type AdminHttp, adminError, mustGetApp } from "./context.ts";
import {
  appParams,
  errors,
  newWebhook,
  noContent,
  testResult,
  webhookChange,
  webhookParams,
  webhookView,
  webhookWithSecret,
} from "./schemas.ts";

const tags = ["webhooks"];
/** Each event is sent to each of them. */
const MAX_WEBHOOKS = 16;

export function webhookRoutes(http: AdminHttp, { store, registry, clock, webhooks, guard }: AdminContext): void {
  const find = (all: readonly Webhook[], id: string): Webhook => {
    const found = all.find((webhook) => webhook.id === id);
    if (found === undefined) throw adminError("admin.webhook.unknown", `The app has no webhook ${JSON.stringify(id)}.`);
    return found;
  };
  const view = ({ id, url, events }: Webhook) => ({ id, url, events: [...events] });
  const change = async (appId: string, by: (all: readonly Webhook[]) => readonly Webhook[]) => {
    const app = await store.changeWebhooks(appId, by, clock.wallNow());
    await registry.refresh();
    return app;
  };

  http.get(
    "/apps/:appId/webhooks",
    {
      schema: {
        tags,
        summary: "List webhooks",
        params: appParams,
        response: { 200: z.object({ webhooks: z.array(webhookView) }), ...errors },
      },
    },
    async (request) => ({ webhooks: (await mustGetApp(store, request.params.appId)).webhooks.map(view) }),
  );

  http.post(
    "/apps/:appId/webhooks",
    {
      schema: {
        tags,
        summary: "Add a webhook; the answer carries its secret",
        params: appParams,
        body: newWebhook,
        response: { 201: webhookWithSecret, ...errors },
      },
    },
    async (request, reply) => {
      const { url, events, secret = newSecret() } = request.body;
      checkWebhookUrl(url, guard);
      const webhook: Webhook = { id: newId("wh"), url, events, secret };
      await change(request.params.appId, (all) => {
        if (all.length >= MAX_WEBHOOKS) throw adminError("admin.webhook.limit", `An app has at most ${MAX_WEBHOOKS} webhooks.`);
        return [...all, webhook];
      });
      return reply.code(201).send({ ...view(webhook), secret });
    },
  );

  http.patch(
    "/apps/:appId/webhooks/:webhookId",
    {
      schema: {
        tags,
        summary: "Change a webhook's URL or events",
        params: webhookParams,
        body: webhookChange,
        response: { 200: webhookView, ...errors },
      },
    },
    async (request) => {
      const { appId, webhookId } = request.params;
      const { url, events } = request.body;
      if (url !== undefined) checkWebhookUrl(url, guard);
      const app = await change(appId, (all) => {
        const old = find(all, webhookId);
        return all.map((each) => (each === old ? { ...old, url: url ?? old.url, events: events ?? old.events } : each));
      });
      return view(find(app.webhooks, webhookId));
    },
  );

  http.delete(
    "/apps/:appId/webhooks/:webhookId",
    {
      schema: {
        tags,
        summary: "Remove a webhook; what waits for it is dropped",
        params: webhookParams,
        response: { 204: noContent, ...errors },
      },
    },
    async (request, reply) => {
      const { appId, webhookId } = request.params;
      await change(appId, (all) => {
        const old = find(all, webhookId);
        return all.filter((each) => each !== old);
      });
      return reply.code(204).send(null);
    },
  );

  http.post(
    "/apps/:appId/webhooks/:webhookId/test",
    {
      schema: {
        tags,
        summary: "Send a `webhook.test` now, once, and tell how it went",
        params: webhookParams,
        response: { 200: testResult, ...errors },
      },
    },
    async (request) => {
      const app = await mustGetApp(store, request.params.appId);
      return webhooks.test(app, find(app.webhooks, request.params.webhookId));
    },
  );
}
