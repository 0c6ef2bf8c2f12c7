/** @file The nearest of some centres, as k-means labels vectors. */
import { argMin, matmul, mul, square, sub, sum } from '../tensor/ops/index.js';
import type { Tensor } from '../tensor/tensor.js';

/** The nearest of centres f32[K,F] to each vector f32[N,F], i64[N]; the lower one if equal. By |x - c|^2 without |x|^2, which is the same for every centre. */
export const nearestCentre = (feature: Tensor, centres: Tensor): Tensor =>
  argMin(sub(sum(square(centres), [1]), mul(matmul(feature, centres, { transposeB: true }), 2)), 1);
