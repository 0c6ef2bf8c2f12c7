/** @file Layers: functions of a scope. What they learn and remember are leaves by path; nothing is hidden in an object. */
import { traceError } from '../spec/issue.js';
import { fanIn, normal, ones, torchWeight, uniform, zeros, type Initialiser } from './init.js';
import {
  add, batchNormalise, convolution, div, gather, matmul, max, mul, reshape, reciprocal, sqrt, square, stopGradient, sub, sum, transpose, transposedConvolution,
  type ConvolutionOptions, type TransposedConvolutionOptions,
} from './ops/index.js';
import type { Scope } from './scope.js';
import { currentPlace, type Tensor } from './tensor.js';

const known = (t: Tensor, axis: number): number => {
  const size = t.dims[axis];
  if (typeof size !== 'number') throw new TypeError(`a layer needs to know size ${axis} of ${t}`);
  return size;
};

export interface LinearOptions { readonly bias?: boolean; readonly init?: Initialiser }

/** x W^T + b, by default initialised as torch does. f32[N,in] -> f32[N,out]; leaves `weight` [out,in], `bias` [out]. */
export function linear(s: Scope, x: Tensor, out: number, { bias = true, init = torchWeight }: LinearOptions = {}): Tensor {
  const weight = s.parameter('weight', [out, known(x, 1)], init);
  const y = matmul(x, weight, { transposeB: true });
  return bias ? add(y, s.parameter('bias', [out], uniform(1 / Math.sqrt(known(x, 1))))) : y;
}

export interface ConvOptions extends ConvolutionOptions { readonly kernel: number; readonly bias?: boolean; readonly init?: Initialiser }

/**
 * A kernel [a,b,k,k] whose leaf is stored as [a,k,k,b], channels last: the order in which the products of a training step want it (6 % of a DCGAN's step).
 * It is drawn with the sizes that initialisers know.
 */
const kernelOf = (s: Scope, [a, b, height, width]: readonly [number, number, number, number], init: Initialiser): Tensor =>
  transpose(s.parameter('weight', [a, height, width, b], (_, draws) => init([a, b, height, width], draws)), [0, 3, 1, 2]);

/** 2-D convolution. f32[N,C,H,W] -> f32[N,out,H',W']; leaves `weight` [out,k,k,C/groups], `bias` [out]. */
export function conv(s: Scope, x: Tensor, out: number, { kernel, bias = true, init = torchWeight, ...options }: ConvOptions): Tensor {
  const dims = [out, known(x, 1) / (options.groups ?? 1), kernel, kernel] as const;
  const y = convolution(x, kernelOf(s, dims, init), options);
  return bias ? add(y, perChannel(s.parameter('bias', [out], uniform(1 / Math.sqrt(fanIn(dims)))), y.rank)) : y;
}

export interface TransposedConvOptions extends TransposedConvolutionOptions { readonly kernel: number; readonly bias?: boolean; readonly init?: Initialiser }

/** Transposed 2-D convolution. Leaves `weight` [C,k,k,out/groups] (torch's fan in: the output's), `bias` [out]. */
export function transposedConv(s: Scope, x: Tensor, out: number, { kernel, bias = true, init = torchWeight, ...options }: TransposedConvOptions): Tensor {
  const dims = [known(x, 1), out / (options.groups ?? 1), kernel, kernel] as const;
  const y = transposedConvolution(x, kernelOf(s, dims, init), options);
  return bias ? add(y, perChannel(s.parameter('bias', [out], uniform(1 / Math.sqrt(fanIn(dims)))), y.rank)) : y;
}

/** A vector over channels in a shape that broadcasts over [N,C,…]. */
export const perChannel = (v: Tensor, rank: number): Tensor => reshape(v, [known(v, 0), ...Array<number>(Math.max(0, rank - 2)).fill(1)]);

export interface EmbeddingOptions {
  /** Divide every row by its own L2 norm at every use (no epsilon). */
  readonly normalised?: boolean;
  readonly init?: Initialiser;
}

/** Rows of a table by label. i64[N] -> f32[N,width]; leaf `weight` [count,width], N(0,1). */
export function embedding(s: Scope, label: Tensor, count: number, width: number, { normalised = false, init = normal() }: EmbeddingOptions = {}): Tensor {
  const row = gather(s.parameter('weight', [count, width], init), label);
  return normalised ? div(row, sqrt(sum(square(row), [1], true))) : row;
}

/**
 * Maxout (Goodfellow et al. 2013): unit u is the largest of the inputs u, u + U, u + 2U, … of `pool` that compete. f32[N,pool*U] -> f32[N,U].
 * Competitors lie U apart, not side by side, so that the comparison runs along rows of memory: several times faster.
 */
export const maxout = (x: Tensor, pool: number): Tensor => max(reshape(x, [x.dims[0]!, pool, known(x, 1) / pool]), [1]);

export interface BatchNormOptions { readonly momentum?: number; readonly epsilon?: number }

/**
 * Batch normalisation (Ioffe and Szegedy 2015) over all axes but the channels'. In training: statistics of the batch, and the running ones move by
 * `momentum` (the variance unbiased, as in torch). In evaluation: the running ones. Leaves `weight`, `bias`; buffers `running_mean`, `running_var`.
 */
export function batchNorm(s: Scope, x: Tensor, { momentum = 0.1, epsilon = 1e-5 }: BatchNormOptions = {}): Tensor {
  const channels = known(x, 1);
  const weight = s.parameter('weight', [channels], ones), bias = s.parameter('bias', [channels], zeros);
  const runningMean = s.buffer('running_mean', [channels], zeros), runningVariance = s.buffer('running_var', [channels], ones);
  if (!s.training) {
    const scale = mul(weight, reciprocal(sqrt(add(runningVariance.value, epsilon))));
    return add(mul(x, perChannel(scale, x.rank)), perChannel(sub(bias, mul(runningMean.value, scale)), x.rank));
  }
  const samples = x.dims.reduce<number>((n, _, axis) => (axis === 1 ? n : n * known(x, axis)), 1);
  if (samples < 2) throw traceError(currentPlace() || 'batch norm', `batch norm wants at least 2 values of each channel in training; ${x} has 1: one value has no variance`);
  const { y, mean, variance } = batchNormalise(x, weight, bias, epsilon);
  runningMean.average(stopGradient(mean), momentum);
  runningVariance.average(stopGradient(variance), momentum, samples / (samples - 1));
  return y;
}

export interface SpectralNormOptions { readonly iterations?: number; readonly epsilon?: number }

/**
 * A weight divided by its largest singular value (Miyato et al. 2018), estimated by power iteration from the buffer `u` [1,out], which moves in training
 * only. The gradient flows through the division, not through the iteration.
 */
export function spectralNorm(s: Scope, weight: Tensor, { iterations = 1, epsilon = 1e-12 }: SpectralNormOptions = {}): Tensor {
  const out = known(weight, 0);
  const w = reshape(weight, [out, weight.dims.slice(1).reduce<number>((n, d) => n * (d as number), 1)]);
  const frozen = stopGradient(w);
  const u0 = s.buffer('u', [1, out], normal());
  const unit = (v: Tensor) => div(v, add(sqrt(sum(square(v))), epsilon));
  let u = u0.value, v = unit(matmul(u, frozen));
  for (let i = 0; i < iterations; i++) {
    if (i > 0) v = unit(matmul(u, frozen));
    u = unit(matmul(v, frozen, { transposeB: true }));
  }
  if (s.training) u0.next(u);
  const sigma = sum(mul(matmul(u, w), v));
  return div(weight, sigma);
}

