/** Apps that come along from another system with their keys: what an entry may say, and what it does to the apps that are there. */
import { isDeepStrictEqual } from "node:util";
import type { App, AppLimits, AppSwitches } from "@tsunagi/conference";
import { z } from "zod";
import { ORIGIN_PATTERN, originsOfDomain } from "../origin.ts";
import type { StoreCode } from "./errors.ts";
import { API_KEY_PATTERN } from "./keys.ts";
import { limitsSchema, switchesSchema, withoutUndefined } from "./rows.ts";
import type { AppChange, NewApp, Overrides } from "./store.ts";

/** Entries of one import. */
export const IMPORT_MAX = 10_000;
/** Of an app. */
const MAX_ORIGINS = 100;
/** How long the secret verifies that an import replaces: as at a rotation. */
export const IMPORT_OVERLAP_MS = 86_400_000;

export type ImportedApp = {
  readonly key: string;
  readonly name?: string | undefined;
  readonly secret?: string | undefined;
  readonly enabled?: boolean | undefined;
  readonly origins?: readonly string[] | undefined;
  readonly switches?: Overrides<AppSwitches> | undefined;
  readonly limits?: Overrides<AppLimits> | undefined;
};

export type ImportOptions = {
  readonly now: number;
  /** Only tells what would be done. */
  readonly dryRun?: boolean | undefined;
  /** Leaves out what is refused, and does the rest. */
  readonly skipRefused?: boolean | undefined;
};

export type ImportOutcome =
  | { readonly key: string; readonly outcome: "created" | "unchanged" }
  /** `changed`: names of what differs now. */
  | { readonly key: string; readonly outcome: "updated"; readonly changed: readonly string[] }
  | { readonly key: string; readonly outcome: "refused"; readonly code: StoreCode; readonly message: string };

export type ImportResult = {
  /** False after a dry run, and when something was refused and not to be left out: then nothing was changed. */
  readonly done: boolean;
  /** One for each entry, in the same order. */
  readonly outcomes: readonly ImportOutcome[];
};

/** Work for the store. `app` is the one that has the key. */
export type ImportStep =
  | { readonly type: "create"; readonly app: NewApp; readonly enabled: boolean }
  | { readonly type: "update"; readonly app: App; readonly change: AppChange; readonly secret: string | undefined };

const domain = z
  .string()
  .max(300)
  .refine((text) => originsOfDomain(text) !== undefined, "a domain is a host name, as in example.com or *.example.com")
  .describe(
    "As SkyWay's dashboard had it: `example.com` stands for both schemes on any port, `*.example.com` for its subdomains too.",
  );

export const importedAppSchema = z
  .strictObject({
    key: z.string().regex(API_KEY_PATTERN, "a key has 1 to 64 letters, digits, _ or -"),
    name: z.string().trim().min(1).max(100).optional().describe("Left out at a new app: the first eight characters of the key."),
    secret: z.string().min(1).max(256).optional().describe("Left out at a new app: 256 random bits."),
    enabled: z.boolean().optional(),
    origins: z
      .array(z.string().max(300).regex(ORIGIN_PATTERN, "an origin is scheme, host and port, as in https://example.com"))
      .max(MAX_ORIGINS)
      .optional()
      .describe("Together with `domains` they replace those that the app had; empty: any origin."),
    domains: z.array(domain).max(MAX_ORIGINS).optional(),
    switches: switchesSchema.partial().strict().optional(),
    limits: limitsSchema.partial().strict().optional(),
  })
  .transform(({ domains, origins, ...app }, context): ImportedApp => {
    if (domains === undefined && origins === undefined) return app;
    const all = [
      ...(origins ?? []).map((origin) => origin.toLowerCase()),
      ...(domains ?? []).flatMap((each) => originsOfDomain(each) ?? []),
    ];
    const distinct = [...new Set(all)];
    if (distinct.length > MAX_ORIGINS) {
      context.addIssue({ code: "custom", path: ["origins"], message: `an app has at most ${MAX_ORIGINS} origins` });
      return z.NEVER;
    }
    return { ...app, origins: distinct };
  });

export type ImportPlan = { readonly outcomes: readonly ImportOutcome[]; readonly steps: readonly ImportStep[] };

/** @param there all apps of the store */
export function planImport(there: readonly App[], imports: readonly ImportedApp[]): ImportPlan {
  const byKey = new Map(there.map((app) => [app.key, app]));
  const retired = new Map(there.flatMap((app) => app.retiredKeys.map(({ key }) => [key, app] as const)));
  const seen = new Set<string>();
  const steps: ImportStep[] = [];
  const outcomes = imports.map((entry): ImportOutcome => {
    const { key } = entry;
    if (seen.has(key)) return refused(key, "store.key.repeated", "the same key stands further up");
    seen.add(key);
    const rotated = retired.get(key);
    if (rotated !== undefined) return refused(key, "store.key.taken", `"${rotated.name}" had this key before a rotation`);
    const app = byKey.get(key);
    if (app === undefined) {
      steps.push({ type: "create", app: { ...entry, name: entry.name ?? key.slice(0, 8) }, enabled: entry.enabled ?? true });
      return { key, outcome: "created" };
    }
    const changed = differences(app, entry);
    if (changed.length === 0) return { key, outcome: "unchanged" };
    const { secret, ...change } = entry;
    steps.push({ type: "update", app, change, secret: secret === app.secrets[0]?.secret ? undefined : secret });
    return { key, outcome: "updated", changed };
  });
  return { outcomes, steps };
}

function refused(key: string, code: StoreCode, message: string): ImportOutcome {
  return { key, outcome: "refused", code, message };
}

/** Names of what the entry says otherwise than the app is. */
function differences(app: App, entry: ImportedApp): readonly string[] {
  const { name, enabled, secret, origins, switches, limits } = entry;
  const changed: string[] = [];
  if (name !== undefined && name !== app.name) changed.push("name");
  if (secret !== undefined && secret !== app.secrets[0]?.secret) changed.push("secret");
  if (enabled !== undefined && enabled !== app.enabled) changed.push("enabled");
  if (origins !== undefined && !isDeepStrictEqual([...origins], [...app.origins])) changed.push("origins");
  for (const [at, wanted] of Object.entries(withoutUndefined(switches ?? {})))
    if (!isDeepStrictEqual(wanted, app.switches[at as keyof AppSwitches])) changed.push(at);
  for (const [at, wanted] of Object.entries(withoutUndefined(limits ?? {})))
    if (wanted !== app.limits[at as keyof AppLimits]) changed.push(at);
  return changed;
}
