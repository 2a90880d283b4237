import { createPrivateKey, X509Certificate } from "node:crypto";
import { expect, it } from "vitest";
import { createCertificate } from "./certificate.ts";

it("is a certificate that others read, of its own key, and like no other", () => {
  const nowMs = Date.UTC(2026, 0, 2, 3, 4, 5);
  const { certificatePem, keyPem, fingerprint } = createCertificate("example", nowMs);
  const read = new X509Certificate(certificatePem);
  expect(read.subject).toBe("CN=example");
  expect(read.issuer).toBe("CN=example");
  expect(read.verify(read.publicKey)).toBe(true);
  expect(read.checkPrivateKey(createPrivateKey(keyPem))).toBe(true);
  expect(read.fingerprint256).toBe(fingerprint);
  expect(fingerprint).toMatch(/^[0-9A-F]{2}(?::[0-9A-F]{2}){31}$/);
  expect([Date.parse(read.validFrom), Date.parse(read.validTo)]).toEqual([
    Date.UTC(2026, 0, 1, 3, 4, 5),
    nowMs + 3_650 * 86_400_000,
  ]);
  const other = createCertificate("example", nowMs);
  expect(other.fingerprint).not.toBe(fingerprint);
  expect(new X509Certificate(other.certificatePem).serialNumber).not.toBe(read.serialNumber);
});
