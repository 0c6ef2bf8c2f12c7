/** @file The Frechet distance of two Gaussians (Dowson and Landau 1982; Heusel et al. 2017 for images). */
import { setImmediate as pause } from 'node:timers/promises';
import { EigenvalueDecomposition, Matrix } from 'ml-matrix';

export interface Moments {
  readonly mean: Float64Array;
  /** Covariance [F,F], row-major, divided by N - 1. */
  readonly covariance: Float64Array;
}

const symmetric = (matrix: Matrix) => new EigenvalueDecomposition(matrix, { assumeSymmetric: true });

/**
 * |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)). The root's trace is the sum of the roots of the eigenvalues of S C2 S with S = C1^(1/2): two symmetric
 * eigenproblems, so that nothing complex or asymmetric arises. Eigenvalues below zero are rounding and count as zero. Other work gets its turn in between.
 */
export async function frechetDistance(a: Moments, b: Moments): Promise<number> {
  const width = a.mean.length;
  const matrix = (covariance: Float64Array) => Matrix.from1DArray(width, width, covariance);
  const { realEigenvalues: values, eigenvectorMatrix: vectors } = symmetric(matrix(a.covariance));
  const root = vectors.mmul(Matrix.diag(values.map((value) => Math.sqrt(Math.max(0, value))))).mmul(vectors.transpose());
  await pause();
  const between = root.mmul(matrix(b.covariance)).mmul(root);
  // Exact symmetry: rounding must not send the decomposition down another path.
  const cross = symmetric(between.add(between.transpose()).mul(0.5)).realEigenvalues;
  const traceOfRoot = cross.reduce((sum, value) => sum + Math.sqrt(Math.max(0, value)), 0);
  let distance = -2 * traceOfRoot;
  for (let i = 0; i < width; i++) distance += (a.mean[i]! - b.mean[i]!) ** 2 + a.covariance[i * width + i]! + b.covariance[i * width + i]!;
  return distance;
}
