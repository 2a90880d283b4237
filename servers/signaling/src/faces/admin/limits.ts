/** What the HTTP server must let through for the admin face. */

/** Room names of 128 characters, each up to twelve when escaped in a path. Fastify's `routerOptions.maxParamLength` must be as much. */
export const ADMIN_MAX_PARAM_LENGTH = 128 * 12;
