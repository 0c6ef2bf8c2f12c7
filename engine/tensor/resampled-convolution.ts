/**
 * @file Convolutions with a change of size: images repeated to twice the size before, or results averaged to half the size after. Stride 1.
 *
 * Repeating and averaging are convolutions with a 2x2 box at stride 2, so each pair is one strided convolution whose kernel is the given one with the box
 * around it: (k+1)^2/4 multiply-adds for k^2, and no image of the larger size in between (256 -> 128 channels, 3x3, 16x16 -> 32x32, batch 16, 2 threads:
 * 25 ms instead of 50).
 */
import { averagePool, constant, convolution, matmul, resizeNearest, reshape, transpose, transposedConvolution, type ConvolutionOptions } from './ops/index.js';
import { pair, sides } from './ops/convolution-geometry.js';
import type { Tensor } from './tensor.js';

const size = (kernel: Tensor) => kernel.dims.slice(2) as [number, number];
const onePoint = (kernel: Tensor) => size(kernel).every((k) => k === 1);

/** Whether a convolution is one that the box can join; padding by more than the kernel's reach would leave rows of nothing to cut off. */
function boxable(kernel: Tensor, { stride = 1, dilation = 1, groups = 1, padding = 0 }: ConvolutionOptions): boolean {
  return groups === 1 && [...pair(stride), ...pair(dilation)].every((n) => n === 1) && sides(padding).every((pad, i) => pad < size(kernel)[i % 2]!);
}

/** The convolution of `x` repeated to twice the size. f32[N,C,H,W] by [O,C,k,k] -> f32[N,O,2H,2W]. A kernel of one point goes first: it commutes with repeating. */
export function upsampledConvolution(x: Tensor, kernel: Tensor, options: ConvolutionOptions = {}): Tensor {
  if (onePoint(kernel) && boxable(kernel, options)) return resizeNearest(convolution(x, kernel, options), 2);
  if (!boxable(kernel, options)) return convolution(resizeNearest(x, 2), kernel, options);
  const [kh, kw] = size(kernel), rest = sides(options.padding ?? 0).map((pad, i) => [kh, kw][i % 2]! - 1 - pad);
  // A transposed convolution reads its kernel from the far end.
  return transposedConvolution(x, transpose(boxed(kernel, 1, (k, tap) => k - tap), [3, 2, 0, 1]), { stride: 2, padding: rest as unknown as [number, number, number, number] });
}

/** The means of 2x2 places of a convolution. f32[N,C,H,W] by [O,C,k,k] -> f32[N,O,H/2,W/2]. A kernel of one point goes last: it commutes with the mean. */
export function pooledConvolution(x: Tensor, kernel: Tensor, options: ConvolutionOptions = {}): Tensor {
  if (onePoint(kernel) && boxable(kernel, options)) return convolution(averagePool(x, { kernel: 2 }), kernel, options);
  if (!boxable(kernel, options)) return averagePool(convolution(x, kernel, options), { kernel: 2 });
  return convolution(x, transpose(boxed(kernel, 1 / 4, (_, tap) => tap), [2, 3, 0, 1]), { stride: 2, padding: options.padding ?? 0 });
}

/** Kernels [O,C,kh,kw] convolved with a 2x2 box of `weight`, each side's taps in the order of `at`. [kh+1,kw+1,O,C] */
function boxed(kernel: Tensor, weight: number, at: (k: number, tap: number) => number): Tensor {
  const [kh, kw] = size(kernel), [out, channels] = kernel.dims as readonly number[];
  const joins = (k: number, tap: number, of: number) => { const first = at(k, tap); return of === first || of === first - 1; };
  const spread = new Float64Array((kh + 1) * (kw + 1) * kh * kw);
  let i = 0;
  for (let a = 0; a <= kh; a++) for (let b = 0; b <= kw; b++) for (let u = 0; u < kh; u++) for (let v = 0; v < kw; v++) {
    spread[i++] = joins(kh, a, u) && joins(kw, b, v) ? weight : 0;
  }
  const taps = reshape(transpose(kernel, [2, 3, 0, 1]), [kh * kw, out! * channels!]);
  return reshape(matmul(constant(spread, kernel.dtype, [(kh + 1) * (kw + 1), kh * kw]), taps), [kh + 1, kw + 1, out!, channels!]);
}
