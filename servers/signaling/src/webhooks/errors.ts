/** Codes of webhooks: of URLs that are refused, and of attempts that failed. */
export const WEBHOOK_CODES = {
  "webhook.url.invalid": "The URL is not one that a webhook can be sent to.",
  "webhook.url.insecure": "Only https is sent to, unless private targets are allowed.",
  "webhook.address.private": "The host is, or resolves to, an address that is not on the public Internet.",
  "webhook.attempt.timeout": "No answer in time.",
  "webhook.attempt.unreachable": "The host could not be reached.",
  "webhook.attempt.status": "The answer's status was not 2xx.",
  "webhook.attempt.redirect": "The answer was a redirect, which is not followed.",
} as const;

export type WebhookCode = keyof typeof WEBHOOK_CODES;
