/**
 * @file A positive semidefinite matrix as L L^T, with as many columns as it has rank: Cholesky with pivots, in blocks (Higham, Accuracy and Stability, 10.3).
 * The pivots of a block are the largest diagonals at its beginning. Its columns are eliminated here, and the remainder is updated on the host.
 */
import { add, compiledOnce, gather, int64, matmul, mul, program, reshape, tensor, turns, type Resident, type SessionHost, type TensorValue } from '../../../engine/index.js';

const BLOCK = 64;
/** Matrices are cut down to what is left of them when that is less than this share. */
export const SHRINK = 0.75;

const update = (name: string) => program(name, {}, { s: { dtype: 'f64', dims: ['N', 'N'] }, rows: { dtype: 'f64', dims: ['B', 'N'] }, next: { dtype: 'i64', dims: ['P'] } }, (_, { s, rows, next }) => {
  const left = add(s, matmul(mul(rows, -1), rows, { transposeA: true }));
  return { outputs: { left, pivots: gather(left, next) } };
});
/** Rows and columns of a square matrix. */
const part = (name: string) => program(name, {}, { s: { dtype: 'f64', dims: ['N', 'N'] }, kept: { dtype: 'i64', dims: ['K'] } }, (_, { s, kept }) => ({ outputs: { left: gather(gather(s, kept), kept, 1) } }));

/** The rows and columns `kept` of a resident matrix. */
export async function reduced(host: SessionHost, s: Resident, kept: readonly number[]): Promise<Resident> {
  const run = await compiledOnce(host, 'part of a matrix', part);
  const { outputs } = await run.run({}, { s, kept: int64(kept) }, { keep: ['left'] });
  return outputs.left as Resident;
}

/** The diagonal of a square matrix of a known size. */
const diagonalOf = (n: number) => (name: string) => program(name, {}, { s: { dtype: 'f64', dims: [n, n] }, at: { dtype: 'i64', dims: [n] } }, (_, { s, at }) => ({ outputs: { diagonal: gather(reshape(s, [n * n]), at) } }));

/** L^T f64[rank,n] in blocks of rows, resident on the host; and the matrix's trace. */
export interface Factor { readonly rank: number; readonly blocks: readonly Resident[]; readonly trace: number }

/**
 * Factors a resident matrix f64[n,n]. A diagonal that has shrunk to its own rounding counts as eliminated, so the rank of moments of few samples is found.
 * Only strips of the matrix come here.
 */
export async function factor(host: SessionHost, matrix: Resident, n: number, signal?: AbortSignal): Promise<Factor> {
  const turn = turns(signal), run = await compiledOnce(host, 'eliminated rows', update), readDiagonal = await compiledOnce(host, `diagonal ${n}`, diagonalOf(n));
  const { outputs: { diagonal: read } } = await readDiagonal.run({}, { s: matrix, at: int64(Array.from({ length: n }, (_, i) => i * (n + 1))) });
  const diagonal = Float64Array.from((read as TensorValue).data as Float64Array), floor = diagonal.map((d) => Math.max(0, d) * Math.sqrt(n) * 2 ** -51);
  const trace = diagonal.reduce((sum, d) => sum + d, 0), blocks: Resident[] = [];
  // Positions in the matrix that is left, as positions in the whole.
  let at = Array.from({ length: n }, (_, i) => i), left = matrix, rows = new Float64Array(n), count = 1, rank = 0;
  const replace = (next: Resident) => { if (left !== matrix) host.release([left]); left = next; };
  try {
    for (;;) {
      const open = at.map((i, p) => [p, diagonal[i]!] as const).filter(([p, d]) => d > floor[at[p]!]!);
      if (!open.length) return { rank, blocks, trace };
      if (open.length < SHRINK * at.length) {
        // What is left out is zero from here on; the rows that wait to be subtracted are cut, too.
        const kept = open.map(([p]) => p);
        rows = picked(rows, count, at.length, kept);
        replace(await reduced(host, left, kept));
        at = kept.map((p) => at[p]!);
        continue;
      }
      const next = open.sort(([, a], [, b]) => b - a).slice(0, BLOCK).map(([p]) => p), width = at.length;
      const { outputs } = await run.run({}, { s: left, rows: tensor('f64', [count, width], rows), next: int64(next) }, { keep: ['left'] });
      replace(outputs.left as Resident);
      const block = (outputs.pivots as TensorValue).data as Float64Array<ArrayBuffer>;
      await turn();
      count = eliminate(block, next, width, at, diagonal, floor);
      rows = block.subarray(0, count * width);
      if (count) blocks.push(await host.put(tensor('f64', [count, n], spread(rows, count, at, n))));
      rank += count;
      if (!count) { rows = new Float64Array(width); count = 1; }
    }
  } catch (error) {
    host.release(blocks);
    throw error;
  } finally { if (left !== matrix) host.release([left]); }
}

/** Rows of what is left as rows of the whole. */
function spread(rows: Float64Array, count: number, at: readonly number[], n: number): Float64Array {
  const out = new Float64Array(count * n), width = at.length;
  for (let r = 0; r < count; r++) for (let p = 0; p < width; p++) out[r * n + at[p]!] = rows[r * width + p]!;
  return out;
}

function picked(rows: Float64Array, count: number, width: number, kept: readonly number[]): Float64Array<ArrayBuffer> {
  const out = new Float64Array(count * kept.length);
  for (let r = 0, o = 0; r < count; r++) for (const p of kept) out[o++] = rows[r * width + p]!;
  return out;
}

/** Turns rows of what is left into rows of L^T, largest pivot first, packed to the front. Gives their number: rows that prove dependent stay out. */
function eliminate(block: Float64Array, pivots: readonly number[], width: number, at: readonly number[], diagonal: Float64Array, floor: Float64Array): number {
  const waiting = pivots.map((p, r) => ({ p, r })), order: Float64Array[] = [];
  while (waiting.length) {
    let best = 0;
    for (let i = 1; i < waiting.length; i++) if (diagonal[at[waiting[i]!.p]!]! > diagonal[at[waiting[best]!.p]!]!) best = i;
    const [{ p, r }] = waiting.splice(best, 1) as [{ p: number; r: number }];
    if (!(diagonal[at[p]!]! > floor[at[p]!]!)) break;
    const row = block.slice(r * width, (r + 1) * width);
    for (const before of order) {
      const share = before[p]!;
      for (let i = 0; i < width; i++) row[i]! -= share * before[i]!;
    }
    const pivot = row[p]!;
    if (!(pivot > floor[at[p]!]!)) { diagonal[at[p]!] = 0; continue; }
    const scale = 1 / Math.sqrt(pivot);
    for (let i = 0; i < width; i++) {
      const value = row[i]! * scale;
      row[i] = value;
      diagonal[at[i]!]! -= value * value;
    }
    diagonal[at[p]!] = 0;
    order.push(row);
  }
  order.forEach((row, r) => { block.set(row, r * width); });
  return order.length;
}
