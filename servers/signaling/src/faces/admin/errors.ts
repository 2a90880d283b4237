/** Codes of the admin face, and which HTTP status every code that it answers with has. */
export const ADMIN_CODES = {
  "admin.token.missing": "The request carries no admin token.",
  "admin.token.wrong": "The admin token is not this server's.",
  "admin.token.throttled": "Too many wrong tokens came from this address.",
  "admin.token.weak": "The configured admin token is too short. Only at the start.",
  "admin.request.invalid": "The body, the query or the path is not what the route takes.",
  "admin.body.invalid": "The body is not JSON.",
  "admin.body.too-large": "The body is larger than the route takes.",
  "admin.body.type": "The body's Content-Type is not application/json.",
  "admin.route.unknown": "There is no such route.",
  "admin.peer.unknown": "The app has no such peer now.",
  "admin.room.unknown": "The app has no such room now.",
  "admin.member.unknown": "The room has no such member.",
  "admin.webhook.unknown": "The app has no such webhook.",
  "admin.webhook.limit": "The app has as many webhooks as it may have.",
  "admin.data.too-large": "The data is larger than a message of this app may be.",
  "admin.turn.off": "This process runs no TURN server.",
  "admin.server.failed": "The server failed; its log says why.",
} as const;

export type AdminCode = keyof typeof ADMIN_CODES;

/** What is not here is a failure of the server: 500. */
export const STATUS: Readonly<Record<string, number>> = {
  "admin.token.missing": 401,
  "admin.token.wrong": 401,
  "admin.token.throttled": 429,
  "admin.request.invalid": 400,
  "admin.body.invalid": 400,
  "admin.body.too-large": 413,
  "admin.body.type": 415,
  "admin.route.unknown": 404,
  "admin.peer.unknown": 404,
  "admin.room.unknown": 404,
  "admin.member.unknown": 404,
  "admin.webhook.unknown": 404,
  "admin.webhook.limit": 409,
  "admin.turn.off": 404,
  "admin.data.too-large": 413,
  "store.app.unknown": 404,
  "store.key.taken": 409,
  "webhook.url.invalid": 400,
  "webhook.url.insecure": 400,
  "webhook.address.private": 400,
};
