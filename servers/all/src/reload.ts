/** SIGHUP: what of the configuration changes while the server runs. */
import { Server as HttpsServer } from "node:https";
import { isDeepStrictEqual } from "node:util";
import { CodedError, type Log } from "@tsunagi/base";
import type { RunningSignaling } from "@tsunagi/server-signaling";
import { certificateFiles } from "./certificate-files.ts";
import { type Config, SETTINGS } from "./config.ts";
import type { Turn } from "./turn.ts";

/** The contents of the certificate's files change, too. */
const LIVE_SETTINGS =
  /^(externalTurn|turn\.(secret|previousSecrets|users|credentialLifetimeS|allow|deny|limits\.(?!requests|sources).+))$/;

/** @returns the new configuration when it was taken; when it cannot be read or used nothing changes, and the log says why */
export function reloaded(
  load: () => Config,
  before: Config,
  parts: { readonly signaling: RunningSignaling; readonly turn: Turn | undefined; readonly log: Log },
): Config | undefined {
  const { signaling, turn, log } = parts;
  let next: Config;
  try {
    next = load();
    const files = certificateFiles(next);
    turn?.configure(next.turn);
    if (files !== undefined && signaling.httpServer instanceof HttpsServer) {
      signaling.httpServer.setSecureContext(files);
      turn?.setTls(files).catch((error: unknown) => log.error({ error: String(error) }, "TURN keeps its old certificate"));
    }
  } catch (error) {
    const { code, message } = error instanceof CodedError ? error : { code: "config.file.unreadable", message: String(error) };
    // The first line alone: the parser of YAML shows the place it stopped at in the next ones, which may hold a secret.
    log.error({ code }, `the configuration was not reloaded, the old one stays: ${message.split("\n", 1)[0]}`);
    return undefined;
  }
  const changed = changedSettings(before, next);
  const waiting = changed.filter((name) => !LIVE_SETTINGS.test(name));
  log.info({ changed }, "the configuration was reloaded");
  if (waiting.length > 0) log.warn({ settings: waiting }, "these settings change at the next start");
  return next;
}

/** Clients that are there should have it before they would ask. */
export function isToldToClients(before: Config, next: Config): boolean {
  return changedSettings(before, next).some((name) => /^(externalTurn|turn\.(secret|credentialLifetimeS))$/.test(name));
}

function changedSettings(before: Config, next: Config): readonly string[] {
  return Object.keys(SETTINGS).filter((name) => !isDeepStrictEqual(settingOf(next, name), settingOf(before, name)));
}

function settingOf(config: Config, name: string): unknown {
  const step = (value: unknown, part: string) =>
    typeof value === "object" && value !== null ? Reflect.get(value, part) : undefined;
  return name.split(".").reduce<unknown>(step, config);
}
