/** @file Moments in the plain way, and Gaussians whose moments are exact. */
import { tensor, type TensorValue } from '../../engine/spec/value.js';
import type { Moments } from '../../plugins/metrics/moments.js';

/** The mean, and the covariance divided by N - 1, of rows. */
export function plainMoments(rows: ArrayLike<number>, width: number): { readonly mean: Float64Array; readonly covariance: Float64Array } {
  const n = rows.length / width;
  const mean = Float64Array.from({ length: width }, (_, j) => { let sum = 0; for (let i = 0; i < n; i++) sum += rows[i * width + j]!; return sum / n; });
  const covariance = Float64Array.from({ length: width * width }, (_, at) => {
    const a = Math.floor(at / width), b = at % width;
    let sum = 0;
    for (let i = 0; i < n; i++) sum += (rows[i * width + a]! - mean[a]!) * (rows[i * width + b]! - mean[b]!);
    return sum / (n - 1);
  });
  return { mean, covariance };
}

export const moments = (mean: ArrayLike<number>, covariance: ArrayLike<number>): Moments =>
  ({ count: 2, mean: Float64Array.from(mean), covariance: tensor('f64', [mean.length, mean.length], Float64Array.from(covariance)) });

export const gaussianRows = (normal: (n: number) => Float32Array, count: number, width: number, change = (value: number, _column: number) => value): TensorValue =>
  tensor('f32', [count, width], normal(count * width).map((value, i) => change(value, i % width)));
