/** PASSWORD-ALGORITHM and PASSWORD-ALGORITHMS, RFC 8489 §14.11-14.12: algorithm (2), parameters length (2), parameters padded to 4. */
import { type AttributeCodec, valueError } from "../attribute.ts";
import { concat, paddingAfter, uint16, viewOf } from "../bytes.ts";

/** RFC 8489 §18.5. */
export const PASSWORD_ALGORITHM_NUMBER = { md5: 0x0001, sha256: 0x0002 } as const;

export type PasswordAlgorithm = {
  /** See {@link PASSWORD_ALGORITHM_NUMBER}; others are kept as they came. */
  readonly algorithm: number;
  /** Empty for both defined algorithms. */
  readonly parameters: Uint8Array;
};

/** What the client chose. */
export const PASSWORD_ALGORITHM: AttributeCodec<PasswordAlgorithm> = {
  type: 0x001d,
  name: "PASSWORD-ALGORITHM",
  encode: encodeOne,
  decode(bytes) {
    const [only, ...rest] = decodeAll("PASSWORD-ALGORITHM", bytes);
    if (only === undefined || rest.length > 0) throw valueError("PASSWORD-ALGORITHM", "not exactly one algorithm");
    return only;
  },
};

/** What the server offers, best first. */
export const PASSWORD_ALGORITHMS: AttributeCodec<readonly PasswordAlgorithm[]> = {
  type: 0x8002,
  name: "PASSWORD-ALGORITHMS",
  encode: (algorithms) => concat(...algorithms.map(encodeOne)),
  decode: (bytes) => decodeAll("PASSWORD-ALGORITHMS", bytes),
};

function encodeOne({ algorithm, parameters }: PasswordAlgorithm): Uint8Array {
  return concat(uint16(algorithm), uint16(parameters.length), parameters, new Uint8Array(paddingAfter(parameters.length)));
}

function decodeAll(name: string, bytes: Uint8Array): PasswordAlgorithm[] {
  const view = viewOf(bytes);
  const algorithms: PasswordAlgorithm[] = [];
  let offset = 0;
  while (offset < bytes.length) {
    if (bytes.length - offset < 4) throw valueError(name, "cut short");
    const start = offset + 4;
    const length = view.getUint16(offset + 2);
    if (length > bytes.length - start) throw valueError(name, `parameters of ${length} bytes`);
    algorithms.push({ algorithm: view.getUint16(offset), parameters: bytes.subarray(start, start + length) });
    // The last one's padding may already be the attribute's own.
    offset = start + length + paddingAfter(length);
  }
  return algorithms;
}
