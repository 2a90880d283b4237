/** What the system reports on sending, as the ICMP error that says the same (RFC 8656 §18.13). */

export type IcmpError = { readonly type: number; readonly code: number; readonly data: number };

/** RFC 792 type 3: destination unreachable. */
const V4: Readonly<Record<string, IcmpError>> = {
  ENETUNREACH: { type: 3, code: 0, data: 0 },
  EHOSTUNREACH: { type: 3, code: 1, data: 0 },
  ECONNREFUSED: { type: 3, code: 3, data: 0 },
  EMSGSIZE: { type: 3, code: 4, data: 0 },
  EACCES: { type: 3, code: 13, data: 0 },
  EPERM: { type: 3, code: 13, data: 0 },
};

/** RFC 4443 type 1: destination unreachable; type 2: packet too big. */
const V6: Readonly<Record<string, IcmpError>> = {
  ENETUNREACH: { type: 1, code: 0, data: 0 },
  EHOSTUNREACH: { type: 1, code: 3, data: 0 },
  ECONNREFUSED: { type: 1, code: 4, data: 0 },
  EMSGSIZE: { type: 2, code: 0, data: 0 },
  EACCES: { type: 1, code: 1, data: 0 },
  EPERM: { type: 1, code: 1, data: 0 },
};

export function icmpOf(code: string | undefined, family: 4 | 6): IcmpError | undefined {
  return code === undefined ? undefined : (family === 4 ? V4 : V6)[code];
}
