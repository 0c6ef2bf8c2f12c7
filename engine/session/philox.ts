/** @file Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC 2011): a keyed bijection of 128-bit counters. */

const MULTIPLIER0 = 0xd2511f53 | 0, MULTIPLIER1 = 0xcd9e8d57 | 0;
const WEYL0 = 0x9e3779b9 | 0, WEYL1 = 0xbb67ae85 | 0;
const ROUNDS = 10;

/** The high 32 bits of the 64-bit product of two unsigned words, by 16-bit halves: no partial sum exceeds 32 bits. */
export function mulhi(a: number, b: number): number {
  const aLow = a & 0xffff, aHigh = a >>> 16, bLow = b & 0xffff, bHigh = b >>> 16;
  const middle = Math.imul(aHigh, bLow) + (Math.imul(aLow, bLow) >>> 16) | 0;
  const carry = Math.imul(aLow, bHigh) + (middle & 0xffff) | 0;
  return Math.imul(aHigh, bHigh) + (middle >>> 16) + (carry >>> 16) | 0;
}

/**
 * Writes the images of consecutive counters: block `i` of `out` (four words) is that of (c0 + i, c1, c2, c3) under (k0, k1).
 * `out` holds a whole number of blocks.
 */
export function philox(out: Uint32Array, c0: number, c1: number, c2: number, c3: number, k0: number, k1: number): Uint32Array {
  for (let at = 0; at < out.length; at += 4, c0 = c0 + 1 | 0) {
    let x0 = c0 | 0, x1 = c1 | 0, x2 = c2 | 0, x3 = c3 | 0, key0 = k0 | 0, key1 = k1 | 0;
    for (let round = 0; round < ROUNDS; round++) {
      const high0 = mulhi(MULTIPLIER0, x0), high1 = mulhi(MULTIPLIER1, x2);
      const low0 = Math.imul(MULTIPLIER0, x0), low1 = Math.imul(MULTIPLIER1, x2);
      x0 = high1 ^ x1 ^ key0;
      x1 = low1;
      x2 = high0 ^ x3 ^ key1;
      x3 = low0;
      key0 = key0 + WEYL0 | 0;
      key1 = key1 + WEYL1 | 0;
    }
    out[at] = x0;
    out[at + 1] = x1;
    out[at + 2] = x2;
    out[at + 3] = x3;
  }
  return out;
}
