/** The admin token: made at the first start, shown once, kept as a hash. */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Clock, CodedError, systemClock } from "@tsunagi/base";
import type { Store } from "../../store/store.ts";

const SETTING = "admin.token.sha256";
/** A token of the operator's own must be as hard to guess as what others would make of 128 random bits. */
const MIN_GIVEN_LENGTH = 22;
/** How long a reset by another process may take to be seen here. */
const REREAD_MS = 2_000;

export type AdminTokenOptions = {
  readonly store: Pick<Store, "setting" | "replaceSetting">;
  /** Where the file `admin-token` is written, readable by its owner alone. */
  readonly dataDir?: string | undefined;
  /** From the configuration (`TSUNAGI_ADMIN_TOKEN`): used instead of a stored one. At least 22 characters. */
  readonly given?: string | undefined;
  readonly clock?: Clock | undefined;
};

export class AdminToken {
  /** The token, when it was made just now: to be printed once. */
  readonly created: string | undefined;
  readonly #store: Pick<Store, "setting">;
  readonly #given: Buffer | undefined;
  readonly #clock: Clock;
  #hash: Buffer;
  #readAt: number;

  private constructor(options: AdminTokenOptions, hash: Buffer, created: string | undefined) {
    this.#store = options.store;
    this.#given = options.given === undefined ? undefined : hash;
    this.#clock = options.clock ?? systemClock;
    this.#hash = hash;
    this.#readAt = this.#clock.now();
    this.created = created;
  }

  /** @throws {CodedError} `admin.token.weak` */
  static async open(options: AdminTokenOptions): Promise<AdminToken> {
    if (options.given !== undefined) {
      if (options.given.length < MIN_GIVEN_LENGTH) {
        throw new CodedError("admin.token.weak", `The configured admin token is shorter than ${MIN_GIVEN_LENGTH} characters.`, {
          remedy: "Take a long random one, or leave it out: the first start makes one.",
        });
      }
      return new AdminToken(options, sha256(options.given), undefined);
    }
    const made = newToken();
    const stored = await options.store.setting(SETTING, () => sha256(made).toString("hex"));
    const hash = Buffer.from(stored, "hex");
    const isNew = timingSafeEqual(padded(hash), sha256(made));
    if (isNew) writeTokenFile(options.dataDir, made);
    return new AdminToken(options, hash, isNew ? made : undefined);
  }

  async verify(candidate: string): Promise<boolean> {
    if (this.#given === undefined && this.#clock.now() - this.#readAt >= REREAD_MS) {
      // Before the answer, so that a token that was reset stops working.
      this.#hash = Buffer.from(await this.#store.setting(SETTING, () => this.#hash.toString("hex")), "hex");
      this.#readAt = this.#clock.now();
    }
    return timingSafeEqual(padded(this.#given ?? this.#hash), sha256(candidate));
  }
}

/** A new token instead of the old one, for who has lost it. Running servers take it within two seconds. */
export async function resetAdminToken(options: Omit<AdminTokenOptions, "given" | "clock">): Promise<string> {
  const made = newToken();
  await options.store.replaceSetting(SETTING, sha256(made).toString("hex"));
  writeTokenFile(options.dataDir, made);
  return made;
}

/** The prefix lets secret scanners find one that was committed by mistake. */
function newToken(): string {
  return `tsu_admin_${randomBytes(32).toString("base64url")}`;
}

/** A plain hash is enough: 256 random bits cannot be tried through. */
function sha256(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

/** Whatever stands in the database: `timingSafeEqual` throws on another length. */
function padded(hash: Buffer): Buffer {
  return hash.length === 32 ? hash : Buffer.alloc(32);
}

function writeTokenFile(dataDir: string | undefined, token: string): void {
  if (dataDir === undefined) return;
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const path = join(dataDir, "admin-token");
  writeFileSync(path, `${token}\n`, { mode: 0o600 });
  // The mode above counts only for a file that is new.
  chmodSync(path, 0o600);
}
