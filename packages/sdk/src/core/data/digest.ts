/** SHA-256, piece by piece. Its code is loaded with the first file: most pages send none. */
import { CodedError } from "@tsunagi/base";

export interface Digest {
  update(bytes: Uint8Array): unknown;
  digest(): Uint8Array;
}

/** @throws {CodedError} (rejects) `file.code.unreachable` */
export async function createDigest(): Promise<Digest> {
  try {
    const { SHA256 } = await import("@stablelib/sha256");
    return new SHA256();
  } catch (cause) {
    throw new CodedError("file.code.unreachable", "The code that files need could not be loaded.", { cause });
  }
}
