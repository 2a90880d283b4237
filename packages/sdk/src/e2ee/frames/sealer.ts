/**
 * Encrypts the frames of all tracks of one member under one counter.
 *
 *   clear bytes · SFrame header · ciphertext · tag · number of clear bytes (1)
 *
 * The clear bytes are the metadata of RFC 9605 §4.4.3 (authenticated, not encrypted). How many they are stands at the end, so that receivers need not
 * know the codec; a changed number shifts everything and fails the tag.
 */
import { encodeHeader } from "../sframe/header.ts";
import { type Bytes, concat, deriveSframeKey, type SframeKey, seal } from "../sframe/suite.ts";

type SendKey = { readonly kid: number; readonly sframe: SframeKey; ctr: number };

export class FrameSealer {
  #current: SendKey | undefined;
  #wanted = -1;
  sealed = 0;
  /** Frames that were not sent because there was no key yet. Nothing is ever sent in the clear. */
  dropped = 0;

  async setKey(kid: number, baseKey: Bytes): Promise<void> {
    this.#wanted = kid;
    const sframe = await deriveSframeKey(baseKey, kid);
    // A newer key may have overtaken this one. The same KID again would count from zero with the same nonces.
    if (this.#wanted === kid && this.#current?.kid !== kid) this.#current = { kid, sframe, ctr: 0 };
  }

  /** @returns undefined: the frame must not be sent */
  async seal(frame: Bytes, clear: number): Promise<Bytes | undefined> {
    const key = this.#current;
    if (key === undefined || frame.length < clear || frame.length === 0) {
      this.dropped += 1;
      return undefined;
    }
    // Taken before anything is awaited: other tracks count on meanwhile.
    const ctr = key.ctr;
    key.ctr += 1;
    const header = encodeHeader(key.kid, ctr);
    const open = frame.subarray(0, clear);
    const ciphertext = await seal(key.sframe, ctr, frame.subarray(clear), concat(header, open));
    this.sealed += 1;
    return concat(open, header, ciphertext, Uint8Array.of(clear));
  }
}
