/**
 * The TLS certificate for `--tls`: a CA of this machine alone and a certificate below it, kept in the data directory.
 *
 * | file | mode | |
 * |---|---|---|
 * | `ca.pem` | 600 | key and certificate of the CA: whoever has it can pose as any site to a phone that trusts this CA |
 * | `ca.crt` | 644 | the CA's certificate, what phones install; the HTTP server offers it as `/ca.crt` |
 * | `server.pem` | 600 | key and certificate of the server |
 *
 * Key and certificate share a file, so that a crash between two writes cannot part them.
 */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { chmod, mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { CodedError } from "@tsunagi/base";
import type { PemPair } from "./tls-certificates.ts";
import { machineNames, type ServerNames, withExtraNames } from "./tls-names.ts";

export { machineNames, type ServerNames } from "./tls-names.ts";

export const TLS_CODES = {
  "tls.ca.unreadable": "The local CA's file is there, but is not what was written.",
  "tls.directory.unwritable": "The TLS directory cannot be written.",
} as const;

/** Media type phones expect of a CA to install. */
export const CA_CONTENT_TYPE = "application/x-x509-ca-cert";

const RENEW_BEFORE_MS = 30 * 86_400_000;

export type TlsOptions = {
  /** `<data directory>/tls`; made when missing. */
  readonly directory: string;
  /** Further names and addresses, for example a public one. Those of the machine are always in. */
  readonly extraNames?: readonly string[] | undefined;
  /** Wall clock, milliseconds since 1970; default now. */
  readonly now?: number | undefined;
  /** Default: read from the machine. */
  readonly names?: ServerNames | undefined;
};

export type TlsMaterial = {
  /** PEM: for `https.createServer({ key, cert })`. */
  readonly key: string;
  readonly cert: string;
  /** PEM of the CA, for `/ca.crt` with {@link CA_CONTENT_TYPE}. */
  readonly caCertificate: string;
  readonly caFile: string;
  /** SHA-256 of the CA, colon-separated, to compare with what a phone shows. */
  readonly caFingerprint: string;
  readonly names: ServerNames;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
  /** What this call had to make. A new CA must be installed on phones again. */
  readonly made: "nothing" | "certificate" | "ca";
};

/** Loaded when one is to be made: most starts need none, and a server that is back sooner is missed less. */
const maker = () => import("./tls-certificates.ts");

/**
 * Reads what is there and makes what is missing, near its expiry, or lacks a name of the machine. The CA is kept.
 *
 * @throws {CodedError} `tls.ca.unreadable`, `tls.directory.unwritable`
 */
export async function ensureTls(options: TlsOptions): Promise<TlsMaterial> {
  const now = options.now ?? Date.now();
  const names = withExtraNames(options.names ?? machineNames(), options.extraNames ?? []);
  const file = (name: string) => join(options.directory, name);
  try {
    await mkdir(options.directory, { recursive: true, mode: 0o700 });
    const storedCa = await readPair(file("ca.pem"));
    if (storedCa === "unreadable") {
      throw new CodedError("tls.ca.unreadable", `${file("ca.pem")} cannot be read as a CA.`, {
        remedy: "Restore it, or delete it to get a new CA, which phones must then install again.",
      });
    }
    const keptCa = storedCa !== undefined && isCurrent(storedCa, now) ? storedCa : undefined;
    const ca = keptCa ?? (await (await maker()).makeCa(hostname(), now));
    if (keptCa === undefined) await writePrivate(file("ca.pem"), ca.key + ca.certificate);
    if ((await readText(file("ca.crt"))) !== ca.certificate) await writeAtomic(file("ca.crt"), ca.certificate, 0o644);

    const stored = await readPair(file("server.pem"));
    const kept = stored !== undefined && stored !== "unreadable" && isUsable(stored, ca, names, now) ? stored : undefined;
    const server = kept ?? (await (await maker()).makeServerCertificate(ca, names, now));
    if (kept === undefined) await writePrivate(file("server.pem"), server.key + server.certificate);

    return {
      key: server.key,
      cert: server.certificate,
      caCertificate: ca.certificate,
      caFile: file("ca.crt"),
      caFingerprint: new X509Certificate(ca.certificate).fingerprint256,
      names,
      expiresAt: expiryOf(server),
      made: keptCa === undefined ? "ca" : kept === undefined ? "certificate" : "nothing",
    };
  } catch (cause) {
    if (cause instanceof CodedError || !isFileError(cause)) throw cause;
    throw new CodedError("tls.directory.unwritable", `${options.directory}: ${cause.message}`, {
      remedy: "Give this user write access to the data directory, or choose another with --data-dir.",
      cause,
    });
  }
}

/** `missing` are names of the machine that the certificate does not hold. */
export function missingNames(certificate: X509Certificate, names: ServerNames): string[] {
  return [
    ...names.dns.filter((name) => certificate.checkHost(name) === undefined),
    ...names.ip.filter((address) => certificate.checkIP(address) === undefined),
  ];
}

function isUsable(server: PemPair, ca: PemPair, names: ServerNames, now: number): boolean {
  const certificate = new X509Certificate(server.certificate);
  const issuer = new X509Certificate(ca.certificate);
  return (
    isCurrent(server, now) &&
    certificate.checkIssued(issuer) &&
    certificate.verify(issuer.publicKey) &&
    missingNames(certificate, names).length === 0
  );
}

function isCurrent(pair: PemPair, now: number): boolean {
  const certificate = new X509Certificate(pair.certificate);
  return Date.parse(certificate.validFrom) <= now && now < Date.parse(certificate.validTo) - RENEW_BEFORE_MS;
}

function expiryOf(pair: PemPair): number {
  return Date.parse(new X509Certificate(pair.certificate).validTo);
}

/** undefined when the file is not there. */
async function readPair(path: string): Promise<PemPair | "unreadable" | undefined> {
  const text = await readText(path);
  if (text === undefined) return undefined;
  const block = (label: string) => new RegExp(`-----BEGIN ${label}-----[^-]+-----END ${label}-----\n?`).exec(text)?.[0];
  const key = block("PRIVATE KEY");
  const certificate = block("CERTIFICATE");
  if (key === undefined || certificate === undefined) return "unreadable";
  try {
    if (!new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key))) return "unreadable";
  } catch {
    return "unreadable";
  }
  // The mode may have been loosened by a copy or a restore.
  await chmod(path, 0o600);
  return { key, certificate };
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (isFileError(error) && error.code === "ENOENT") return undefined;
    throw error;
  }
}

function writePrivate(path: string, text: string): Promise<void> {
  return writeAtomic(path, text, 0o600);
}

async function writeAtomic(path: string, text: string, mode: number): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  await writeFile(temporary, text, { mode });
  await rename(temporary, path);
}

function isFileError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && typeof (error as NodeJS.ErrnoException).syscall === "string";
}
