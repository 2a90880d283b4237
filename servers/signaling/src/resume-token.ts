/** Resume tokens: what a server must know to take a session up again after it lost everything, signed so that only it can say so. */
import { createHmac, timingSafeEqual } from "node:crypto";
import type { Grants } from "@tsunagi/conference";
import { z } from "zod";

/** How long a token is good when nothing else ends it: a session that was away longer is not coming back. */
const MAX_AGE_MS = 7 * 24 * 3_600_000;

export type ResumeClaims = {
  readonly appId: string;
  readonly peerId: string;
  readonly session: string;
  readonly grants: Grants;
  /** Milliseconds since 1970-01-01 UTC. */
  readonly issuedAt: number;
};

// Short names: a token travels with each opening. Signed by us, and still parsed: an older version may have signed something else.
const payload = z.object({
  a: z.string(),
  p: z.string(),
  s: z.string(),
  i: z.number(),
  e: z.number().optional(),
  g: z.object({
    call: z.boolean(),
    data: z.boolean(),
    listPeers: z.boolean(),
    rooms: z.union([z.literal(true), z.array(z.string()).readonly()]),
    modes: z.array(z.enum(["mesh", "sfu", "mcu"])).readonly(),
    publish: z.boolean(),
  }),
});

export class ResumeTokens {
  readonly #key: Buffer;

  /** @param key the server's secret, the same on all nodes and after a restart */
  constructor(key: string) {
    this.#key = Buffer.from(key);
  }

  sign(claims: ResumeClaims): string {
    const text = JSON.stringify({
      a: claims.appId,
      p: claims.peerId,
      s: claims.session,
      i: claims.issuedAt,
      ...(claims.grants.expiresAt === undefined ? {} : { e: claims.grants.expiresAt }),
      g: claims.grants.permissions,
    } satisfies z.infer<typeof payload>);
    const body = Buffer.from(text).toString("base64url");
    return `${body}.${this.#mac(body).toString("base64url")}`;
  }

  /** Undefined: forged, damaged or too old. Whether authentication has ended is for the caller to see. */
  verify(token: string, wallNow: number): ResumeClaims | undefined {
    const dot = token.indexOf(".");
    if (dot < 0) return undefined;
    const body = token.slice(0, dot);
    const mac = Buffer.from(token.slice(dot + 1), "base64url");
    const expected = this.#mac(body);
    if (mac.length !== expected.length || !timingSafeEqual(mac, expected)) return undefined;
    const parsed = payload.safeParse(JSON.parse(Buffer.from(body, "base64url").toString()));
    if (!parsed.success || parsed.data.i + MAX_AGE_MS < wallNow) return undefined;
    const { a, p, s, i, e, g } = parsed.data;
    return {
      appId: a,
      peerId: p,
      session: s,
      issuedAt: i,
      grants: { permissions: g, ...(e === undefined ? {} : { expiresAt: e }) },
    };
  }

  #mac(body: string): Buffer {
    return createHmac("sha256", this.#key).update("tsunagi-resume-1.").update(body).digest();
  }
}
