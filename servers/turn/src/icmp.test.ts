import { expect, it } from "vitest";
import { icmpOf } from "./icmp.ts";

it("says in ICMP's numbers of each family what the system reports", () => {
  expect(icmpOf("ENETUNREACH", 4)).toEqual({ type: 3, code: 0, data: 0 });
  expect(icmpOf("EHOSTUNREACH", 6)).toEqual({ type: 1, code: 3, data: 0 });
  expect(icmpOf("EMSGSIZE", 4)).toMatchObject({ type: 3, code: 4 });
  expect(icmpOf("EMSGSIZE", 6)).toMatchObject({ type: 2, code: 0 });
  expect(icmpOf("EAGAIN", 4)).toBeUndefined();
  expect(icmpOf(undefined, 4)).toBeUndefined();
});
