/** The operator's own certificate. */
import { readFileSync } from "node:fs";
import { createSecureContext } from "node:tls";
import { CodedError } from "@tsunagi/base";
import type { Config } from "./config.ts";

/**
 * @returns undefined when none is configured
 * @throws {CodedError} `config.file.unreadable`, `config.value.invalid`
 */
export function certificateFiles({ tls }: Config): { readonly cert: string; readonly key: string } | undefined {
  const { certFile, keyFile } = tls;
  if (certFile === undefined || keyFile === undefined) return undefined;
  const pair = { cert: readPem(certFile), key: readPem(keyFile) };
  try {
    createSecureContext(pair);
  } catch (cause) {
    throw new CodedError("config.value.invalid", `${certFile} and ${keyFile} are not a certificate and its key`, {
      cause,
      remedy: "Both are PEM; the certificate comes first in its chain.",
    });
  }
  return pair;
}

function readPem(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new CodedError("config.file.unreadable", `${path} cannot be read`, {
      cause,
      remedy: "Check tls.certFile and tls.keyFile.",
    });
  }
}
