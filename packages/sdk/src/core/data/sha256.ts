/**
 * SHA-256 (FIPS 180-4 §6.2) over data that comes in pieces, which WebCrypto cannot do.
 *
 * It tells a damaged file from a whole one; DTLS keeps others from changing it. An own one because a library would be a tenth of what
 * the SDK may weigh; held against another implementation by the tests.
 */

const BLOCK = 64;

/** FIPS 180-4 §4.2.2, §5.3.3: the first 32 bits of the fractions of the primes' cube and square roots. */
const [ROUNDS, INITIAL] = constants();

export class Sha256 {
  readonly #state = INITIAL.slice();
  readonly #schedule = new Int32Array(BLOCK);
  readonly #block = new Uint8Array(BLOCK);
  #filled = 0;
  #length = 0;

  update(bytes: Uint8Array): this {
    this.#length += bytes.length;
    let at = 0;
    if (this.#filled > 0) {
      at = Math.min(BLOCK - this.#filled, bytes.length);
      this.#block.set(bytes.subarray(0, at), this.#filled);
      this.#filled += at;
      if (this.#filled < BLOCK) return this;
      this.#compress(this.#block, 0);
    }
    for (; at + BLOCK <= bytes.length; at += BLOCK) this.#compress(bytes, at);
    this.#block.set(bytes.subarray(at));
    this.#filled = bytes.length - at;
    return this;
  }

  /** In hexadecimal. Ends the digest: nothing may be added afterwards. */
  digest(): string {
    const length = this.#length;
    // §5.1.1: a one bit, zeros, the length in bits as 64 bits.
    const padding = new Uint8Array(BLOCK * 2 - ((length + 8) % BLOCK) - BLOCK + 8);
    padding[0] = 0x80;
    const view = new DataView(padding.buffer);
    view.setUint32(padding.length - 8, length / 2 ** 29);
    view.setUint32(padding.length - 4, length << 3);
    this.update(padding);
    return Array.from(this.#state, (word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
  }

  #compress(bytes: Uint8Array, from: number): void {
    const w = this.#schedule;
    for (let t = 0; t < 16; t += 1) {
      const at = from + t * 4;
      // In range: a whole block begins at `from`.
      w[t] =
        ((bytes[at] as number) << 24) |
        ((bytes[at + 1] as number) << 16) |
        ((bytes[at + 2] as number) << 8) |
        (bytes[at + 3] as number);
    }
    for (let t = 16; t < BLOCK; t += 1) {
      const x = w[t - 15] as number;
      const y = w[t - 2] as number;
      const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
      const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
      w[t] = (s1 + (w[t - 7] as number) + s0 + (w[t - 16] as number)) | 0;
    }
    const k = ROUNDS;
    const state = this.#state;
    let a = state[0] as number;
    let b = state[1] as number;
    let c = state[2] as number;
    let d = state[3] as number;
    let e = state[4] as number;
    let f = state[5] as number;
    let g = state[6] as number;
    let h = state[7] as number;
    for (let t = 0; t < BLOCK; t += 1) {
      const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
      const t1 = (h + s1 + (g ^ (e & (f ^ g))) + (k[t] as number) + (w[t] as number)) | 0;
      const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
      const t2 = (s0 + ((a & b) ^ (c & (a ^ b)))) | 0;
      h = g;
      g = f;
      f = e;
      e = (d + t1) | 0;
      d = c;
      c = b;
      b = a;
      a = (t1 + t2) | 0;
    }
    // Not a loop over a list: this runs for every 64 bytes.
    state[0] = (state[0] as number) + a;
    state[1] = (state[1] as number) + b;
    state[2] = (state[2] as number) + c;
    state[3] = (state[3] as number) + d;
    state[4] = (state[4] as number) + e;
    state[5] = (state[5] as number) + f;
    state[6] = (state[6] as number) + g;
    state[7] = (state[7] as number) + h;
  }
}

function constants(): [Int32Array, Int32Array] {
  const primes: number[] = [];
  for (let n = 2; primes.length < BLOCK; n += 1) if (primes.every((prime) => n % prime !== 0)) primes.push(n);
  // 53 bits hold 32 of the fraction and the few before it; no root here comes near enough to an integer multiple of 2^-32 to round over.
  const of = (power: number, count: number) => Int32Array.from(primes.slice(0, count), (prime) => (prime ** power % 1) * 2 ** 32);
  return [of(1 / 3, BLOCK), of(1 / 2, 8)];
}
