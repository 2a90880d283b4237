/** `tsunagi keys`: apps and their API keys, in the store that the server reads. A running server follows within seconds. */
import { type App, type AppLimits, type AppSwitches, DEFAULT_LIMITS, DEFAULT_SWITCHES } from "@tsunagi/conference";
import type { AppChange, Store } from "@tsunagi/server-signaling/store";
import { findApp, withStore } from "../app-lookup.ts";
import { COMMON_OPTIONS, type Command, parse, type Values } from "../command.ts";
import { CONFIG_OPTIONS } from "../config.ts";
import { cliError } from "../errors.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import type { Io } from "../io.ts";
import { formatApp, formatApps, publicApp } from "../print/apps.ts";
import { styleFor } from "../print/style.ts";
import { durationSeconds, integer, oneOf } from "../values.ts";

const ACTIONS = ["list", "show", "create", "import", "rotate", "set", "delete"] as const;
type Action = (typeof ACTIONS)[number];

const OPTIONS = {
  name: { type: "string", value: "NAME", help: "set: a new name" },
  key: { type: "string", value: "KEY", help: "create: an API key that exists already, from SkyWay say" },
  secret: { type: "boolean", help: "rotate: the secret in place of the key; show: print the secret" },
  "import-secret": { type: "string", value: "TEXT", help: "create: a secret that exists already" },
  "dry-run": { type: "boolean", help: "import: only say what would be done" },
  "skip-invalid": { type: "boolean", help: "import: leave out what is faulty, and do the rest" },
  format: { type: "string", value: "FORMAT", help: "import: json, yaml or csv (default: by the file's name)" },
  overlap: { type: "string", value: "TIME", help: "rotate: how long the old one is still let in (default 24h)" },
  origin: { type: "string", multiple: true, value: "URL", help: "create, set: a web origin that may use the key; none: any" },
  "any-origin": { type: "boolean", help: "set: drop the list of origins" },
  enable: { type: "boolean", help: "set: let the app be used" },
  disable: { type: "boolean", help: "set: refuse it" },
  switch: {
    type: "string",
    multiple: true,
    value: "NAME=VALUE",
    help: "create, set: requireAuthentication, listPeers, roomLog, relay, modes",
  },
  limit: { type: "string", multiple: true, value: "NAME=N", help: "create, set: peers, rooms, roomMembers, messageBytes, …" },
  yes: { type: "boolean", short: "y", help: "delete: do not ask" },
  ...CONFIG_OPTIONS,
  json: { type: "boolean", help: "for scripts: JSON on standard output" },
  ...COMMON_OPTIONS,
} as const;

type KeysValues = Values<typeof OPTIONS>;

export const keysCommand: Command = {
  name: "keys",
  usage:
    "list\nshow APP [--secret]\ncreate NAME [options]\nimport FILE [--dry-run] [--skip-invalid]\nrotate APP [--secret] [--overlap TIME]\nset APP [options]\ndelete APP [--yes]",
  summary: "the apps of this server and their API keys",
  options: OPTIONS,
  notes: [
    "New keys have the shape that skyway-js demands (8-4-4-4-12 of a-z and 0-9). One of your own has 1\nto 64 letters, digits, _ or -; with another shape it is good for the SDK and PeerJS.\nimport takes a list of entries in JSON, YAML or CSV (the first line names the columns): key, and as\nfar as wanted secret, name, domains, origins, enabled, and any switch or limit. A new key makes an\napp, a known one changes its app; the same file again changes nothing. docs/cli.md has examples.",
    "APP is an app's name, API key or ID. A running server follows a change within seconds.\nWith DATABASE_URL set, the apps are in that PostgreSQL database.",
  ],
  examples: [
    ["tsunagi keys create shop --origin https://shop.example", "a key that only this site's pages may use"],
    ["tsunagi keys import keys.csv --dry-run", "what bringing the keys of another system along would do"],
    ["tsunagi keys rotate shop --overlap 7d", "a new key; pages with the old one work for a week"],
    [
      "tsunagi keys set shop --switch requireAuthentication=true --limit roomMembers=8",
      "let nobody in without a token, 8 in a room",
    ],
    ["tsunagi keys show shop --secret --json", "with the secret, for a back end's configuration"],
  ],
  async run(args, io) {
    const { values, positionals } = parse("keys", OPTIONS, args, { min: 1, max: 2, names: `one of ${ACTIONS.join(", ")}` });
    const action = oneOf("keys", positionals[0] ?? "", ACTIONS);
    const name = positionals[1];
    if (action !== "list" && name === undefined) {
      throw cliError(
        "cli.usage.argument",
        `keys ${action} needs ${action === "create" ? "a name" : action === "import" ? "a file" : "an app"}`,
        "See: tsunagi keys --help",
      );
    }
    if (action === "list" && name !== undefined)
      throw cliError("cli.usage.argument", `"${name}" is one too many`, "For one app: tsunagi keys show APP");
    // Read whole before the store is opened: a wrong option changes nothing.
    const change = changeFrom(values);
    if (action === "import") {
      // Here and not above, as in withStore: it brings the database drivers.
      const { importKeys } = await import("./keys-import.ts");
      return withStore(values, io, (store) => importKeys(name ?? "", values, store, io));
    }
    return withStore(values, io, (store) => perform(action, name ?? "", { values, change, store, io }));
  },
};

type Context = { readonly values: KeysValues; readonly change: AppChange; readonly store: Store; readonly io: Io };

async function perform(action: Exclude<Action, "import">, name: string, context: Context): Promise<ExitCode> {
  const { values, change, store, io } = context;
  const now = io.clock.wallNow();
  const style = styleFor(io.stdout, io.env);
  const show = (app: App, withSecret = false) => {
    io.stdout.write(
      values.json === true
        ? `${JSON.stringify(publicApp(app, withSecret, now), undefined, 2)}\n`
        : formatApp(app, withSecret, now, style),
    );
    return EXIT.ok;
  };
  switch (action) {
    case "list": {
      const apps = await store.listApps();
      io.stdout.write(
        values.json === true
          ? `${JSON.stringify(
              apps.map((app) => publicApp(app, false, now)),
              undefined,
              2,
            )}\n`
          : formatApps(apps, now, style),
      );
      return EXIT.ok;
    }
    case "show":
      return show(await findApp(store, name), values.secret === true);
    case "create": {
      const { origins, switches, limits } = change;
      const key = await importedKey(values.key, io);
      // Shown once unasked: whoever makes an app needs its secret.
      return show(await store.createApp({ name, key, secret: values["import-secret"], origins, switches, limits }, now), true);
    }
    case "rotate": {
      const { id } = await findApp(store, name);
      const overlapMs = durationSeconds("--overlap", values.overlap ?? "24h") * 1000;
      return values.secret === true
        ? show(await store.rotateSecret(id, overlapMs, now), true)
        : show(await store.rotateKey(id, overlapMs, now));
    }
    case "set": {
      if (Object.values(change).every((value) => value === undefined))
        throw cliError("cli.usage.argument", "nothing to set", "See: tsunagi keys --help");
      const app = await findApp(store, name);
      return show(await store.updateApp(app.id, change, now));
    }
    case "delete": {
      const app = await findApp(store, name);
      const question = `Delete "${app.name}" with its key ${app.key}? Its peers are disconnected, its call records are lost.`;
      if (values.yes !== true && !(await io.confirm(question)))
        throw cliError("cli.confirm.missing", `delete ${app.name}`, "Add --yes to delete without being asked.");
      await store.deleteApp(app.id);
      io.stdout.write(values.json === true ? `${JSON.stringify({ deleted: app.id })}\n` : `Deleted ${app.name}.\n`);
      return EXIT.ok;
    }
  }
}

async function importedKey(key: string | undefined, io: Io): Promise<string | undefined> {
  const { API_KEY_PATTERN, SKYWAY_KEY_PATTERN } = await import("@tsunagi/server-signaling/store");
  if (key !== undefined && !API_KEY_PATTERN.test(key))
    throw cliError("cli.usage.value", `--key ${key}`, "A key has 1 to 64 letters, digits, _ or -.");
  if (key !== undefined && !SKYWAY_KEY_PATTERN.test(key)) {
    io.stderr.write(
      `${styleFor(io.stderr, io.env).warn("!")} skyway-js will refuse this key: it demands 8-4-4-4-12 of a-z and 0-9\n`,
    );
  }
  return key;
}

/** @throws {CodedError} `cli.usage.value`, `cli.usage.option` */
export function changeFrom(values: KeysValues): AppChange {
  const { name, enable, disable, origin, switch: switches, limit } = values;
  if (enable === true && disable === true) throw cliError("cli.usage.option", "--enable and --disable", "Give one of them.");
  if (origin !== undefined && values["any-origin"] === true)
    throw cliError("cli.usage.option", "--origin and --any-origin", "Give one of them.");
  return {
    name,
    enabled: enable === true ? true : disable === true ? false : undefined,
    origins: values["any-origin"] === true ? [] : origin?.map(webOrigin),
    switches: switches === undefined ? undefined : overridesFrom(switches, "--switch", switchValue),
    limits: limit === undefined ? undefined : overridesFrom(limit, "--limit", limitValue),
  };
}

/** `https://shop.example`, `https://*.shop.example:8443`, `http://localhost:*`. */
function webOrigin(text: string): string {
  if (/^https?:\/\/(\*\.)?[^/*\s?#]+?(:\*)?$/i.test(text)) return text.toLowerCase();
  throw cliError(
    "cli.usage.value",
    `--origin ${text}`,
    "Write an origin as https://shop.example, https://*.shop.example or http://localhost:*, without a path.",
  );
}

function overridesFrom<Value>(
  texts: readonly string[],
  option: string,
  read: (name: string, value: string) => Value,
): { [name: string]: Value } {
  return Object.fromEntries(
    texts.map((text) => {
      const at = text.indexOf("=");
      if (at < 1) throw cliError("cli.usage.value", `${option} ${text}`, "Write it as NAME=VALUE.");
      const name = text.slice(0, at);
      return [name, read(name, text.slice(at + 1))];
    }),
  );
}

function switchValue(name: string, value: string): boolean | string | readonly string[] {
  const known = oneOf("--switch", name, Object.keys(DEFAULT_SWITCHES) as (keyof AppSwitches)[]);
  const option = `--switch ${name}=`;
  if (known === "modes") return value.split(",").map((mode) => oneOf(option, mode, DEFAULT_SWITCHES.modes));
  if (known === "relay") return oneOf(option, value, ["all", "none", "only"]);
  return oneOf(option, value, ["true", "false"]) === "true";
}

function limitValue(name: string, value: string): number {
  const known = oneOf("--limit", name, Object.keys(DEFAULT_LIMITS) as (keyof AppLimits)[]);
  return integer(`--limit ${known}`, value, 1, 1_000_000_000);
}
