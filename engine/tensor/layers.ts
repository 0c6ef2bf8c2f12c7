/** @file Layers: functions of a scope. What they learn and remember are leaves by path; nothing is hidden in an object. */
import { traceError } from '../spec/issue.js';
import { fanIn, normal, ones, sizedAs, torchWeight, uniform, zeros, type Initialiser } from './init.js';
import {
  add, batchNormalise, convolution, div, gather, matmul, max, mul, reshape, reciprocal, sqrt, square, stopGradient, sub, sum, transpose, transposedConvolution,
  type ConvolutionOptions, type TransposedConvolutionOptions,
} from './ops/index.js';
import { pooledConvolution, upsampledConvolution } from './resampled-convolution.js';
import type { Scope } from './scope.js';
import { currentPlace, type Tensor } from './tensor.js';

const known = (t: Tensor, axis: number): number => {
  const size = t.dims[axis];
  if (typeof size !== 'number') throw new TypeError(`a layer needs to know size ${axis} of ${t}`);
  return size;
};

export interface WeightOptions {
  readonly init?: Initialiser | undefined;
  /** What becomes of the stored weight before it is used, in the layer's scope: `spectralNorm`. Its first axis is the outputs (an embedding's rows). */
  readonly weight?: ((s: Scope, stored: Tensor) => Tensor) | undefined;
}
const asStored = (_: Scope, stored: Tensor) => stored;

export interface LinearOptions extends WeightOptions { readonly bias?: boolean }

/** x W^T + b, by default initialised as torch does. f32[N,in] -> f32[N,out]; leaves `weight` [out,in], `bias` [out]. */
export function linear(s: Scope, x: Tensor, out: number, { bias = true, init = torchWeight, weight = asStored }: LinearOptions = {}): Tensor {
  const y = matmul(x, weight(s, s.parameter('weight', [out, known(x, 1)], init)), { transposeB: true });
  return bias ? add(y, s.parameter('bias', [out], uniform(1 / Math.sqrt(known(x, 1))))) : y;
}

export interface ConvOptions extends ConvolutionOptions, WeightOptions {
  readonly kernel: number;
  readonly bias?: boolean;
  /** `up`: images are repeated to twice the size before; `down`: the result is averaged to half the size. For kernels of 1, or of 3 with padding 1; stride 1. */
  readonly resample?: 'up' | 'down' | undefined;
}

/**
 * A kernel [a,b,k,k] whose leaf is stored as [a,k,k,b], channels last: the order in which the products of a training step want it (6 % of a DCGAN's step).
 * It is drawn with the sizes that initialisers know.
 */
const kernelOf = (s: Scope, [a, b, height, width]: readonly [number, number, number, number], { init = torchWeight, weight = asStored }: WeightOptions): Tensor =>
  transpose(weight(s, s.parameter('weight', [a, height, width, b], sizedAs([a, b, height, width], init))), [0, 3, 1, 2]);

/** 2-D convolution. f32[N,C,H,W] -> f32[N,out,H',W']; leaves `weight` [out,k,k,C/groups], `bias` [out]. */
export function conv(s: Scope, x: Tensor, out: number, { kernel, bias = true, init, weight, resample, ...options }: ConvOptions): Tensor {
  const dims = [out, known(x, 1) / (options.groups ?? 1), kernel, kernel] as const, w = kernelOf(s, dims, { init, weight });
  const y = resample === 'up' ? upsampledConvolution(x, w, options) : resample === 'down' ? pooledConvolution(x, w, options) : convolution(x, w, options);
  return bias ? add(y, perChannel(s.parameter('bias', [out], uniform(1 / Math.sqrt(fanIn(dims)))), y.rank)) : y;
}

export interface TransposedConvOptions extends TransposedConvolutionOptions { readonly kernel: number; readonly bias?: boolean; readonly init?: Initialiser | undefined }

/** Transposed 2-D convolution. Leaves `weight` [C,k,k,out/groups] (torch's fan in: the output's), `bias` [out]. */
export function transposedConv(s: Scope, x: Tensor, out: number, { kernel, bias = true, init, ...options }: TransposedConvOptions): Tensor {
  const dims = [known(x, 1), out / (options.groups ?? 1), kernel, kernel] as const;
  const y = transposedConvolution(x, kernelOf(s, dims, { init }), options);
  return bias ? add(y, perChannel(s.parameter('bias', [out], uniform(1 / Math.sqrt(fanIn(dims)))), y.rank)) : y;
}

/** Numbers over channels, [C] or [N,C], in a shape that broadcasts over [N,C,…]. */
export const perChannel = (v: Tensor, rank: number): Tensor => reshape(v, [...v.dims, ...Array<number>(Math.max(0, rank - 2)).fill(1)]);

export interface EmbeddingOptions extends WeightOptions {
  /** Divide every row by its own L2 norm at every use (no epsilon). */
  readonly normalised?: boolean;
}

/** Rows of a table by label. i64[N] -> f32[N,width]; leaf `weight` [count,width], N(0,1). */
export function embedding(s: Scope, label: Tensor, count: number, width: number, { normalised = false, init = normal(), weight = asStored }: EmbeddingOptions = {}): Tensor {
  const row = gather(weight(s, s.parameter('weight', [count, width], init)), label);
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
export function batchNorm(s: Scope, x: Tensor, options: BatchNormOptions = {}): Tensor {
  const channels = known(x, 1);
  return normalisedBy(s, x, s.parameter('weight', [channels], ones), s.parameter('bias', [channels], zeros), options);
}

/**
 * Batch norm whose gain and bias follow a condition (de Vries et al. 2017, as in BigGAN): gain 1 + linear(condition), bias linear(condition), both without a
 * bias of their own. x f32[N,C,…], condition f32[N,E]; leaves `gain.weight` and `bias.weight` [C,E], buffers as in `batchNorm`.
 */
export function conditionalBatchNorm(s: Scope, x: Tensor, condition: Tensor, { init, weight, ...options }: BatchNormOptions & WeightOptions = {}): Tensor {
  const from = (name: string) => linear(s.at(name), condition, known(x, 1), { bias: false, init, weight });
  return normalisedBy(s, x, add(from('gain'), 1), from('bias'), options);
}

/** x normalised, times `gain` plus `bias`, which are [C] or [N,C]. */
function normalisedBy(s: Scope, x: Tensor, gain: Tensor, bias: Tensor, { momentum = 0.1, epsilon = 1e-5 }: BatchNormOptions): Tensor {
  const channels = known(x, 1);
  const runningMean = s.buffer('running_mean', [channels], zeros), runningVariance = s.buffer('running_var', [channels], ones);
  if (!s.training) {
    const scale = mul(gain, reciprocal(sqrt(add(runningVariance.value, epsilon))));
    return add(mul(x, perChannel(scale, x.rank)), perChannel(sub(bias, mul(runningMean.value, scale)), x.rank));
  }
  const samples = x.dims.reduce<number>((n, _, axis) => (axis === 1 ? n : n * known(x, axis)), 1);
  if (samples < 2) throw traceError(currentPlace() || 'batch norm', `batch norm wants at least 2 values of each channel in training; ${x} has 1: one value has no variance`);
  const { y, mean, variance } = batchNormalise(x, gain, bias, epsilon);
  runningMean.average(stopGradient(mean), momentum);
  runningVariance.average(stopGradient(variance), momentum, samples / (samples - 1));
  return y;
}
