/** What a webhook may be told, and the body that tells it. */
import type { ConferenceEvent } from "@tsunagi/conference";

/** Every event there is, with what it means. `webhook.test` is sent only by the test route. */
export const WEBHOOK_EVENTS = {
  "peer.opened": "A peer is open under its ID.",
  "peer.closed": "A peer is gone for good: closed, lost beyond the grace time, or disconnected.",
  "call.started": "A media or data connection was asked for: it rings.",
  "call.answered": "The other side answered.",
  "call.ended": "It was hung up, rejected, or an end was lost.",
  "room.created": "The first member joined.",
  "room.joined": "A member joined.",
  "room.left": "A member left.",
  "room.closed": "The last member left, or the operator closed it.",
} as const satisfies Record<ConferenceEvent["type"], string>;

export type WebhookEvent = keyof typeof WEBHOOK_EVENTS;

export type WebhookBody = {
  /** The same in each attempt: a receiver that has seen it may answer 200 and do nothing. */
  readonly id: string;
  readonly type: WebhookEvent | "webhook.test";
  /** Milliseconds since 1970-01-01 UTC, when it happened. */
  readonly at: number;
  readonly app: { readonly id: string; readonly name: string };
  readonly data: { readonly [name: string]: unknown };
};

export function bodyOf(id: string, event: ConferenceEvent, app: WebhookBody["app"]): WebhookBody {
  const { type, at, appId: _, ...data } = event;
  return { id, type, at, app: { id: app.id, name: app.name }, data };
}
