/** @file The Frechet distance of two Gaussians (Dowson and Landau 1982; Heusel et al. 2017 for images). */
import { concat, inputError, isResident, matmul, program, type Resident, type SessionHost, type TensorShape } from '../../engine/index.js';
import { bandOf } from './algebra/band.js';
import { factor, type Factor } from './algebra/factor.js';
import { eigenvaluesOf } from './algebra/tridiagonal.js';
import type { Moments } from './moments.js';

/**
 * |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)), in float64. With C1 = L1 L1^T and C2 = L2 L2^T the root's trace is the sum of the singular values of
 * A = L1^T L2: one symmetric eigenproblem, of A A^T or A^T A, as large as the smaller rank, so that nothing complex arises, and few samples are no trouble.
 * Eigenvalues below zero are rounding and count as zero. Products run on the host; what runs here leaves others their turn.
 */
export async function frechetDistance(host: SessionHost, a: Moments, b: Moments, signal?: AbortSignal): Promise<number> {
  const width = a.mean.length;
  if (b.mean.length !== width) throw inputError('Frechet distance', `features are ${width} numbers wide on one side, ${b.mean.length} on the other: they come from different extractors`);
  const factors: Factor[] = [];
  for (const { covariance } of [a, b]) {
    const matrix = isResident(covariance) ? covariance : await host.put(covariance);
    try { factors.push(await factor(host, matrix, width, signal)); } finally { if (matrix !== covariance) host.release([matrix]); }
  }
  let distance = -2 * await nuclearNorm(host, factors, width, signal);
  for (const { trace } of factors) distance += trace;
  for (let i = 0; i < width; i++) distance += (a.mean[i]! - b.mean[i]!) ** 2;
  return distance;
}

/** L1^T L2 times its transpose, on the side of the smaller rank. */
function squareProgram(small: Factor, large: Factor, width: number) {
  const shapes = (side: string, { blocks }: Factor) => Object.fromEntries(blocks.map(({ dims: [rows = 0] }, i) => [`${side}${i}`, { dtype: 'f64', dims: [rows, width] } satisfies TensorShape]));
  return program('square of the product of two factors', {}, { ...shapes('small', small), ...shapes('large', large) }, (_, feeds) => {
    const whole = (side: string, { blocks }: Factor) => concat(blocks.map((_block, i) => feeds[`${side}${i}`]!));
    const cross = matmul(whole('small', small), whole('large', large), { transposeB: true });
    return { outputs: { square: matmul(cross, cross, { transposeB: true }) } };
  });
}

/** The sum of the singular values of L1^T L2. The factors are released. */
async function nuclearNorm(host: SessionHost, factors: readonly Factor[], width: number, signal?: AbortSignal): Promise<number> {
  const [small, large] = [...factors].sort((one, other) => one.rank - other.rank) as [Factor, Factor];
  let square: Resident;
  try {
    if (small.rank === 0) return 0;
    const run = await host.compile(squareProgram(small, large, width));
    try {
      const feeds = (side: string, { blocks }: Factor) => Object.fromEntries(blocks.map((block, i) => [`${side}${i}`, block]));
      square = (await run.run({}, { ...feeds('small', small), ...feeds('large', large) }, { keep: ['square'] })).outputs.square as Resident;
    } finally { await run.release(); }
  } finally { host.release(factors.flatMap(({ blocks }) => blocks)); }
  const values = await eigenvaluesOf(await bandOf(host, square, small.rank, signal), signal);
  return values.reduce((sum, value) => sum + Math.sqrt(Math.max(0, value)), 0);
}
