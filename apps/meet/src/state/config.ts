/** What the page needs to reach its server: the app's key. An own key in the address (`?key=`) or in the settings comes first. */
import type { PeerOptions } from "../sdk.ts";
import { appError, type ShownError } from "../text/errors.ts";
import type { Settings } from "./settings.ts";

/** A server that does not answer this soon is treated as away. */
const TIMEOUT_MS = 8000;

export type ConfigResult = { readonly options: PeerOptions } | { readonly error: ShownError };

export async function loadPeerOptions(settings: Settings, query: string = window.location.search): Promise<ConfigResult> {
  const own = new URLSearchParams(query).get("key") ?? (settings.key === "" ? null : settings.key);
  if (own !== null) return { options: { key: own } };
  try {
    const response = await fetch("/config.json", { cache: "no-store", signal: AbortSignal.timeout(TIMEOUT_MS) });
    if (!response.ok) throw new Error(`/config.json answered ${response.status}`);
    const key = readKey(await response.json());
    if (key === undefined) throw new Error("/config.json names no key");
    return { options: { key } };
  } catch (error) {
    return { error: appError("meet.config.unavailable", error instanceof Error ? error.message : String(error)) };
  }
}

export function readKey(config: unknown): string | undefined {
  if (typeof config !== "object" || config === null || !("key" in config)) return undefined;
  return typeof config.key === "string" && config.key !== "" ? config.key : undefined;
}
