/**
 * A self-signed certificate (RFC 5280 §4.1, ECDSA on P-256 with SHA-256: RFC 5758 §3.2), so that our DTLS fingerprint can be told before there is
 * a connection (RFC 8122). Clients compare the fingerprint and look at nothing else in it.
 */
import { generateKeyPairSync, randomBytes, sign, X509Certificate } from "node:crypto";

export type Certificate = {
  readonly certificatePem: string;
  readonly keyPem: string;
  /** Upper-case hex with colons, SHA-256 (RFC 8122 §5). */
  readonly fingerprint: string;
};

const DAY_MS = 86_400_000;
/** Longer than any process lives; it is made anew with each. */
const VALID_DAYS = 3_650;
/** DER of the OBJECT IDENTIFIERs 1.2.840.10045.4.3.2 (ecdsa-with-SHA256) and 2.5.4.3 (commonName). */
const ECDSA_WITH_SHA256 = Buffer.from("06082a8648ce3d040302", "hex");
const COMMON_NAME = Buffer.from("0603550403", "hex");

/** Tags of DER (X.690 §8). */
const INTEGER = 0x02;
const BIT_STRING = 0x03;
const UTF8_STRING = 0x0c;
const UTC_TIME = 0x17;
const SEQUENCE = 0x30;
const SET = 0x31;
/** Context-specific, constructed: the version (RFC 5280 §4.1.2.1). */
const VERSION = 0xa0;

/** @param nowMs wall clock */
export function createCertificate(name: string, nowMs: number): Certificate {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const algorithm = der(SEQUENCE, ECDSA_WITH_SHA256);
  const subject = der(SEQUENCE, der(SET, der(SEQUENCE, COMMON_NAME, der(UTF8_STRING, Buffer.from(name)))));
  const serial = randomBytes(16);
  // RFC 5280 §4.1.2.2: positive, and so without a sign bit or a leading zero.
  serial.writeUInt8((serial.readUInt8() & 0x7f) | 0x40);
  const body = der(
    SEQUENCE,
    der(VERSION, der(INTEGER, Buffer.from([2]))),
    der(INTEGER, serial),
    algorithm,
    subject,
    // A client's clock may be behind.
    der(SEQUENCE, utcTime(nowMs - DAY_MS), utcTime(nowMs + VALID_DAYS * DAY_MS)),
    subject,
    publicKey.export({ type: "spki", format: "der" }),
  );
  const signature = der(BIT_STRING, Buffer.from([0]), sign("sha256", body, privateKey));
  const certificate = new X509Certificate(der(SEQUENCE, body, algorithm, signature));
  return {
    certificatePem: certificate.toString(),
    keyPem: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    fingerprint: certificate.fingerprint256,
  };
}

function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const value = Buffer.concat(parts);
  // X.690 §8.1.3: short form below 128, else the number of bytes first. Nothing here reaches 65,536.
  const length =
    value.length < 0x80
      ? [value.length]
      : value.length < 0x100
        ? [0x81, value.length]
        : [0x82, value.length >> 8, value.length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), value]);
}

/** RFC 5280 §4.1.2.5.1: YYMMDDHHMMSSZ, for the years before 2050. */
function utcTime(ms: number): Buffer {
  const digits = new Date(ms).toISOString().replaceAll(/[-:T]|\.\d+/g, "");
  return der(UTC_TIME, Buffer.from(digits.slice(2)));
}
