/** @file Convolutions with a change of size: images repeated to twice the size before, or results averaged to half the size after. Stride 1. */
import { averagePool, convolution, resizeNearest, type ConvolutionOptions } from './ops/index.js';
import type { Tensor } from './tensor.js';

const onePoint = (kernel: Tensor) => kernel.dims[2] === 1 && kernel.dims[3] === 1;

/** The convolution of `x` repeated to twice the size. f32[N,C,H,W] by [O,C,k,k] -> f32[N,O,2H,2W]. A kernel of one point goes first: it commutes with repeating. */
export function upsampledConvolution(x: Tensor, kernel: Tensor, options: ConvolutionOptions): Tensor {
  return onePoint(kernel) ? resizeNearest(convolution(x, kernel, options), 2) : convolution(resizeNearest(x, 2), kernel, options);
}

/** The means of 2x2 places of a convolution. f32[N,C,H,W] by [O,C,k,k] -> f32[N,O,H/2,W/2]. A kernel of one point goes last: it commutes with the mean. */
export function pooledConvolution(x: Tensor, kernel: Tensor, options: ConvolutionOptions): Tensor {
  return onePoint(kernel) ? convolution(averagePool(x, { kernel: 2 }), kernel, options) : averagePool(convolution(x, kernel, options), { kernel: 2 });
}
