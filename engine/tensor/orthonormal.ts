/**
 * @file Orthonormal rows of large matrices: the Cholesky factor of the rows' products, then a triangular solve (CholeskyQR; Stathopoulos and Wu, 2002), in
 * float64 and in blocks of 4 rows. Half the products of Gram-Schmidt done twice, and five times as many of them a second.
 */
import type { Slices } from './slices.js';

const BLOCK = 4;
/** Columns that are worked on at a time: the rows' pieces stay in cache. */
const PANEL = 256;
/** Beyond this spread of the factor's diagonal another pass is done: the error of one is about 1e-16 times the square of the condition number. */
const SPREAD = 100;

/**
 * Makes the first `rows` rows of `a` orthonormal in place, each by taking away what it shares with those before it (so that Gaussian rows become uniform
 * among orthonormal ones: Stewart, 1980). Row-major, `rows` at most `columns`; throws a RangeError if the rows depend on each other. In slices of a few million
 * products at most.
 */
export function* orthonormaliseRows(a: Float64Array, rows: number, columns: number): Slices<void> {
  if (rows > columns) throw new RangeError(`${rows} rows of ${columns} numbers cannot be orthonormal`);
  // Rows of zeros fill up the last block; they meet nothing.
  const padded = Math.ceil(rows / BLOCK) * BLOCK;
  const work = padded === rows ? a : new Float64Array(padded * columns);
  if (work !== a) work.set(a.subarray(0, rows * columns));
  for (let pass = 0; pass < 3; pass++) {
    const factor = yield* products(work, padded, columns);
    for (let i = rows; i < padded; i++) factor[i * padded + i] = 1;
    const spread = yield* cholesky(factor, padded);
    yield* solve(factor, work, padded, columns);
    if (spread < SPREAD) break;
  }
  if (work !== a) a.set(work.subarray(0, rows * columns));
}

/** Products of all pairs of rows, as the lower triangle [rows,rows] by blocks. */
function* products(a: Float64Array, rows: number, columns: number): Slices<Float64Array> {
  const out = new Float64Array(rows * rows);
  for (let from = 0; from < columns; from += PANEL) {
    const to = Math.min(columns, from + PANEL);
    for (let i = 0; i < rows; i += BLOCK) {
      for (let j = 0; j <= i; j += BLOCK) addProducts(out, a, rows, columns, i, j, from, to);
      yield;
    }
  }
  return out;
}

/** Adds the 16 products of rows i.. and j.. over columns from..to. Sums in variables of their own: arrays would be several times slower. */
function addProducts(out: Float64Array, a: Float64Array, rows: number, columns: number, i: number, j: number, from: number, to: number): void {
  const i0 = i * columns, i1 = i0 + columns, i2 = i1 + columns, i3 = i2 + columns, j0 = j * columns, j1 = j0 + columns, j2 = j1 + columns, j3 = j2 + columns;
  let s00 = 0, s01 = 0, s02 = 0, s03 = 0, s10 = 0, s11 = 0, s12 = 0, s13 = 0, s20 = 0, s21 = 0, s22 = 0, s23 = 0, s30 = 0, s31 = 0, s32 = 0, s33 = 0;
  for (let k = from; k < to; k++) {
    const x0 = a[i0 + k]!, x1 = a[i1 + k]!, x2 = a[i2 + k]!, x3 = a[i3 + k]!, y0 = a[j0 + k]!, y1 = a[j1 + k]!, y2 = a[j2 + k]!, y3 = a[j3 + k]!;
    s00 += x0 * y0; s01 += x0 * y1; s02 += x0 * y2; s03 += x0 * y3;
    s10 += x1 * y0; s11 += x1 * y1; s12 += x1 * y2; s13 += x1 * y3;
    s20 += x2 * y0; s21 += x2 * y1; s22 += x2 * y2; s23 += x2 * y3;
    s30 += x3 * y0; s31 += x3 * y1; s32 += x3 * y2; s33 += x3 * y3;
  }
  let at = i * rows + j;
  out[at]! += s00; out[at + 1]! += s01; out[at + 2]! += s02; out[at + 3]! += s03;
  at += rows;
  out[at]! += s10; out[at + 1]! += s11; out[at + 2]! += s12; out[at + 3]! += s13;
  at += rows;
  out[at]! += s20; out[at + 1]! += s21; out[at + 2]! += s22; out[at + 3]! += s23;
  at += rows;
  out[at]! += s30; out[at + 1]! += s31; out[at + 2]! += s32; out[at + 3]! += s33;
}

/** Replaces a symmetric matrix (its lower triangle) by its Cholesky factor; gives the largest over the smallest element of the diagonal. */
function* cholesky(g: Float64Array, size: number): Slices<number> {
  let most = 0, least = Number.POSITIVE_INFINITY;
  for (let j = 0; j < size; j++) {
    const row = j * size;
    let pivot = g[row + j]!;
    const whole = pivot;
    for (let k = 0; k < j; k++) pivot -= g[row + k]! ** 2;
    if (!(pivot > whole * 1e-15)) throw new RangeError(`row ${j} depends on those before it`);
    const root = Math.sqrt(pivot);
    g[row + j] = root;
    most = Math.max(most, root);
    least = Math.min(least, root);
    let i = j + 1;
    for (; i + BLOCK <= size; i += BLOCK) {
      const a = i * size, b = a + size, c = b + size, d = c + size;
      let s0 = g[a + j]!, s1 = g[b + j]!, s2 = g[c + j]!, s3 = g[d + j]!;
      for (let k = 0; k < j; k++) {
        const y = g[row + k]!;
        s0 -= g[a + k]! * y; s1 -= g[b + k]! * y; s2 -= g[c + k]! * y; s3 -= g[d + k]! * y;
      }
      g[a + j] = s0 / root; g[b + j] = s1 / root; g[c + j] = s2 / root; g[d + j] = s3 / root;
    }
    for (; i < size; i++) {
      let s = g[i * size + j]!;
      for (let k = 0; k < j; k++) s -= g[i * size + k]! * g[row + k]!;
      g[i * size + j] = s / root;
    }
    yield;
  }
  return most / least;
}

/** Replaces the rows of `a` by the solution of `factor` x = a, panel by panel. */
function* solve(factor: Float64Array, a: Float64Array, rows: number, columns: number): Slices<void> {
  for (let from = 0; from < columns; from += PANEL) {
    const to = Math.min(columns, from + PANEL);
    for (let i = 0; i < rows; i += BLOCK) {
      for (let j = 0; j < i; j += BLOCK) takeAway(factor, a, rows, columns, i, j, from, to);
      for (let r = i; r < i + BLOCK; r++) {
        const row = r * columns, scale = 1 / factor[r * rows + r]!;
        for (let j = i; j < r; j++) {
          const f = factor[r * rows + j]!, other = j * columns;
          for (let k = from; k < to; k++) a[row + k]! -= f * a[other + k]!;
        }
        for (let k = from; k < to; k++) a[row + k]! *= scale;
      }
      yield;
    }
  }
}

/** Takes from rows i.. their parts along rows j.., over columns from..to. */
function takeAway(factor: Float64Array, a: Float64Array, rows: number, columns: number, i: number, j: number, from: number, to: number): void {
  const j0 = j * columns, j1 = j0 + columns, j2 = j1 + columns, j3 = j2 + columns;
  for (let r = i; r < i + BLOCK; r += 2) {
    const p = r * rows + j, q = p + rows, r0 = r * columns, r1 = r0 + columns;
    const a0 = factor[p]!, a1 = factor[p + 1]!, a2 = factor[p + 2]!, a3 = factor[p + 3]!, b0 = factor[q]!, b1 = factor[q + 1]!, b2 = factor[q + 2]!, b3 = factor[q + 3]!;
    for (let k = from; k < to; k++) {
      const y0 = a[j0 + k]!, y1 = a[j1 + k]!, y2 = a[j2 + k]!, y3 = a[j3 + k]!;
      a[r0 + k] = a[r0 + k]! - a0 * y0 - a1 * y1 - a2 * y2 - a3 * y3;
      a[r1 + k] = a[r1 + k]! - b0 * y0 - b1 * y1 - b2 * y2 - b3 * y3;
    }
  }
}
