export { WEBHOOK_CODES, type WebhookCode } from "./errors.ts";
export { WEBHOOK_EVENTS, type WebhookBody, type WebhookEvent } from "./events.ts";
export { checkWebhookUrl, type GuardOptions, isPublicAddress } from "./guard.ts";
export type { DropReason, QueueOptions } from "./queue.ts";
export { type TestResult, type WebhookHooks, WebhookService, type WebhookServiceOptions } from "./service.ts";
export { signWebhook, verifyWebhook } from "./signature.ts";
export { httpTransport, type TransportOptions, type WebhookTransport } from "./transport.ts";
