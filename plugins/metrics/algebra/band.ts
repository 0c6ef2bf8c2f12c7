/**
 * @file A symmetric matrix turned into a band matrix with the same eigenvalues, by block Householder reflections (Bischof, Lang and Sun 2000): panels are
 * reduced here, and the products, nearly all of the work, run on the host.
 */
import { add, compiledOnce, concat, gather, int64, matmul, mul, program, sub, tensor, turns, type Resident, type SessionHost, type TensorValue } from '../../../engine/index.js';
import { reduced, SHRINK } from './factor.js';

/** Diagonals below the main one. */
export const BAND = 32;

/** Lower half of a band matrix, column by column: element (i, j) at j * (2 * BAND) + i - j, with room below the band for what chasing needs. */
export interface Band { readonly n: number; readonly columns: Float64Array }

/** A := Q^T A Q for Q = 1 - v t v^T: with u = v t, y = A u and w = y - v (u^T y) / 2 it is A - w v^T - v w^T. And the rows that come next. */
const reflect = (name: string) => program(name, {}, {
  a: { dtype: 'f64', dims: ['N', 'N'] }, v: { dtype: 'f64', dims: ['N', BAND] }, t: { dtype: 'f64', dims: [BAND, BAND] }, next: { dtype: 'i64', dims: ['P'] },
}, (_, { a, v, t, next }) => {
  const u = matmul(v, t), y = matmul(a, u);
  const w = sub(y, mul(matmul(v, matmul(u, y, { transposeA: true })), 0.5));
  const after = add(a, matmul(mul(concat([w, v], 1), -1), concat([v, w], 1), { transposeB: true }));
  return { outputs: { after, rows: gather(after, next) } };
});

/** The band form of a resident symmetric matrix f64[n,n], which is released. */
export async function bandOf(host: SessionHost, matrix: Resident, n: number, signal?: AbortSignal): Promise<Band> {
  const turn = turns(signal), run = await compiledOnce(host, 'block reflection', reflect);
  const columns = new Float64Array(2 * BAND * n);
  // The matrix that is left is the part from `from` on; the panel begins at `done`.
  let a = matrix, from = 0, v: Float64Array = new Float64Array(n * BAND), t: Float64Array = new Float64Array(BAND * BAND);
  const replace = (next: Resident) => { host.release([a]); a = next; };
  try {
    for (let done = 0; done < n; done += BAND) {
      if (n - done < SHRINK * (n - from)) {
        replace(await reduced(host, a, Array.from({ length: n - done }, (_, i) => done - from + i)));
        v = v.slice((done - from) * BAND);
        from = done;
      }
      const size = n - from, width = Math.min(BAND, n - done), first = done - from;
      const { outputs } = await run.run({}, { a, v: tensor('f64', [size, BAND], v), t: tensor('f64', [BAND, BAND], t), next: int64(Array.from({ length: width }, (_, i) => first + i)) }, { keep: ['after'] });
      replace(outputs.after as Resident);
      const rows = (outputs.rows as TensorValue).data as Float64Array;
      await turn();
      // Rows of a symmetric matrix are its columns; the panel is what lies below the diagonal block.
      const below = Math.max(0, n - done - BAND), panel = Array.from({ length: width }, (_, j) => rows.slice(j * size + first + BAND, j * size + first + BAND + below));
      const reflectors = triangulate(panel, below);
      for (let j = 0; j < width; j++) {
        for (let i = j; i < width; i++) columns[(done + j) * 2 * BAND + i - j] = rows[j * size + first + i]!;
        for (let i = 0; i <= Math.min(j, below - 1); i++) columns[(done + j) * 2 * BAND + BAND + i - j] = reflectors.r[i * BAND + j]!;
      }
      v = new Float64Array(size * BAND);
      for (let j = 0; j < width; j++) for (let i = 0; i < below; i++) v[(first + BAND + i) * BAND + j] = panel[j]![i]!;
      t = reflectors.t;
      await turn();
    }
  } finally { host.release([a]); }
  return { n, columns };
}

/**
 * QR of a panel given by columns of `length`, which become the Householder vectors: (1 - v t v^T)^T panel = r. Source: Golub and Van Loan, 5.1.6 and 5.2.3.
 */
function triangulate(panel: readonly Float64Array[], length: number): { readonly r: Float64Array; readonly t: Float64Array } {
  const r = new Float64Array(BAND * BAND), t = new Float64Array(BAND * BAND);
  for (const [j, column] of panel.entries()) {
    const beta = j < length ? reflector(column, j, length) : 0;
    // What is above the vector is r's; the vector starts with its one.
    for (let i = 0; i < Math.min(j, length); i++) { r[i * BAND + j] = column[i]!; column[i] = 0; }
    if (j >= length) { column.fill(0); continue; }
    r[j * BAND + j] = column[j]!;
    column[j] = beta === 0 ? 0 : 1;
    if (beta === 0) { column.fill(0); continue; }
    for (let k = j + 1; k < panel.length; k++) {
      const other = panel[k]!;
      const share = beta * dot(column, other, j, length);
      for (let i = j; i < length; i++) other[i]! -= share * column[i]!;
    }
    // t's next column: -beta t (v^T v_j), and beta on its diagonal.
    const overlaps = Array.from({ length: j }, (_, i) => dot(panel[i]!, column, j, length));
    for (let i = 0; i < j; i++) {
      let sum = 0;
      for (let k = i; k < j; k++) sum += t[i * BAND + k]! * overlaps[k]!;
      t[i * BAND + j] = -beta * sum;
    }
    t[j * BAND + j] = beta;
  }
  return { r, t };
}

function dot(a: Float64Array, b: Float64Array, from: number, to: number): number {
  let sum = 0;
  for (let i = from; i < to; i++) sum += a[i]! * b[i]!;
  return sum;
}

/**
 * The reflection 1 - beta v v^T that leaves only the first of x[from..to): v replaces the rest of x with 1 understood at `from`, where the value that is
 * left stands instead. Gives beta, 0 if there is nothing to do.
 */
export function reflector(x: Float64Array, from: number, to: number): number {
  const rest = dot(x, x, from + 1, to);
  if (rest === 0) return 0;
  const first = x[from]!, norm = Math.sqrt(first * first + rest);
  const v0 = first <= 0 ? first - norm : -rest / (first + norm);
  for (let i = from + 1; i < to; i++) x[i]! /= v0;
  x[from] = norm;
  return (2 * v0 * v0) / (rest + v0 * v0);
}
