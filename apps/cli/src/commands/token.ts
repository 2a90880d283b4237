/** `tsunagi token`: what a back end would give its user, made by hand: a JWT with grants, or a SkyWay credential. */
import { createHmac } from "node:crypto";
import type { App } from "@tsunagi/conference";
import { SignJWT } from "jose";
import { appOrOnly, withStore } from "../app-lookup.ts";
import { COMMON_OPTIONS, type Command, parse } from "../command.ts";
import { CONFIG_OPTIONS } from "../config.ts";
import { cliError } from "../errors.ts";
import { EXIT } from "../exit-codes.ts";
import { durationSeconds, oneOf } from "../values.ts";

/** What SkyWay allowed, and packages/conference/src/credential.ts holds to. */
const SKYWAY_TTL = { min: 600, max: 90_000 } as const;

const OPTIONS = {
  peer: { type: "string", short: "p", value: "ID", help: "the only peer ID it is good for; without: any" },
  ttl: { type: "string", value: "TIME", help: "how long it is good, 90s, 10m, 24h, 7d (default 1h)" },
  room: { type: "string", multiple: true, value: "NAME", help: "a room it may join; team-* for all that begin so; without: any" },
  "no-rooms": { type: "boolean", help: "it may join no room" },
  mode: { type: "string", multiple: true, value: "MODE", help: "mesh, sfu or mcu; without: what the app allows" },
  "no-call": { type: "boolean", help: "no media connections" },
  "no-data": { type: "boolean", help: "no data connections" },
  "no-publish": { type: "boolean", help: "listen only: send no media in rooms" },
  "no-list": { type: "boolean", help: "may not list the app's peers" },
  skyway: { type: "boolean", help: "a credential for new Peer(id, { credential }), needs --peer" },
  ...CONFIG_OPTIONS,
  json: { type: "boolean", help: "for scripts: with the claims, as JSON" },
  ...COMMON_OPTIONS,
} as const;

export const tokenCommand: Command = {
  name: "token",
  usage: "[APP] [options]",
  summary: "a token or SkyWay credential for a peer, signed with the app's secret",
  options: OPTIONS,
  notes: [
    "APP is an app's name, API key or ID; it may be left out where there is only one.\nThe token alone is on standard output, so that it can be piped.",
  ],
  examples: [
    ["tsunagi token shop --peer alice --ttl 24h", "a token for the peer alice, good for a day"],
    ["tsunagi token shop --room lobby --no-publish", "to listen in the room lobby"],
    ["tsunagi token shop --skyway --peer alice", "{ timestamp, ttl, authToken } for skyway-js"],
  ],
  async run(args, io) {
    const { values, positionals } = parse("token", OPTIONS, args, { min: 0, max: 1, names: "" });
    const ttlSeconds = durationSeconds("--ttl", values.ttl ?? "1h");
    if (ttlSeconds === 0) throw cliError("cli.usage.value", "--ttl 0", "Give at least 1s.");
    if (values["no-rooms"] === true && values.room !== undefined)
      throw cliError("cli.usage.option", "--room and --no-rooms", "Give one of them.");
    const modes = values.mode?.map((mode) => oneOf("--mode", mode, ["mesh", "sfu", "mcu"]));
    const { peer } = values;
    const nowSeconds = Math.floor(io.clock.wallNow() / 1000);

    const app = await withStore(values, io, (store) => appOrOnly(store, positionals[0]));
    const secret = currentSecret(app, io.clock.wallNow());

    if (values.skyway === true) {
      if (peer === undefined)
        throw cliError("cli.usage.argument", "--skyway needs --peer", "A SkyWay credential is made for one peer ID.");
      if (ttlSeconds < SKYWAY_TTL.min || ttlSeconds > SKYWAY_TTL.max) {
        throw cliError(
          "cli.usage.value",
          `--ttl ${values.ttl}`,
          `A SkyWay credential is good for ${SKYWAY_TTL.min} to ${SKYWAY_TTL.max} seconds.`,
        );
      }
      io.stdout.write(`${JSON.stringify(skyWayCredential(secret, peer, nowSeconds, ttlSeconds))}\n`);
      return EXIT.ok;
    }

    const grants = {
      ...(values["no-call"] === true ? { call: false } : {}),
      ...(values["no-data"] === true ? { data: false } : {}),
      ...(values["no-publish"] === true ? { publish: false } : {}),
      ...(values["no-list"] === true ? { listPeers: false } : {}),
      ...(values["no-rooms"] === true ? { rooms: false } : values.room === undefined ? {} : { rooms: values.room }),
      ...(modes === undefined ? {} : { modes }),
    };
    const claims = { ...(peer === undefined ? {} : { sub: peer }), iat: nowSeconds, exp: nowSeconds + ttlSeconds, grants };
    const token = await new SignJWT(claims)
      .setProtectedHeader({ alg: "HS256", typ: "JWT" })
      .sign(new TextEncoder().encode(secret));
    io.stdout.write(values.json === true ? `${JSON.stringify({ token, key: app.key, claims }, undefined, 2)}\n` : `${token}\n`);
    return EXIT.ok;
  },
};

/** SkyWay's peer authentication: base64 of HMAC-SHA256 over `timestamp:ttl:peerId`. */
export function skyWayCredential(secret: string, peerId: string, timestamp: number, ttl: number) {
  const authToken = createHmac("sha256", secret).update(`${timestamp}:${ttl}:${peerId}`).digest("base64");
  return { timestamp, ttl, authToken };
}

function currentSecret(app: App, now: number): string {
  const found = app.secrets.find(({ retiresAt }) => retiresAt === undefined || retiresAt > now);
  if (found === undefined) throw cliError("cli.app.secretless", app.name, `Make one: tsunagi keys rotate ${app.name} --secret`);
  return found.secret;
}
