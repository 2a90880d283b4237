/** The admin face: REST under `/admin/v1`, its OpenAPI document, and that document as a page. */
import fastifySwagger from "@fastify/swagger";
import { CodedError } from "@tsunagi/base";
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import {
  hasZodFastifySchemaValidationErrors,
  jsonSchemaTransform,
  jsonSchemaTransformObject,
  serializerCompiler,
  validatorCompiler,
  type ZodTypeProvider,
} from "fastify-type-provider-zod";
import { FailureThrottle, type ThrottleOptions } from "../../throttle.ts";
import { type AdminContext, adminError } from "./context.ts";
import { docsPage } from "./docs-page.ts";
import { STATUS } from "./errors.ts";
import { tidyOpenApi } from "./openapi.ts";
import { appRoutes } from "./routes-apps.ts";
import { liveRoutes } from "./routes-live.ts";
import { webhookRoutes } from "./routes-webhooks.ts";
import type { AdminToken } from "./token.ts";

export type AdminFaceOptions = AdminContext & {
  readonly token: Pick<AdminToken, "verify">;
  readonly throttle?: ThrottleOptions | undefined;
};

/** Configuration is small; the route that takes more says so. */
const BODY_LIMIT = 65_536;

/** Adds `/admin/…` to the server. */
export async function adminFace(http: FastifyInstance, options: AdminFaceOptions): Promise<void> {
  await http.register(
    async (admin) => {
      admin.setValidatorCompiler(validatorCompiler);
      admin.setSerializerCompiler(serializerCompiler);
      admin.setErrorHandler((error, request, reply) => answerError(error, request, reply, options));
      admin.setNotFoundHandler((request) => {
        throw adminError(
          "admin.route.unknown",
          `There is no route ${request.method} ${request.url.split("?")[0]}.`,
          "See /admin/docs.",
        );
      });
      // Clients that always name the type send it with an empty body too, which is no body.
      const parseJson = admin.getDefaultJsonParser("error", "error");
      admin.removeContentTypeParser("application/json");
      admin.addContentTypeParser("application/json", { parseAs: "string" }, (request, body, done) => {
        if (body === "") done(null, undefined);
        else parseJson(request, body as string, done);
      });
      admin.addHook("onRoute", (route) => {
        route.bodyLimit ??= BODY_LIMIT;
      });
      await admin.register(fastifySwagger, {
        openapi: {
          openapi: "3.1.0",
          info: {
            title: "Tsunagi admin API",
            version: options.version,
            description: "Apps and keys, live peers and rooms, webhooks, history. Every failure is `{ code, message, remedy? }`.",
          },
          components: { securitySchemes: { adminToken: { type: "http", scheme: "bearer" } } },
          tags: ["apps", "webhooks", "peers", "rooms", "calls", "server"].map((name) => ({ name })),
        },
        transform: jsonSchemaTransform,
        transformObject: jsonSchemaTransformObject,
      });
      describeRoutes(admin);
      await admin.register(
        async (v1) => {
          guardRoutes(v1, options);
          const typed = v1.withTypeProvider<ZodTypeProvider>();
          appRoutes(typed, options);
          webhookRoutes(typed, options);
          liveRoutes(typed, options);
        },
        { prefix: "/v1" },
      );
    },
    { prefix: "/admin" },
  );
}

/** The two describe routes only, no data: they are open, so that a person finds out how to ask. */
function describeRoutes(admin: FastifyInstance): void {
  const hide = { schema: { hide: true } };
  let made: { readonly text: string; readonly page: ReturnType<typeof docsPage> } | undefined;
  const make = () => {
    if (made !== undefined) return made;
    const document = tidyOpenApi(admin.swagger());
    made = { text: JSON.stringify(document), page: docsPage(document) };
    return made;
  };
  // As text, past the serializer of schemas, which this answer has none of.
  admin.get("/openapi.json", hide, (_request, reply) => reply.type("application/json; charset=utf-8").send(make().text));
  admin.get("/docs", hide, (_request, reply) => {
    const { html, contentSecurityPolicy } = make().page;
    return reply.type("text/html; charset=utf-8").header("content-security-policy", contentSecurityPolicy).send(html);
  });
}

function guardRoutes(v1: FastifyInstance, options: AdminFaceOptions): void {
  const { token, clock, log } = options;
  const throttle = new FailureThrottle(options.throttle);

  v1.addHook("onRoute", (route) => {
    route.schema = { ...route.schema, security: [{ adminToken: [] }] };
  });
  v1.addHook("onRequest", async (request, reply) => {
    reply.header("cache-control", "no-store");
    const waitMs = throttle.waitMs(clock.now(), request.ip);
    if (waitMs > 0) {
      const seconds = Math.ceil(waitMs / 1_000);
      reply.header("retry-after", String(seconds));
      throw adminError("admin.token.throttled", `Too many wrong tokens from this address: wait ${seconds} s.`);
    }
    const given = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? "")?.[1];
    if (given === undefined) {
      reply.header("www-authenticate", "Bearer");
      throw adminError(
        "admin.token.missing",
        "The request carries no admin token.",
        "Send it as `Authorization: Bearer <token>`.",
      );
    }
    if (await token.verify(given)) return;
    throttle.failed(clock.now(), request.ip);
    log.warn({ address: request.ip }, "wrong admin token");
    reply.header("www-authenticate", 'Bearer error="invalid_token"');
    throw adminError(
      "admin.token.wrong",
      "The admin token is not this server's.",
      "It stands in the file admin-token of the data directory; it can be made anew on the server's machine.",
    );
  });
  v1.addHook("onResponse", async (request, reply) => {
    if (request.method === "GET" || reply.statusCode >= 400) return;
    const { appId } = (request.params ?? {}) as { appId?: string };
    log.info({ method: request.method, route: request.routeOptions.url, app: appId, address: request.ip }, "admin change");
  });
}

function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply, { log }: AdminFaceOptions): FastifyReply {
  const coded = codedOf(error);
  const status = STATUS[coded.code] ?? 500;
  if (status >= 500) {
    log.error({ error, code: coded.code, method: request.method, route: request.routeOptions.url }, "an admin request failed");
  }
  const { code, message, remedy } = coded;
  // As text: the route's serializer is for its own answers.
  return reply
    .code(status)
    .type("application/json; charset=utf-8")
    .serializer((body: unknown) => JSON.stringify(body))
    .send({ code, message, ...(remedy === undefined ? {} : { remedy }) });
}

function codedOf(error: unknown): CodedError {
  if (error instanceof CodedError) return error;
  if (hasZodFastifySchemaValidationErrors(error)) {
    const places = error.validation.map(({ instancePath, message }) => {
      const path = instancePath.split("/").filter((part) => part !== "");
      return [error.validationContext ?? "request", ...path].join(".").concat(`: ${message ?? "invalid"}`);
    });
    return adminError("admin.request.invalid", places.join("; "), "See /admin/docs for what the route takes.");
  }
  const { code, statusCode, message } = error as FastifyError;
  switch (code) {
    case "FST_ERR_CTP_BODY_TOO_LARGE":
      return adminError("admin.body.too-large", "The body is larger than this route takes.");
    case "FST_ERR_CTP_INVALID_MEDIA_TYPE":
      return adminError("admin.body.type", "The body must be JSON.", "Send `Content-Type: application/json`.");
    default:
      // Other refusals of the HTTP layer: broken JSON, a length that does not fit, a path that cannot be decoded.
      if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) return adminError("admin.body.invalid", message);
      return adminError("admin.server.failed", "The server failed.", "Its log says why.");
  }
}
