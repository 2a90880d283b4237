/** Transport addresses: text (RFC 5952 for IPv6) to bytes and back, without node:net. */
import { viewOf } from "./bytes.ts";
import { stunError } from "./errors.ts";

export type TransportAddress = {
  readonly family: 4 | 6;
  /** Dotted quad, or IPv6 as RFC 5952 writes it; never with a zone. */
  readonly address: string;
  readonly port: number;
};

/**
 * An address as a socket reports it. Drops an IPv6 zone, and takes IPv4-mapped IPv6 (a dual-stack socket's view of an IPv4 client) as IPv4.
 *
 * @throws {ProtocolError} `stun.address.form`
 */
export function transportAddress(address: string, port: number): TransportAddress {
  const all = addressBytes(address);
  const bytes = isMapped(all) ? all.subarray(12) : all;
  return bytes.length === 4
    ? { family: 4, address: formatAddress(bytes), port }
    : { family: 6, address: formatAddress(bytes), port };
}

/** 4 or 16 bytes. @throws {ProtocolError} `stun.address.form` */
export function addressBytes(address: string): Uint8Array {
  const withoutZone = address.split("%", 1)[0] ?? "";
  const bytes = withoutZone.includes(":") ? parseIpv6(withoutZone) : parseIpv4(withoutZone);
  if (bytes === undefined) throw stunError("stun.address.form", JSON.stringify(address.slice(0, 64)));
  return bytes;
}

/** 4 bytes as a dotted quad, 16 as RFC 5952: lower case, the longest run of two or more zero groups shortened. */
export function formatAddress(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join(".");
  const view = viewOf(bytes);
  const groups = Array.from({ length: 8 }, (_, index) => view.getUint16(index * 2));
  let best = { start: -1, length: 1 };
  for (let start = 0; start < 8; start++) {
    let length = 0;
    while (start + length < 8 && groups[start + length] === 0) length++;
    if (length > best.length) best = { start, length };
  }
  const hex = (part: readonly number[]) => part.map((group) => group.toString(16)).join(":");
  if (best.start < 0) return hex(groups);
  return `${hex(groups.slice(0, best.start))}::${hex(groups.slice(best.start + best.length))}`;
}

function isMapped(bytes: Uint8Array): boolean {
  return bytes.length === 16 && bytes.subarray(0, 10).every((byte) => byte === 0) && bytes[10] === 0xff && bytes[11] === 0xff;
}

function parseIpv4(text: string): Uint8Array | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  const bytes = new Uint8Array(4);
  for (const [index, part] of parts.entries()) {
    // No leading zero: some readers take those as octal.
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return undefined;
    bytes[index] = Number(part);
  }
  return bytes;
}

function parseIpv6(text: string): Uint8Array | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const head = parseGroups(halves[0] ?? "", halves.length === 1);
  const tail = parseGroups(halves[1] ?? "", true);
  if (head === undefined || tail === undefined) return undefined;
  const missing = 16 - head.length - tail.length;
  // "::" stands for at least one group; without it all eight must be there.
  if (halves.length === 2 ? missing < 2 : missing !== 0) return undefined;
  return Uint8Array.from([...head, ...new Array<number>(missing).fill(0), ...tail]);
}

/** Bytes of the groups on one side of `::`; the address's last one may be a dotted quad. */
function parseGroups(text: string, isEnd: boolean): number[] | undefined {
  if (text === "") return [];
  const bytes: number[] = [];
  const groups = text.split(":");
  for (const [index, group] of groups.entries()) {
    if (/^[0-9a-f]{1,4}$/i.test(group)) {
      const value = Number.parseInt(group, 16);
      bytes.push(value >>> 8, value & 0xff);
    } else {
      const quad = isEnd && index === groups.length - 1 ? parseIpv4(group) : undefined;
      if (quad === undefined) return undefined;
      bytes.push(...quad);
    }
  }
  return bytes;
}
