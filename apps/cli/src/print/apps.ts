/** Apps for people and for scripts. The secret only where it was asked for. */
import { type App, DEFAULT_LIMITS, DEFAULT_SWITCHES } from "@tsunagi/conference";
import { padEnd, type Style } from "./style.ts";
import { table } from "./table.ts";

export function formatApps(apps: readonly App[], now: number, style: Style): string {
  if (apps.length === 0) return "No apps yet. Make one: tsunagi keys create NAME\n";
  const rows = apps.map((app) => [
    app.name,
    app.key,
    app.enabled ? "on" : style.warn("off"),
    app.switches.requireAuthentication ? "token" : "open",
    app.origins.length === 0 ? "any" : app.origins.join(" "),
    age(now - app.createdAt),
  ]);
  return table(["NAME", "KEY", "STATE", "ACCESS", "ORIGINS", "MADE"], rows, style);
}

export function formatApp(app: App, withSecret: boolean, now: number, style: Style): string {
  const rows: (readonly [string, string])[] = [
    ["name", app.name],
    ["key", app.key],
    ...app.retiredKeys
      .filter(({ until }) => until > now)
      .map(({ key, until }) => ["old key", `${key} until ${new Date(until).toISOString()}`] as const),
    ["secret", withSecret ? (app.secrets[0]?.secret ?? "none") : style.dim("hidden: keys show --secret")],
    ["id", app.id],
    ["state", app.enabled ? "on" : style.warn("off")],
    ["origins", app.origins.length === 0 ? "any" : app.origins.join(" ")],
    ["switches", pairs(app.switches, DEFAULT_SWITCHES, style)],
    ["limits", pairs(app.limits, DEFAULT_LIMITS, style)],
    ["made", new Date(app.createdAt).toISOString()],
  ];
  return `${rows.map(([label, value]) => `${style.dim(padEnd(label, 10))}${value}`).join("\n")}\n`;
}

/** What scripts get. */
export function publicApp(app: App, withSecret: boolean, now: number) {
  const { id, name, key, enabled, origins, switches, limits, createdAt, updatedAt } = app;
  return {
    id,
    name,
    key,
    ...(withSecret ? { secret: app.secrets[0]?.secret } : {}),
    retiredKeys: app.retiredKeys
      .filter(({ until }) => until > now)
      .map((old) => ({ key: old.key, until: new Date(old.until).toISOString() })),
    enabled,
    origins,
    switches,
    limits,
    webhooks: app.webhooks.length,
    createdAt: new Date(createdAt).toISOString(),
    updatedAt: new Date(updatedAt).toISOString(),
  };
}

/** What differs from the defaults stands out. */
function pairs<T extends object>(actual: T, defaults: T, style: Style): string {
  return (Object.entries(actual) as [keyof T & string, unknown][])
    .map(([name, value]) => {
      const text = `${name}=${Array.isArray(value) ? value.join(",") : String(value)}`;
      return JSON.stringify(value) === JSON.stringify(defaults[name]) ? style.dim(text) : style.bold(text);
    })
    .join(" ");
}

function age(ms: number): string {
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 1) return "just now";
  if (minutes < 60) return `${minutes} min ago`;
  if (minutes < 1440) return `${Math.floor(minutes / 60)} h ago`;
  return `${Math.floor(minutes / 1440)} d ago`;
}
