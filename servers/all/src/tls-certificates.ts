/** Making the local CA and the server's certificate. All of X.509 is the library's; the choices are here. */
// The certificate library's dependency injection wants this before itself.
import "reflect-metadata";

import { randomBytes, webcrypto } from "node:crypto";
import * as x509 from "@peculiar/x509";
import type { ServerNames } from "./tls-names.ts";

const DAY_MS = 86_400_000;
/** Phones are to install it once. */
const CA_DAYS = 3650;
/** Apple's systems refuse server certificates of more than 825 days, even below a CA that the user installed. */
const SERVER_DAYS = 397;
/** A phone whose clock is somewhat behind must not refuse a fresh certificate. */
const BACKDATE_MS = DAY_MS;

/** P-256: every browser and phone takes it, and making one takes a millisecond. */
const KEY_ALGORITHM = { name: "ECDSA", namedCurve: "P-256" } as const;
const SIGNING_ALGORITHM = { name: "ECDSA", hash: "SHA-256" } as const;

export type PemPair = { readonly key: string; readonly certificate: string };

x509.cryptoProvider.set(webcrypto as unknown as Parameters<typeof x509.cryptoProvider.set>[0]);

/** @param label tells people whose machine the CA belongs to when they see it in their settings */
export async function makeCa(label: string, now: number): Promise<PemPair> {
  const keys = await webcrypto.subtle.generateKey(KEY_ALGORITHM, true, ["sign", "verify"]);
  // The digits keep a second CA of the same machine apart from the first, which phones may still have.
  const name = `CN=${escapeName(`Tsunagi local CA ${label} ${randomBytes(2).toString("hex")}`)}, O=Tsunagi`;
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name,
    notBefore: new Date(now - BACKDATE_MS),
    notAfter: new Date(now + CA_DAYS * DAY_MS),
    keys,
    signingAlgorithm: SIGNING_ALGORITHM,
    extensions: [
      // Path length 0: it signs servers, never another CA.
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { key: await privateKeyPem(keys.privateKey), certificate: pemOf(certificate) };
}

export async function makeServerCertificate(ca: PemPair, names: ServerNames, now: number): Promise<PemPair> {
  const issuer = new x509.X509Certificate(ca.certificate);
  const signingKey = await webcrypto.subtle.importKey("pkcs8", x509.PemConverter.decodeFirst(ca.key), KEY_ALGORITHM, false, [
    "sign",
  ]);
  const keys = await webcrypto.subtle.generateKey(KEY_ALGORITHM, true, ["sign", "verify"]);
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: `CN=${escapeName(names.dns.find((name) => name !== "localhost") ?? "localhost")}, O=Tsunagi`,
    issuer: issuer.subjectName,
    notBefore: new Date(now - BACKDATE_MS),
    notAfter: new Date(Math.min(now + SERVER_DAYS * DAY_MS, issuer.notAfter.getTime())),
    publicKey: keys.publicKey,
    signingKey,
    signingAlgorithm: SIGNING_ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension([
        ...names.dns.map((value) => ({ type: "dns", value }) as const),
        ...names.ip.map((value) => ({ type: "ip", value }) as const),
      ]),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
    ],
  });
  return { key: await privateKeyPem(keys.privateKey), certificate: pemOf(certificate) };
}

/** 16 random bytes, positive (RFC 5280 §4.1.2.2). */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes.toString("hex");
}

async function privateKeyPem(key: webcrypto.CryptoKey): Promise<string> {
  return `${x509.PemConverter.encode(await webcrypto.subtle.exportKey("pkcs8", key), "PRIVATE KEY")}\n`;
}

function pemOf(certificate: x509.X509Certificate): string {
  return `${certificate.toString("pem")}\n`;
}

/** Letters, digits, spaces, dots and dashes need no escape in a distinguished name (RFC 4514). */
function escapeName(text: string): string {
  return text.replace(/[^A-Za-z0-9 .-]/g, "-").slice(0, 64);
}
