/** The two packages whose format the SDK speaks to other libraries' peers, as they are in the registry. */
import skyway from "js-binarypack";
import { type Packable, pack, unpack } from "peerjs-js-binarypack";

/** `unpack` takes a copy: both libraries read from the beginning of a buffer. */
export const ORACLES = {
  skyway: {
    pack: async (value: unknown) => new Uint8Array(await skyway.pack(value).arrayBuffer()),
    unpack: (bytes: Uint8Array) => skyway.unpack(bytes.slice().buffer),
  },
  peerjs: {
    pack: async (value: unknown) => new Uint8Array(await pack(value as Packable)),
    unpack: (bytes: Uint8Array): unknown => unpack(bytes.slice().buffer),
  },
} as const;
