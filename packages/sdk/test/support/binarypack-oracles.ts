/** The two packages whose format the SDK speaks to other libraries' peers, as they are in the registry. */
// @ts-expect-error It has no types.
import untyped from "js-binarypack";
import { type Packable, pack, unpack } from "peerjs-js-binarypack";

const skyway: {
  pack(value: unknown): { arrayBuffer(): Promise<ArrayBuffer> };
  unpack(bytes: ArrayBuffer): unknown;
} = untyped;

/** `unpack` takes a copy: both libraries read from the beginning of a buffer. */
export const ORACLES = {
  skyway: {
    pack: async (value: unknown) => new Uint8Array(await skyway.pack(value).arrayBuffer()),
    unpack: (bytes: Uint8Array) => skyway.unpack(bytes.slice().buffer),
  },
  peerjs: {
    pack: async (value: unknown) => new Uint8Array((await pack(value as Packable)) as ArrayBuffer),
    unpack: (bytes: Uint8Array): unknown => unpack(bytes.slice().buffer),
  },
} as const;
