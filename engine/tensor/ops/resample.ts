/** @file Resizing by any factor, one matrix for each direction: A X B^T. Published networks differ in which of these they were fed, and it shows in their features. */
import { matmul } from './matmul.js';
import { constant } from './source.js';
import { RuleError, type Tensor } from '../tensor.js';

/**
 * How pixels become other pixels. `bilinear`: a triangle, as wide as the coarser of the two pixels (antialiased), as image libraries resize.
 * `bicubic`, `bilinear-align`, `bicubic-align`: torch's `interpolate`, which samples without regard to the size it shrinks from; `-align`: corners fall on corners
 * (`align_corners`), otherwise borders on borders. `bicubic-antialias`: image libraries' bicubic. Cubic kernels are Keys's (1981), with a = -0.75 where torch's, -0.5 where image libraries'.
 */
export const RESAMPLERS = ['bilinear', 'bilinear-align', 'bicubic', 'bicubic-align', 'bicubic-antialias'] as const;
export type Resampler = (typeof RESAMPLERS)[number];

const triangle = (x: number): number => Math.max(0, 1 - Math.abs(x));
const keys = (a: number) => (at: number): number => {
  const x = Math.abs(at);
  if (x >= 2) return 0;
  return x <= 1 ? ((a + 2) * x - (a + 3)) * x * x + 1 : ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
};

/** The weights of `from` pixels in each of `to` pixels, row-major [to, from]; rows sum to one. */
export function resampling(resampler: Resampler, from: number, to: number): Float64Array {
  const matrix = new Float64Array(to * from), cubic = resampler.startsWith('bicubic');
  const antialias = resampler === 'bilinear' || resampler === 'bicubic-antialias', align = resampler.endsWith('-align');
  const kernel = cubic ? keys(antialias ? -0.5 : -0.75) : triangle, support = cubic ? 2 : 1;
  const scale = align ? (from - 1) / Math.max(1, to - 1) : from / to, reach = antialias ? Math.max(1, scale) : 1;
  for (let i = 0; i < to; i++) {
    const centre = align ? i * scale : (i + 0.5) * scale - 0.5;
    const first = Math.ceil(centre - support * reach), last = Math.floor(centre + support * reach);
    let total = 0;
    for (let j = first; j <= last; j++) {
      // Image libraries leave out what lies outside; torch repeats the border.
      if (antialias && (j < 0 || j >= from)) continue;
      const weight = kernel((j - centre) / reach);
      matrix[i * from + Math.min(from - 1, Math.max(0, j))]! += weight;
      total += weight;
    }
    for (let j = 0; j < from; j++) matrix[i * from + j]! /= total;
  }
  return matrix;
}

/** Images at another size: `[B,C,H,W]` gives `[B,C,...size]`. The batch may be a symbol. */
export function resample(x: Tensor, size: readonly [number, number], resampler: Resampler): Tensor {
  const [h, w] = x.dims.slice(2);
  if (x.rank !== 4 || typeof h !== 'number' || typeof w !== 'number') throw new RuleError(`resample wants images of known size, not ${x}`);
  const across = w === size[1] ? x : matmul(x, constant(resampling(resampler, w, size[1]), x.dtype, [size[1], w]), { transposeB: true });
  return h === size[0] ? across : matmul(constant(resampling(resampler, h, size[0]), x.dtype, [size[0], h]), across);
}
