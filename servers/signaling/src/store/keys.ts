/** How identifiers and secrets of apps are made. */
import { randomBytes, randomUUID } from "node:crypto";

/** Shaped like SkyWay's API keys, lower-case hex in groups of 8-4-4-4-12, since apps and proxies may check the shape. */
export function newApiKey(): string {
  return randomUUID();
}

/** 256 bits, base64url. */
export function newSecret(): string {
  return randomBytes(32).toString("base64url");
}

export function newId(prefix: "app" | "wh" | "evt"): string {
  return `${prefix}_${randomBytes(12).toString("base64url")}`;
}

/** What skyway-js takes as a key; it refuses any other before it connects. */
export const SKYWAY_KEY_PATTERN = /^[a-z0-9]{8}(?:-[a-z0-9]{4}){3}-[a-z0-9]{12}$/;

/** What an imported key may look like: visible ASCII that stands in a URL path without escapes. */
export const API_KEY_PATTERN = /^[A-Za-z0-9_-]{1,64}$/;
