/** @file Spectral normalisation: weights whose largest singular value is about 1 (Miyato et al. 2018), or at most about a constant (Behrmann et al. 2019). */
import { known } from './dims.js';
import { normal, ones, type Initialiser } from './init.js';
import { add, convolution, div, matmul, maximum, reciprocal, reshape, sqrt, stopGradient, transpose, transposedConvolution } from './ops/index.js';
import type { Scope } from './scope.js';
import { RuleError, type Tensor } from './tensor.js';

export interface SpectralNormOptions {
  /** Steps of the power iteration a pass. */
  readonly iterations?: number;
  /** Vectors are divided by their length, or by this if they are shorter. */
  readonly epsilon?: number;
}

const count = (dims: readonly number[]) => dims.reduce((n, d) => n * d, 1);
function sizes({ dims }: Tensor): readonly number[] {
  if (!known(dims)) throw new RuleError(`spectral norm wants sizes that are numbers, got [${dims}]`);
  return dims;
}
// Lengths, estimates and divisions are products of matrices, each a single node of the compiled program and of its gradient: a network has dozens of these.
const inner = (a: Tensor, b: Tensor) => matmul(a, b, { transposeB: true });
const unit = (t: Tensor, epsilon: number) => div(t, maximum(sqrt(inner(t, t)), epsilon));
/** Divided by a number [1,1]. */
const over = (t: Tensor, divisor: Tensor) => reshape(matmul(reciprocal(divisor), reshape(t, [1, -1])), t.dims);

/**
 * A weight divided by its largest singular value as a matrix [out, rest], estimated by power iteration from the buffer `u` [1,out], which moves in training
 * only: once each time that the layer is used. The gradient flows through the division, not through the iteration. The buffer `sigma` [1] is the last estimate
 * of training, to be looked at. A layer takes it as its option `weight`.
 */
export function spectralNorm(s: Scope, stored: Tensor, { iterations = 1, epsilon = 1e-12 }: SpectralNormOptions = {}): Tensor {
  const [out, ...rest] = sizes(stored);
  const w = reshape(stored, [out!, count(rest)]), frozen = stopGradient(w);
  const u0 = s.buffer('u', [1, out!], normal()), size = s.buffer('sigma', [1], ones);
  let u = u0.value, v = unit(matmul(u, frozen), epsilon);
  for (let i = 0; i < iterations; i++) {
    if (i > 0) v = unit(matmul(u, frozen), epsilon);
    u = unit(inner(v, frozen), epsilon);
  }
  const sigma = inner(inner(v, w), u);
  u0.next(u);
  size.next(reshape(stopGradient(sigma), [1]));
  return over(stored, sigma);
}

export interface SoftSpectralNormOptions {
  /** What the largest singular value may be. */
  readonly coefficient: number;
  /** Steps of the power iteration a pass in training. */
  readonly iterations?: number;
  /** Height and width of the images that a convolution sees; needed for kernels larger than 1. */
  readonly image?: readonly [number, number];
}

/** Added to the divisor of convolutions by the published code (invertible residual networks); 1x1 kernels go without. */
const SLACK = 1e-5;

/**
 * Soft spectral normalisation (Behrmann et al., "Invertible Residual Networks", 2019): w / max(1, sigma / coefficient), which leaves small weights alone. A
 * matrix [out,in] or a 1x1 kernel [out,1,1,in] is taken as a matrix; a larger kernel [out,k,k,in] as the operator that a convolution with stride 1 and padding
 * (k-1)/2 is on whole images. The buffers `u` and `v` (of the operator's results and inputs) move in training only, `iterations` steps each time that the layer
 * is used; sigma = u . W v, and the gradient flows through it with u and v as constants. Before the first pass in training they are at random and bound nothing.
 * The buffer `sigma` [1] is the last estimate of training. A layer takes it as its option `weight`.
 */
export function softSpectralNorm(s: Scope, stored: Tensor, { coefficient, iterations = 5, image }: SoftSpectralNormOptions): Tensor {
  const { inputs, results, apply, adjoint, slack } = operatorOf(stored, image), frozen = stopGradient(stored);
  const flat = (t: Tensor) => reshape(t, [1, -1]), towards = (t: Tensor) => reshape(unit(flat(t), 1e-12), t.dims);
  const u0 = s.buffer('u', results, direction), v0 = s.buffer('v', inputs, direction), size = s.buffer('sigma', [1], ones);
  let u = u0.value, v = v0.value;
  for (let i = 0; s.training && i < iterations; i++) {
    v = towards(adjoint(frozen, u));
    u = towards(apply(frozen, v));
  }
  const sigma = inner(flat(apply(stored, v)), flat(u));
  u0.next(u);
  v0.next(v);
  size.next(reshape(stopGradient(sigma), [1]));
  return over(stored, add(maximum(div(sigma, coefficient), 1), slack));
}

/** A linear map given by a stored weight. */
interface Operator {
  readonly inputs: readonly number[];
  readonly results: readonly number[];
  apply(stored: Tensor, v: Tensor): Tensor;
  adjoint(stored: Tensor, u: Tensor): Tensor;
  readonly slack: number;
}

function operatorOf(stored: Tensor, image: readonly [number, number] | undefined): Operator {
  const dims = sizes(stored), out = dims[0]!, side = dims.length === 4 ? dims[1]! : 1;
  if (side === 1) {
    const matrix = (w: Tensor) => reshape(w, [out, -1]);
    return { inputs: [1, count(dims) / out], results: [1, out], apply: (w, v) => inner(v, matrix(w)), adjoint: (w, u) => matmul(u, matrix(w)), slack: 0 };
  }
  if (!image || side !== dims[2] || side % 2 === 0) throw new RuleError(`the norm of a convolution wants a square kernel of odd size and the size of its images, got ${stored} and ${image ?? 'none'}`);
  const kernel = (w: Tensor) => transpose(w, [0, 3, 1, 2]), padding = (side - 1) / 2;
  return {
    inputs: [1, dims[3]!, ...image], results: [1, out, ...image], slack: SLACK,
    apply: (w, v) => convolution(v, kernel(w), { padding }), adjoint: (w, u) => transposedConvolution(u, kernel(w), { padding }),
  };
}

/** A vector of length 1 whose direction is uniform. */
const direction: Initialiser = (dims, draws) => {
  const values = draws.normal(count(dims)), length = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
  return values.map((value) => value / length);
};
