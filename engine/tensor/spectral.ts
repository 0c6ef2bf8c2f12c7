/** @file Spectral normalisation (Miyato et al. 2018): weights whose largest singular value is about 1. */
import { known } from './dims.js';
import { normal, ones } from './init.js';
import { div, matmul, maximum, reciprocal, reshape, sqrt, stopGradient } from './ops/index.js';
import type { Scope } from './scope.js';
import { RuleError, type Tensor } from './tensor.js';

export interface SpectralNormOptions {
  /** Steps of the power iteration a pass. */
  readonly iterations?: number;
  /** Vectors are divided by their length, or by this if they are shorter. */
  readonly epsilon?: number;
}

/**
 * A weight divided by its largest singular value as a matrix [out, rest], estimated by power iteration from the buffer `u` [1,out], which moves in training
 * only: once each time that the layer is used. The gradient flows through the division, not through the iteration. The buffer `sigma` [1] is the last estimate
 * of training, to be looked at. A layer takes it as its option `weight`.
 */
export function spectralNorm(s: Scope, stored: Tensor, { iterations = 1, epsilon = 1e-12 }: SpectralNormOptions = {}): Tensor {
  const { dims } = stored;
  if (!known(dims)) throw new RuleError(`spectral norm wants sizes that are numbers, got ${stored}`);
  const out = dims[0]!, rest = dims.slice(1).reduce((n, d) => n * d, 1);
  const w = reshape(stored, [out, rest]), frozen = stopGradient(w);
  const u0 = s.buffer('u', [1, out], normal()), size = s.buffer('sigma', [1], ones);
  // Lengths and the estimate are products of vectors, each a single node of the compiled program: a network has dozens of these.
  const unit = (t: Tensor) => div(t, maximum(sqrt(matmul(t, t, { transposeB: true })), epsilon));
  let u = u0.value, v = unit(matmul(u, frozen));
  for (let i = 0; i < iterations; i++) {
    if (i > 0) v = unit(matmul(u, frozen));
    u = unit(matmul(v, frozen, { transposeB: true }));
  }
  const sigma = matmul(matmul(v, w, { transposeB: true }), u, { transposeB: true });
  u0.next(u);
  size.next(reshape(stopGradient(sigma), [1]));
  // As a product of matrices, so that the estimate's gradient is one, too, and not a product element by element and its sum.
  return reshape(matmul(reciprocal(sigma), reshape(w, [1, out * rest])), dims);
}
