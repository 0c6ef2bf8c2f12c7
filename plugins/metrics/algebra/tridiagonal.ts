/** @file Eigenvalues of a band matrix: the band is chased off (Rutishauser 1963, with reflections as by Lang 1993), then QL with implicit shifts. */
import { turns } from '../../../engine/index.js';
import { BAND, reflector, type Band } from './band.js';

const ROOM = 2 * BAND;

/** All eigenvalues, in no order. The band is used up. */
export async function eigenvaluesOf({ n, columns }: Band, signal?: AbortSignal): Promise<Float64Array> {
  const turn = turns(signal), v = new Float64Array(BAND), y = new Float64Array(BAND);
  for (let column = 0; column < n - 2; column++) {
    // The column's reflection spoils the block below, whose first column is then reflected, and so on down the diagonal.
    let source = column, top = column + 1, beta = load(columns, source, top, Math.min(BAND, n - top), v);
    for (;;) {
      const size = Math.min(BAND, n - top), below = top + size, next = Math.min(BAND, n - below);
      if (beta !== 0) both(columns, top, size, v, beta, y);
      if (next <= 0) break;
      if (beta !== 0) fromRight(columns, top, size, below, next, v, beta, y);
      source = top;
      beta = load(columns, source, below, next, v);
      if (beta !== 0) fromLeft(columns, top, size, below, next, v, beta);
      top = below;
    }
    await turn();
  }
  const diagonal = Float64Array.from({ length: n }, (_, i) => columns[i * ROOM]!), beside = Float64Array.from({ length: n }, (_, i) => (i < n - 1 ? columns[i * ROOM + 1]! : 0));
  return tridiagonal(diagonal, beside, turn);
}

/** Makes the reflection that zeroes rows below `top` of a column, writes what it leaves, and puts its vector into v. Gives beta. */
function load(columns: Float64Array, column: number, top: number, size: number, v: Float64Array): number {
  const at = column * ROOM + top - column;
  for (let i = 0; i < size; i++) v[i] = columns[at + i]!;
  const beta = reflector(v, 0, size);
  if (beta === 0) return 0;
  columns[at] = v[0]!;
  for (let i = 1; i < size; i++) columns[at + i] = 0;
  v[0] = 1;
  return beta;
}

/** The diagonal block from `top`, reflected from both sides: B - v w^T - w v^T with w = y - beta (v^T y) v / 2, y = beta B v. */
function both(columns: Float64Array, top: number, size: number, v: Float64Array, beta: number, y: Float64Array): void {
  y.fill(0, 0, size);
  for (let j = 0; j < size; j++) {
    const at = (top + j) * ROOM - j, vj = v[j]!;
    let sum = columns[at + j]! * vj;
    for (let i = j + 1; i < size; i++) {
      const b = columns[at + i]!;
      sum += b * v[i]!;
      y[i]! += b * vj;
    }
    y[j]! += sum;
  }
  let overlap = 0;
  for (let i = 0; i < size; i++) { y[i]! *= beta; overlap += y[i]! * v[i]!; }
  const half = (beta * overlap) / 2;
  for (let i = 0; i < size; i++) y[i]! -= half * v[i]!;
  for (let j = 0; j < size; j++) {
    const at = (top + j) * ROOM - j, vj = v[j]!, yj = y[j]!;
    for (let i = j; i < size; i++) columns[at + i]! -= v[i]! * yj + y[i]! * vj;
  }
}

/** The block below it, times the reflection. */
function fromRight(columns: Float64Array, top: number, size: number, below: number, rows: number, v: Float64Array, beta: number, y: Float64Array): void {
  y.fill(0, 0, rows);
  for (let j = 0; j < size; j++) {
    const at = (top + j) * ROOM + below - top - j, vj = v[j]!;
    for (let i = 0; i < rows; i++) y[i]! += columns[at + i]! * vj;
  }
  for (let j = 0; j < size; j++) {
    const at = (top + j) * ROOM + below - top - j, share = beta * v[j]!;
    for (let i = 0; i < rows; i++) columns[at + i]! -= share * y[i]!;
  }
}

/** The reflection of the block's first column, times its other columns. */
function fromLeft(columns: Float64Array, top: number, size: number, below: number, rows: number, v: Float64Array, beta: number): void {
  for (let j = 1; j < size; j++) {
    const at = (top + j) * ROOM + below - top - j;
    let sum = 0;
    for (let i = 0; i < rows; i++) sum += v[i]! * columns[at + i]!;
    const share = beta * sum;
    for (let i = 0; i < rows; i++) columns[at + i]! -= share * v[i]!;
  }
}

/** QL with implicit Wilkinson shifts (Dubrulle, Martin and Wilkinson 1968); `beside[i]` couples i and i + 1. Converges in two or three sweeps a value. */
async function tridiagonal(d: Float64Array, e: Float64Array, turn: () => Promise<void> | undefined): Promise<Float64Array> {
  const n = d.length;
  for (let l = 0; l < n; l++) {
    for (let sweep = 0; ; sweep++) {
      let m = l;
      for (; m < n - 1; m++) if (Math.abs(e[m]!) <= Number.EPSILON * (Math.abs(d[m]!) + Math.abs(d[m + 1]!))) break;
      if (m === l) break;
      if (sweep === 60) throw new Error('an eigenvalue did not converge within 60 sweeps: the matrix holds something that is no number');
      let g = (d[l + 1]! - d[l]!) / (2 * e[l]!), r = Math.hypot(g, 1);
      g = d[m]! - d[l]! + e[l]! / (g + (g < 0 ? -r : r));
      let s = 1, c = 1, p = 0, i = m - 1;
      for (; i >= l; i--) {
        const f = s * e[i]!, b = c * e[i]!;
        r = Math.sqrt(f * f + g * g);
        e[i + 1] = r;
        if (r === 0) { d[i + 1]! -= p; e[m] = 0; break; }
        s = f / r;
        c = g / r;
        g = d[i + 1]! - p;
        r = (d[i]! - g) * s + 2 * c * b;
        p = s * r;
        d[i + 1] = g + p;
        g = c * r - b;
      }
      if (r === 0 && i >= l) continue;
      d[l]! -= p;
      e[l] = g;
      e[m] = 0;
    }
    await turn();
  }
  return d;
}
